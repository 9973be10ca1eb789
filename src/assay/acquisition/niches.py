"""Other basins than the best one: where to go on when the model sees nothing better anywhere.

Late in a minimisation a model is sure of the basin that it has polished, and elsewhere falls back to its mean: the
largest expected improvement then lies in some corner of the box. The observations know better: a point that is lower
than all its neighbours sits in a basin of its own, whose bottom may be lower than the best.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Niche", "niches"]

Array = np.ndarray

# Half the width of a niche's box, in length scales.
REACH = 0.5
# Two minima lie in different basins when the expected value on the straight way between them rises this far, in
# standard deviations of the data, above the higher one; it is looked at in so many places.
BARRIER = 0.05
PLACES = np.linspace(0.0, 1.0, 11)[1:-1]


@dataclass(frozen=True)
class Niche:
    """The neighbourhood of an observed local minimum.

    Arguments:
        centre: its number among the points.
        lower, upper: (dimension,), a box around it, in unit coordinates.
    """

    centre: int
    lower: Array
    upper: Array


def niches(
    points: Array,
    worth: Array,
    length_scales: Array,
    limits: Array,
    mean: Callable[[Array], Array],
    most: int,
) -> list[Niche]:
    """The neighbourhoods of the observed local minima, the best first, without the best of all.

    A point is a local minimum when it is lower than each of its nearest neighbours, one more than there are
    dimensions, in units of the length scales.

    Arguments:
        points: (count, dimension), in unit coordinates.
        worth: (count,), lower is better.
        length_scales: (dimension,), of the model.
        limits: (2, dimension), of the box.
        mean: points (count, dimension) to expected values (count,), in the unit of `worth`.
        most: the number of niches at most.
    """
    count, dimension = points.shape
    # A scale beyond the box says that the column does not matter; it must not make everything a neighbour.
    scales = np.minimum(length_scales, 1.0)
    scaled = points / scales
    distance = np.sqrt(((scaled[:, None] - scaled[None]) ** 2).sum(axis=2))
    np.fill_diagonal(distance, np.inf)
    neighbours = np.argsort(distance, axis=1, kind="stable")[:, : min(dimension + 1, count - 1)]
    is_minimum = worth < worth[neighbours].min(axis=1, initial=np.inf)
    order = np.argsort(worth, kind="stable")
    kept = [int(order[0])]
    for index in order[1:]:
        if len(kept) > most:
            break
        if is_minimum[index] and _is_apart(points[index], points[kept], float(worth[index]), mean):
            kept.append(int(index))
    half = REACH * scales
    return [
        Niche(index, np.maximum(points[index] - half, limits[0]), np.minimum(points[index] + half, limits[1]))
        for index in kept[1:]
    ]


def _is_apart(point: Array, better: Array, worth: float, mean: Callable[[Array], Array]) -> bool:
    ways = point + PLACES[None, :, None] * (better - point)[:, None, :]
    heights = mean(ways.reshape(-1, len(point))).reshape(len(better), len(PLACES))
    return bool((heights.max(axis=1) > worth + BARRIER).all())
