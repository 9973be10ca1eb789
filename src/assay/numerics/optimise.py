"""Maximise one smooth function from many starts at once, inside a box.

Every start has its own quasi-Newton matrix, its own step and its own end: one quasi-Newton method over the
flattened starts shares its curvature among them and stops far from the maxima. Nothing here calls a library
solver because none runs many small bounded problems in one batch: the cost of a round is one call of the function
for all starts that still move, so that the function's overhead is paid once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Maxima", "maximise_batch"]

Array = np.ndarray
ValueGradient = Callable[[Array], tuple[Array, Array]]

SUFFICIENT_INCREASE = 1e-4
SMALLEST_STEP = 1e-14


@dataclass(frozen=True)
class Maxima:
    """Where each start ended.

    Arguments:
        points: (starts, dimension).
        values: (starts,).
        converged: (starts,), False where the rounds ran out first.
        rounds: the number of calls of the function.
    """

    points: Array
    values: Array
    converged: Array
    rounds: int


def maximise_batch(
    value_gradient: ValueGradient,
    starts: Array,
    lower: Array,
    upper: Array,
    *,
    max_rounds: int = 100,
    gradient_tolerance: float = 1e-8,
    value_tolerance: float = 1e-12,
    first_step: float = 0.05,
    longest_step: float = 0.3,
) -> Maxima:
    """Climb from every start to a local maximum in the box, by projected BFGS.

    Use it for cheap functions that take many points per call, such as acquisition functions. In a round each moving
    start tries `x + t p`, with `p` the quasi-Newton direction in the coordinates that are not held by a bound; a trial
    with enough increase is taken and updates that start's matrix, any other one shortens `t`.

    Arguments:
        value_gradient: maps (points, dimension) to values (points,) and gradients (points, dimension); a value
            that is not finite refuses the trial.
        starts: (starts, dimension), inside the box.
        lower, upper: (dimension,), the box.
        max_rounds: the most calls of the function.
        gradient_tolerance: a start ends where the projected gradient, per box width, is smaller.
        value_tolerance: a start ends where a step promised and gave less, absolute and relative to the value.
        first_step, longest_step: lengths of the first and the longest step, in box widths.

    Returns:
        The end of every start; no value is below the one at its start.

    Example:
        >>> import numpy as np
        >>> def parabolas(x):
        ...     return -((x - 0.3) ** 2).sum(axis=1), -2 * (x - 0.3)
        >>> found = maximise_batch(parabolas, np.array([[0.9, 0.1], [0.0, 1.0]]), np.zeros(2), np.ones(2))
        >>> bool(np.abs(found.points - 0.3).max() < 1e-8)
        True

    Source: D. P. Bertsekas, SIAM J. Control Optim. 20, 221 (1982); J. Nocedal and S. Wright, Numerical
    Optimization, 2nd ed., chapters 3 and 6.
    """
    width = np.where(upper > lower, upper - lower, 1.0)
    top = (upper - lower) / width
    climb = _Climb.begin(
        lambda u: _scaled(value_gradient, u, lower, width), (starts - lower) / width, top, first_step
    )
    rounds = 1
    while climb.moving.size and rounds < max_rounds:
        climb.advance(gradient_tolerance, value_tolerance, longest_step)
        rounds += 1
    return Maxima(lower + climb.x * width, climb.value, climb.converged, rounds)


def _scaled(value_gradient: ValueGradient, u: Array, lower: Array, width: Array) -> tuple[Array, Array]:
    value, gradient = value_gradient(lower + u * width)
    return value, gradient * width


class _Climb:
    """The state of all starts, in box widths; `moving` indexes those that have not ended."""

    def __init__(
        self, function: ValueGradient, x: Array, value: Array, gradient: Array, top: Array, step: float
    ) -> None:
        count, dimension = x.shape
        self.function = function
        self.top = top
        self.x = x
        self.value = value
        self.gradient = gradient
        self.identity = np.eye(dimension)
        # The first direction is the gradient, scaled to the length of the first step.
        length = np.maximum(np.sqrt((gradient**2).sum(axis=1)), 1e-300)
        self.curvature = (length / step)[:, None, None] * self.identity
        self.fresh = np.ones(count, dtype=bool)
        self.fraction = np.ones(count)
        self.direction = np.zeros_like(x)
        self.converged = np.zeros(count, dtype=bool)
        self.moving = np.flatnonzero(np.isfinite(value))

    @staticmethod
    def begin(function: ValueGradient, x: Array, top: Array, first_step: float) -> _Climb:
        x = np.clip(x, 0.0, top)
        value, gradient = function(x)
        climb = _Climb(function, x, np.array(value), np.array(gradient), top, first_step)
        climb._aim(climb.moving, longest=first_step)
        return climb

    def advance(self, gradient_tolerance: float, value_tolerance: float, longest: float) -> None:
        """One round: every moving start tries its step."""
        index = self.moving
        old, value, gradient = self.x[index], self.value[index], self.gradient[index]
        trial = np.clip(old + self.fraction[index, None] * self.direction[index], 0.0, self.top)
        new_value, new_gradient = self.function(trial)
        step = trial - old
        promise = (gradient * step).sum(axis=1)
        gain = new_value - value
        taken = (
            (gain >= SUFFICIENT_INCREASE * promise) & (promise > 0) & np.isfinite(new_gradient).all(axis=1)
        )

        small = value_tolerance * (1.0 + np.abs(value))
        losers = index[~taken]
        self._shorten(losers, promise[~taken], gain[~taken])
        # A start that promises nothing more, or whose shortened step no longer moves it, is as high as it gets.
        reach = self.fraction[losers] * np.abs(self.direction[losers]).max(axis=1, initial=0.0)
        self.converged[losers] = (promise[~taken] < small[~taken]) | (reach < SMALLEST_STEP)

        winners = index[taken]
        self.x[winners], self.value[winners], self.gradient[winners] = (
            trial[taken],
            new_value[taken],
            new_gradient[taken],
        )
        self._learn(winners, step[taken], (gradient - new_gradient)[taken])
        self.fraction[winners] = 1.0
        self._aim(winners, longest)

        x, slope = self.x[winners], self.gradient[winners]
        flat = np.abs(np.clip(x + slope, 0.0, self.top) - x).max(axis=1, initial=0.0) < gradient_tolerance
        self.converged[winners] = flat | ((gain[taken] < small[taken]) & (promise[taken] < small[taken]))
        self.moving = index[~self.converged[index]]

    def _shorten(self, index: Array, promise: Array, gain: Array) -> None:
        """Shorten the step by the parabola through what was promised and what was found."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            factor = promise / (2.0 * (promise - gain))
        factor = np.where(np.isfinite(factor) & (promise > 0), np.clip(factor, 0.1, 0.5), 0.25)
        self.fraction[index] *= factor

    def _learn(self, index: Array, step: Array, change: Array) -> None:
        """The BFGS update of each start's curvature (of the negated function)."""
        along = (step * change).sum(axis=1)
        length2 = (step**2).sum(axis=1)
        change2 = (change**2).sum(axis=1)
        bends = along > 1e-10 * np.sqrt(length2 * change2)
        # Where the function bends upwards along the step nothing is learnt, but a longer step is worth a try.
        self.curvature[index[~bends]] *= 0.25
        index, step, change, along = index[bends], step[bends], change[bends], along[bends]
        if not index.size:
            return
        matrix = self.curvature[index]
        first = self.fresh[index]
        if first.any():
            matrix[first] = (change2[bends][first] / along[first])[:, None, None] * self.identity
            self.fresh[index] = False
        pushed = (matrix @ step[:, :, None])[:, :, 0]
        held = (step * pushed).sum(axis=1)
        matrix -= pushed[:, :, None] * (pushed / held[:, None])[:, None, :]
        matrix += change[:, :, None] * (change / along[:, None])[:, None, :]
        self.curvature[index] = matrix

    def _aim(self, index: Array, longest: float) -> None:
        """The quasi-Newton direction in the coordinates that no bound holds, at most `longest` long."""
        if not index.size:
            return
        x, gradient = self.x[index], self.gradient[index]
        free = ~(((x <= 0.0) & (gradient < 0)) | ((x >= self.top) & (gradient > 0)))
        mask = free.astype(float)
        pull = gradient * mask
        matrix = self.curvature[index] * mask[:, :, None] * mask[:, None, :]
        matrix += (1.0 - mask)[:, :, None] * self.identity
        direction = np.linalg.solve(matrix, pull[:, :, None])[:, :, 0]
        # A direction that the box turns downhill is replaced by the projected gradient.
        inside = np.clip(x + direction, 0.0, self.top) - x
        lost = ~((inside * pull).sum(axis=1) > 0)
        if lost.any():
            norm = np.sqrt((pull[lost] ** 2).sum(axis=1, keepdims=True))
            direction[lost] = pull[lost] * np.minimum(1.0, longest / np.maximum(norm, 1e-300))
            self.curvature[index[lost]] = np.maximum(norm / longest, 1e-12)[:, :, None] * self.identity
            self.fresh[index[lost]] = True
        reach = np.abs(direction).max(axis=1)
        self.direction[index] = direction * np.minimum(1.0, longest / np.maximum(reach, 1e-300))[:, None]
