"""Where a density has its maxima, and how wide and heavy they are: the starts of Markov chains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.errors import NumericalError
from assay.numerics.optimise import maximise_batch

__all__ = ["Mode", "find_modes"]

Array = np.ndarray
ValueGradient = Callable[[Array], tuple[Array, Array]]

CLIMBS = 8  # from the best starts, where one mode is wanted
CLIMBS_OF_MANY = 64
REACH = 18.0  # how far around the starts is climbed, in coordinates without bounds
SAME = 1.0  # standard deviations within which two ends are one mode
NEGLIGIBLE = 30.0  # log density below the highest at which a mode does not count
NEWTON_STEPS = 4


@final
@dataclass(frozen=True)
class Mode:
    """A local maximum with the normal density that touches it (Laplace's approximation).

    Arguments:
        position: (dimension,).
        value: the log density there.
        covariance: (dimension, dimension), the inverse of the negative curvature.
    """

    position: Array
    value: float
    covariance: Array

    @property
    def factor(self) -> Array:
        """Cholesky's factor of the covariance."""
        return np.linalg.cholesky(self.covariance)

    @property
    def log_mass(self) -> float:
        """The logarithm of the integral of the touching normal density, up to a constant of the dimension."""
        return self.value + float(np.log(np.diag(self.factor)).sum())


def find_modes(function: ValueGradient, starts: Array, *, several: bool) -> list[Mode]:
    """The local maxima that are reached from the starts, the highest first.

    Arguments:
        function: maps points (p, dimension), without bounds, to log densities and gradients.
        starts: (starts, dimension).
        several: whether all are wanted, or only the highest.

    Raises:
        NumericalError: when the density is zero at every start.
    """
    value, _ = function(starts)
    order = np.argsort(-value)[: CLIMBS_OF_MANY if several else CLIMBS]
    order = order[np.isfinite(value[order])]
    if not order.size:
        raise NumericalError(
            f"the log density must be finite at one of the {len(starts)} starts, got none; start inside the support"
        )
    low, high = starts.min(axis=0) - REACH, starts.max(axis=0) + REACH
    ends = maximise_batch(
        function,
        starts[order],
        low,
        high,
        max_rounds=400,
        gradient_tolerance=1e-7,
        value_tolerance=1e-13,
        first_step=0.2 / REACH,
        longest_step=0.1,
    )
    modes: list[Mode] = []
    for index in np.argsort(-ends.values):
        if modes and (not several or ends.values[index] < modes[0].value - NEGLIGIBLE):
            break
        mode = _polished(function, ends.points[index], float(ends.values[index]))
        if all(_distance(other, mode.position) > SAME for other in modes):
            modes.append(mode)
    return sorted(modes, key=lambda mode: -mode.value)


def _distance(mode: Mode, position: Array) -> float:
    return float(np.linalg.norm(np.linalg.solve(mode.factor, position - mode.position)))


def _polished(function: ValueGradient, position: Array, value: float) -> Mode:
    """Newton steps, as long as they climb: a quasi-Newton climb may end early in a narrow valley."""
    covariance = _covariance(function, position)
    for _ in range(NEWTON_STEPS):
        _, gradient = function(position[None])
        step = covariance @ gradient[0]
        trials = position + step * 0.5 ** np.arange(6)[:, None]
        values, _ = function(trials)
        best = int(np.argmax(values))
        gain = values[best] - value
        if not gain > 0:
            break
        position, value = trials[best], float(values[best])
        covariance = _covariance(function, position)
        if gain < 1e-9:
            break
    return Mode(position, value, covariance)


def _covariance(function: ValueGradient, position: Array) -> Array:
    """The inverse of the negative Hessian, from differences of the gradient over a tenth of each conditional width."""
    dimension = len(position)
    widths = np.full(dimension, 1e-3)
    curvature = np.eye(dimension)
    for _ in range(3):
        moves = 0.1 * np.diag(widths)
        _, gradient = function(np.concatenate([position + moves, position - moves]))
        curvature = -(gradient[:dimension] - gradient[dimension:]) / (0.2 * widths[:, None])
        curvature = 0.5 * (curvature + curvature.T)
        diagonal = np.abs(np.diag(curvature))
        widths = np.clip(1.0 / np.sqrt(np.maximum(diagonal, 1e-300)), 1e-9, 10.0)
    # In units of the conditional widths, so that parameters of different size keep their digits.
    scaled = curvature * widths[:, None] * widths
    values, vectors = np.linalg.eigh(0.5 * (scaled + scaled.T))
    # Flat or upward directions, as of a kink or a plateau, count as wide, but not as infinitely wide.
    values = np.maximum(np.abs(values), 1e-6 * max(float(np.abs(values).max()), 1e-300))
    return widths[:, None] * ((vectors / values) @ vectors.T) * widths
