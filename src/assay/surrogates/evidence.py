"""The log evidence of a Gaussian process and its gradient, fast for many hyperparameters on one dataset.

With signal variance σ² (own for each output), noise-to-signal ratio η, known noise V, trend covariance H Hᵀ:

    cov(z) = σ² R,   R = G(w) (1 + η on the diagonal) + H Hᵀ + V/σ²
    log p(z) = -½ Σ_k z_kᵀ R⁻¹ z_k / σ_k² - ½ n Σ_k log σ_k² - ½ K log det R - ½ n K log 2π
    d log p/d R = ½ (Σ_k α_k α_kᵀ/σ_k² - K R⁻¹),   α_k = R⁻¹ z_k

Only the lower triangle is computed, as a packed vector; squared differences are computed once. Without known noise,
σ² is profiled out: with a scaled inverse chi-squared prior of weight ν (ν pseudo-observations of variance one) its
optimum is (z_kᵀ R⁻¹ z_k + ν)/(n + ν). It keeps the variance positive for constant data.

Source: C. E. Rasmussen, C. K. I. Williams, "Gaussian Processes for Machine Learning", 2006, equations 5.8 and 5.9.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from assay.errors import UsageError
from assay.numerics.linalg import AbstractLinearAlgebra, Factor, pack_lower, unpack_lower
from assay.surrogates.correlation import Correlation, learned_correlation
from assay.surrogates.dataset import Dataset
from assay.surrogates.kernels.pairs import PairTable, contract, pair_covariance, pair_derivatives, pair_table
from assay.surrogates.kernels.profiles import AbstractRadialProfile
from assay.surrogates.trend import Trend

__all__ = [
    "Evidence",
    "EvidenceTable",
    "Hyperparameters",
    "evidence_gradient",
    "evidence_table",
    "evidence_value",
    "factorised",
]

Array = np.ndarray


@dataclass(frozen=True)
class Hyperparameters:
    """What a covariance depends on.

    Arguments:
        weights: (dimension,), 1/l², positive.
        noise_ratio: η, noise variance over signal variance, at least 0; each row's in units of its own prior variance.
        signal_variance: (outputs,), or None to profile it out.
    """

    weights: Array
    noise_ratio: float
    signal_variance: Array | None

    def of_outputs(self, outputs: Array) -> Hyperparameters:
        """The same for some of the outputs."""
        if self.signal_variance is None:
            return self
        return Hyperparameters(self.weights, self.noise_ratio, self.signal_variance[outputs])


@dataclass(frozen=True)
class EvidenceTable:
    """What the evidence needs of a dataset, computed once.

    Arguments:
        pairs: the lower triangle's pairs, packed.
        diagonal: (rows,), the places of the diagonal among them.
        multiplicity: (pairs,), 2 off the diagonal and 1 on it.
        trend: (pairs,), H Hᵀ, or a number when it is the same for all.
        noise: (rows,), the known noise variance in latent units, or None.
        noise_factor: (rows,), that of η in each row; one where rows are alike.
    """

    pairs: PairTable
    diagonal: Array
    multiplicity: Array
    trend: Array | float
    noise: Array | None
    noise_factor: Array | float = 1.0

    @property
    def size(self) -> int:
        return len(self.diagonal)

    @property
    def dimension(self) -> int:
        return len(self.pairs.squared)


@dataclass(frozen=True)
class Evidence:
    """The log evidence (with the prior of σ², without constants) and its gradient.

    Arguments:
        value: a number.
        by_weights: (dimension,), by each w_j.
        by_noise_ratio: by η.
        by_log_signal: by log σ², common to all outputs; 0 where it is profiled out.
        by_latent: (rows, outputs), by the data.
        signal_variance: (outputs,), as given or profiled.
    """

    value: float
    by_weights: Array
    by_noise_ratio: float
    by_log_signal: float
    by_latent: Array
    signal_variance: Array


@dataclass(frozen=True)
class Triangle:
    """LAPACK's packed lower triangle, column by column: the row and the column of each entry, the places of the
    diagonal, and 2 off the diagonal and 1 on it."""

    row: Array
    column: Array
    diagonal: Array
    multiplicity: Array


@lru_cache(maxsize=4)
def triangle(size: int) -> Triangle:
    """The packed lower triangle of that many rows; a fit, its posterior and the next fit share it."""
    column, row = np.triu_indices(size)
    starts = np.arange(size)
    diagonal = starts * size - (starts * (starts - 1)) // 2
    multiplicity = np.full(len(row), 2.0)
    multiplicity[diagonal] = 1.0
    for array in (row, column, diagonal, multiplicity):
        array.flags.writeable = False
    return Triangle(row, column, diagonal, multiplicity)


def evidence_table(
    data: Dataset,
    categories: Array,
    trend: Trend,
    noise: Array | None,
    noise_factor: Array | float = 1.0,
) -> EvidenceTable:
    """Prepare a dataset; `noise` is (rows,), in latent units, or None; `noise_factor` is that of η in each row."""
    shape = triangle(len(data))
    side = (data.points, data.derivative)
    pairs = pair_table(side, side, (shape.row, shape.column), categories)
    return EvidenceTable(
        pairs,
        shape.diagonal,
        shape.multiplicity,
        _packed_trend(data, trend, shape.row, shape.column),
        noise,
        noise_factor,
    )


@dataclass(frozen=True)
class Factorised:
    """The Cholesky factor of R; the profile's derivatives at the pairs; the diagonal of dR/dη."""

    factor: Factor
    derivatives: tuple[Array, ...]
    own: Array


