"""The log evidence of many rows of values, in tiles and in place; the formulas are those of `evidence`.

One matrix of rows² numbers is all that is kept. Its lower triangle holds in turns the covariance, its Cholesky factor and
its inverse, as LAPACK works in place; its upper triangle keeps the profile's derivative until the gradient is contracted.
A tile fits into the processor's cache, so that the elementwise work costs a tenth of the factorisation. Within a tile

    Σ_ij t_ij (x_i - x_j)² = Σ_j x_j² Σ_i t_ij + Σ_ij t_ij x_i² - 2 Σ_j x_j Σ_i t_ij x_i

is a product of matrices, with coordinates about the middle of the tile's rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import get_lapack_funcs

from assay.errors import NumericalError
from assay.numerics.linalg import JITTER_LADDER, Factor, not_definite
from assay.surrogates.correlation import Correlation, learned_correlation
from assay.surrogates.dataset import Dataset
from assay.surrogates.evidence import Evidence, Hyperparameters
from assay.surrogates.kernels.profiles import AbstractRadialProfile
from assay.surrogates.trend import Trend

__all__ = ["LargeTable", "large_evidence_gradient", "large_evidence_value", "large_factor", "large_table"]

Array = np.ndarray

dpotrf, dpotri, dpotrs = get_lapack_funcs(("potrf", "potri", "potrs"), dtype=np.float64)

# A tile of so many rows and columns is a quarter of a megabyte.
_TILE = (32, 1024)


@dataclass(frozen=True)
class LargeTable:
    """What the evidence needs of many rows of values.

    Arguments:
        points: (columns, rows); a column of labels as one of zeros and 1/√2 for each label.
        owner: (columns,), the column of the dataset that each comes from.
        basis: (rows, functions), of the trend.
        dimension: the number of columns of the dataset.
        noise, noise_factor: as in `EvidenceTable`.
    """

    points: Array
    owner: Array
    basis: Array
    dimension: int
    noise: Array | None
    noise_factor: Array | float = 1.0

    @property
    def size(self) -> int:
        return self.points.shape[1]


def large_table(data: Dataset, categories: Array, trend: Trend, noise: Array | None) -> LargeTable:
    """Prepare a dataset of values; `noise` is (rows,), in latent units, or None."""
    columns, owner = [], []
    for place, column in enumerate(data.points.T):
        labels = np.unique(column) if categories[place] else None
        parts = [column] if labels is None else [np.sqrt(0.5) * (column == label) for label in labels]
        columns += parts
        owner += [place] * len(parts)
    basis = trend.rows_basis(data.points, data.derivative)
    return LargeTable(np.array(columns), np.array(owner), basis, data.dimension, noise)


def large_factor(
    table: LargeTable, profile: AbstractRadialProfile, hyperparameters: Hyperparameters
) -> Factor:
    """The Cholesky factor of R.

    Raises:
        NumericalError: when it is not positive definite even with the largest jitter.
    """
    matrix, jitter = _factorised(table, profile, hyperparameters, derivatives=False)
    return Factor(matrix, jitter)


def large_evidence_value(
    table: LargeTable,
    profile: AbstractRadialProfile,
    hyperparameters: Hyperparameters,
    latent: Array,
    signal_weight: float,
    *,
    correlated: bool = False,
) -> float:
    """As `evidence.evidence_value`, the value alone."""
    matrix, _ = _factorised(table, profile, hyperparameters, derivatives=False)
    return _solved(matrix, hyperparameters, latent, signal_weight, correlated=correlated).value


def large_evidence_gradient(
    table: LargeTable,
    profile: AbstractRadialProfile,
    hyperparameters: Hyperparameters,
    latent: Array,
    signal_weight: float,
    *,
    correlated: bool = False,
) -> Evidence:
    """As `evidence.evidence_gradient`."""
    matrix, _ = _factorised(table, profile, hyperparameters, derivatives=True)
    found = _solved(matrix, hyperparameters, latent, signal_weight, correlated=correlated)
    size, outputs = latent.shape
    by_latent = -found.alpha / found.signal
    if found.correlation is not None:
        by_latent += 2.0 * (found.alpha @ found.correlation.by_quadratic)
    inverse, _ = dpotri(matrix, lower=1, overwrite_c=1)
    # Twice d log p/d R is left · alphaᵀ - outputs · R⁻¹.
    left = -by_latent
    by_diagonal = 0.5 * (np.einsum("nk,nk->n", left, found.alpha) - outputs * inverse.diagonal())
    by_log_signal = 0.0
    if hyperparameters.signal_variance is not None:
        surplus = (found.quadratic + signal_weight) / found.signal - size - signal_weight
        by_log_signal = 0.5 * float(surplus.sum())
        if table.noise is not None:
            by_log_signal -= float(by_diagonal @ table.noise) / float(found.signal[0])
    by_column = _contracted(table, profile, hyperparameters, inverse, (left, found.alpha))
    return Evidence(
        found.value,
        np.bincount(table.owner, by_column, table.dimension),
        float((by_diagonal * table.noise_factor).sum()),
        by_log_signal,
        by_latent,
        found.signal,
    )


@dataclass(frozen=True)
class _Solved:
    value: float
    alpha: Array
    quadratic: Array
    signal: Array
    correlation: Correlation | None


def _solved(
    lower: Array, hyperparameters: Hyperparameters, latent: Array, signal_weight: float, *, correlated: bool
) -> _Solved:
    size, outputs = latent.shape
    alpha = dpotrs(lower, latent, lower=1)[0]
    quadratic = np.einsum("nk,nk->k", latent, alpha)
    count = size + signal_weight
    signal = hyperparameters.signal_variance
    if signal is None:
        signal = (quadratic + signal_weight) / count
    value = -0.5 * (
        float(((quadratic + signal_weight) / signal).sum())
        + count * float(np.log(signal).sum())
        + outputs * 2.0 * float(np.log(lower.diagonal()).sum())
    )
    correlation = None
    if correlated:
        correlation = learned_correlation(latent.T @ alpha + signal_weight * np.eye(outputs), count)
        value += correlation.gain
    return _Solved(value, alpha, quadratic, signal, correlation)


def _factorised(
    table: LargeTable, profile: AbstractRadialProfile, hyperparameters: Hyperparameters, *, derivatives: bool
) -> tuple[Array, float]:
    """L below the diagonal, and above it g' where asked for, else zeros; the jitter."""
    scale = 0.0
    for rung in JITTER_LADDER:
        matrix = np.empty((table.size, table.size), order="F")
        _fill(matrix, table, profile, hyperparameters.weights, derivatives=derivatives)
        diagonal = np.einsum("ii->i", matrix)
        diagonal += hyperparameters.noise_ratio * table.noise_factor
        if table.noise is not None and hyperparameters.signal_variance is not None:
            diagonal += table.noise / hyperparameters.signal_variance[0]
        scale = float(diagonal.mean())
        diagonal += rung * scale
        _, info = dpotrf(matrix, lower=1, clean=not derivatives, overwrite_a=1)
        if info == 0 and np.isfinite(matrix[-1, -1]):
            return matrix, rung * scale
    raise NumericalError(not_definite(table.size, scale))


