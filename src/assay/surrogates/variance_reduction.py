"""What a look would take from the variance of a Gaussian process elsewhere, before its result is known.

With the posterior covariance c(x, r) of the process, a look at x with noise η leaves at r the variance
v(r) - c(x, r)²/(v(x) + η), whatever it sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from assay.surrogates.kernels.cross import (
    Rows,
    cross_covariance,
    cross_covariance_slopes,
    rows_of,
    slopes_contraction,
)
from assay.surrogates.process import Process

__all__ = ["VarianceReduction"]

Array = np.ndarray

# In units of the signal variance: nothing is looked at more sharply, so that a look beside an old one, where c² and v both
# vanish, is worth nothing instead of 0/0.
SHARPEST = 1e-8


@final
@dataclass(frozen=True)
class VarianceReduction:
    """The mean over reference points of what a look at x takes from the variance, in units of the signal variance.

    Arguments:
        member: the process.
        rows, basis: the reference points prepared for cross covariances, and their trend functions.
        solved: (references, data), R⁻¹ times their covariances with the data.
    """

    member: Process
    rows: Rows
    basis: Array
    solved: Array

    @staticmethod
    def of(member: Process, references: Array) -> VarianceReduction:
        """For reference points (references, dimension)."""
        prior = member.prior
        values = np.full(len(references), -1)
        rows = rows_of(references, values, prior.weights, prior.categories)
        return VarianceReduction(member, rows, prior.trend.basis(references), member.solved(references))

    def value(self, points: Array) -> Array:
        """(points,), not negative."""
        member = self.member
        basis = member.prior.trend.basis(points)
        kernel = cross_covariance(np, member.prior.profile, self.rows, points)
        data = cross_covariance(np, member.prior.profile, member.rows, points) + basis @ member.basis.T
        covariance = kernel + basis @ self.basis.T - data @ self.solved.T
        _, variance = member.mean_variance(points)
        return np.einsum("pr,pr->p", covariance, covariance) / (len(self.basis) * self._seen(variance))

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        """(points,) and (points, dimension)."""
        member, trend, profile = self.member, self.member.prior.trend, self.member.prior.profile
        basis = trend.basis(points)
        kernel, slopes = cross_covariance_slopes(np, profile, self.rows, points)
        data, data_slopes = cross_covariance_slopes(np, profile, member.rows, points)
        covariance = kernel + basis @ self.basis.T - (data + basis @ member.basis.T) @ self.solved.T
        by_data = covariance @ self.solved
        gradient = slopes_contraction(self.rows, slopes, covariance[:, None])[:, 0]
        gradient -= slopes_contraction(member.rows, data_slopes, by_data[:, None])[:, 0]
        by_basis = covariance @ self.basis - by_data @ member.basis
        gradient += np.einsum("pq,pqd->pd", by_basis, trend.basis_gradient(points))
        _, variance, _, by_variance = member.mean_variance_gradient(points)
        seen = self._seen(variance)[:, None]
        squares = np.einsum("pr,pr->p", covariance, covariance)[:, None]
        total = len(self.basis) * seen
        return (squares / total)[:, 0], (2.0 * gradient - squares / seen * by_variance) / total

    def _seen(self, variance: Array) -> Array:
        return variance + max(self.member.prior.noise_ratio, SHARPEST)
