"""A Gaussian process given data, in latent units: the numbers behind a posterior.

With rows of covariance σ² R, L Lᵀ = R, prior covariance σ² k and α = R⁻¹ z:

    mean(x) = k(x)ᵀ α,   variance(x) = σ² (k(x, x) - |L⁻¹ k(x)|²)

L⁻¹ is kept, not R⁻¹: its products lose sqrt(cond R) instead of cond R. From a thousand rows on it is not worth its
making, and each answer is a solution with L.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from assay.errors import NumericalError
from assay.numerics.linalg import AbstractLinearAlgebra, Factor
from assay.surrogates.kernels.cross import (
    Rows,
    cross_covariance,
    cross_covariance_slopes,
    group_contraction,
    group_covariance_slopes,
    rows_of,
    slopes_contraction,
)
from assay.surrogates.kernels.pairs import rows_covariance
from assay.surrogates.kernels.profiles import AbstractRadialProfile
from assay.surrogates.trend import Trend

__all__ = ["Process", "ProcessPrior", "process"]

Array = np.ndarray

# Below so many rows L⁻¹ pays.
_MANY_ROWS = 1000
# The most covariances between points and rows that are held at once: 64 MB.
_MOST_PAIRS = 2**23


@dataclass(frozen=True)
class ProcessPrior:
    """The prior covariance, in units of the signal variance.

    Arguments:
        weights: (dimension,), 1/l².
        categories: (dimension,), True where the column holds labels.
        noise_ratio: η, each row's in units of its own prior variance without trend.
    """

    profile: AbstractRadialProfile
    trend: Trend
    weights: Array
    categories: Array
    noise_ratio: float

    def covariance(self, left: tuple[Array, Array], right: tuple[Array, Array]) -> Array:
        """Of all rows with all rows, trend included, without noise; a side is (points, derivative)."""
        kernel = rows_covariance(np, self.profile, left, right, self.categories, self.weights)
        return kernel + self.trend.rows_basis(*left) @ self.trend.rows_basis(*right).T

    def noise(self, derivative: Array) -> Array:
        """The noise that η stands for: (rows,)."""
        slope = self.profile.derivatives(np, np.zeros(1), 1)[1][0]
        own = np.where(derivative < 0, 1.0, -2.0 * slope * self.weights[np.maximum(derivative, 0)])
        return self.noise_ratio * own


@dataclass(frozen=True)
class Process:
    """A process given rows of data. All moments are in units of the signal variance.

    Arguments:
        points, derivative: of the rows.
        latent: (rows, outputs), the data less the prior mean.
        rows, basis: the rows prepared for cross covariances, and their trend functions.
        factor, alpha: L and R⁻¹ z.
        inverse_lower: L⁻¹, or None where there are many rows.
    """

    algebra: AbstractLinearAlgebra
    prior: ProcessPrior
    points: Array
    derivative: Array
    latent: Array
    rows: Rows
    basis: Array
    factor: Factor
    inverse_lower: Array | None
    alpha: Array

    def mean(self, points: Array) -> Array:
        """(points, outputs)."""
        return self._cross(points) @ self.alpha

    def mean_variance(self, points: Array) -> tuple[Array, Array]:
        """(points, outputs) and (points,)."""
        at_once = max(_MOST_PAIRS // len(self.points), 1)
        if len(points) > at_once:
            starts = range(0, len(points), at_once)
            parts = [self.mean_variance(points[start : start + at_once]) for start in starts]
            return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
        cross = self._cross(points)
        return cross @ self.alpha, self._variance(self.prior.trend.basis(points), self.whitened(cross))

    def mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        """(points, outputs), (points,), (points, outputs, dimension) and (points, dimension)."""
        trend = self.prior.trend
        basis = trend.basis(points)
        cross, slopes = cross_covariance_slopes(np, self.prior.profile, self.rows, points)
        cross = cross + basis @ self.basis.T
        whitened = self.whitened(cross)
        back = self.back(cross, whitened)
        outputs, count = self.alpha.shape[1], len(points)
        by_row = np.empty((count, outputs + 1, len(self.points)))
        by_row[:, :-1] = self.alpha.T
        np.multiply(back, -2.0, out=by_row[:, -1])
        gradient = slopes_contraction(self.rows, slopes, by_row)
        if trend.size > 1:
            basis_gradient = trend.basis_gradient(points)
            gradient = gradient + (by_row @ self.basis) @ basis_gradient
            gradient[:, -1] += 2.0 * np.einsum("pq,pqd->pd", basis, basis_gradient)
        return cross @ self.alpha, self._variance(basis, whitened), gradient[:, :-1], gradient[:, -1]

    def joint(self, points: Array) -> tuple[Array, Array]:
        """(points, outputs) and (points, points)."""
        cross = self._cross(points)
        whitened = self.whitened(cross)
        side = (points, np.full(len(points), -1))
        return cross @ self.alpha, self.prior.covariance(side, side) - whitened @ whitened.T

    def grouped(self, groups: Array) -> tuple[Array, Array]:
        """Joint moments within each group of points: (groups, members, outputs) and (groups, members, members)."""
        points = groups.reshape(-1, groups.shape[2])
        return self._within(groups, self.prior.trend.basis(points), self._cross(points))[:2]

    def grouped_pullback(self, groups: Array) -> tuple[Array, Array, Callable[[Array, Array], Array]]:
        """The same, and the function from their bars to that of the groups (groups, members, dimension).

        The outputs' bars are summed before the kernel is differentiated, so that fifty outputs cost as much as one.
        """
        trend, points = self.prior.trend, groups.reshape(-1, groups.shape[2])
        basis = trend.basis(points)
        cross, slopes = cross_covariance_slopes(np, self.prior.profile, self.rows, points)
        cross = cross + basis @ self.basis.T
        mean, covariance, whitened, group_slopes = self._within(groups, basis, cross)

        def pullback(mean_bar: Array, covariance_bar: Array) -> Array:
            symmetric = 0.5 * (covariance_bar + covariance_bar.swapaxes(1, 2))
            by_row = mean_bar.reshape(len(points), -1) @ self.alpha.T
            back = self.back(cross, whitened.reshape(cross.shape)).reshape(whitened.shape)
            by_row -= 2.0 * (symmetric @ back).reshape(by_row.shape)
            gradient = slopes_contraction(self.rows, slopes, by_row[:, None, :])[:, 0]
            if trend.size > 1:
                within = 2.0 * (symmetric @ basis.reshape(*groups.shape[:2], -1))
                basis_bar = by_row @ self.basis + within.reshape(basis.shape)
                gradient = gradient + np.einsum("pq,pqd->pd", basis_bar, trend.basis_gradient(points))
            return gradient.reshape(groups.shape) + group_contraction(self.rows, group_slopes, symmetric)

        return mean, covariance, pullback

    def extended(self, points: Array, derivative: Array, noise: Array, latent: Array) -> Process:
        """The process given more rows, by a rank update.

        Arguments:
            noise: (rows,), the known noise of the new rows, in units of the signal variance.
        """
        old, new = (self.points, self.derivative), (points, derivative)
        cross = self.prior.covariance(old, new)
        corner = self.prior.covariance(new, new) + np.diag(self.prior.noise(derivative) + noise)
        try:
            factor = self.algebra.extend(self.factor, cross, corner)
        except NumericalError:
            # Singular to rounding: the whole matrix may still be factorised, with a larger jitter.
            lower = np.asarray(self.factor.lower)
            whole = lower @ lower.T - self.factor.jitter * np.eye(len(self.points))
            factor = self.algebra.factorise(np.block([[whole, cross], [cross.T, corner]]))
        rows = np.concatenate([self.points, points]), np.concatenate([self.derivative, derivative])
        return process(self.algebra, self.prior, *rows, factor, np.concatenate([self.latent, latent]))

    def extended_blindly(self, points: Array) -> Process:
        """The process given looks at points whose results are not known: the mean stays, the variance shrinks."""
        values = np.full(len(points), -1)
        return self.extended(points, values, np.zeros(len(points)), self.mean(points))

    def with_latent(self, latent: Array) -> Process:
        """The same rows with other data."""
        return replace(self, latent=latent, alpha=self.algebra.solve(self.factor, latent))

    def solved(self, points: Array) -> Array:
        """R⁻¹ times the covariances of values at points with the rows: (points, rows)."""
        cross = self._cross(points)
        return self.back(cross, self.whitened(cross))

    def profiled_signal(self, signal_weight: float) -> Array:
        """The signal variance of each output at its optimum: (outputs,). See `evidence`."""
        quadratic = np.einsum("nk,nk->k", self.latent, self.alpha)
        return (quadratic + signal_weight) / (len(self.points) + signal_weight)

    def leave_one_out(self) -> tuple[Array, Array]:
        """Mean (rows, outputs) and variance (rows,) of each row, noise included, given all others.

        Source: S. Sundararajan, S. S. Keerthi, Neural Computation 13, 1103 (2001), equations 3.4 and 3.5.
        """
        inverse = self.explicit_inverse()
        precision = np.einsum("ij,ij->j", inverse, inverse)
        return self.latent - self.alpha / precision[:, None], 1.0 / precision

    def explicit_inverse(self) -> Array:
        """L⁻¹, made where it is not kept."""
        kept = self.inverse_lower
        return self.algebra.inverse_lower(self.factor) if kept is None else kept

    def whitened(self, cross: Array) -> Array:
        """(L⁻¹ k)ᵀ, from (points, rows) covariances k with the rows."""
        if self.inverse_lower is None:
            return self.algebra.solve_triangular(self.factor, cross.T).T
        return cross @ self.inverse_lower.T

    def back(self, cross: Array, whitened: Array) -> Array:
        """(R⁻¹ k)ᵀ, from k and (L⁻¹ k)ᵀ."""
        if self.inverse_lower is None:
            return self.algebra.solve(self.factor, cross.T).T
        return whitened @ self.inverse_lower

    def _cross(self, points: Array) -> Array:
        kernel = cross_covariance(np, self.prior.profile, self.rows, points)
        return kernel + self.prior.trend.basis(points) @ self.basis.T

    def _within(
        self, groups: Array, basis: Array, cross: Array
    ) -> tuple[Array, Array, Array, tuple[Array, Array]]:
        """Mean, covariance, L⁻¹ k and the kernel's slopes of groups, from what their points have with the rows."""
        shape = groups.shape[:2]
        kernel, slopes = group_covariance_slopes(self.prior.profile, self.rows, groups)
        whitened, basis = self.whitened(cross).reshape(*shape, -1), basis.reshape(*shape, -1)
        covariance = kernel + basis @ basis.swapaxes(1, 2) - whitened @ whitened.swapaxes(1, 2)
        variance = np.einsum("pmm->pm", covariance)
        np.maximum(variance, 0.0, out=variance)
        return (cross @ self.alpha).reshape(*shape, -1), covariance, whitened, slopes

    def _variance(self, basis: Array, whitened: Array) -> Array:
        prior = 1.0 + np.einsum("pq,pq->p", basis, basis)
        return np.maximum(prior - np.einsum("pn,pn->p", whitened, whitened), 0.0)


def process(
    algebra: AbstractLinearAlgebra,
    prior: ProcessPrior,
    points: Array,
    derivative: Array,
    factor: Factor,
    latent: Array,
) -> Process:
    """The process given rows whose covariance has been factorised."""
    return Process(
        algebra,
        prior,
        points,
        derivative,
        latent,
        rows_of(points, derivative, prior.weights, prior.categories),
        prior.trend.rows_basis(points, derivative),
        factor,
        algebra.inverse_lower(factor) if len(points) < _MANY_ROWS else None,
        algebra.solve(factor, latent),
    )
