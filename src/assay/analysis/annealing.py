"""From a wide, known density to the wanted one in steps, none of which loses many of the draws: annealed by importance.

Draws y of the reference q are turned into draws of p through the densities q^(1-β) p^β with rising β. So a posterior is
come upon from outside: walkers that grow out of its maximum do not reach the ends of a bent ridge for thousands of steps,
and those that come from the whole box are there from the beginning.

Source: R. M. Neal, Stat. Comput. 11, 125 (2001); P. Del Moral, A. Doucet and A. Jasra, J. R. Stat. Soc. B 68, 411 (2006).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

__all__ = ["Reference", "next_power", "resampled"]

Array = np.ndarray

KEPT = 0.5  # of the draws, by their effective number, at each step
LEAST_INSIDE = 0.02  # of the reference's draws, in the support


@final
@dataclass(frozen=True)
class Reference:
    """Independent normal densities, with scales between the widths of a box and those of a maximum.

    Arguments:
        centre, scale: (d,).
    """

    centre: Array
    scale: Array

    def draw(self, count: int, random: np.random.Generator) -> Array:
        """(count, d)."""
        return self.centre + self.scale * random.standard_normal((count, len(self.centre)))

    def log_density(self, points: Array) -> Array:
        """Up to a constant, (p,)."""
        return -0.5 * (((points - self.centre) / self.scale) ** 2).sum(axis=1)

    def inside(
        self,
        function: Callable[[Array], Array],
        mode: Array,
        count: int,
        random: np.random.Generator,
    ) -> tuple[Reference, Array, Array]:
        """The widest reference that is seldom outside of the support, with draws and their log densities by the function.

        Arguments:
            function: maps points (p, d) to log densities (p,).
            mode: (d,), a point of the support; narrower references lie around it.
            count: of the draws.
        """
        draws = self.draw(count, random)
        values = function(draws)
        if np.isfinite(values).mean() >= LEAST_INSIDE:
            return self, draws, values
        return Reference(mode, 0.5 * self.scale).inside(function, mode, count, random)


def next_power(gain: Array, power: float) -> float:
    """The greatest β up to 1 at which the draws of the last one are still worth half of their number.

    Arguments:
        gain: (n,), log p - log q of the draws; minus infinity outside the support.
        power: the last β.
    """
    inside = gain[np.isfinite(gain)]

    def worth(next_: float) -> float:
        weights = np.exp((next_ - power) * (inside - inside.max()))
        return float(weights.sum() ** 2 / (weights**2).sum())

    low, high = power, 1.0
    if worth(high) >= KEPT * len(inside):
        return high
    while high - low > 1e-3 * (high - power):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if worth(middle) >= KEPT * len(inside) else (low, middle)
    return high  # not low, which may be where it began


def resampled(draws: Array, log_weights: Array, count: int, random: np.random.Generator) -> Array:
    """Draws by their weights: (count, d), each as often as its weight says, up to one."""
    weights = np.exp(log_weights - log_weights.max())
    ends = np.cumsum(weights / weights.sum())
    places = (np.arange(count) + random.random()) / count
    return draws[np.minimum(np.searchsorted(ends, places), len(draws) - 1)]
