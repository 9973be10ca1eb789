"""The average of a Gaussian process over Gaussian shifts of its arguments: what a robust optimum is sought in.

    g(x) = E f(x + ξ),   ξ_a ~ N(0, σ_a²)

is a linear functional of f, so that it is Gaussian with it, and its covariances are closed (`kernels.smoothed`). Nothing is
drawn, and the number of shifted arguments alters no cost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.surrogates.abstract import AbstractSurrogate, Fitted
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior
from assay.surrogates.kernels.cross import cross_covariance
from assay.surrogates.kernels.mixtures import ScaleMixture, scale_mixture
from assay.surrogates.kernels.smoothed import SmoothedKernel, smoothed_kernel
from assay.surrogates.latent_gaussian import AbstractLatentGaussian
from assay.surrogates.process import Process, process
from assay.surrogates.scaling import OutputScaling

__all__ = ["SmoothedGaussianProcess", "SmoothedPosterior", "smoothed"]

Array = np.ndarray
# Below it a variance, in squared units of the signal's, is none.
SMALLEST = 1e-30
Pullback = Callable[[Array, Array], Array]

# The most numbers that an array over points, rows and columns holds at once: 32 MB.
_MOST_NUMBERS = 2**22


@final
@dataclass(frozen=True)
class SmoothedPosterior(AbstractLatentGaussian):
    """The average of a Gaussian process over Gaussian shifts of its arguments.

    Use it through `smoothed`. It is conditioned on looks at the process itself, not at the average.

    Arguments:
        sharp: the process, whose kernels are mixtures of squared exponentials.
        deviations: (dimension,), the standard deviation of each argument, in unit coordinates.
        scaling: that of the process; affine.
    """

    sharp: GaussianProcessPosterior
    deviations: Array
    scaling: OutputScaling

    @property
    def dimension(self) -> int:
        return self.sharp.dimension

    @property
    def output_correlation(self) -> Array | None:
        return self.sharp.output_correlation

    def latent_mean_variance(self, points: Array) -> tuple[Array, Array]:
        mean, variance = (np.empty((len(points), self.output_dimension)) for _ in range(2))
        for outputs, member in self._members:
            mean[:, outputs], unit = member.mean_variance(points)
            variance[:, outputs] = unit[:, None] * self.sharp.signal_variance[outputs]
        return mean, variance

    def latent_mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        shape = len(points), self.output_dimension
        mean, variance = np.empty(shape), np.empty(shape)
        by_mean, by_variance = np.empty((*shape, self.dimension)), np.empty((*shape, self.dimension))
        for outputs, member in self._members:
            signal = self.sharp.signal_variance[outputs]
            mean[:, outputs], unit, by_mean[:, outputs], by_unit = member.mean_variance_gradient(points)
            variance[:, outputs] = unit[:, None] * signal
            by_variance[:, outputs] = by_unit[:, None, :] * signal[:, None]
        return mean, variance, by_mean, by_variance

    def latent_joint(self, points: Array) -> tuple[Array, Array]:
        mean, covariance = self.grouped(points[None])
        return mean[0], covariance[0]

    def grouped(self, groups: Array) -> tuple[Array, Array]:
        mean, covariance, _ = self.grouped_pullback(groups)
        return mean, covariance

    def grouped_pullback(self, groups: Array) -> tuple[Array, Array, Pullback]:
        count, size, _ = groups.shape
        mean = np.empty((count, size, self.output_dimension))
        covariance = np.empty((count, self.output_dimension, size, size))
        pullbacks = []
        for outputs, member in self._members:
            mean[..., outputs], unit, pullback = member.grouped_pullback(groups)
            covariance[:, outputs] = unit[:, None] * self.sharp.signal_variance[outputs, None, None]
            pullbacks.append((outputs, pullback))

        def back(mean_bar: Array, covariance_bar: Array) -> Array:
            total = np.zeros(groups.shape)
            for outputs, pullback in pullbacks:
                unit_bar = np.tensordot(
                    self.sharp.signal_variance[outputs], covariance_bar[:, outputs], (0, 1)
                )
                total += pullback(mean_bar[..., outputs], unit_bar)
            return total

        return mean, covariance, back

    def told_by(self, point: Array, looks: Array) -> Array:
        """How much of the variance of the average at one point (dimension,) a look at the process takes away.

            cov(g(point), f(look))²/((var f(look) + noise) var g(point))

        Returns:
            (looks, outputs), between 0 and 1.
        """
        told = np.empty((len(looks), self.output_dimension))
        for outputs, member in self._members:
            told[:, outputs] = member.told_by(point, looks)[:, None]
        return told

    def condition(self, data: Dataset) -> SmoothedPosterior:
        return replace(self, sharp=self.sharp.condition(data))

    def condition_on_inputs(self, points: Array) -> SmoothedPosterior:
        return replace(self, sharp=self.sharp.condition_on_inputs(points))

    @cached_property
    def _members(self) -> list[tuple[Array, _SmoothedProcess]]:
        variance = self.deviations**2
        return [(outputs, _SmoothedProcess(member, variance)) for outputs, member in self.sharp.blocks]


def smoothed(posterior: GaussianProcessPosterior, deviations: Array) -> SmoothedPosterior:
    """The average of a Gaussian process over Gaussian shifts of its arguments.

    Use it to see, or to minimise, what is expected when arguments stray from what was set. A Matern kernel is replaced by a
    mixture of squared exponentials, in the data's covariance too; it differs by 1e-5 of the variance (3e-3 for the roughest).

    Arguments:
        posterior: without warping and without a prior mean.
        deviations: (dimension,), the standard deviation of each argument, in unit coordinates; zero for labels.

    Raises:
        UsageError: for a posterior with warping or with a prior mean.

    Example:
        >>> x = np.linspace(0.0, 1.0, 12)
        >>> data = Dataset.of(x[:, None], (x - 0.5) ** 2)
        >>> fitted = GaussianProcess(noise="none").fit(data, None, np.random.default_rng(0))
        >>> average = smoothed(fitted.posterior, np.array([0.1])).mean_variance(np.array([[0.5]]))[0]
        >>> bool(abs(average[0, 0] - 0.1**2) < 1e-4)
        True
    """
    if not posterior.scaling.is_affine or posterior.prior_mean is not None:
        raise UsageError(
            "a Gaussian process is averaged over shifts only without warping and without a prior mean"
        )
    blocks = tuple((outputs, _with_mixture(member)) for outputs, member in posterior.blocks)
    return SmoothedPosterior(replace(posterior, blocks=blocks), deviations, posterior.scaling)


def _with_mixture(member: Process) -> Process:
    """The process with a mixture of squared exponentials for its kernel, given the same data."""
    prior = replace(member.prior, profile=scale_mixture(member.prior.profile))
    old, new = (_rows_covariance(replace(member, prior=kernel)) for kernel in (member.prior, prior))
    lower = np.asarray(member.factor.lower)
    noise = np.einsum("ij,ij->i", lower, lower) - member.factor.jitter - old.diagonal()
    new[np.diag_indices_from(new)] += np.maximum(noise, 0.0)
    factor = member.algebra.factorise(new)
    return process(member.algebra, prior, member.points, member.derivative, factor, member.latent)


def _rows_covariance(member: Process) -> Array:
    if (member.derivative >= 0).any():
        side = member.points, member.derivative
        return member.prior.covariance(side, side)
    return cross_covariance(np, member.prior.profile, member.rows, member.points) + (
        member.basis @ member.basis.T
    )


@final
@dataclass(frozen=True)
class SmoothedGaussianProcess(AbstractSurrogate):
    """A recipe for a Gaussian process of which only an average over shifts of the arguments counts.

    Use it as any other surrogate where arguments stray from what was set; looks are at what was set.

    Arguments:
        recipe: of the process; without warping and without a prior mean.
        deviations: (dimension,), the standard deviation of each argument, in unit coordinates; zero for labels.
    """

    recipe: GaussianProcess
    deviations: tuple[float, ...]

    def fit(
        self, data: Dataset, state: Mapping[str, Any] | None, generator: np.random.Generator
    ) -> Fitted[SmoothedPosterior]:
        fitted = self.recipe.fit(data, state, generator)
        return Fitted(smoothed(fitted.posterior, np.array(self.deviations)), fitted.state, fitted.info)

    def posterior(self, data: Dataset, state: Mapping[str, Any]) -> SmoothedPosterior:
        return smoothed(self.recipe.posterior(data, state), np.array(self.deviations))


@final
@dataclass(frozen=True)
class _SmoothedProcess:
    """A process as seen through an average over shifts; in units of the signal variance, as `Process`.

    Arguments:
        inner: the process, whose kernel is a mixture.
        variance: (dimension,), of the shifts.
    """

    inner: Process
    variance: Array

    def mean_variance(self, points: Array) -> tuple[Array, Array]:
        """(points, outputs) and (points,)."""
        parts = [self._mean_variance(part) for part in self._chunks(points)]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        """(points, outputs), (points,), (points, outputs, dimension) and (points, dimension)."""
        basis, basis_slopes = self._basis(points), self.inner.prior.trend.basis_gradient(points)
        cross, slopes = self._cross_slopes(points)
        cross = cross + basis @ self.inner.basis.T
        whitened = self.inner.whitened(cross)
        back = self.inner.back(cross, whitened)
        by_mean = self.inner.alpha.T @ slopes
        by_mean += (self.inner.alpha.T @ self.inner.basis) @ basis_slopes
        by_variance = -2.0 * (back[:, None, :] @ slopes)[:, 0]
        by_basis = 2.0 * (basis - back @ self.inner.basis)
        by_variance += (by_basis[:, None, :] @ basis_slopes)[:, 0]
        return cross @ self.inner.alpha, self._variance(basis, whitened), by_mean, by_variance

    def grouped_pullback(self, groups: Array) -> tuple[Array, Array, Pullback]:
        """Joint moments within each group (groups, members, outputs) and (groups, members, members), and the function
        from their bars to that of the groups (groups, members, dimension).
        """
        shape, points = groups.shape[:2], groups.reshape(-1, groups.shape[2])
        basis, basis_slopes = self._basis(points), self.inner.prior.trend.basis_gradient(points)
        cross, slopes = self._cross_slopes(points)
        cross = cross + basis @ self.inner.basis.T
        whitened = self.inner.whitened(cross)
        kernel, kernel_slopes = self._twice.covariance_slopes(groups[:, :, None, :] - groups[:, None, :, :])
        by_group = whitened.reshape(*shape, -1), basis.reshape(*shape, -1)
        covariance = kernel + by_group[1] @ by_group[1].swapaxes(1, 2)
        covariance -= by_group[0] @ by_group[0].swapaxes(1, 2)
        variance = np.einsum("pmm->pm", covariance)
        np.maximum(variance, 0.0, out=variance)

        def pullback(mean_bar: Array, covariance_bar: Array) -> Array:
            symmetric = covariance_bar + covariance_bar.swapaxes(1, 2)
            back = self.inner.back(cross, whitened).reshape(*shape, -1)
            by_row = mean_bar.reshape(len(points), -1) @ self.inner.alpha.T
            by_row -= (symmetric @ back).reshape(by_row.shape)
            by_basis = by_row @ self.inner.basis + (symmetric @ by_group[1]).reshape(basis.shape)
            gradient = (by_row[:, None, :] @ slopes + by_basis[:, None, :] @ basis_slopes)[:, 0]
            within = (symmetric[:, :, None, :] @ kernel_slopes)[:, :, 0]
            return gradient.reshape(groups.shape) + within

        return (cross @ self.inner.alpha).reshape(*shape, -1), covariance, pullback

    def told_by(self, point: Array, looks: Array) -> Array:
        """The share of the variance at a point (dimension,) that a look takes away: (looks,)."""
        prior, basis = self.inner.prior, self._basis(point[None])
        cross = self._cross(point[None]) + basis @ self.inner.basis.T
        covariance = self._once.covariance(point - looks) + (prior.trend.basis(looks) @ basis.T)[:, 0]
        covariance -= self.inner.solved(looks) @ cross[0]
        own = self._variance(basis, self.inner.whitened(cross))[0]
        noisy = self.inner.mean_variance(looks)[1] + prior.noise_ratio
        return covariance**2 / np.maximum(noisy * own, SMALLEST)

    def _mean_variance(self, points: Array) -> tuple[Array, Array]:
        basis = self._basis(points)
        cross = self._cross(points) + basis @ self.inner.basis.T
        return cross @ self.inner.alpha, self._variance(basis, self.inner.whitened(cross))

    def _variance(self, basis: Array, whitened: Array) -> Array:
        prior = self._twice.amplitude.sum() + np.einsum("pq,pq->p", basis, basis)
        return np.maximum(prior - np.einsum("pn,pn->p", whitened, whitened), 0.0)

    def _cross(self, points: Array) -> Array:
        """Of averages at the points with the rows, without trend: (points, rows)."""
        if (self.inner.derivative >= 0).any():
            return self._cross_slopes(points)[0]
        return self._once.covariance(points[:, None, :] - self.inner.points)

    def _cross_slopes(self, points: Array) -> tuple[Array, Array]:
        """The same with the derivative by the points: (points, rows, dimension)."""
        difference = points[:, None, :] - self.inner.points
        if (self.inner.derivative >= 0).any():
            return self._once.rows_covariance_slopes(difference, self.inner.derivative)
        return self._once.covariance_slopes(difference)

    def _basis(self, points: Array) -> Array:
        """The averages of the trend functions: a square gains the variance, all others stay."""
        trend = self.inner.prior.trend
        return trend.basis(points) + trend.basis_curvature(self.variance)

    def _chunks(self, points: Array) -> list[Array]:
        width = max(self.inner.points.shape[1], len(self._once.amplitude))
        step = max(1, _MOST_NUMBERS // (len(self.inner.points) * width))
        return [points[start : start + step] for start in range(0, max(len(points), 1), step)]

    @cached_property
    def _once(self) -> SmoothedKernel:
        return self._kernel(1)

    @cached_property
    def _twice(self) -> SmoothedKernel:
        return self._kernel(2)

    def _kernel(self, times: int) -> SmoothedKernel:
        prior = self.inner.prior
        assert isinstance(prior.profile, ScaleMixture)
        return smoothed_kernel(prior.profile, prior.weights, times * self.variance, prior.categories)
