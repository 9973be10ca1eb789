"""The starting design: quasi-random points before there is anything to learn from."""

from __future__ import annotations

import numpy as np

from assay.errors import NumericalError
from assay.numerics.coordinates import Coordinates
from assay.numerics.designs import sobol, uniform
from assay.numerics.feasibility import FeasibleSet
from assay.numerics.random import generator

__all__ = ["starting_point", "starting_size"]

Array = np.ndarray


def starting_size(asked: int | None, design_dimension: int) -> int:
    """The size of the starting design: as asked, else one more than two for each parameter, at most 20."""
    return asked if asked is not None else min(2 * design_dimension + 1, 20)


def starting_point(
    coordinates: Coordinates,
    feasible: FeasibleSet,
    seed: int,
    number: int,
    size: int,
    known: Array,
    environment: Array,
) -> Array:
    """Point `number` of a scrambled Sobol' sequence that depends on the seed alone; after `size`, uniform points.

    Arguments:
        coordinates, feasible: of the space.
        seed: the study's.
        number: the suggestion's.
        size: of the starting design.
        known: (count, dimension), the points that must not be suggested again.
        environment: (environment columns,), in unit coordinates.

    Returns:
        (dimension,), feasible after rounding.
    """
    if number < size:
        design = sobol(coordinates, feasible, size, generator(seed, 0, "starting design"), environment)
        tries = [design[number]]
    else:
        tries = []
    tries.extend(uniform(coordinates, feasible, 64, generator(seed, number, "starting point"), environment))
    usable = [point for point in map(feasible.project, tries) if point is not None]
    for point in usable:
        if not len(known) or np.abs(known - point).max(axis=1).min() > 0:
            return point
    if usable:
        return usable[0]
    raise NumericalError(
        "no starting point satisfies the constraints after rounding; use a smaller output_precision"
    )