def _tiles(size: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of the upper triangle, the square tile on the diagonal first in each band of rows."""
    height, width = _TILE
    for start in range(0, size, height):
        stop = min(start + height, size)
        yield slice(start, stop), slice(start, stop)
        for left in range(stop, size, width):
            yield slice(start, stop), slice(left, min(left + width, size))


def _fill(
    matrix: Array, table: LargeTable, profile: AbstractRadialProfile, weights: Array, *, derivatives: bool
) -> None:
    """G + H Hᵀ into the lower triangle, and g' into the upper one, but for the tiles on the diagonal."""
    scaled = table.points * np.sqrt(weights[table.owner])[:, None]
    transposed = matrix.T  # in the order of memory
    for rows, columns in _tiles(table.size):
        found = profile.derivatives(np, _squared(scaled[:, rows], scaled[:, columns]), int(derivatives))
        covariance = found[0]
        if table.basis.shape[1]:
            covariance += table.basis[rows] @ table.basis[columns].T
        transposed[rows, columns] = covariance
        if derivatives and rows != columns:
            matrix[rows, columns] = found[1]


def _squared(left: Array, right: Array) -> Array:
    """Squared distances (left, right), column by column: no array is larger than the tile."""
    total = np.zeros((left.shape[1], right.shape[1]))
    difference = np.empty_like(total)
    for one, other in zip(left, right, strict=True):
        np.subtract(one[:, None], other, out=difference)
        np.multiply(difference, difference, out=difference)
        total += difference
    return total


def _contracted(
    table: LargeTable,
    profile: AbstractRadialProfile,
    hyperparameters: Hyperparameters,
    inverse: Array,
    by_residual: tuple[Array, Array],
) -> Array:
    """Σ over pairs of 2 d log p/d R · g' · (x_i - x_j)², for each column: (columns,)."""
    left, alpha = by_residual
    outputs, transposed = alpha.shape[1], inverse.T
    scaled = table.points * np.sqrt(hyperparameters.weights[table.owner])[:, None]
    total = np.zeros(len(table.points))
    for rows, columns in _tiles(table.size):
        by_pair = left[rows] @ alpha[columns].T
        if rows == columns:
            # Half of the square: below its diagonal, in which the inverse is kept.
            by_pair -= outputs * np.tril(inverse[rows, columns], -1)
            by_pair = np.tril(by_pair, -1)
            by_pair *= profile.derivatives(np, _squared(scaled[:, rows], scaled[:, rows]), 1)[1]
        else:
            by_pair -= outputs * transposed[rows, columns]
            by_pair *= inverse[rows, columns]
        middle = table.points[:, rows].mean(axis=1, keepdims=True)
        one, other = table.points[:, rows] - middle, table.points[:, columns] - middle
        total += (one**2) @ by_pair.sum(axis=1) + (other**2) @ by_pair.sum(axis=0)
        total -= 2.0 * np.einsum("dj,dj->d", one, other @ by_pair.T)
    return total
