"""The linear algebra interface on JAX: the same answers as LAPACK's, on the devices that JAX has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.errors import NumericalError
from assay.numerics.compile import compiled, jax_module
from assay.numerics.linalg import JITTER_LADDER, AbstractLinearAlgebra, Factor, extension_failed, not_definite

__all__ = ["JaxLinearAlgebra"]


@final
@dataclass(frozen=True)
class JaxLinearAlgebra(AbstractLinearAlgebra):
    """Each method is one small program; factors stay on the device, answers come back as NumPy arrays."""

    def factorise(self, matrix: Any) -> Factor:
        scale = float(np.diagonal(matrix).mean())
        for rung in JITTER_LADDER:
            lower = _cholesky(matrix, rung * scale)
            if np.isfinite(lower[-1, -1]):
                return Factor(lower, rung * scale)
        raise NumericalError(not_definite(len(matrix), scale))

    def solve(self, factor: Factor, right: Any) -> Any:
        return np.asarray(_solve(factor.lower, right))

    def solve_triangular(self, factor: Factor, right: Any) -> Any:
        return np.asarray(_solve_triangular(factor.lower, right))

    def inverse_lower(self, factor: Factor) -> Any:
        return np.asarray(_solve_triangular(factor.lower, np.eye(len(factor.lower))))

    def log_determinant(self, factor: Factor) -> float:
        return 2.0 * float(np.log(np.diagonal(factor.lower)).sum())

    def evidence_gradient(self, factor: Factor, weights: Any, outputs: float) -> Any:
        return np.asarray(_evidence_gradient(factor.lower, weights, outputs))

    def extend(self, factor: Factor, cross: Any, corner: Any) -> Factor:
        lower = _extended(factor.lower, cross, corner, factor.jitter)
        if not np.isfinite(lower[-1, -1]):
            raise NumericalError(extension_failed(len(corner)))
        return Factor(lower, factor.jitter)


@compiled()
def _cholesky(matrix: Any, jitter: Any) -> Any:
    jax = jax_module()
    # Only the lower triangle counts, as in LAPACK.
    symmetric = jax.numpy.tril(matrix) + jax.numpy.tril(matrix, -1).T
    return jax.numpy.linalg.cholesky(symmetric + jitter * jax.numpy.eye(len(matrix)))


@compiled()
def _solve(lower: Any, right: Any) -> Any:
    return jax_module().scipy.linalg.cho_solve((lower, True), right)


@compiled()
def _solve_triangular(lower: Any, right: Any) -> Any:
    return jax_module().scipy.linalg.solve_triangular(lower, right, lower=True)


@compiled()
def _evidence_gradient(lower: Any, weights: Any, outputs: Any) -> Any:
    jax = jax_module()
    inverse = jax.scipy.linalg.cho_solve((lower, True), jax.numpy.eye(len(lower)))
    gradient = 0.5 * (weights @ weights.T - outputs * inverse)
    # Row and column of each packed entry by formula: as tables they would be constants of the program, of n² numbers.
    size = len(lower)
    place = jax.numpy.arange(size * (size + 1) // 2)
    edge = 2 * size + 1
    column = ((edge - jax.numpy.sqrt(edge**2 - 8.0 * place)) / 2).astype(int)  # exact where a column begins
    row = place - column * (edge - 2 - column) // 2
    return gradient[row, column]


@compiled()
def _extended(lower: Any, cross: Any, corner: Any, jitter: Any) -> Any:
    jax = jax_module()
    xp = jax.numpy
    left = jax.scipy.linalg.solve_triangular(lower, cross, lower=True).T
    rest = xp.linalg.cholesky(corner + jitter * xp.eye(len(corner)) - left @ left.T)
    return xp.block([[lower, xp.zeros(cross.shape)], [left, rest]])
