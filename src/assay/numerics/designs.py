"""Points spread over a space: scrambled Sobol' and Halton, Latin hypercube, uniform; all on the allowed levels and feasible."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assay.errors import NumericalError
from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet

__all__ = ["halton", "latin_hypercube", "sobol", "uniform"]

Array = np.ndarray
Sampler = Callable[[int], Array]  # count -> (count, design dimension) in [0, 1)

ROUND_LIMIT = 8  # rounds of rejection, each twice as large as the last
WALK_STEPS = 20  # of hit and run, between two points that are kept


def sobol(
    coordinates: Coordinates,
    feasible: FeasibleSet,
    count: int,
    generator: np.random.Generator,
    environment_unit: Array | None = None,
    skip: int = 0,
) -> Array:
    """Scrambled Sobol' points: snapped, feasible, evenly spread. For starting designs and raw starts.

    Arguments:
        coordinates, feasible: of one space.
        count: how many.
        generator: fixes the scrambling.
        environment_unit: (environment dimension,), where the environment's columns stand; None for their middle.
        skip: how many points of the sequence come before, so that a generator in the same state goes on with it.

    Returns:
        (count, dimension).

    Raises:
        NumericalError: when no feasible point is found.

    Reference: Owen, "Scrambling Sobol' and Niederreiter-Xing points", Journal of Complexity 14 (1998) 466.

    Example:
        >>> from assay.space.space import Space
        >>> space = Space.from_data([{"name": "x", "domain": [0, 1]}, {"name": "y", "domain": [0, 1]}])
        >>> coordinates = Coordinates.of(space)
        >>> sobol(coordinates, FeasibleSet.of(space, coordinates), 8, np.random.default_rng(0)).shape
        (8, 2)
    """
    from scipy.stats import qmc  # half a second; a study that only replays does not need it

    sequence = qmc.Sobol(coordinates.design_dimension, scramble=True, rng=generator)

    def sample(wanted: int) -> Array:
        # Only powers of two balance, and SciPy warns about others.
        return (
            sequence.random_base2(max(wanted - 1, 0).bit_length())
            if sequence.num_generated == 0
            else (sequence.random(wanted))
        )

    return _design(coordinates, feasible, skip + count, generator, environment_unit, sample)[skip:]


def halton(
    coordinates: Coordinates,
    feasible: FeasibleSet,
    count: int,
    generator: np.random.Generator,
    environment_unit: Array | None = None,
    skip: int = 0,
) -> Array:
    """Scrambled Halton points. Arguments, answer and errors are those of `sobol`; any number of points balances alike.

    Reference: Owen, "A randomized Halton algorithm in R", arXiv:1706.02808 (2017).
    """
    from scipy.stats import qmc  # as in `sobol`

    sequence = qmc.Halton(coordinates.design_dimension, scramble=True, rng=generator)
    return _design(coordinates, feasible, skip + count, generator, environment_unit, sequence.random)[skip:]


def latin_hypercube(
    coordinates: Coordinates,
    feasible: FeasibleSet,
    count: int,
    generator: np.random.Generator,
    environment_unit: Array | None = None,
    placed: Array | None = None,
) -> Array:
    """A Latin hypercube: each parameter's range is cut into as many parts as there are points, and each part is met once.

    Constraints spoil the balance. Arguments, answer and errors are those of `sobol`.

    Arguments:
        placed: (placed, dimension), points that it extends: they count, and the parts that they lie in are taken. Two
            of them in one part leave another one empty.

    Reference: McKay, Beckman and Conover, Technometrics 21 (1979) 239; extended as by Wang, J. Mech. Des. 125 (2003) 210.
    """
    earlier = np.empty((0, coordinates.design_dimension)) if placed is None else _parts(coordinates, placed)

    def sample(wanted: int) -> Array:
        total = wanted + len(earlier)
        points = np.empty((wanted, coordinates.design_dimension))
        for index, column in enumerate(earlier.T):
            free = np.setdiff1d(np.arange(total), np.minimum((column * total).astype(int), total - 1))
            chosen = free[((np.arange(wanted) + generator.random()) * len(free) / wanted).astype(int)]
            points[:, index] = (generator.permutation(chosen) + generator.random(wanted)) / total
        return points

    return _design(coordinates, feasible, count, generator, environment_unit, sample)


def uniform(
    coordinates: Coordinates,
    feasible: FeasibleSet,
    count: int,
    generator: np.random.Generator,
    environment_unit: Array | None = None,
) -> Array:
    """Independent points, uniform in unit coordinates. Arguments, answer and errors are those of `sobol`."""
    return _design(
        coordinates,
        feasible,
        count,
        generator,
        environment_unit,
        lambda wanted: generator.random((wanted, coordinates.design_dimension)),
    )


def _design(
    coordinates: Coordinates,
    feasible: FeasibleSet,
    count: int,
    generator: np.random.Generator,
    environment_unit: Array | None,
    sample: Sampler,
) -> Array:
    found = np.empty((0, coordinates.dimension))
    points, wanted = found, count
    for _ in range(ROUND_LIMIT):
        points = _placed(coordinates, sample(wanted), environment_unit)
        found = np.concatenate([found, points[feasible.contains(points)]])
        if len(found) >= count:
            return found[:count]
        wanted = min(2 * wanted + 64, 8192)
    return _walked(coordinates, feasible, count, generator, found, points)


def _parts(coordinates: Coordinates, points: Array) -> Array:
    """Where points lie in [0, 1), each level of a lattice and each label in the middle of its own share."""
    parts = points[:, : coordinates.design_dimension].copy()
    for index, column in enumerate(coordinates.columns[: coordinates.design_dimension]):
        if column.values is not None:
            levels = np.arange(len(column.values)) if column.levels is None else np.asarray(column.levels)
            place = np.abs(parts[:, index, None] - levels).argmin(axis=1)
            parts[:, index] = (place + 0.5) / len(levels)
    return parts


def _placed(coordinates: Coordinates, sample: Array, environment_unit: Array | None) -> Array:
    """Snapped points of the whole dimension; every level of a lattice and every label gets an equal share."""
    points = np.empty((len(sample), coordinates.dimension))
    for index, column in enumerate(coordinates.columns[: coordinates.design_dimension]):
        part = sample[:, index]
        if column.values is not None:
            place = np.minimum((part * len(column.values)).astype(int), len(column.values) - 1)
            part = place.astype(float) if column.levels is None else np.asarray(column.levels)[place]
        points[:, index] = part
    environment = coordinates.dimension - coordinates.design_dimension
    points[:, coordinates.design_dimension :] = (
        np.full(environment, 0.5) if environment_unit is None else environment_unit
    )
    return coordinates.snap(points)


def _walked(
    coordinates: Coordinates,
    feasible: FeasibleSet,
    count: int,
    generator: np.random.Generator,
    found: Array,
    candidates: Array,
) -> Array:
    """For a small feasible region: a hit-and-run walk from what was found, or from points pulled inside.

    Reference: Smith, Operations Research 32 (1984) 1296.
    """
    current = found
    if not len(current):
        pulled = (
            feasible.project(point) for point in candidates[np.argsort(_violation(feasible, candidates))[:64]]
        )
        current = np.array([point for point in pulled if point is not None])
    if not len(current):
        raise NumericalError(
            f"no point that satisfies the constraints was found among {len(candidates)} last tries; check that they "
            f"can hold together: {', '.join(item.name for item in feasible.space.constraints)}"
        )
    moving = coordinates.continuous & (np.arange(coordinates.dimension) < coordinates.design_dimension)
    walkers = current[np.arange(count) % len(current)]
    for _ in range(WALK_STEPS):
        walkers = _hit_and_run(coordinates, feasible, walkers, moving, generator)
    return np.concatenate([found, walkers])[:count]


def _hit_and_run(
    coordinates: Coordinates,
    feasible: FeasibleSet,
    walkers: Array,
    moving: Array,
    generator: np.random.Generator,
) -> Array:
    """One step of every walker: a random line through it, then a shrinking interval until the point is feasible.

    Half of the lines point from one walker to another, so that a thin region is walked along, not across.
    """
    first, second = generator.integers(len(walkers), size=(2, len(walkers)))
    along = walkers[first] - walkers[second]
    is_along = (generator.random(len(walkers)) < 0.5) & (along != 0).any(axis=1)
    direction = np.where(is_along[:, None], along, generator.standard_normal(walkers.shape))
    direction = np.where(moving, direction, 0.0)
    length = np.linalg.norm(direction, axis=1, keepdims=True)
    direction = direction / np.where(length > 0, length, 1.0)
    low, high = np.full(len(walkers), -2.0), np.full(len(walkers), 2.0)
    moved, is_open = walkers.copy(), np.ones(len(walkers), dtype=bool)
    inside = coordinates.limits
    for _ in range(48):
        step = low + (high - low) * generator.random(len(walkers))
        points = walkers + step[:, None] * direction
        in_box = ((points >= inside[0]) & (points <= inside[1])).all(axis=1)
        points = coordinates.snap(points)
        accepted = is_open & in_box & feasible.contains(points)
        moved[accepted] = points[accepted]
        is_open &= ~accepted
        low, high = np.where(step < 0, step, low), np.where(step > 0, step, high)
        if not is_open.any():
            break
    return moved


def _violation(feasible: FeasibleSet, points: Array) -> Array:
    """How far outside, each slack in units of its own spread over the points; NaN counts as far."""
    slack = feasible.slack(points)
    scale = np.nanstd(slack, axis=0) + np.finfo(float).tiny
    return np.nan_to_num(np.maximum(-slack / scale, 0.0), nan=1e3, posinf=1e3).sum(axis=1)
