"""The Bayesian linear model from sums over rows: for designs that do not fit into memory.

    G = Σ b_i [φ_i, y_i]ᵀ [φ_i, y_i]

is all that is kept of the rows, and R comes from a Cholesky decomposition of G and the prior,

    Rᵀ R = G_φφ + diag(a),   R = C D,   C = chol(D⁻¹ (G_φφ + diag(a)) D⁻¹)ᵀ,   D = diag^(1/2).

The columns are scaled before they are factorised, so that units do not count; still the error is of the order eps cond,
where that of `LinearModel.given` is eps sqrt(cond). Sums of disjoint rows add up, so that they can be made apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.errors import NumericalError, UsageError
from assay.numerics.linear_model import LinearModel

__all__ = ["NormalEquations"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class NormalEquations:
    """Sums over rows of data, from which a `LinearModel` is made for any prior.

    Arguments:
        gram: (features + targets, features + targets), G.
        log_normaliser: Σ (log b_i - log 2π)/2.
        feature_count: the number of features.

    Example:
        >>> design, target = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]), np.array([[1.0], [3.0], [5.0]])
        >>> sums = NormalEquations.none(2)
        >>> for row in range(3):
        ...     sums = sums.given(design[row : row + 1], target[row : row + 1], np.ones(1))
        >>> sums.model(np.full(2, 1e-9)).mean[:, 0].round(6).tolist()
        [1.0, 2.0]
    """

    gram: Array
    log_normaliser: float
    feature_count: int

    @staticmethod
    def none(features: int, targets: int = 1) -> NormalEquations:
        """The sums of no rows."""
        return NormalEquations(np.zeros((features + targets, features + targets)), 0.0, features)

    def given(self, design: Array, target: Array, row_precision: Array) -> NormalEquations:
        """The sums with more rows.

        Arguments:
            design: (rows, features), Φ.
            target: (rows, targets), y.
            row_precision: (rows,), b, one over the variance of the noise; a row of precision 0 is as if it were not there.
        """
        rows = np.sqrt(row_precision)[:, None] * np.concatenate([design, target], axis=1)
        present = row_precision[row_precision > 0.0]
        logarithm = 0.5 * float((np.log(present) - math.log(2.0 * math.pi)).sum())
        return NormalEquations(self.gram + rows.T @ rows, self.log_normaliser + logarithm, self.feature_count)

    def and_those_of(self, other: NormalEquations) -> NormalEquations:
        """The sums of the rows of both."""
        if other.gram.shape != self.gram.shape or other.feature_count != self.feature_count:
            raise UsageError(
                f"normal equations are added where features and targets are equal, "
                f"got {other.gram.shape} and {self.gram.shape}"
            )
        return NormalEquations(
            self.gram + other.gram, self.log_normaliser + other.log_normaliser, self.feature_count
        )

    def model(self, precision: Array) -> LinearModel:
        """The posterior of the weights.

        Arguments:
            precision: (features,), a, of the prior; positive.

        Raises:
            NumericalError: where rounding made the matrix indefinite.
        """
        features = self.feature_count
        matrix = self.gram[:features, :features] + np.diag(precision)
        scale = np.sqrt(np.diagonal(matrix))
        try:
            lower = np.linalg.cholesky(matrix / np.outer(scale, scale))
        except np.linalg.LinAlgError as error:
            raise NumericalError(
                f"the normal equations of {features} weights are not positive definite to rounding; "
                "use LinearModel.given, which keeps twice the digits, or a larger prior precision"
            ) from error
        projected = np.linalg.solve(lower, self.gram[:features, features:] / scale[:, None])
        squares = np.diagonal(self.gram)[features:] - (projected**2).sum(axis=0)
        triangle = np.diag(np.concatenate([np.zeros(features), np.sqrt(np.maximum(squares, 0.0))]))
        triangle[:features, :features] = lower.T * scale
        triangle[:features, features:] = projected
        normaliser = np.array(self.log_normaliser + 0.5 * np.log(precision).sum())
        return LinearModel(triangle, normaliser, features)
