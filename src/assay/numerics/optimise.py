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
SMALLEST = 1e-300
ROUNDING = 1e-14


@dataclass(frozen=True)
class Maxima:
    """Where each start ended.

    Arguments:
        points: (starts, dimension).
        values: (starts,).
        converged: (starts,), False where the rounds ran out first; True for those that followed a higher start.
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
    same_peak: float = 0.0,
    first_step: float = 0.05,
    longest_step: float = 0.3,
) -> Maxima:
    """Climb from every start to a local maximum in the box, by projected BFGS.

    Use it for cheap functions that take many points per call, such as acquisition functions. In a round each moving
    start tries `x + t p`, with `p` the quasi-Newton direction off the bounds; a trial with enough increase is taken and
    updates that start's matrix, any other one shortens `t`.

    Arguments:
        value_gradient: maps (points, dimension) to values (points,) and gradients (points, dimension); a value
            that is not finite refuses the trial.
        starts: (starts, dimension), inside the box.
        lower, upper: (dimension,), the box.
        max_rounds: the most calls of the function.
        gradient_tolerance: a start ends where the projected gradient, per box width, is smaller.
        value_tolerance: a start ends where a step promised and gave less, absolute and relative to the value.
        same_peak: a start ends where its next full step leads so near to where that of a higher start leads that the
            higher one's quasi-Newton model differs by less between the two; most starts of a search lead to the same
            few maxima. Zero lets every start finish.
        first_step, longest_step: lengths of the first and the longest step, in box widths.

    Returns: the end of every start; no value is below the one at its start.

    Example:
        >>> def parabolas(x):
        ...     return -((x - 0.3) ** 2).sum(axis=1), -2 * (x - 0.3)
        >>> found = maximise_batch(parabolas, np.array([[0.9, 0.1], [0.0, 1.0]]), np.zeros(2), np.ones(2))
        >>> bool(np.abs(found.points - 0.3).max() < 1e-8)
        True

    Source: D. P. Bertsekas, SIAM J. Control Optim. 20, 221 (1982); J. Nocedal, S. Wright, Numerical Optimization, 2006.
    """
    width = np.where(upper > lower, upper - lower, 1.0)
    top = (upper - lower) / width

    def function(u: Array) -> tuple[Array, Array]:
        value, gradient = value_gradient(lower + u * width)
        return value, gradient * width

    x, values, converged, rounds = _climbed(
        function,
        np.clip((starts - lower) / width, 0.0, top),
        top,
        max_rounds,
        (gradient_tolerance, value_tolerance, same_peak),
        (first_step, longest_step),
    )
    return Maxima(lower + x * width, values, converged, rounds)


def _climbed(
    function: ValueGradient,
    x: Array,
    top: Array,
    max_rounds: int,
    tolerances: tuple[float, float, float],
    steps: tuple[float, float],
) -> tuple[Array, Array, Array, int]:
    """`maximise_batch` in box widths: the ends, their values, which converged, and the rounds."""
    gradient_tolerance, value_tolerance, same_peak = tolerances
    value, gradient = function(x)
    values, converged = np.array(value), np.zeros(len(x), dtype=bool)
    index = np.flatnonzero(np.isfinite(value))
    climb = _Climb.begin(x[index], value[index], gradient[index], top, *steps)
    rounds = 1
    while index.size and rounds < max_rounds:
        ended = climb.advance(function, gradient_tolerance, value_tolerance)
        if same_peak > 0.0 and index.size > 1:
            ended |= climb.followers(same_peak)
        rounds += 1
        if ended.any() or rounds == max_rounds:
            x[index], values[index], converged[index] = climb.x, climb.value, ended
            index = index[~ended]
            climb = climb.kept(~ended)
    return x, values, converged, rounds


@dataclass
class _Climb:
    """The starts that still move, in box widths.

    Every round works on whole arrays with masks: at these sizes a call costs more than its arithmetic.

    Arguments:
        x, value, gradient: where each start stands: (starts, dimension), (starts,), (starts, dimension).
        curvature: (starts, dimension, dimension), the quasi-Newton matrix of the negated function.
        is_fresh: (starts,), whether the matrix has learnt nothing yet.
        fraction: (starts,), of the direction that is tried next.
        direction: (starts, dimension).
        top: (dimension,), the upper bounds; the lower ones are zero.
        longest: the longest step.
    """

    x: Array
    value: Array
    gradient: Array
    curvature: Array
    is_fresh: Array
    fraction: Array
    direction: Array
    top: Array
    longest: float

    @staticmethod
    def begin(x: Array, value: Array, gradient: Array, top: Array, first: float, longest: float) -> _Climb:
        """The first direction is the gradient, as long as the first step."""
        count, dimension = x.shape
        length = np.maximum(np.sqrt(np.einsum("ij,ij->i", gradient, gradient)), SMALLEST)
        curvature = (length / first)[:, None, None] * np.eye(dimension)
        climb = _Climb(
            x,
            value,
            gradient,
            curvature,
            np.ones(count, dtype=bool),
            np.ones(count),
            gradient,
            top,
            longest,
        )
        climb._aim()
        return climb

    def kept(self, keep: Array) -> _Climb:
        """Only these starts."""
        return _Climb(
            self.x[keep],
            self.value[keep],
            self.gradient[keep],
            self.curvature[keep],
            self.is_fresh[keep],
            self.fraction[keep],
            self.direction[keep],
            self.top,
            self.longest,
        )

    def advance(self, function: ValueGradient, gradient_tolerance: float, value_tolerance: float) -> Array:
        """One round: every start tries its step; which starts have ended, (starts,)."""
        trial = np.minimum(np.maximum(self.x + self.fraction[:, None] * self.direction, 0.0), self.top)
        value, gradient = function(trial)
        step = trial - self.x
        promise = np.einsum("ij,ij->i", self.gradient, step)
        gain = value - self.value
        taken = (gain >= SUFFICIENT_INCREASE * promise) & (promise > 0)
        small = value_tolerance * (1.0 + np.abs(self.value))
        ended = promise < small
        if taken.all():
            self._learn(step, self.gradient - gradient, taken)
            self.x, self.value, self.gradient = trial, value, gradient
            self.fraction[:] = 1.0
            ended &= gain < small
        else:
            self._shorten(promise, gain, taken)
            self._learn(step, np.where(taken[:, None], self.gradient - gradient, 0.0), taken)
            np.copyto(self.x, trial, where=taken[:, None])
            np.copyto(self.value, value, where=taken)
            np.copyto(self.gradient, gradient, where=taken[:, None])
            reach = self.fraction * np.abs(self.direction).max(axis=1)
            # A start that was refused ends when its step no longer moves it.
            ended &= ~taken | (gain < small)
            ended |= ~taken & (reach < SMALLEST_STEP)
        self._aim()
        pulled = np.minimum(np.maximum(self.x + self.gradient, 0.0), self.top) - self.x
        return ended | (np.abs(pulled).max(axis=1) < gradient_tolerance)

    def followers(self, difference: float) -> Array:
        """Which starts head for the same place as a higher one, (starts,): both their models say so."""
        goal = np.minimum(np.maximum(self.x + self.direction, 0.0), self.top)
        apart = goal[:, None] - goal
        fall = 0.5 * np.einsum("ijk,jkl,ijl->ij", apart, self.curvature, apart)
        number = np.arange(len(goal))
        is_higher = self.value[:, None] < self.value
        is_higher |= (self.value[:, None] == self.value) & (number[:, None] > number)
        is_near = (np.maximum(fall, fall.T) < difference) & ~self.is_fresh & ~self.is_fresh[:, None]
        return (is_near & is_higher).any(axis=1)

    def _shorten(self, promise: Array, gain: Array, taken: Array) -> None:
        """Shorten the refused steps by the parabola through what was promised and what was found."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            factor = promise / (2.0 * (promise - gain))
        factor = np.where(np.isfinite(factor) & (promise > 0), np.minimum(np.maximum(factor, 0.1), 0.5), 0.25)
        self.fraction = np.where(taken, 1.0, factor * self.fraction)

    def _learn(self, step: Array, change: Array, taken: Array) -> None:
        """The BFGS update of the curvature of each start whose step was taken."""
        along = np.einsum("ij,ij->i", step, change)
        length2 = np.einsum("ij,ij->i", step, step)
        change2 = np.einsum("ij,ij->i", change, change)
        bends = along > 1e-10 * np.sqrt(length2 * change2)
        safe = np.where(bends, along, 1.0)
        if self.is_fresh.any():
            first = bends & self.is_fresh
            self.curvature[first] = (change2 / safe)[first, None, None] * np.eye(step.shape[1])
            self.is_fresh &= ~bends
        pushed = (self.curvature @ step[:, :, None])[:, :, 0]
        held = np.einsum("ij,ij->i", step, pushed)
        weight = bends / np.where(bends, held, 1.0)
        update = (change * (bends / safe)[:, None])[:, :, None] * change[:, None, :]
        update -= (pushed * weight[:, None])[:, :, None] * pushed[:, None, :]
        self.curvature = self.curvature + update
        upwards = taken & ~bends
        if upwards.any():
            # Where the function bends upwards along the step nothing is learnt, but a longer step is worth a try.
            self.curvature[upwards] *= 0.25

    def _aim(self) -> None:
        """The quasi-Newton direction in the coordinates that no bound holds, at most `longest` long."""
        x, gradient, matrix = self.x, self.gradient, self.curvature
        held = ((x <= 0.0) & (gradient < 0)) | ((x >= self.top) & (gradient > 0))
        if held.any():
            free = (~held).astype(float)
            gradient = gradient * free
            matrix = matrix * (free[:, :, None] * free[:, None, :])
            matrix += held[:, :, None] * np.eye(x.shape[1])
        direction = _solved(matrix, gradient)
        inside = np.minimum(np.maximum(x + direction, 0.0), self.top) - x
        lost = ~(np.einsum("ij,ij->i", inside, gradient) > 0)
        if lost.any():
            # A direction that the box turns downhill is replaced by the projected gradient.
            norm = np.maximum(np.sqrt(np.einsum("ij,ij->i", gradient, gradient)), SMALLEST)
            fallback = np.maximum(norm / self.longest, 1e-12)
            direction[lost] = (gradient / fallback[:, None])[lost]
            self.curvature[lost] = fallback[lost, None, None] * np.eye(x.shape[1])
            self.is_fresh |= lost
        reach = np.maximum(np.abs(direction).max(axis=1), SMALLEST)
        self.direction = direction * np.minimum(1.0, self.longest / reach)[:, None]


def _solved(matrix: Array, right: Array) -> Array:
    """The solution (starts, dimension) of each start's system."""
    try:
        return np.linalg.solve(matrix, right[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        # A gradient that is larger by orders of magnitude leaves nothing of what a start's matrix knew before.
        size = np.abs(matrix).max(axis=(1, 2), keepdims=True)
        return np.linalg.solve(matrix + ROUNDING * size * np.eye(right.shape[1]), right[:, :, None])[:, :, 0]