def factorised(
    algebra: AbstractLinearAlgebra,
    table: EvidenceTable,
    profile: AbstractRadialProfile,
    hyperparameters: Hyperparameters,
) -> Factorised:
    """Factorise R.

    Raises:
        NumericalError: when it is not positive definite even with the largest jitter.
    """
    derivatives = pair_derivatives(np, profile, table.pairs, hyperparameters.weights)
    kernel = pair_covariance(np, table.pairs, hyperparameters.weights, derivatives)
    own = kernel[table.diagonal] * table.noise_factor
    packed = kernel + table.trend
    packed[table.diagonal] += hyperparameters.noise_ratio * own
    if table.noise is not None:
        packed[table.diagonal] += table.noise / _given(hyperparameters)[0]
    return Factorised(algebra.factorise(unpack_lower(packed, table.size)), derivatives, own)


@dataclass(frozen=True)
class EvidenceValue:
    """The log evidence and what its gradient needs.

    Arguments:
        value: a number, with the prior of σ² and without constants.
        matrix: R.
        alpha: (rows, outputs), R⁻¹ z.
        quadratic: (outputs,), zᵀ R⁻¹ z.
        signal_variance: (outputs,), as given or profiled.
        correlation: of the outputs, where it is learned.
    """

    value: float
    matrix: Factorised
    alpha: Array
    quadratic: Array
    signal_variance: Array
    correlation: Correlation | None


def evidence_value(
    algebra: AbstractLinearAlgebra,
    table: EvidenceTable,
    profile: AbstractRadialProfile,
    hyperparameters: Hyperparameters,
    latent: Array,
    signal_weight: float,
    *,
    correlated: bool = False,
) -> EvidenceValue:
    """The log evidence of latent data (rows, outputs), at a third of the cost of its gradient.

    Arguments:
        signal_weight: ν, in pseudo-observations.
        correlated: whether the correlation of the outputs is learned; see `correlation`.

    Raises:
        NumericalError: when the covariance cannot be factorised.
    """
    matrix = factorised(algebra, table, profile, hyperparameters)
    size, outputs = latent.shape
    alpha = algebra.solve(matrix.factor, latent)
    quadratic = np.einsum("nk,nk->k", latent, alpha)
    count = size + signal_weight
    signal = hyperparameters.signal_variance
    if signal is None:
        signal = (quadratic + signal_weight) / count
    value = -0.5 * (
        float(((quadratic + signal_weight) / signal).sum())
        + count * float(np.log(signal).sum())
        + outputs * algebra.log_determinant(matrix.factor)
    )
    correlation = None
    if correlated:
        whole = latent.T @ alpha + signal_weight * np.eye(outputs)
        correlation = learned_correlation(whole, count)
        value += correlation.gain
    return EvidenceValue(value, matrix, alpha, quadratic, signal, correlation)


def evidence_gradient(
    algebra: AbstractLinearAlgebra,
    table: EvidenceTable,
    profile: AbstractRadialProfile,
    hyperparameters: Hyperparameters,
    latent: Array,
    signal_weight: float,
    *,
    correlated: bool = False,
) -> Evidence:
    """The log evidence of latent data (rows, outputs), with its gradient; see `evidence_value`."""
    found = evidence_value(
        algebra, table, profile, hyperparameters, latent, signal_weight, correlated=correlated
    )
    matrix, signal = found.matrix, found.signal_variance
    size, outputs = latent.shape
    by_entry = algebra.evidence_gradient(matrix.factor, found.alpha / np.sqrt(signal), outputs)
    by_latent = -found.alpha / signal
    if found.correlation is not None:
        by_residual = found.alpha @ found.correlation.by_quadratic
        by_entry -= pack_lower(by_residual @ found.alpha.T)
        by_latent += 2.0 * by_residual
    by_diagonal = by_entry[table.diagonal]
    by_pair = by_entry * table.multiplicity
    by_pair[table.diagonal] *= 1.0 + hyperparameters.noise_ratio * table.noise_factor
    by_log_signal = 0.0
    if hyperparameters.signal_variance is not None:
        by_log_signal = 0.5 * float(((found.quadratic + signal_weight) / signal - size - signal_weight).sum())
        if table.noise is not None:
            by_log_signal -= float(by_diagonal @ table.noise) / float(signal[0])
    return Evidence(
        found.value,
        contract(table.pairs, hyperparameters.weights, matrix.derivatives, by_pair),
        float(by_diagonal @ matrix.own),
        by_log_signal,
        by_latent,
        signal,
    )


def _given(hyperparameters: Hyperparameters) -> Array:
    if hyperparameters.signal_variance is None:
        raise UsageError(
            "known noise of a Gaussian process needs a signal variance that is not profiled out, got none"
        )
    return hyperparameters.signal_variance


def _packed_trend(data: Dataset, trend: Trend, row: Array, column: Array) -> Array | float:
    if trend.size == 0:
        return 0.0
    if trend.size == 1 and data.is_value.all():
        return trend.variance
    basis = trend.rows_basis(data.points, data.derivative)
    return np.einsum("pq,pq->p", basis[row], basis[column])
