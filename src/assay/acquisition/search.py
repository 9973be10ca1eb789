"""Where an acquisition is largest: raw candidates, climbs from the most promising, moves over lattices and labels.

Columns that are not continuous never move in a climb; between climbs every start tries other levels and labels, one
column at a time. Constraints are kept by a logarithmic barrier in the climbs; the best few are then polished by
SciPy's SLSQP, which follows an active constraint exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.acquisition.abstract import AbstractAcquisition
from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.numerics.optimise import maximise_batch

__all__ = ["Ranked", "Search", "search"]

Array = np.ndarray

# Up to so many levels a column is searched as a whole, beyond only among the nearest ones.
FULL_COLUMN_LEVELS = 12
# Of a log acquisition per box width, and of its value: far below what another look could tell apart.
GRADIENT_TOLERANCE, VALUE_TOLERANCE = 1e-4, 1e-7
# Of a log acquisition: climbs that head for places between which it differs by less are one.
SAME_PEAK = 1e-2
# Of the logarithm of each slack: it keeps climbs inside; the polish then goes to the edge.
BARRIER_WEIGHT = 1e-2


@dataclass(frozen=True)
class Search:
    """How much work a search does.

    Arguments:
        starts: how many candidates are climbed from.
        max_rounds: the most calls of the acquisition in a climb.
        spacing: the least distance between starts, in box widths times the root of the dimension.
        polished: how many of the best are polished under constraints.
        sweeps: the most rounds of moves over lattices and labels.
    """

    starts: int = 10
    max_rounds: int = 60
    spacing: float = 0.05
    polished: int = 2
    sweeps: int = 5


@dataclass(frozen=True)
class Ranked:
    """Points (count, dimension) and the acquisition there (count,): maxima first, then what they were searched from."""

    points: Array
    values: Array


def search(
    acquisition: AbstractAcquisition,
    coordinates: Coordinates,
    feasible: FeasibleSet,
    candidates: Array,
    settings: Search,
    limits: Array | None = None,
) -> Ranked:
    """The maxima of an acquisition over a space, the best first.

    Arguments:
        acquisition: what is maximised.
        coordinates: the space's columns; environment columns keep the values they have in the candidates.
        feasible: the constraints.
        candidates: (count, dimension), feasible and snapped.
        settings: how much work.
        limits: (2, dimension), where continuous columns stay; None for the whole box.

    Returns:
        The maxima that the starts led to, then the candidates, both by falling value.
    """
    values = acquisition.value(candidates)
    values = np.where(np.isfinite(values), values, -np.inf)
    chosen = choose_starts(candidates, values, settings)
    box = _Box.of(coordinates, candidates, limits)
    points, tops = candidates[chosen], values[chosen]
    if box.moves.any():
        points, tops = _climb(acquisition, box, feasible, points, settings)
    if not all(column.kind == "continuous" for column in coordinates.columns[: coordinates.design_dimension]):
        points, tops = _sweep(acquisition, coordinates, box, feasible, points, tops, settings)
    if feasible.count and box.moves.any():
        points, tops = _polish(acquisition, box, feasible, points, tops, settings.polished)
    order, rest = np.argsort(-tops, kind="stable"), np.argsort(-values, kind="stable")
    return Ranked(
        np.concatenate([points[order], candidates[rest]]), np.concatenate([tops[order], values[rest]])
    )


def choose_starts(candidates: Array, values: Array, settings: Search) -> Array:
    """The best candidates that keep their distance from one another: (starts,) indices, the best first."""
    count, dimension = candidates.shape
    radius2 = dimension * settings.spacing**2
    worth = values.copy()
    lengths2 = np.einsum("ij,ij->i", candidates, candidates)
    chosen: list[int] = []
    while len(chosen) < min(settings.starts, count):
        index = int(np.argmax(worth))
        if worth[index] == -np.inf:
            break
        chosen.append(index)
        worth[lengths2 + lengths2[index] - 2.0 * (candidates @ candidates[index]) < radius2] = -np.inf
        worth[index] = -np.inf
    return np.array(chosen if chosen else [0])


@dataclass(frozen=True)
class _Box:
    """Where a climb may go: `moves` marks the continuous design columns."""

    lower: Array
    upper: Array
    moves: Array

    @staticmethod
    def of(coordinates: Coordinates, candidates: Array, limits: Array | None) -> _Box:
        moves = np.asarray(coordinates.continuous) & (
            np.arange(coordinates.dimension) < coordinates.design_dimension
        )
        lower = np.where(moves, 0.0 if limits is None else limits[0], candidates.min(axis=0))
        upper = np.where(moves, 1.0 if limits is None else limits[1], candidates.max(axis=0))
        return _Box(lower, upper, moves)


def _climb(
    acquisition: AbstractAcquisition, box: _Box, feasible: FeasibleSet, starts: Array, settings: Search
) -> tuple[Array, Array]:
    moves = box.moves.astype(float)

    def free(points: Array) -> tuple[Array, Array]:
        value, gradient = acquisition.value_gradient(points)
        return value, gradient * moves

    def barred(points: Array) -> tuple[Array, Array]:
        slack, slack_gradient = feasible.slack_gradient(points)
        inside = (slack > 0).all(axis=1)
        safe = np.where(slack > 0, slack, 1.0)
        value, gradient = free(points)
        value = np.where(inside, value + BARRIER_WEIGHT * np.log(safe).sum(axis=1), -np.inf)
        return value, gradient + moves * BARRIER_WEIGHT * (slack_gradient / safe[:, :, None]).sum(axis=1)

    found = maximise_batch(
        barred if feasible.count else free,
        starts,
        box.lower,
        box.upper,
        max_rounds=settings.max_rounds,
        gradient_tolerance=GRADIENT_TOLERANCE,
        value_tolerance=VALUE_TOLERANCE,
        same_peak=SAME_PEAK,
    )
    return found.points, acquisition.value(found.points) if feasible.count else found.values


def _sweep(
    acquisition: AbstractAcquisition,
    coordinates: Coordinates,
    box: _Box,
    feasible: FeasibleSet,
    points: Array,
    values: Array,
    settings: Search,
) -> tuple[Array, Array]:
    """Let every start try other levels and labels, and climb again where that helped."""
    for _ in range(settings.sweeps):
        trials = [_neighbours(point, coordinates) for point in points]
        owners = np.repeat(np.arange(len(points)), [len(trial) for trial in trials])
        if not owners.size:
            break
        stacked = np.concatenate(trials)
        worth = np.where(feasible.contains(stacked), acquisition.value(stacked), -np.inf)
        improved = []
        for owner in range(len(points)):
            mine = np.flatnonzero(owners == owner)
            if mine.size and worth[mine].max() > values[owner] + 1e-9:
                best = mine[np.argmax(worth[mine])]
                points[owner], values[owner] = stacked[best], worth[best]
                improved.append(owner)
        if not improved:
            break
        if box.moves.any():
            climbed, tops = _climb(acquisition, box, feasible, points[improved], settings)
            better = tops > values[improved]
            index = np.array(improved)[better]
            points[index], values[index] = climbed[better], tops[better]
    return points, values


def _neighbours(point: Array, coordinates: Coordinates) -> Array:
    """The point with one lattice or category column changed: (count, dimension)."""
    found = []
    for index, column in enumerate(coordinates.columns[: coordinates.design_dimension]):
        if column.kind == "lattice":
            levels = np.asarray(column.levels)
        elif column.kind == "category":
            levels = np.arange(len(column.values or ()), dtype=float)
        else:
            continue
        here = int(np.argmin(np.abs(levels - point[index])))
        if len(levels) > FULL_COLUMN_LEVELS and column.kind == "lattice":
            reach = np.array([-8, -4, -2, -1, 1, 2, 4, 8]) + here
            levels = levels[reach[(reach >= 0) & (reach < len(levels))]]
        else:
            levels = np.delete(levels, here)
        block = np.repeat(point[None], len(levels), axis=0)
        block[:, index] = levels
        found.append(block)
    return np.concatenate(found) if found else np.empty((0, len(point)))


def _polish(
    acquisition: AbstractAcquisition,
    box: _Box,
    feasible: FeasibleSet,
    points: Array,
    values: Array,
    count: int,
) -> tuple[Array, Array]:
    """Follow active constraints exactly from the best few, by SLSQP in the columns that move."""
    from scipy.optimize import minimize  # only a constrained space pays for this import

    moving = np.flatnonzero(box.moves)
    for index in np.argsort(-values, kind="stable")[:count]:
        point = points[index].copy()

        def place(part: Array, point: Array = point) -> Array:
            whole = point.copy()
            whole[moving] = np.clip(part, box.lower[moving], box.upper[moving])
            return whole[None]

        def loss(part: Array, place=place) -> tuple[float, Array]:
            value, gradient = acquisition.value_gradient(place(part))
            return -float(value[0]), -gradient[0, moving]

        inside = {
            "type": "ineq",
            "fun": lambda part, place=place: feasible.slack(place(part))[0],
            "jac": lambda part, place=place: feasible.slack_gradient(place(part))[1][0][:, moving],
        }
        result = minimize(
            loss,
            point[moving],
            jac=True,
            method="SLSQP",
            bounds=list(zip(box.lower[moving], box.upper[moving], strict=True)),
            constraints=[inside],
            options={"maxiter": 50, "ftol": 1e-10},
        )
        polished = place(result.x)
        # SLSQP may end outside by its tolerance: step back towards the start, which is inside.
        for fraction in (1.0, 1.0 - 1e-9, 1.0 - 1e-6, 0.999):
            trial = point + fraction * (polished[0] - point)
            if feasible.contains(trial[None])[0]:
                worth = float(acquisition.value(trial[None])[0])
                if worth > values[index]:
                    points[index], values[index] = trial, worth
                break
    return points, values
