"""The map between a box, whose sides may be infinite, and the whole space, in which samplers move freely."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, final

import numpy as np

__all__ = ["Unconstrained"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class Unconstrained:
    """Coordinates y without bounds for a box [lower, upper].

    x = lower + (upper - lower) Φ(y) between two bounds, with the distribution function Φ of the standard normal, lower +
    exp(y) or upper - exp(-y) beside one, and y without any. A flat density between two bounds is standard normal in y: a
    sampler that is made for normal densities is made for it too.

    Arguments:
        lower, upper: (dimension,), possibly infinite.

    Example:
        >>> box = Unconstrained(np.array([0.0, 0.0]), np.array([4.0, np.inf]))
        >>> box.inside(np.zeros((1, 2))).tolist(), box.outside(np.array([[2.0, 1.0]])).tolist()
        ([[2.0, 1.0]], [[0.0, 0.0]])
    """

    lower: Array
    upper: Array

    def inside(self, y: Any, xp: Any = np) -> Any:
        """The points of the box, (..., dimension)."""
        has_lower, has_upper = np.isfinite(self.lower), np.isfinite(self.upper)
        low, high = np.where(has_lower, self.lower, 0.0), np.where(has_upper, self.upper, 0.0)
        share = import_module("scipy.special" if xp is np else "jax.scipy.special").ndtr(y)
        grown = xp.exp(xp.clip(xp.where(has_lower, y, -y), -700.0, 700.0))
        one_side = xp.where(has_lower, low + grown, high - grown)
        both = has_lower & has_upper
        return xp.where(both, low + (high - low) * share, xp.where(has_lower | has_upper, one_side, y))

    def log_volume(self, y: Any, xp: Any = np) -> Any:
        """log |dx / dy| of each coordinate, (..., dimension), up to a constant."""
        has_lower, has_upper = np.isfinite(self.lower), np.isfinite(self.upper)
        one_side = xp.where(has_lower, y, -y)
        return xp.where(has_lower & has_upper, -0.5 * y * y, xp.where(has_lower | has_upper, one_side, 0.0))

    def slopes(self, y: Array) -> tuple[Array, Array]:
        """dx / dy, and the derivative of `log_volume`, of each coordinate: (..., dimension) each."""
        has_lower, has_upper = np.isfinite(self.lower), np.isfinite(self.upper)
        both = has_lower & has_upper
        density = np.exp(-0.5 * y * y) / np.sqrt(2.0 * np.pi)
        width = np.where(both, self.upper - np.where(has_lower, self.lower, 0.0), 1.0)
        grown = np.exp(np.clip(np.where(has_lower, y, -y), -700.0, 700.0))
        by_one = np.where(has_lower | has_upper, grown, 1.0)
        first = np.where(both, width * density, by_one)
        side = np.where(has_lower, 1.0, -1.0) * (has_lower | has_upper)
        return first, np.where(both, -y, side)

    def outside(self, x: Array) -> Array:
        """The coordinates without bounds of points of the box; those on a side are moved inwards by 1e-12 of the box."""
        from scipy.special import ndtri

        has_lower, has_upper = np.isfinite(self.lower), np.isfinite(self.upper)
        both = has_lower & has_upper
        width = np.where(both, self.upper - np.where(has_lower, self.lower, 0.0), 1.0)
        low = np.where(has_lower, self.lower, x - 1.0)
        high = np.where(has_upper, self.upper, x + 1.0)
        tiny = 1e-12 * width
        from_low, from_high = np.maximum(x - low, tiny), np.maximum(high - x, tiny)
        nearer = ndtri(np.minimum(np.minimum(from_low, from_high) / width, 0.5))
        between = np.where(from_low <= from_high, nearer, -nearer)
        one_side = np.where(has_lower, np.log(from_low), -np.log(from_high))
        return np.where(both, between, np.where(has_lower | has_upper, one_side, x))
