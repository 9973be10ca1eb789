"""What a look promises to several objectives at once: the expected gain of hypervolume, on a log scale.

All objectives are minimised. The gain counts between a front and the references, as boxes that are not dominated yet
(`assay.numerics.hypervolume.non_dominated_boxes`). Three forms, by what is believed: independent Gaussians and a
known front; the same where noise or open looks leave the front uncertain; draws of anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.acquisition.abstract import AbstractAcquisition
from assay.acquisition.front import FantasisedOutput, draw_fronts, to_working
from assay.acquisition.hypervolume_gain import BoxStack, log_gain, log_gain_gradient
from assay.acquisition.improvement import SMALLEST_VARIANCE
from assay.numerics.hypervolume import non_dominated, non_dominated_boxes
from assay.quantities.abstract import AbstractQuantity, AbstractScalarQuantity
from assay.quantities.selector import SelectedOutput

__all__ = [
    "LogExpectedHypervolumeImprovement",
    "LogNoisyHypervolumeImprovement",
    "LogSampledHypervolumeImprovement",
]

Array = np.ndarray

# So many numbers at once, which a cache holds.
CHUNK = 50_000
# The width of the Gaussian that smooths the gain of a draw, in spans of the front.
SMOOTHING = 1e-3


@final
@dataclass(frozen=True)
class LogExpectedHypervolumeImprovement(AbstractAcquisition):
    """log E[gain(f(x))] for independent Gaussians f_1(x), f_2(x), ... and a front that is known; exact.

    Use it where observations are exact. Hypervolume is measured in working units, which are the objectives' own up to a
    factor unless an output is warped.

    Arguments:
        quantities: the objectives, minimised.
        boxes: what the front leaves over, in working units.
        scaling: multiplies the standard deviations.
    """

    quantities: tuple[AbstractScalarQuantity, ...]
    boxes: BoxStack
    scaling: float = 1.0

    @staticmethod
    def of(
        quantities: Sequence[AbstractScalarQuantity],
        values: Array,
        lower: Array,
        upper: Array,
        scaling: float = 1.0,
    ) -> LogExpectedHypervolumeImprovement:
        """For a front of values (rows, objectives) and references (objectives,), all in own units.

        Values are observations; for open looks, whose inputs the quantities have been conditioned on, expected ones.
        """
        worth, ends = to_working(quantities, values), to_working(quantities, np.stack([lower, upper]))
        boxes = BoxStack.of([non_dominated_boxes(worth, ends[0], ends[1])])
        return LogExpectedHypervolumeImprovement(tuple(quantities), boxes, scaling)

    def value(self, points: Array) -> Array:
        return _in_chunks(self._value, points, self.boxes.size)

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        moments = [quantity.mean_variance_gradient(points) for quantity in self.quantities]
        mean, variance = (np.stack([part[i] for part in moments], axis=1)[None] for i in (0, 1))
        mean_gradient, variance_gradient = (np.stack([part[i] for part in moments], axis=1) for i in (2, 3))
        spread, slope = _spread(variance, self.scaling)
        value, by_mean, by_spread = log_gain_gradient(self.boxes, mean, spread)
        gradient = np.einsum("pk,pkd->pd", by_mean[0], mean_gradient)
        return value, gradient + np.einsum("pk,pkd->pd", (by_spread * slope)[0], variance_gradient)

    def _value(self, points: Array) -> Array:
        moments = [quantity.mean_variance(points) for quantity in self.quantities]
        mean, variance = (np.stack([part[i] for part in moments], axis=1)[None] for i in (0, 1))
        return log_gain(self.boxes, mean, _spread(variance, self.scaling)[0])


@final
@dataclass(frozen=True)
class LogNoisyHypervolumeImprovement(AbstractAcquisition):
    """log of the mean over draws of E[gain(f(x)) | f at the looks so far], each draw with its own front.

    Use it where observations are noisy or looks are open: the front is then uncertain itself. The objectives at the looks
    so far are drawn jointly; given them, the gain of one more is exact, so that only the front is sampled.

    Arguments:
        outputs: the objectives, minimised, each given its draws at the looks so far.
        boxes: what the front of each draw leaves over, in working units.
        scaling: multiplies the standard deviations.

    Source: S. Daulton, M. Balandat, E. Bakshy, "Parallel Bayesian optimization of multiple noisy objectives with expected
    hypervolume improvement", NeurIPS 2021, section 4; here with the last expectation in closed form.
    """

    outputs: tuple[FantasisedOutput, ...]
    boxes: BoxStack
    scaling: float = 1.0

    @staticmethod
    def of(
        quantities: Sequence[SelectedOutput],
        points: Array,
        lower: Array,
        upper: Array,
        count: int,
        generator: np.random.Generator,
        scaling: float = 1.0,
    ) -> LogNoisyHypervolumeImprovement:
        """From `count` draws at the looks so far, observed and open ones: points (looks, dimension).

        The references (objectives,) are in own units.
        """
        ends = to_working(quantities, np.stack([lower, upper]))
        outputs, boxes = draw_fronts(quantities, points, ends[0], ends[1], count, generator)
        return LogNoisyHypervolumeImprovement(outputs, boxes, scaling)

    def value(self, points: Array) -> Array:
        return _in_chunks(self._value, points, self.boxes.size)

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        moments = [output.mean_variance_gradient(points) for output in self.outputs]
        mean, variance = _by_draw([(part[0], part[1]) for part in moments])
        spread, slope = _spread(variance, self.scaling)
        value, by_mean, by_spread = log_gain_gradient(self.boxes, mean, spread)
        by_variance = by_spread.sum(axis=0) * slope[0]
        gradient = np.zeros_like(points)
        for index, (_, _, mean_gradient, variance_gradient) in enumerate(moments):
            gradient += np.einsum("sp,psd->pd", by_mean[:, :, index], mean_gradient)
            gradient += by_variance[:, index, None] * variance_gradient
        return value, gradient

    def _value(self, points: Array) -> Array:
        mean, variance = _by_draw([output.mean_variance(points) for output in self.outputs])
        return log_gain(self.boxes, mean, _spread(variance, self.scaling)[0])


@final
@dataclass(frozen=True)
class LogSampledHypervolumeImprovement(AbstractAcquisition):
    """log of the mean over draws of the gain, smoothed by a Gaussian of a small width.

    Use it for objectives that are not Gaussian or not independent: chi-squared, expressions. The normals are common to all
    points, so that the value is a smooth function. Hypervolume is measured in the objectives' own units.

    Arguments:
        quantities: of one set of sources; their outputs, one after the other, are the objectives, minimised.
        normal: (draws, normal dimension), standard normals.
        boxes: what the front leaves over, in own units: one front, or one for each draw.
        smoothing: (objectives,), the width in each objective's own unit.

    Source: S. Ament, S. Daulton, D. Eriksson, M. Balandat, E. Bakshy, NeurIPS 2023, section 4, with a Gaussian in place
    of its softplus.
    """

    quantities: tuple[AbstractQuantity, ...]
    normal: Array
    boxes: BoxStack
    smoothing: Array

    @staticmethod
    def of(
        quantities: Sequence[AbstractQuantity],
        values: Array,
        lower: Array,
        upper: Array,
        normal: Array,
        smoothing: float = SMOOTHING,
    ) -> LogSampledHypervolumeImprovement:
        """For a front of values (rows, objectives), observed or expected, and references (objectives,).

        The smoothing is a share of what the front spans, or of the way from the reference to a front of one point.
        """
        front = values[non_dominated(values)]
        span = front.max(axis=0) - front.min(axis=0)
        span = np.where(span > 0.0, span, np.abs(upper - front.min(axis=0)))
        boxes = BoxStack.of([non_dominated_boxes(values, lower, upper)])
        width = smoothing * np.where(span > 0.0, span, 1.0)
        return LogSampledHypervolumeImprovement(tuple(quantities), normal, boxes, width)

    def value(self, points: Array) -> Array:
        numbers = len(self.normal) * self.boxes.size // len(self.boxes.ends)
        return _in_chunks(self._value, points, numbers)

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        drawn = [quantity.draw_pullback(points, self.normal) for quantity in self.quantities]
        values = np.concatenate([part[0] for part in drawn], axis=2)
        value, bars, _ = log_gain_gradient(self.boxes, values, self.smoothing[None, None])
        ends = np.cumsum([part[0].shape[2] for part in drawn])[:-1]
        pieces = zip(drawn, np.split(bars, ends, axis=2), strict=True)
        return value, np.sum([pullback(piece) for (_, pullback), piece in pieces], axis=0)

    def _value(self, points: Array) -> Array:
        drawn = [quantity.draw(points, self.normal) for quantity in self.quantities]
        return log_gain(self.boxes, np.concatenate(drawn, axis=2), self.smoothing[None, None])


def _spread(variance: Array, scaling: float) -> tuple[Array, Array]:
    """The scaled standard deviation and its derivative by the variance, which is 0 where that is only rounding."""
    spread = np.sqrt(np.maximum(variance, SMALLEST_VARIANCE))
    return scaling * spread, np.where(variance > SMALLEST_VARIANCE, 0.5 * scaling / spread, 0.0)


def _by_draw(moments: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Means (points, draws) and variances (points,) of each objective, as (draws or 1, points, objectives)."""
    mean = np.stack([part[0].T for part in moments], axis=2)
    return mean, np.stack([part[1] for part in moments], axis=1)[None]


def _in_chunks(function: Callable[[Array], Array], points: Array, numbers: int) -> Array:
    """A function of points, which takes so many numbers for each, for a bounded number at a time."""
    size = max(1, CHUNK // max(numbers, 1))
    parts = [function(points[first : first + size]) for first in range(0, len(points), size)]
    return np.concatenate(parts) if parts else np.empty(0)
