"""The posterior of an exact Gaussian process."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from assay.numerics.threads import blas_threads_for
from assay.surrogates.dataset import Dataset
from assay.surrogates.latent_gaussian import AbstractLatentGaussian
from assay.surrogates.prior_mean import AbstractPriorMean, prior_values
from assay.surrogates.process import Process
from assay.surrogates.scaling import OutputScaling, joined_scaling

__all__ = ["GaussianProcessPosterior", "columns_equal", "joined", "latent_rows", "shared_noise"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class GaussianProcessPosterior(AbstractLatentGaussian):
    """A Gaussian process given data.

    Arguments:
        blocks: the outputs that share a process (those with the same known noise), with that process.
        signal_variance: (outputs,), in squared latent units.
        scaling: between own and latent units.
        prior_mean: what was believed before; in own units.
        correlation: (outputs, outputs), that of the outputs, which then share one block; None: independent.
    """

    blocks: tuple[tuple[Array, Process], ...]
    signal_variance: Array
    scaling: OutputScaling
    prior_mean: AbstractPriorMean | None
    correlation: Array | None = None

    @property
    def output_correlation(self) -> Array | None:
        return self.correlation

    @property
    def dimension(self) -> int:
        return self.blocks[0][1].points.shape[1]

    @property
    def length_scales(self) -> Array:
        """(dimension,), in unit coordinates; where the outputs have their own, the geometric mean of them."""
        return np.exp(np.mean([-0.5 * np.log(member.prior.weights) for _, member in self.blocks], axis=0))

    @property
    def noise_ratio(self) -> float:
        """The fitted noise variance of a value over the signal variance; of the first output where each has its own."""
        return self.blocks[0][1].prior.noise_ratio

    @property
    def jitter(self) -> float:
        """The largest jitter that a factorisation needed, in units of the signal variance; usually 0."""
        return max(member.factor.jitter for _, member in self.blocks)

    @property
    def latent_noise_variance(self) -> Array:
        """(outputs,), the fitted noise of a value, in squared latent units."""
        ratio = np.empty(self.output_dimension)
        for outputs, member in self.blocks:
            ratio[outputs] = member.prior.noise_ratio
        return ratio * self.signal_variance

    def latent_mean(self, points: Array) -> Array:
        """(points, outputs), at a small part of the cost of the variance."""
        mean = self._empty(points)
        for outputs, member in self.blocks:
            mean[:, outputs] = member.mean(points)
        return mean + self._latent_prior(points)

    def latent_mean_variance(self, points: Array) -> tuple[Array, Array]:
        if len(self.blocks) == 1:
            mean, unit = self.blocks[0][1].mean_variance(points)
            variance = unit[:, None] * self.signal_variance
        else:
            mean, variance = self._empty(points), self._empty(points)
            for outputs, member in self.blocks:
                mean[:, outputs], unit = member.mean_variance(points)
                variance[:, outputs] = unit[:, None] * self.signal_variance[outputs]
        return mean + self._latent_prior(points), variance

    def latent_mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        if len(self.blocks) == 1:
            mean, unit, by_mean, by_unit = self.blocks[0][1].mean_variance_gradient(points)
            variance = unit[:, None] * self.signal_variance
            by_variance = by_unit[:, None, :] * self.signal_variance[:, None]
        else:
            mean, variance = self._empty(points), self._empty(points)
            by_mean, by_variance = self._empty(points, self.dimension), self._empty(points, self.dimension)
            for outputs, member in self.blocks:
                signal = self.signal_variance[outputs]
                mean[:, outputs], unit, by_mean[:, outputs], by_unit = member.mean_variance_gradient(points)
                variance[:, outputs] = unit[:, None] * signal
                by_variance[:, outputs] = by_unit[:, None, :] * signal[:, None]
        if self.prior_mean is not None:
            values, slopes = self.prior_mean.value_gradient(points)
            mean, by_mean = mean + values / self.scaling.unit, by_mean + slopes / self.scaling.unit[:, None]
        return mean, variance, by_mean, by_variance

    def latent_joint(self, points: Array) -> tuple[Array, Array]:
        mean = self._empty(points)
        covariance = np.empty((self.output_dimension, len(points), len(points)))
        for outputs, member in self.blocks:
            mean[:, outputs], unit = member.joint(points)
            covariance[outputs] = unit * self.signal_variance[outputs, None, None]
        return mean + self._latent_prior(points), covariance

    def grouped(self, groups: Array) -> tuple[Array, Array]:
        mean, covariance = self._grouped_empty(groups)
        for outputs, member in self.blocks:
            mean[..., outputs], unit = member.grouped(groups)
            covariance[:, outputs] = unit[:, None] * self.signal_variance[outputs, None, None]
        if self.prior_mean is not None:
            mean += self.prior_mean.value(_flat(groups)).reshape(*groups.shape[:2], -1) / self.scaling.unit
        return mean, covariance

    def grouped_pullback(self, groups: Array) -> tuple[Array, Array, Callable[[Array, Array], Array]]:
        mean, covariance = self._grouped_empty(groups)
        pullbacks = []
        for outputs, member in self.blocks:
            mean[..., outputs], unit, pullback = member.grouped_pullback(groups)
            covariance[:, outputs] = unit[:, None] * self.signal_variance[outputs, None, None]
            pullbacks.append(pullback)
        prior_slopes = None
        if self.prior_mean is not None:
            values, slopes = self.prior_mean.value_gradient(_flat(groups))
            mean += values.reshape(*groups.shape[:2], -1) / self.scaling.unit
            prior_slopes = slopes.reshape(*groups.shape[:2], *slopes.shape[1:]) / self.scaling.unit[:, None]

        def back(mean_bar: Array, covariance_bar: Array) -> Array:
            total = np.zeros(groups.shape)
            for (outputs, _), pullback in zip(self.blocks, pullbacks, strict=True):
                unit_bar = np.tensordot(self.signal_variance[outputs], covariance_bar[:, outputs], (0, 1))
                total += pullback(mean_bar[..., outputs], unit_bar)
            if prior_slopes is not None:
                total += (mean_bar[..., None, :] @ prior_slopes)[..., 0, :]
            return total

        return mean, covariance, back

    def condition(self, data: Dataset) -> GaussianProcessPosterior:
        latent, slope = latent_rows(self.scaling, self.prior_mean, data)
        noise = data.noise_variance * slope**2 / self.signal_variance
        blocks = self.blocks
        if self.correlation is not None:
            noise = shared_noise(noise)
        elif len(blocks) == 1 and not columns_equal(noise):
            blocks = _apart(blocks[0][1])
        with blas_threads_for(len(self.blocks[0][1].points)):
            updated = tuple(
                (
                    outputs,
                    member.extended(data.points, data.derivative, noise[:, outputs[0]], latent[:, outputs]),
                )
                for outputs, member in blocks
            )
        return replace(self, blocks=updated)

    def condition_on_inputs(self, points: Array) -> GaussianProcessPosterior:
        with blas_threads_for(len(self.blocks[0][1].points)):
            updated = tuple((outputs, member.extended_blindly(points)) for outputs, member in self.blocks)
        return replace(self, blocks=updated)

    def log_marginal_likelihood(self) -> float:
        """The log density of the data in their own units, given the hyperparameters.

        Under warping the data's density carries the warping's Jacobian, so that warpings can be compared.
        """
        total = 0.0
        for outputs, member in self.blocks:
            size, signal = len(member.points), self.signal_variance[outputs]
            quadratic = np.einsum("nk,nk->k", member.latent, member.alpha)
            log_determinant = member.algebra.log_determinant(member.factor)
            total -= 0.5 * float((quadratic / signal + size * np.log(signal)).sum())
            total -= 0.5 * len(outputs) * (log_determinant + size * math.log(2.0 * math.pi))
            own = self.scaling.from_latent_slope(self._full_latent(member.latent, outputs))[1]
            total -= float(np.log(own[:, outputs]).sum())
        if self.correlation is not None:
            total += self._log_gain(self.blocks[0][1], self.correlation)
        return total

    def latent_leave_one_out(self) -> tuple[Array, Array, Array]:
        """For each row, given all others: its datum, its mean and its variance (noise included), in latent units
        and less the prior mean: (rows, outputs) each. For calibration plots."""
        observed, means, variance = (
            np.empty((len(self.blocks[0][1].points), self.output_dimension)) for _ in range(3)
        )
        for outputs, member in self.blocks:
            means[:, outputs], unit = member.leave_one_out()
            observed[:, outputs] = member.latent
            variance[:, outputs] = unit[:, None] * self.signal_variance[outputs]
        return observed, means, variance

    def _log_gain(self, member: Process, correlation: Array) -> float:
        """What the correlation of the outputs adds to the log density of the data."""
        size = np.sqrt(self.signal_variance)
        quadratic = member.latent.T @ member.alpha / (size[:, None] * size)
        surplus = float((np.linalg.inv(correlation) * quadratic).sum() - np.trace(quadratic))
        return -0.5 * surplus - 0.5 * len(member.points) * float(np.linalg.slogdet(correlation)[1])

    def _latent_prior(self, points: Array) -> Array | float:
        return 0.0 if self.prior_mean is None else self.prior_mean.value(points) / self.scaling.unit

    def _empty(self, points: Array, *more: int) -> Array:
        return np.empty((len(points), self.output_dimension, *more))

    def _grouped_empty(self, groups: Array) -> tuple[Array, Array]:
        count, members, _ = groups.shape
        outputs = self.output_dimension
        return np.empty((count, members, outputs)), np.empty((count, outputs, members, members))

    def _full_latent(self, latent: Array, outputs: Array) -> Array:
        full = np.zeros((len(latent), self.output_dimension))
        full[:, outputs] = latent
        return full


def latent_rows(
    scaling: OutputScaling, prior_mean: AbstractPriorMean | None, data: Dataset
) -> tuple[Array, Array]:
    """The data in latent units, less the prior mean, and dz/dy: (rows, outputs) twice."""
    residual = data.values - prior_values(prior_mean, data)
    latent, slope = scaling.to_latent_slope(residual)
    if data.is_value.all():
        return latent, slope
    return np.where(data.is_value[:, None], latent, residual * slope), slope


def _flat(groups: Array) -> Array:
    return groups.reshape(-1, groups.shape[2])


def joined(
    parts: Sequence[GaussianProcessPosterior], prior_mean: AbstractPriorMean | None
) -> GaussianProcessPosterior:
    """Posteriors of one output each, with the same warping, as one of all; `prior_mean` is that of all."""
    blocks = tuple((np.array([place]), part.blocks[0][1]) for place, part in enumerate(parts))
    signal = np.concatenate([part.signal_variance for part in parts])
    return GaussianProcessPosterior(
        blocks, signal, joined_scaling([part.scaling for part in parts]), prior_mean
    )


def shared_noise(noise: Array) -> Array:
    """The mean over the outputs, for each of them: what correlated outputs can have, as they share one process."""
    return np.broadcast_to(noise.mean(axis=1, keepdims=True), noise.shape)


def columns_equal(noise: Array) -> bool:
    """Whether all outputs have the same known noise."""
    return bool((noise == noise[:, :1]).all())


def _apart(member: Process) -> tuple[tuple[Array, Process], ...]:
    """A shared process as one for each output."""
    outputs = np.arange(member.latent.shape[1])
    return tuple((outputs[k : k + 1], member.with_latent(member.latent[:, k : k + 1])) for k in outputs)
