"""Covariances of values at new points with the rows of the data, and their derivatives by the points.

This is what an acquisition calls most: a few array operations for a batch of points, and no loop.
The formulas are those of `pairs`, for a row of the left side that is a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.surrogates.kernels.profiles import AbstractRadialProfile

__all__ = [
    "Rows",
    "cross_covariance",
    "cross_covariance_slopes",
    "group_contraction",
    "group_covariance_slopes",
    "rows_of",
    "slopes_contraction",
]

Array = np.ndarray

# More covariances than this do not fit into the processor's cache, and are computed in tiles of at most so many.
_MANY_PAIRS = 2**16


@dataclass(frozen=True)
class Rows:
    """The data's side of a cross covariance.

    Arguments:
        points: (rows, dimension).
        weights: (dimension,), 1/l².
        labels: None, or (dimension,), True where the column holds labels.
        slope_weights: (dimension,), the weights, zero where the column holds labels.
        is_value, column, row_weight, one_hot: None when all rows are values; else (rows,), (rows,) and (rows,):
            whether the row is a value, the column that it is differentiated by, minus twice that column's weight
            (zero for a value), and (rows, dimension), one where the row is differentiated by the column.
    """

    points: Array
    weights: Array
    labels: Array | None
    slope_weights: Array
    is_value: Array | None
    column: Array | None
    row_weight: Array | None
    one_hot: Array | None


def rows_of(points: Array, derivative: Array, weights: Array, categories: Array) -> Rows:
    """Prepare the rows of a dataset for many batches of points."""
    labels = categories if categories.any() else None
    slope_weights = np.where(categories, 0.0, weights)
    if (derivative < 0).all():
        return Rows(points, weights, labels, slope_weights, None, None, None, None)
    column = np.maximum(derivative, 0)
    one_hot = (derivative[:, None] == np.arange(points.shape[1])).astype(float)
    is_value = (derivative < 0).astype(float)
    return Rows(
        points,
        weights,
        labels,
        slope_weights,
        is_value,
        column,
        -2.0 * weights[column] * (1.0 - is_value),
        one_hot,
    )


def cross_covariance(xp: Any, profile: AbstractRadialProfile, rows: Rows, points: Any) -> Any:
    """cov(f(points), rows): (points, rows)."""
    if xp is np and rows.column is None and len(points) * len(rows.points) > _MANY_PAIRS:
        return _tiled(profile, rows, points)
    difference, squared = _distances(xp, rows, points)
    if rows.column is None:
        return profile.derivatives(xp, squared, 0)[0]
    g, first = profile.derivatives(xp, squared, 1)
    return rows.is_value * g + _row_factor(rows, difference) * first


def cross_covariance_slopes(
    xp: Any, profile: AbstractRadialProfile, rows: Rows, points: Any
) -> tuple[Any, tuple[Any, Any, Any]]:
    """The same, and what `slopes_contraction` needs for its derivative by the points."""
    difference, squared = _distances(xp, rows, points)
    if rows.column is None:
        g, first = profile.derivatives(xp, squared, 1)
        return g, (difference, first, None)
    g, first, second = profile.derivatives(xp, squared, 2)
    factor = _row_factor(rows, difference)
    radial = rows.is_value * first + factor * second
    return rows.is_value * g + factor * first, (difference, radial, rows.row_weight * first)


def slopes_contraction(rows: Rows, slopes: tuple[Any, Any, Any], by_row: Any) -> Any:
    """Σ_rows by_row · d cov(f(x), row) / d x_a.

    Arguments:
        slopes: from `cross_covariance_slopes`.
        by_row: (points, vectors, rows) or (1, vectors, rows).

    Returns:
        (points, vectors, dimension); zero in a category's column.
    """
    difference, radial, direct = slopes
    contracted = (2.0 * rows.slope_weights) * ((by_row * radial[:, None, :]) @ difference)
    if direct is None:
        return contracted
    return contracted + (by_row * direct[:, None, :]) @ rows.one_hot


def group_covariance_slopes(
    profile: AbstractRadialProfile, rows: Rows, groups: Array
) -> tuple[Array, tuple[Array, Array]]:
    """The covariance of the points of each group with one another, (groups, members, members), and what
    `group_contraction` needs for its derivative; one for all, (1, members, members), where all groups are shifted
    copies of one another.
    """
    shifts = groups - groups[:, :1]
    alike = groups[:1] if (shifts == shifts[:1]).all() else groups
    difference, squared = _squared(np, rows, alike[:, :, None, :] - alike[:, None, :, :])
    g, first = profile.derivatives(np, squared, 1)
    return g, (difference, first)


def group_contraction(rows: Rows, slopes: tuple[Array, Array], by_pair: Array) -> Array:
    """Σ_ij by_pair_ij · d cov(f(x_i), f(x_j)) / d x: (groups, members, dimension).

    Arguments:
        slopes: from `group_covariance_slopes`.
        by_pair: (groups, members, members), symmetric.
    """
    difference, radial = slopes
    weighted = (by_pair * radial)[:, :, None, :] @ difference
    return (4.0 * rows.slope_weights) * weighted[:, :, 0, :]


def _distances(xp: Any, rows: Rows, points: Any) -> tuple[Any, Any]:
    return _squared(xp, rows, points[:, None, :] - rows.points)


def _squared(xp: Any, rows: Rows, difference: Any) -> tuple[Any, Any]:
    if rows.labels is not None:
        difference = xp.where(rows.labels, difference != 0.0, difference)
    return difference, (difference * difference) @ rows.weights


def _row_factor(rows: Rows, difference: Any) -> Any:
    return rows.row_weight * difference[:, np.arange(difference.shape[1]), rows.column]


def _tiled(profile: AbstractRadialProfile, rows: Rows, points: Array) -> Array:
    """The covariance with rows of values in tiles, column by column: no array has a place for every column."""
    covariance = np.empty((len(points), len(rows.points)))
    step = max(_MANY_PAIRS // len(rows.points), 1)
    for start in range(0, len(points), step):
        tile = slice(start, start + step)
        squared = np.zeros(covariance[tile].shape)
        for column, weight in enumerate(rows.weights):
            difference = points[tile, column, None] - rows.points[:, column]
            if rows.labels is not None and rows.labels[column]:
                difference = (difference != 0.0).astype(float)
            difference *= difference
            difference *= weight
            squared += difference
        covariance[tile] = profile.derivatives(np, squared, 0)[0]
    return covariance
