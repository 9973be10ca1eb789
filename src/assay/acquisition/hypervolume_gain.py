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
    """The boxes of several fronts, filled up with empty ones to the same number.

    Boxes share their ends with one another, so that what is computed at an end is computed once.

    Arguments:
        ends: (fronts, ends, objectives), where boxes begin or end, ascending.
        lower, upper: (fronts, boxes, objectives), the numbers of each box's ends; equal for a box that fills up.
    """

    ends: Array
    lower: Array
    upper: Array

    @staticmethod
    def of(fronts: Sequence[Boxes]) -> BoxStack:
        """One front for each draw, or one for all."""
        boxes = max(1, *(len(front) for front in fronts)), fronts[0].lower.shape[1]
        # A front of n boxes has n + 2 ends at most, some of which may be infinite.
        ends = np.zeros((len(fronts), 2 * boxes[0], boxes[1]))
        lower, upper = (np.zeros((len(fronts), *boxes), dtype=int) for _ in range(2))
        most = 1
        for index, front in enumerate(fronts):
            for objective in range(boxes[1]):
                both = np.concatenate([front.lower[:, objective], front.upper[:, objective]])
                distinct, place = np.unique(both, return_inverse=True)
                ends[index, : len(distinct), objective] = distinct
                lower[index, : len(front), objective], upper[index, : len(front), objective] = np.split(
                    place, 2
                )
                most = max(most, len(distinct))
        return BoxStack(ends[:, :most], lower, upper)

    @property
    def is_empty(self) -> Array:
        """(fronts, boxes), True for those that only fill up."""
        return np.any(self.lower >= self.upper, axis=2)

    @property
    def size(self) -> int:
        """The numbers that one point takes."""
        return self.lower.size + self.ends.size


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
    ratio = np.exp(-sides.gap) / -np.expm1(-sides.gap)  # h(lower)/(h(upper) - h(lower))
    parts = []
    # The derivatives of log h by mean and by spread, in units of 1/spread, at every end.
    for rate in (-sides.slope, 1.0 - sides.z * sides.slope):
        upper, lower = _at(rate, boxes.upper), _at(rate, boxes.lower)
        parts.append(np.einsum("spb,spbk->spk", weights, upper + ratio * (upper - lower)) / spread)
    return value, *parts


@dataclass(frozen=True)
class _Sides:
    """What is computed at every end, (draws, points, ends, objectives), and of every box.

    `gap` (draws, points, boxes, objectives) is the difference of log h between the ends of a side; `log_box` (draws,
    points, boxes).
    """

    z: Array
    slope: Array
    gap: Array
    log_box: Array


def _sides(boxes: BoxStack, mean: Array, spread: Array) -> _Sides:
    width = spread[:, :, None, :]
    z = np.maximum((boxes.ends[:, None] - mean[:, :, None, :]) / width, -FARTHEST)
    log, slope = log_h(z)
    upper = _at(log, boxes.upper)
    gap = np.maximum(upper - _at(log, boxes.lower), ROUNDING * (1.0 + np.abs(upper)))
    log_box = (upper + np.log(-np.expm1(-gap))).sum(axis=-1) + np.log(width).sum(axis=-1)
    return _Sides(z, slope, gap, np.where(boxes.is_empty[:, None, :], -np.inf, log_box))


def _at(numbers: Array, places: Array) -> Array:
    """What stands at the ends of boxes: (draws, points, ends, objectives) to (draws, points, boxes, objectives)."""
    return np.take_along_axis(numbers, places[:, None], axis=2)


def _average(log_box: Array) -> tuple[Array, Array]:
    """log of the mean over draws of the sum over boxes: (points,), and each box's part in it."""
    top = log_box.max(axis=(0, 2))
    safe = np.where(np.isfinite(top), top, 0.0)
    parts = np.exp(log_box - safe[:, None])
    total = parts.sum(axis=(0, 2))
    with np.errstate(divide="ignore"):
        value = safe + np.log(total / len(log_box))
    return value, parts / np.where(total > 0.0, total, 1.0)[:, None]
