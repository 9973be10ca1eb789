"""The squared distance of a vector from a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from assay.errors import UsageError
from assay.quantities.abstract import AbstractQuadraticVariable, Affine, Place, Square

__all__ = ["ChiSquaredValue", "whitening"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class ChiSquaredValue(AbstractQuadraticVariable):
    """χ² = (y - t)ᵀ C⁻¹ (y - t), for least squares.

    Of a Gaussian vector it follows a generalised chi-squared distribution, with exact moments and quantiles.

    Arguments:
        name: of the variable and of its output.
        input_name: y, with k outputs.
        target: t, (k,).
        covariance: C, (k, k) positive definite; or (k,), the variances, where the entries are independent.
        approximate: see `QuadraticLaw`.

    Raises:
        UsageError: when the lengths differ, or the covariance is not positive definite.

    Example:
        >>> chi2 = ChiSquaredValue("chi2", "loss", np.array([1.0, 2.0]), np.array([0.25, 4.0]))
        >>> np.diag(chi2.whitening).tolist()
        [2.0, 0.5]
    """

    name: str
    input_name: str
    target: Array
    covariance: Array
    approximate: bool = False

    def __post_init__(self) -> None:
        if len(self.covariance) != len(self.target):
            raise UsageError(
                f"the target and the covariance of the variable {self.name!r} must have one length, "
                f"got {len(self.target)} and {len(self.covariance)}"
            )
        _ = self.whitening

    @property
    def output_names(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input_name,)

    @property
    def own_normals(self) -> int:
        return 0

    @cached_property
    def whitening(self) -> Array:
        """(k, k), A with AᵀA = C⁻¹."""
        return whitening(self.covariance, self.name)

    def square(self, place: Place) -> Square:  # noqa: ARG002 - the same everywhere
        matrix = self.whitening
        affine = Affine(-(matrix @ self.target)[None], (matrix[None],))
        return Square(affine, np.zeros(1), approximate=self.approximate)


def whitening(covariance: Array | Sequence[float], name: str) -> Array:
    """A with AᵀA = C⁻¹, diagonal where C is, for the covariance (k, k) or the variances (k,) of a target.

    Raises:
        UsageError: when C is not symmetric and positive definite; `name` is whose it is.
    """
    given = np.asarray(covariance, dtype=float)
    if given.ndim == 1:
        if not (given > 0).all():
            raise UsageError(f"the variances of the variable {name!r} must be positive, got {given.min():g}")
        return np.diag(1.0 / np.sqrt(given))
    if given.shape != (len(given), len(given)) or not np.allclose(given, given.T, rtol=1e-10, atol=0.0):
        raise UsageError(f"the covariance of the variable {name!r} must be a symmetric square")
    try:
        lower = np.linalg.cholesky(given)
    except np.linalg.LinAlgError:
        least = np.linalg.eigvalsh(given)[0]
        raise UsageError(
            f"the covariance of the variable {name!r} must be positive definite, got the eigenvalue {least:g}"
        ) from None
    return np.linalg.inv(lower)
