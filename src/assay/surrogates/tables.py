"""The evidence's tables of a dataset: one for each group of outputs with the same known noise, most often one for all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from assay.numerics.linalg import AbstractLinearAlgebra, Factor, LapackLinearAlgebra
from assay.surrogates.dataset import Dataset
from assay.surrogates.evidence import EvidenceTable, Hyperparameters, evidence_table, factorised
from assay.surrogates.evidence_large import LargeTable, large_factor, large_table
from assay.surrogates.gaussian_process_posterior import columns_equal, shared_noise
from assay.surrogates.kernels.profiles import AbstractRadialProfile
from assay.surrogates.trend import Trend

__all__ = ["Tables", "noise_factors", "table_factor", "tables", "with_noise_factors"]

Array = np.ndarray
Tables = tuple[tuple[Array, EvidenceTable | LargeTable], ...]

# From so many rows of values on, the evidence is computed in tiles.
_LARGE = 1000


def tables(
    data: Dataset,
    noise: Array | None,
    signal: Array | None,
    algebra: AbstractLinearAlgebra,
    columns: tuple[Array, Trend],
    *,
    share: bool,
) -> Tables:
    """The outputs' numbers and the table of each group.

    Arguments:
        noise: (rows, outputs), the known noise in squared latent units; None: there is none.
        signal: (outputs,), the signal variances, where they are not the same for all.
        columns: which columns hold labels, (dimension,), and the trend.
        share: whether all outputs are one group, with the mean of their noise.
    """

    def table(known: Array | None) -> EvidenceTable | LargeTable:
        is_large = len(data) >= _LARGE and data.is_value.all() and isinstance(algebra, LapackLinearAlgebra)
        return (large_table if is_large else evidence_table)(data, *columns, known)

    outputs = np.arange(data.output_dimension)
    if noise is None or (signal is not None and not noise.any()):
        return ((outputs, table(None)),)
    relative = noise if signal is None else noise * (signal[0] / signal)
    if share:
        relative = shared_noise(relative)
    if columns_equal(relative):
        return ((outputs, table(relative[:, 0])),)
    return tuple((outputs[k : k + 1], table(noise[:, k])) for k in outputs)


def with_noise_factors(prepared: Tables, factors: Array) -> Tables:
    """The same with these factors (rows,) of the fitted noise."""
    same = 1.0 if (factors == 1.0).all() else factors
    return tuple((outputs, replace(table, noise_factor=same)) for outputs, table in prepared)


def noise_factors(prepared: Tables) -> Array:
    """The factors of the fitted noise: (rows,)."""
    table = prepared[0][1]
    return np.broadcast_to(table.noise_factor, table.size)


def table_factor(
    algebra: AbstractLinearAlgebra,
    table: EvidenceTable | LargeTable,
    profile: AbstractRadialProfile,
    hyperparameters: Hyperparameters,
) -> Factor:
    """The Cholesky factor of R.

    Raises:
        NumericalError: when it is not positive definite even with the largest jitter.
    """
    if isinstance(table, LargeTable):
        return large_factor(table, profile, hyperparameters)
    return factorised(algebra, table, profile, hyperparameters).factor
