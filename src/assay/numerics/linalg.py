"""Symmetric positive definite linear algebra: one small interface, on LAPACK here and on JAX in `linalg_jax`.

A matrix that is not positive definite to rounding is factorised with a jitter on its diagonal; the ladder of jitters
is fixed and the rung is recorded, so that every engine gives the same answer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from scipy.linalg import get_blas_funcs, get_lapack_funcs

from assay.errors import NumericalError

__all__ = [
    "JITTER_LADDER",
    "AbstractLinearAlgebra",
    "Factor",
    "LapackLinearAlgebra",
    "extension_failed",
    "not_definite",
    "pack_lower",
    "unpack_lower",
]

Array = np.ndarray

(dsyrk,) = get_blas_funcs(("syrk",), dtype=np.float64)
dpotrf, dpotri, dpotrs, dtpttr, dtrtri, dtrtrs, dtrttp = get_lapack_funcs(
    ("potrf", "potri", "potrs", "tpttr", "trtri", "trtrs", "trttp"), dtype=np.float64
)

# Relative to the mean of the diagonal. The last rung alters a unit variance in its fourth digit: beyond that, the
# matrix is not a covariance with rounding errors but a wrong one.
JITTER_LADDER = (0.0, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4)


@dataclass(frozen=True)
class Factor:
    """A lower Cholesky factor, and what was added to the diagonal to get it.

    Arguments:
        lower: (n, n), L with L Lᵀ = A + jitter I; zero above the diagonal.
        jitter: absolute, in units of the diagonal of A; zero where none was needed.
    """

    lower: Any
    jitter: float


class AbstractLinearAlgebra(ABC):
    """What exact linear-Gaussian models need. Only lower triangles of symmetric arguments are read."""

    @abstractmethod
    def factorise(self, matrix: Any) -> Factor:
        """A = L Lᵀ, with the first rung of the jitter ladder that succeeds.

        Raises:
            NumericalError: when none does.
        """

    @abstractmethod
    def solve(self, factor: Factor, right: Any) -> Any:
        """A⁻¹ B for B of shape (n, columns)."""

    @abstractmethod
    def solve_triangular(self, factor: Factor, right: Any) -> Any:
        """L⁻¹ B for B of shape (n, columns)."""

    @abstractmethod
    def inverse_lower(self, factor: Factor) -> Any:
        """L⁻¹, for many products with it. Its error is of the order eps sqrt(cond A), that of A⁻¹ eps cond A."""

    @abstractmethod
    def log_determinant(self, factor: Factor) -> Any:
        """log det A."""

    @abstractmethod
    def evidence_gradient(self, factor: Factor, weights: Any, outputs: float) -> Any:
        """G = (W Wᵀ - outputs A⁻¹)/2, packed: the derivative of a Gaussian log evidence by each entry of A.

        Arguments:
            weights: (n, columns), A⁻¹ times the data, each column over its standard deviation.
            outputs: the number of data columns that share A.

        Returns:
            The lower triangle, packed as `pack_lower` does.
        """

    @abstractmethod
    def extend(self, factor: Factor, cross: Any, corner: Any) -> Factor:
        """The factor of [[A, C], [Cᵀ, D]] from that of A, in O(n² m) for m new rows.

        Arguments:
            cross: C, (n, m).
            corner: D, (m, m); the factor's jitter is added to it.

        Raises:
            NumericalError: when the new rows make the matrix singular to rounding; then factorise the whole.
        """


@final
@dataclass(frozen=True)
class LapackLinearAlgebra(AbstractLinearAlgebra):
    """On SciPy's LAPACK, called directly: below a hundred rows, checks cost more than the work."""

    def factorise(self, matrix: Array) -> Factor:
        scale = float(matrix.diagonal().mean())
        for rung in JITTER_LADDER:
            jitter = rung * scale
            raised = matrix if rung == 0.0 else matrix + jitter * np.eye(len(matrix))
            lower, info = dpotrf(raised, lower=1, clean=1)
            if info == 0 and np.isfinite(lower[-1, -1]):
                return Factor(lower, jitter)
        raise NumericalError(not_definite(len(matrix), scale))

    def solve(self, factor: Factor, right: Array) -> Array:
        return dpotrs(factor.lower, right, lower=1)[0]

    def solve_triangular(self, factor: Factor, right: Array) -> Array:
        return dtrtrs(factor.lower, right, lower=1)[0]

    def inverse_lower(self, factor: Factor) -> Array:
        return dtrtri(factor.lower, lower=1)[0]

    def log_determinant(self, factor: Factor) -> float:
        return 2.0 * float(np.log(factor.lower.diagonal()).sum())

    def evidence_gradient(self, factor: Factor, weights: Array, outputs: float) -> Array:
        inverse, _ = dpotri(factor.lower, lower=1)
        gradient = dsyrk(0.5, weights, beta=-0.5 * outputs, c=inverse, lower=1, overwrite_c=1)
        return dtrttp(gradient, uplo="L")[0]

    def extend(self, factor: Factor, cross: Array, corner: Array) -> Factor:
        old, new = len(factor.lower), len(corner)
        left = self.solve_triangular(factor, cross).T
        rest, info = dpotrf(corner + factor.jitter * np.eye(new) - left @ left.T, lower=1, clean=1)
        if info != 0:
            raise NumericalError(extension_failed(new))
        lower = np.zeros((old + new, old + new), order="F")
        lower[:old, :old] = factor.lower
        lower[old:, :old] = left
        lower[old:, old:] = rest
        return Factor(lower, factor.jitter)


def pack_lower(matrix: Array) -> Array:
    """The lower triangle, column by column, as a vector of n(n+1)/2 entries (LAPACK's packed storage)."""
    return dtrttp(matrix, uplo="L")[0]


def unpack_lower(packed: Array, size: int) -> Array:
    """The matrix whose lower triangle was packed; zero above the diagonal."""
    return dtpttr(size, packed, uplo="L")[0]


def extension_failed(rows: int) -> str:
    """The sentence for an extension that met a singular matrix."""
    return f"extending a factor by {rows} rows met a matrix that is singular to rounding; factorise the whole instead"


def not_definite(size: int, scale: float) -> str:
    """The sentence for a matrix that no jitter of the ladder makes positive definite."""
    return (
        f"the {size} x {size} covariance matrix is not positive definite even with a jitter of {JITTER_LADDER[-1]:g} "
        f"of its mean diagonal {scale:g}; remove rows that are not finite or that contradict each other without noise, "
        "or let the model fit a noise"
    )
