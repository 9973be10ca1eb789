"""Where the search of an acquisition begins: quasi-random points everywhere, and points drawn around the best."""

from __future__ import annotations

import itertools

import numpy as np

from assay.acquisition.niches import Niche
from assay.numerics.coordinates import Coordinates
from assay.numerics.designs import sobol
from assay.numerics.feasibility import FeasibleSet

__all__ = ["around", "candidates", "within"]

Array = np.ndarray

# A space with no continuous column and at most so many points is searched as a whole.
ENUMERATION_LIMIT = 4096
# Distances of the local points, in box widths: from a new basin to the last digits.
NEAREST, FARTHEST = 1e-4, 0.3
# How many points the search of one niche begins with.
NICHE_POINTS = 200


def candidates(
    coordinates: Coordinates,
    feasible: FeasibleSet,
    best: Array,
    counts: tuple[int, int],
    generator: np.random.Generator,
    environment: Array,
) -> Array:
    """Feasible, snapped points of the design in this environment.

    Arguments:
        coordinates, feasible: the space.
        best: (points, dimension), the best points seen, the best first.
        counts: how many quasi-random points, and how many around the best.
        generator: of randomness.
        environment: (environment columns,), in unit coordinates.

    Returns:
        (count, dimension); every point where there are few and none is continuous.
    """
    grid = _grid(coordinates)
    if grid is not None:
        grid[:, coordinates.design_dimension :] = environment
        return grid[feasible.contains(grid)]
    everywhere = sobol(coordinates, feasible, counts[0], generator, environment)
    if not len(best) or not counts[1]:
        return everywhere
    near = around(best, counts[1], generator, coordinates)
    near[:, coordinates.design_dimension :] = environment
    near = near[feasible.contains(near)]
    return np.concatenate([everywhere, near])


def around(best: Array, count: int, generator: np.random.Generator, coordinates: Coordinates) -> Array:
    """Points at distances from 1e-4 to 0.3 box widths of the best ones: (count, dimension), snapped.

    Half of them move in every column, half in about two columns only; a label is redrawn where its column moves.
    """
    design = coordinates.design_dimension
    points = best[np.arange(count) % len(best)].copy()
    distance = np.exp(generator.uniform(np.log(NEAREST), np.log(FARTHEST), (count, 1)))
    step = distance * generator.standard_normal((count, design))
    share = np.where(np.arange(count)[:, None] % 2 == 0, 1.0, min(1.0, 2.0 / design))
    moved = generator.random((count, design)) < share
    points[:, :design] += np.where(moved, step, 0.0)
    redrawn = moved & (generator.random((count, design)) < 0.5)
    for index in np.flatnonzero(coordinates.is_category[:design]):
        labels = generator.integers(coordinates.category_counts[index], size=count)
        points[:, index] = np.where(redrawn[:, index], labels, best[np.arange(count) % len(best), index])
    # A point that left the box comes back from its wall, where it would otherwise gather.
    inside = points[:, :design]
    limits = coordinates.limits[:, :design]
    inside = np.where(inside < limits[0], 2 * limits[0] - inside, inside)
    points[:, :design] = np.where(inside > limits[1], 2 * limits[1] - inside, inside)
    return coordinates.snap(points)


def within(niche: Niche, points: Array, coordinates: Coordinates, generator: np.random.Generator) -> Array:
    """Points of a niche, half of them uniform in its box and half near its centre: (count, dimension), snapped.

    Columns without a gradient keep the centre's values.
    """
    centre = points[niche.centre]
    uniform = niche.lower + (niche.upper - niche.lower) * generator.random((NICHE_POINTS, len(centre)))
    shrink = np.where(np.arange(NICHE_POINTS)[:, None] % 2 == 0, 1.0, 0.2)
    moved = np.where(coordinates.continuous, centre + shrink * (uniform - centre), centre)
    return coordinates.snap(moved)


def _grid(coordinates: Coordinates) -> Array | None:
    columns = coordinates.columns[: coordinates.design_dimension]
    if any(column.kind not in ("lattice", "category") for column in columns):
        return None
    levels = [
        column.levels if column.kind == "lattice" else range(len(column.values or ())) for column in columns
    ]
    if np.prod([float(len(part or ())) for part in levels]) > ENUMERATION_LIMIT:
        return None
    points = np.array(list(itertools.product(*[part or () for part in levels])), dtype=float)
    rest = np.zeros((len(points), coordinates.dimension - coordinates.design_dimension))
    return np.concatenate([points, rest], axis=1)
