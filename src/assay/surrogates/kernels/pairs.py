"""Covariances between rows of data, each a value or a first derivative, as one formula over all pairs.

With s = Σ_j w_j δ_j², δ = x - x', w_j = 1/l_j², and g the radial profile:

    cov(f(x), f(x'))                = g
    cov(∂f/∂x_a (x), f(x'))         = 2 w_a δ_a g'
    cov(f(x), ∂f/∂x_b (x'))         = -2 w_b δ_b g'
    cov(∂f/∂x_a (x), ∂f/∂x_b (x'))  = -2 w_a [a = b] g' - 4 w_a w_b δ_a δ_b g''

so every pair is A g + B g' + C g'' with coefficients that are products of weights and differences. A category's column
contributes w_j where the labels differ, which is a squared Euclidean distance between one-hot codes, so that the
kernel stays positive definite.

Source: C. E. Rasmussen, C. K. I. Williams, "Gaussian Processes for Machine Learning", 2006, section 9.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.surrogates.kernels.profiles import AbstractRadialProfile

__all__ = ["PairTable", "contract", "pair_covariance", "pair_derivatives", "pair_table", "rows_covariance"]

Array = np.ndarray


@dataclass(frozen=True)
class DerivativePairs:
    """Coefficients of the pairs, without their weights: A = value, B = first · w[first_column],
    C = second · w[left] · w[right]; the column `dimension` stands for a weight of one."""

    value: Array
    first: Array
    first_column: Array
    second: Array
    left: Array
    right: Array


@dataclass(frozen=True)
class PairTable:
    """What a covariance needs of a set of pairs, computed once for many length scales.

    Arguments:
        squared: (dimension, pairs), δ_j², or whether the labels differ.
        derivatives: None when all rows are values.
    """

    squared: Array
    derivatives: DerivativePairs | None


def pair_table(
    left: tuple[Array, Array], right: tuple[Array, Array], index: tuple[Array, Array], categories: Array
) -> PairTable:
    """The table of the pairs (left[index[0]], right[index[1]]).

    Arguments:
        left, right: points (rows, dimension) and derivative (rows,), -1 for a value.
        index: two arrays of row numbers, of equal length.
        categories: (dimension,), True where the column holds labels.
    """
    difference = (left[0][index[0]] - right[0][index[1]]).T
    squared = np.where(categories[:, None], difference != 0.0, difference**2)
    a, b = left[1][index[0]], right[1][index[1]]
    if not ((a >= 0).any() or (b >= 0).any()):
        return PairTable(np.ascontiguousarray(squared), None)
    dimension, pairs = difference.shape
    number = np.arange(pairs)
    by_left, by_right = difference[np.maximum(a, 0), number], difference[np.maximum(b, 0), number]
    is_left, is_right = a >= 0, b >= 0
    both = is_left & is_right
    first = np.select([both, is_left, is_right], [-2.0 * (a == b), 2.0 * by_left, -2.0 * by_right], 0.0)
    return PairTable(
        np.ascontiguousarray(squared),
        DerivativePairs(
            value=(~is_left & ~is_right).astype(float),
            first=first,
            first_column=np.select([is_left, is_right], [a, b], dimension),
            second=np.where(both, -4.0 * by_left * by_right, 0.0),
            left=np.where(both, a, dimension),
            right=np.where(both, b, dimension),
        ),
    )


def pair_derivatives(
    xp: Any, profile: AbstractRadialProfile, table: PairTable, weights: Any
) -> tuple[Any, ...]:
    """The profile's derivatives that `contract` needs, at the pairs."""
    return profile.derivatives(xp, weights @ table.squared, 1 if table.derivatives is None else 3)


def pair_covariance(xp: Any, table: PairTable, weights: Any, profile_derivatives: tuple[Any, ...]) -> Any:
    """A g + B g' + C g'': (pairs,)."""
    if table.derivatives is None:
        return profile_derivatives[0]
    pairs, (g, first, second) = table.derivatives, profile_derivatives[:3]
    b, c = _coefficients(xp, pairs, weights)
    return pairs.value * g + b * first + c * second


def contract(
    table: PairTable, weights: Array, profile_derivatives: tuple[Array, ...], by_pair: Array
) -> Array:
    """Σ_pairs by_pair · d covariance / d w_j: (dimension,)."""
    if table.derivatives is None:
        return table.squared @ (by_pair * profile_derivatives[1])
    pairs, (_, first, second, third) = table.derivatives, profile_derivatives
    b, c = _coefficients(np, pairs, weights)
    radial = table.squared @ (by_pair * (pairs.value * first + b * second + c * third))
    size, padded = len(weights) + 1, np.append(weights, 1.0)
    by_b, by_c = by_pair * first * pairs.first, by_pair * second * pairs.second
    direct = (
        np.bincount(pairs.first_column, by_b, size)
        + np.bincount(pairs.left, by_c * padded[pairs.right], size)
        + np.bincount(pairs.right, by_c * padded[pairs.left], size)
    )
    return radial + direct[:-1]


def rows_covariance(
    xp: Any,
    profile: AbstractRadialProfile,
    left: tuple[Array, Array],
    right: tuple[Array, Array],
    categories: Array,
    weights: Any,
) -> Any:
    """The covariance of all rows of `left` with all rows of `right`: (left rows, right rows)."""
    shape = len(left[0]), len(right[0])
    i, j = np.divmod(np.arange(shape[0] * shape[1]), max(shape[1], 1))
    table = pair_table(left, right, (i, j), categories)
    order = 0 if table.derivatives is None else 2
    derivatives = profile.derivatives(xp, weights @ table.squared, order)
    return pair_covariance(xp, table, weights, derivatives).reshape(shape)


def _coefficients(xp: Any, pairs: DerivativePairs, weights: Any) -> tuple[Any, Any]:
    padded = xp.append(weights, 1.0)
    return pairs.first * padded[pairs.first_column], pairs.second * padded[pairs.left] * padded[pairs.right]
