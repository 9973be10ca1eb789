"""The delicate function of hypervolume improvement, in log space: what a Gaussian look is expected to gain.

A point y gains, of each box [l, u) that is not dominated yet, the part that lies above y; the volumes add up:

    gain(y) = Σ_boxes Π_k side_k,   side_k = max(u_k - y_k, 0) - max(l_k - y_k, 0)

For independent Gaussians of mean m_k and standard deviation s_k the expectation of a side is
s_k (h((u_k - m_k)/s_k) - h((l_k - m_k)/s_k)) with h(z) = φ(z) + z Φ(z). Every side is kept as a logarithm, so that the
gain keeps a value and a gradient where it would underflow.

Sources: K. Yang, M. Emmerich, A. Deutz, T. Bäck, Journal of Global Optimization 75, 3 (2019), on the sum over boxes;
S. Ament, S. Daulton, D. Eriksson, M. Balandat, E. Bakshy, NeurIPS 2023, on its logarithm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.acquisition.log_improvement import log_h
from assay.numerics.hypervolume import Boxes

__all__ = ["BoxStack", "log_gain", "log_gain_gradient"]

Array = np.ndarray

# What an infinite lower end is taken for, in standard deviations: its square is still a number.
FARTHEST = 1e100
# Two ends of a side differ at least by so many roundings of log h.
ROUNDING = 4.0 * np.finfo(float).eps


@dataclass(frozen=True)
class BoxStack:
    """The boxes of several fronts, filled up with empty ones to the same number: (fronts, boxes, objectives) each."""

    lower: Array
    upper: Array

    @staticmethod
    def of(fronts: Sequence[Boxes]) -> BoxStack:
        """One front for each draw, or one for all."""
        count, size = max(len(boxes) for boxes in fronts), fronts[0].lower.shape[1]
        lower = np.zeros((len(fronts), max(count, 1), size))
        upper = lower.copy()
        for index, boxes in enumerate(fronts):
            lower[index, : len(boxes)] = boxes.lower
            upper[index, : len(boxes)] = boxes.upper
        return BoxStack(lower, upper)

    @property
    def is_empty(self) -> Array:
        """(fronts, boxes), True for those that only fill up."""
        return np.any(self.lower >= self.upper, axis=2)


def log_gain(boxes: BoxStack, mean: Array, spread: Array) -> Array:
    """log of the expected gain, averaged over draws.

    Arguments:
        boxes: of one front, or of one for each draw.
        mean: (draws, points, objectives), of the look.
        spread: (draws or 1, points, objectives), its standard deviations, positive.

    Returns:
        (points,); -inf where no box is left.
    """
    return _average(_sides(boxes, mean, spread).log_box)[0]


def log_gain_gradient(boxes: BoxStack, mean: Array, spread: Array) -> tuple[Array, Array, Array]:
    """The same with its derivatives by mean and spread: (points,), (draws, points, objectives) twice."""
    sides = _sides(boxes, mean, spread)
    value, weights = _average(sides.log_box)
    by_mean = -(sides.upper_slope + sides.ratio * (sides.upper_slope - sides.lower_slope))
    upper, lower = 1.0 - sides.upper_z * sides.upper_slope, 1.0 - sides.lower_z * sides.lower_slope
    by_spread = upper + sides.ratio * (upper - lower)
    return (
        value,
        np.einsum("spb,spbk->spk", weights, by_mean) / spread,
        np.einsum("spb,spbk->spk", weights, by_spread) / spread,
    )


@dataclass(frozen=True)
class _Sides:
    """The ends of every side, (draws, points, boxes, objectives), and the boxes' logarithms (draws, points, boxes).

    `ratio` is h(lower)/(h(upper) - h(lower)).
    """

    upper_z: Array
    lower_z: Array
    upper_slope: Array
    lower_slope: Array
    ratio: Array
    log_box: Array


def _sides(boxes: BoxStack, mean: Array, spread: Array) -> _Sides:
    centre, width = mean[:, :, None, :], spread[:, :, None, :]
    upper_z = (boxes.upper[:, None] - centre) / width
    lower_z = np.maximum((boxes.lower[:, None] - centre) / width, -FARTHEST)
    upper_log, upper_slope = log_h(upper_z)
    lower_log, lower_slope = log_h(lower_z)
    gap = np.maximum(upper_log - lower_log, ROUNDING * (1.0 + np.abs(upper_log)))
    share = -np.expm1(-gap)
    log_box = (upper_log + np.log(share) + np.log(width)).sum(axis=-1)
    log_box = np.where(boxes.is_empty[:, None, :], -np.inf, log_box)
    return _Sides(upper_z, lower_z, upper_slope, lower_slope, np.exp(-gap) / share, log_box)


def _average(log_box: Array) -> tuple[Array, Array]:
    """log of the mean over draws of the sum over boxes: (points,), and each box's part in it."""
    top = log_box.max(axis=(0, 2))
    safe = np.where(np.isfinite(top), top, 0.0)
    parts = np.exp(log_box - safe[:, None])
    total = parts.sum(axis=(0, 2))
    with np.errstate(divide="ignore"):
        value = safe + np.log(total / len(log_box))
    return value, parts / np.where(total > 0.0, total, 1.0)[:, None]
