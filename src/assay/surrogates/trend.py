"""The trend below a Gaussian process: a polynomial whose coefficients are Gaussian and integrated out exactly.

A coefficient with the prior variance b² (in units of the signal variance) adds b² h(x) h(x') to the covariance, so
that evidence, predictions, updates and draws need no special case, and the uncertainty of the trend is part of the
answer.

Source: C. E. Rasmussen, C. K. I. Williams, "Gaussian Processes for Machine Learning", 2006, section 2.7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np

__all__ = ["Trend", "TrendName"]

Array = np.ndarray
TrendName = Literal["zero", "constant", "linear", "quadratic"]


@final
@dataclass(frozen=True)
class Trend:
    """Monomials of the columns that are not categories, about the middle of the unit box.

    Arguments:
        name: "zero" has no function, "constant" one, "linear" adds one for each column, "quadratic" all products.
        variance: b², the prior variance of each coefficient.
        columns: the columns that may appear.
    """

    name: TrendName
    variance: float
    columns: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of functions."""
        count = len(self.columns)
        return {"zero": 0, "constant": 1, "linear": 1 + count, "quadratic": (1 + count) * (2 + count) // 2}[
            self.name
        ]

    def basis(self, points: Any, xp: Any = np) -> Any:
        """sqrt(b²) h(x): (points, size)."""
        one = xp.full((len(points), min(self.size, 1)), math.sqrt(self.variance))
        if self.size <= 1:  # the usual case, in the inner loop of every search
            return one
        x = math.sqrt(self.variance) * (points[:, list(self.columns)] - 0.5)
        if self.name == "linear":
            return xp.concatenate([one, x], axis=1)
        return xp.concatenate([one, x, self._products(xp, points)], axis=1)

    def basis_gradient(self, points: Array) -> Array:
        """The derivative of `basis` by the points: (points, size, dimension)."""
        count, dimension = points.shape
        gradient = np.zeros((count, self.size, dimension))
        if self.name in ("linear", "quadratic"):
            gradient[:, 1 + np.arange(len(self.columns)), list(self.columns)] = 1.0
        if self.name == "quadratic":
            x = points[:, list(self.columns)] - 0.5
            i, j = np.triu_indices(len(self.columns))
            place, column = 1 + len(self.columns) + np.arange(len(i)), np.array(self.columns, dtype=int)
            for left, right in ((i, j), (j, i)):
                gradient[:, place, column[left]] += x[:, right]
        return np.sqrt(self.variance) * gradient

    def basis_curvature(self, variance: Array) -> Array:
        """What shifts of that variance (dimension,) add to the mean of `basis`: (size,), only squares gain."""
        gain = np.zeros(self.size)
        if self.name == "quadratic":
            i, j = np.triu_indices(len(self.columns))
            gain[1 + len(self.columns) :] = np.where(
                i == j, variance[np.array(self.columns, dtype=int)[i]], 0.0
            )
        return math.sqrt(self.variance) * gain

    def rows_basis(self, points: Array, derivative: Array) -> Array:
        """`basis` for values and its derivative for rows that are differentiated: (rows, size)."""
        basis = self.basis(points)
        rows = np.flatnonzero(derivative >= 0)
        if len(rows) and self.size:
            basis[rows] = self.basis_gradient(points[rows])[np.arange(len(rows)), :, derivative[rows]]
        return basis

    def _products(self, xp: Any, points: Any) -> Any:
        x = points[:, list(self.columns)] - 0.5
        i, j = np.triu_indices(x.shape[1])
        return math.sqrt(self.variance) * x[:, i] * x[:, j] if len(i) else xp.zeros((len(x), 0))
