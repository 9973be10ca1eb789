"""The evidence of a Gaussian process as a compiled JAX program, differentiated by JAX: the second engine.

The covariance is the formula of `kernels.pairs`, called with jax.numpy, on rows padded to a bucket: padded rows are
independent, of variance one and of value zero, and change nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.errors import NumericalError
from assay.numerics.compile import bucket, compiled, jax_module, pad_rows
from assay.numerics.linalg import JITTER_LADDER, not_definite
from assay.surrogates.dataset import Dataset
from assay.surrogates.evidence import Evidence, Hyperparameters
from assay.surrogates.kernels.pairs import DerivativePairs, PairTable, pair_covariance, pair_table
from assay.surrogates.kernels.profiles import AbstractRadialProfile
from assay.surrogates.trend import Trend

__all__ = ["compilations", "evidence_gradient_jax"]

Array = np.ndarray


def evidence_gradient_jax(
    data: Dataset,
    categories: Array,
    trend: Trend,
    profile: AbstractRadialProfile,
    hyperparameters: Hyperparameters,
    latent: Array,
    signal_weight: float,
) -> tuple[Evidence, float]:
    """What `evidence.evidence_gradient` gives, without known noise, and the jitter that was needed.

    Raises:
        NumericalError: when the covariance cannot be factorised.
    """
    arrays = _arrays(data, categories, trend, latent)
    variables = {
        "weights": hyperparameters.weights,
        "noise_ratio": np.float64(hyperparameters.noise_ratio),
        "latent": arrays.pop("latent"),
        "log_signal": np.float64(0.0),
    }
    profiled = hyperparameters.signal_variance is None
    arrays["signal"] = np.ones(latent.shape[1]) if profiled else hyperparameters.signal_variance
    for rung in JITTER_LADDER:
        (value, (signal, scale)), slopes = _program(profile, profiled, variables, arrays, signal_weight, rung)
        if np.isfinite(value):
            evidence = Evidence(
                float(value),
                np.asarray(slopes["weights"]),
                float(slopes["noise_ratio"]),
                float(slopes["log_signal"]),
                np.asarray(slopes["latent"])[: len(data)],
                np.asarray(signal),
            )
            return evidence, rung * float(scale)
    raise NumericalError(not_definite(len(data), 1.0))


def compilations() -> int:
    """How often the program of this file was compiled so far."""
    return _program.compilations


@compiled(static=(0, 1))
def _program(
    profile: AbstractRadialProfile, profiled: bool, variables: Any, arrays: Any, signal_weight: Any, rung: Any
) -> Any:
    jax = jax_module()
    return jax.value_and_grad(
        lambda v: _value(profile, profiled, v, arrays, signal_weight, rung), has_aux=True
    )(variables)


def _value(
    profile: AbstractRadialProfile, profiled: bool, variables: Any, arrays: Any, signal_weight: Any, rung: Any
) -> Any:
    jax = jax_module()
    xp = jax.numpy
    table = PairTable(arrays["squared"], DerivativePairs(**arrays["pairs"]) if arrays["pairs"] else None)
    weights, latent, mask = variables["weights"], variables["latent"], arrays["mask"]
    derivatives = profile.derivatives(xp, weights @ table.squared, 0 if table.derivatives is None else 2)
    size, count = len(mask), xp.sum(mask)
    kernel = pair_covariance(xp, table, weights, derivatives).reshape(size, size) * mask * mask[:, None]
    basis = arrays["basis"]
    matrix = kernel + xp.diag(variables["noise_ratio"] * xp.diagonal(kernel)) + basis @ basis.T
    scale = xp.sum(xp.diagonal(matrix)) / count
    matrix = matrix + xp.diag(1.0 - mask + rung * scale * mask)
    lower = xp.linalg.cholesky(matrix)
    whitened = jax.scipy.linalg.solve_triangular(lower, latent, lower=True)
    quadratic = xp.sum(whitened * whitened, axis=0)
    weight = count + signal_weight
    given = arrays["signal"] * xp.exp(variables["log_signal"])
    # At its optimum the evidence does not depend on the profiled variance to first order.
    signal = jax.lax.stop_gradient((quadratic + signal_weight) / weight) if profiled else given
    log_determinant = 2.0 * xp.sum(xp.log(xp.diagonal(lower)))
    value = -0.5 * (
        xp.sum((quadratic + signal_weight) / signal)
        + weight * xp.sum(xp.log(signal))
        + latent.shape[1] * log_determinant
    )
    return value, (signal, scale)


def _arrays(data: Dataset, categories: Array, trend: Trend, latent: Array) -> dict[str, Any]:
    count = len(data)
    size = bucket(count)
    side = (data.points, data.derivative)
    i, j = np.divmod(np.arange(count * count), count)
    table = pair_table(side, side, (i, j), categories)

    def padded(values: Array) -> Array:
        square = values.reshape(*values.shape[:-1], count, count)
        return pad_rows(square, size, axes=(square.ndim - 2, square.ndim - 1)).reshape(
            *values.shape[:-1], size * size
        )

    return {
        "squared": padded(table.squared),
        "pairs": {name: padded(value) for name, value in vars(table.derivatives).items()}
        if table.derivatives
        else {},
        "basis": pad_rows(trend.rows_basis(data.points, data.derivative), size),
        "mask": pad_rows(np.ones(count), size),
        "latent": pad_rows(latent, size),
    }
