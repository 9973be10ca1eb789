"""Fewer rows of a dataset: the latest ones, or those that are not too close to a better one."""

from __future__ import annotations

import numpy as np

from assay.errors import UsageError
from assay.surrogates.dataset import Dataset

__all__ = ["latest", "sparsified"]

Array = np.ndarray


def latest(data: Dataset, horizon: int | None) -> Dataset:
    """The last `horizon` rows; all of them where it is None.

    Use it where what was seen long ago no longer holds. A value and each of its derivatives are rows of their own.

    Arguments:
        horizon: the number of rows, at least 1, or None.

    Raises:
        UsageError: when the horizon is less than 1.

    Example:
        >>> data = Dataset.of(np.array([[0.1], [0.2], [0.3]]), np.array([1.0, 2.0, 3.0]))
        >>> latest(data, 2).values.ravel().tolist()
        [2.0, 3.0]
    """
    if horizon is None:
        return data
    if horizon < 1:
        raise UsageError(f"the horizon of a dataset must be at least one row, got {horizon}")
    return data.rows(np.arange(max(len(data) - horizon, 0), len(data)))


def sparsified(
    data: Dataset, length_scales: Array, min_dist: float, categories: tuple[int, ...] = ()
) -> Dataset:
    """The rows at points that lie at least `min_dist` length scales apart, in their old order.

    Use it where many rows crowd together, such as at the end of a search: they cost time, make the covariance singular
    and say little. Points are taken from the least noise to the most, and among equals the earliest first; a point
    closer than `min_dist` to one that was taken goes, with its derivatives. Of values at one point the least noisy
    stays, and every derivative there.

        distance² = Σ_j (x_j - x'_j)²/l_j²,   and in a category's column 1/l_j² where the labels differ

    Arguments:
        length_scales: (dimension,), in unit coordinates, positive.
        min_dist: in length scales, at least 0; 0 keeps every row.
        categories: the columns that hold labels.

    Raises:
        UsageError: when `min_dist` is negative or not finite.

    Example:
        >>> data = Dataset.of(np.array([[0.1], [0.101], [0.3]]), np.array([1.0, 2.0, 3.0]))
        >>> sparsified(data, np.array([0.2]), 0.1).values.ravel().tolist()
        [1.0, 3.0]
    """
    if not (np.isfinite(min_dist) and min_dist >= 0.0):
        raise UsageError(f"the min_dist of a dataset must be finite and at least 0, got {min_dist!r}")
    if min_dist == 0.0:
        return data
    places, place_of_row = np.unique(data.points, axis=0, return_inverse=True)
    place_of_row = place_of_row.ravel()
    order = _from_least_noise(data)
    first, seen = [], set()
    for row in order:
        if place_of_row[row] not in seen:
            seen.add(place_of_row[row])
            first.append(place_of_row[row])
    taken = _taken(places, first, length_scales, min_dist, np.isin(np.arange(data.dimension), categories))
    keep = np.zeros(len(data), dtype=bool)
    has_value = set()
    for row in order:
        place = place_of_row[row]
        if not taken[place]:
            continue
        if data.is_value[row]:
            keep[row] = place not in has_value
            has_value.add(place)
        else:
            keep[row] = True
    return data.rows(np.flatnonzero(keep))


def _from_least_noise(data: Dataset) -> Array:
    """The numbers of the rows: values before derivatives, whose noise has another unit; the earliest of equals first."""
    noise = (data.noise_variance / np.maximum(data.values.var(axis=0), 1e-300)).sum(axis=1)
    return np.lexsort((np.arange(len(data)), noise, ~data.is_value))


def _taken(
    places: Array, order: list[int], length_scales: Array, min_dist: float, is_category: Array
) -> Array:
    """(places,), True where a place is taken, greedily in that order."""
    taken = np.zeros(len(places), dtype=bool)
    kept: list[int] = []
    for place in order:
        difference = places[kept] - places[place]
        difference = np.where(is_category, difference != 0.0, difference) / length_scales
        if not kept or np.einsum("nd,nd->n", difference, difference).min() >= min_dist**2:
            taken[place] = True
            kept.append(place)
    return taken
