"""A whole batch of points moved at once, down the slope of one number: in the box, inside the constraints, off the labels."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial

import numpy as np

from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet

__all__ = ["descended"]

Array = np.ndarray

# Of a squared violation, as a distance in box widths, in turns; what then remains outside is pulled in exactly.
PENALTIES = (1e1, 1e2, 1e3)


def descended(
    value_gradient: Callable[[Array], tuple[float, Array]],
    coordinates: Coordinates,
    feasible: FeasibleSet,
    points: Array,
    evaluations: int,
) -> tuple[Array, float]:
    """A batch that is nowhere worse than where it began, with its value.

    Numbers move along the gradient; those on a lattice are then snapped, and the others move once more. Labels and the
    environment stay. Constraints are kept by a quadratic penalty, and at the end by a projection of each point.

    Arguments:
        value_gradient: of a batch (points, dimension), to be made small.
        points: (points, dimension), snapped and feasible.
        evaluations: the most calls for each of the two.
    """
    design = np.arange(coordinates.dimension) < coordinates.design_dimension
    numbers = design & ~coordinates.is_category
    best, value = points, value_gradient(points)[0]
    trial = points
    for moves in (numbers, design & coordinates.continuous):
        if not moves.any() or (moves is not numbers and (moves == numbers).all()):
            continue
        trial = _moved(value_gradient, feasible, trial, moves, evaluations)
        trial = _inside(coordinates, feasible, trial, best)
        reached = value_gradient(trial)[0]
        if reached < value:
            best, value = trial, reached
    return best, value


def _moved(
    value_gradient: Callable[[Array], tuple[float, Array]],
    feasible: FeasibleSet,
    points: Array,
    moves: Array,
    evaluations: int,
) -> Array:
    from scipy.optimize import minimize

    steepness = np.sqrt((feasible.slack_gradient(points)[1][:, :, moves] ** 2).sum(axis=2).mean(axis=0))
    scale = np.where(steepness > 0.0, steepness, 1.0)

    def placed(flat: Array) -> Array:
        trial = points.copy()
        trial[:, moves] = flat.reshape(len(points), -1)
        return trial

    def function(flat: Array, penalty: float) -> tuple[float, Array]:
        trial = placed(flat)
        value, gradient = value_gradient(trial)
        if feasible.count:
            slack, slope = feasible.slack_gradient(trial)
            outside = np.maximum(-np.nan_to_num(slack, nan=0.0) / scale, 0.0)
            value = value + penalty * float((outside**2).sum()) / len(points)
            by_slack = -2.0 * penalty / len(points) * outside / scale
            gradient = gradient + np.einsum("pc,pcd->pd", by_slack, slope)
        return value, gradient[:, moves].ravel()

    flat = points[:, moves].ravel()
    penalties = PENALTIES if feasible.count else (0.0,)
    calls = max(evaluations // len(penalties), 2)
    for penalty in penalties:
        budget = _Budget(partial(function, penalty=penalty), calls)
        with contextlib.suppress(_SpentError):
            minimize(
                budget, flat, jac=True, method="L-BFGS-B", bounds=[(0.0, 1.0)] * len(flat),
                options={"maxfun": calls, "maxiter": calls, "ftol": 1e-7, "gtol": 1e-6, "maxcor": 20},
            )  # fmt: skip
        flat = budget.best
    return placed(np.clip(flat, 0.0, 1.0))


class _SpentError(Exception):
    """All calls are made."""


class _Budget:
    """A function that is called so often and no more, and its best point: SciPy's limit counts whole line searches."""

    def __init__(self, function: Callable[[Array], tuple[float, Array]], calls: int) -> None:
        self.best = np.empty(0)
        self._function, self._left, self._least = function, calls, np.inf

    def __call__(self, flat: Array) -> tuple[float, Array]:
        if not self._left:
            raise _SpentError
        self._left -= 1
        value, gradient = self._function(flat)
        if value < self._least or not self.best.size:
            self._least, self.best = value, flat.copy()
        return value, gradient


def _inside(coordinates: Coordinates, feasible: FeasibleSet, points: Array, before: Array) -> Array:
    """The points snapped; one that is outside is pulled inside, or stays where it was before."""
    snapped = coordinates.snap(points)
    for index in np.flatnonzero(~feasible.contains(snapped)):
        pulled = feasible.project(snapped[index])
        snapped[index] = before[index] if pulled is None else pulled
    return snapped
