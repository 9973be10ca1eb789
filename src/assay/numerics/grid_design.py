"""Points of a grid: every combination of a few values of each parameter, or as many of them as are wanted."""

from __future__ import annotations

import math

import numpy as np

from assay.numerics.coordinates import Column, Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.numerics.maximin import farthest

__all__ = ["grid"]

Array = np.ndarray

# A larger grid is represented by so many of its points.
MOST_COMBINATIONS = 2**15


def grid(
    coordinates: Coordinates,
    feasible: FeasibleSet,
    count: int,
    generator: np.random.Generator,
    environment_unit: Array,
    placed: Array,
) -> Array:
    """Points of the coarsest grid that has enough of them beside those that are placed.

    Numbers are cut into equal steps from end to end, two values each at first, then one more for one parameter after the
    other; lattices give as many of their levels, categories all their labels. Of more combinations than are wanted, those
    that keep the farthest from one another are taken.

    Arguments:
        coordinates, feasible: of one space.
        count: how many.
        generator: for ties.
        environment_unit: (environment dimension,).
        placed: (placed, dimension), points that are not wanted again.

    Returns:
        (count or fewer, dimension): fewer where a finite space has no more.
    """
    design = coordinates.columns[: coordinates.design_dimension]
    sizes = [_fewest(column) for column in design]
    is_label = coordinates.is_category[: len(design)]
    before = placed[:, : len(design)]
    while True:
        values = [_values(column, size) for column, size in zip(design, sizes, strict=True)]
        free = _combinations(values, generator)
        whole = np.concatenate([free, np.tile(environment_unit, (len(free), 1))], axis=1)
        known = {(row + 0.0).tobytes() for row in placed}
        is_free = np.array([(row + 0.0).tobytes() not in known for row in whole], dtype=bool)
        whole = whole[is_free & feasible.contains(whole)]
        growing = [index for index, column in enumerate(design) if sizes[index] < _most(column)]
        if len(whole) >= count or not growing or math.prod(sizes) > MOST_COMBINATIONS * 4:
            break
        sizes[min(growing, key=lambda index: sizes[index])] += 1
    if len(whole) <= count:
        return whole
    whole = generator.permutation(whole)
    return whole[farthest(whole[:, : len(design)], before, count, is_label, 0)]


def _fewest(column: Column) -> int:
    return len(column.values or ()) if column.kind == "category" else min(2, _most(column))


def _most(column: Column) -> int:
    return len(column.values) if column.values is not None else 2**53


def _values(column: Column, size: int) -> Array:
    if column.kind == "category":
        return np.arange(float(size))
    even = np.linspace(0.0, 1.0, size) if size > 1 else np.array([0.5])
    if column.levels is None:
        return column.snap(even)
    return np.asarray(column.levels)[np.rint(even * (len(column.levels) - 1)).astype(int)]


def _combinations(values: list[Array], generator: np.random.Generator) -> Array:
    """All of them, or a part drawn at random where there are too many: (combinations, columns)."""
    total = math.prod(map(len, values))
    if total <= MOST_COMBINATIONS:
        return np.stack(np.meshgrid(*values, indexing="ij"), axis=-1).reshape(total, len(values))
    drawn = [column[generator.integers(len(column), size=MOST_COMBINATIONS)] for column in values]
    return np.unique(np.stack(drawn, axis=1), axis=0)
