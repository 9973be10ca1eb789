"""The posterior of models that are linear in features: a Bayesian linear model, or an ensemble of them.

Member m has whitened features ψ_m = R_m⁻ᵀ φ_m, so that its mean is μ_m = ψ_m·z_m and its covariance ψ_m·ψ_m'. The
ensemble is a Gaussian with the mixture's mean and, for κ = 1, its covariance, times a calibration factor s:

    mean = (1/M) Σ μ_m,   cov = (s/M) Σ (ψ_m·ψ_m' + κ (μ_m - mean)(μ_m' - mean'))

This is an inner product of one vector Ψ(x) = sqrt(s/M) [ψ_1, ..., ψ_M, sqrt(κ) (μ_1 - mean), ..., sqrt(κ) (μ_M - mean)]:
looks whose results are not known yet take away the part of it that they would tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np

from assay.numerics.linear_model import LinearModel
from assay.numerics.threads import single_threaded_blas
from assay.surrogates.dataset import Dataset
from assay.surrogates.features import AbstractFeatures, rows_design
from assay.surrogates.gaussian_process_posterior import latent_rows
from assay.surrogates.latent_gaussian import AbstractLatentGaussian
from assay.surrogates.prior_mean import AbstractPriorMean
from assay.surrogates.scaling import OutputScaling
from assay.surrogates.warping import IdentityWarping

__all__ = ["FeaturePosterior", "RowNoise", "affine_scaling", "feature_posterior"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class RowNoise:
    """The fitted noise of rows, in squared latent units over the calibration factor.

    Arguments:
        value: (outputs,), of a value.
        slope: (dimension,), that of a derivative by each column, in units of a value's.
    """

    value: Array
    slope: Array

    def variance(self, data: Dataset, known: Array) -> Array:
        """(outputs, rows), fitted and known noise of the rows of a dataset; `known` is (rows, outputs)."""
        return known.T + self.value[:, None] * self.factor(data)

    def factor(self, data: Dataset) -> Array:
        """(rows,), the noise of each row in units of a value's."""
        return np.where(data.is_value, 1.0, self.slope[np.maximum(data.derivative, 0)])


@final
@dataclass(frozen=True)
class FeaturePosterior(AbstractLatentGaussian):
    """A Gaussian that is linear in features, given data.

    Arguments:
        features: of all members.
        model: the weights' posterior; its batch is (outputs, members).
        calibration: (outputs,), s.
        spread: κ, the weight of the members' disagreement.
        noise: of the rows.
        scaling: between own and latent units; affine.
        prior_mean: what was believed before; in own units.
        looks: (looks, dimension), points whose results are not known yet.
    """

    features: AbstractFeatures
    model: LinearModel
    calibration: Array
    spread: float
    noise: RowNoise
    scaling: OutputScaling
    prior_mean: AbstractPriorMean | None
    looks: Array

    @property
    def dimension(self) -> int:
        return self.features.dimension

    @property
    def output_correlation(self) -> Array | None:
        return None

    @property
    def members(self) -> int:
        """The number of models that are averaged."""
        return self.model.triangle.shape[1]

    @property
    def latent_noise_variance(self) -> Array:
        """(outputs,), the fitted noise of a value, in squared latent units."""
        return self.calibration * self.noise.value

    def member_means(self, points: Array) -> Array:
        """What each member predicts, in own units: (members, points, outputs)."""
        means = self._whitened(self.features.values(points))[1]
        return self.scaling.from_latent(np.moveaxis(means, 0, 2) + self._latent_prior(points))

    def latent_mean_variance(self, points: Array) -> tuple[Array, Array]:
        mean, vectors = self._vectors(self.features.values(points))
        variance = np.einsum("kpj,kpj->pk", vectors, vectors)
        if len(self.looks):
            told = self._told(vectors)
            variance = np.maximum(variance - np.einsum("kpq,kpq->pk", told, told), 0.0)
        return mean.T + self._latent_prior(points), variance

    def latent_mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        values, slopes = self.features.values_slopes(points)
        mean, vectors = self._vectors(values)
        bar = vectors
        variance = np.einsum("kpj,kpj->pk", vectors, vectors)
        if len(self.looks):
            told = self._told(vectors)
            variance = np.maximum(variance - np.einsum("kpq,kpq->pk", told, told), 0.0)
            bar = vectors - told @ self._look_root
        by_variance = 2.0 * self._feature_bar(bar)
        by_mean = self.model.mean[..., 0] / self.members
        mean_gradient = np.einsum("kmf,mpfd->pkd", by_mean, slopes, optimize=True)
        variance_gradient = np.einsum("kmpf,mpfd->pkd", by_variance, slopes, optimize=True)
        latent = mean.T
        if self.prior_mean is not None:
            prior, prior_slopes = self.prior_mean.value_gradient(points)
            latent = latent + prior / self.scaling.unit
            mean_gradient = mean_gradient + prior_slopes / self.scaling.unit[:, None]
        return latent, variance, mean_gradient, variance_gradient

    def latent_joint(self, points: Array) -> tuple[Array, Array]:
        mean, vectors = self._vectors(self.features.values(points))
        covariance = vectors @ np.swapaxes(vectors, 1, 2)
        if len(self.looks):
            told = self._told(vectors)
            covariance = covariance - told @ np.swapaxes(told, 1, 2)
        return mean.T + self._latent_prior(points), covariance

    def grouped(self, groups: Array) -> tuple[Array, Array]:
        points = groups.reshape(-1, groups.shape[2])
        mean, vectors = self._vectors(self.features.values(points))
        return self._of_groups(groups, mean.T + self._latent_prior(points), vectors)[:2]

    def grouped_pullback(self, groups: Array) -> tuple[Array, Array, Callable[[Array, Array], Array]]:
        points = groups.reshape(-1, groups.shape[2])
        values, slopes = self.features.values_slopes(points)
        means, vectors = self._vectors(values)
        latent, prior_slopes = means.T, None
        if self.prior_mean is not None:
            prior, prior_slopes = self.prior_mean.value_gradient(points)
            latent = latent + prior / self.scaling.unit
        mean, covariance, left = self._of_groups(groups, latent, vectors)

        def pullback(mean_bar: Array, covariance_bar: Array) -> Array:
            flat = mean_bar.reshape(len(points), -1)
            symmetric = np.moveaxis(covariance_bar + covariance_bar.swapaxes(2, 3), 1, 0)
            bar = self._feature_bar((symmetric @ left).reshape(vectors.shape)).sum(axis=0)
            bar = bar + np.einsum("pk,kmf->mpf", flat, self.model.mean[..., 0] / self.members)
            gradient = np.einsum("mpf,mpfd->pd", bar, slopes, optimize=True)
            if prior_slopes is not None:
                gradient += ((flat / self.scaling.unit)[:, None] @ prior_slopes)[:, 0]
            return gradient.reshape(groups.shape)

        return mean, covariance, pullback

    def condition(self, data: Dataset) -> FeaturePosterior:
        with single_threaded_blas():
            return replace(self, model=_given(self.model, self, data))

    def condition_on_inputs(self, points: Array) -> FeaturePosterior:
        return replace(self, looks=np.concatenate([self.looks, points]))

    def _whitened(self, values: Array) -> tuple[Array, Array]:
        """ψ (outputs, members, points, size) and μ (outputs, members, points)."""
        whitened = self.model.whitened(values)
        return whitened, (whitened @ self.model.projected)[..., 0]

    def _vectors(self, values: Array) -> tuple[Array, Array]:
        """The mean (outputs, points) and Ψ (outputs, points, members * (size + 1)); one member has no spread."""
        whitened, means = self._whitened(values)
        mean = means.mean(axis=1)
        outputs, members, points, size = whitened.shape
        factor = np.sqrt(self.calibration / members)[:, None, None]
        vectors = np.moveaxis(whitened, 1, 2).reshape(outputs, points, members * size)
        if members > 1:
            apart = math.sqrt(self.spread) * (means - mean[:, None])
            vectors = np.concatenate([vectors, np.moveaxis(apart, 1, 2)], axis=2)
        return mean, factor * vectors

    def _of_groups(self, groups: Array, mean: Array, vectors: Array) -> tuple[Array, Array, Array]:
        """Mean and covariance of groups from those of their points, and what is left of Ψ beside the looks,
        (outputs, groups, members of a group, members * (size + 1))."""
        shape = groups.shape[:2]
        own = vectors.reshape(len(vectors), *shape, -1)
        left = own
        if len(self.looks):
            left = (vectors - self._told(vectors) @ self._look_root).reshape(own.shape)
        covariance = np.moveaxis(left @ np.swapaxes(own, 2, 3), 0, 1).copy()
        variance = np.einsum("pkmm->pkm", covariance)
        np.maximum(variance, 0.0, out=variance)
        return mean.reshape(*shape, -1), covariance, left

    def _feature_bar(self, bar: Array) -> Array:
        """From the derivative of a sum by Ψ to its derivative by the features: (outputs, members, points, size)."""
        outputs, points, _ = bar.shape
        members, size = self.members, self.model.feature_count
        factor = np.sqrt(self.calibration / members)[:, None, None, None]
        whitened = np.moveaxis(bar[:, :, : members * size].reshape(outputs, points, members, size), 2, 1)
        if members > 1:
            apart = math.sqrt(self.spread) * np.moveaxis(bar[:, :, members * size :], 2, 1)
            apart = apart - apart.mean(axis=1, keepdims=True)
            whitened = whitened + apart[..., None] * np.swapaxes(self.model.projected, -1, -2)
        return factor * (whitened @ np.swapaxes(self.model.inverse_root, -1, -2))

    @cached_property
    def _look_root(self) -> Array:
        """G⁻¹ Ψ(looks), (outputs, looks, members * (size + 1)), with G Gᵀ the looks' covariance and noise."""
        vectors = self._vectors(self.features.values(self.looks))[1]
        covariance = vectors @ np.swapaxes(vectors, 1, 2)
        noise = self.latent_noise_variance + 1e-12 * np.einsum("kqq->k", covariance)
        lower = np.linalg.cholesky(covariance + noise[:, None, None] * np.eye(len(self.looks)))
        return np.linalg.solve(lower, vectors)

    def _told(self, vectors: Array) -> Array:
        """(outputs, points, looks): what the looks tell of each point."""
        return vectors @ np.swapaxes(self._look_root, 1, 2)

    def _latent_prior(self, points: Array) -> Array | float:
        return 0.0 if self.prior_mean is None else self.prior_mean.value(points) / self.scaling.unit


def feature_posterior(
    features: AbstractFeatures,
    prior_precision: Array,
    calibration: Array,
    spread: float,
    noise: RowNoise,
    scaling: OutputScaling,
    prior_mean: AbstractPriorMean | None,
    data: Dataset,
) -> FeaturePosterior:
    """The posterior given data.

    Arguments:
        prior_precision: (outputs, members or 1, size), of the weights, in latent units.
        calibration, spread, noise, scaling, prior_mean: as of the class.
    """
    before = FeaturePosterior(
        features,
        LinearModel.prior(prior_precision),
        calibration,
        spread,
        noise,
        scaling,
        prior_mean,
        np.empty((0, data.dimension)),
    )
    return before.condition(data)


def affine_scaling(offset: Array, scale: Array) -> OutputScaling:
    """The scaling that only shifts and stretches: both (outputs,)."""
    outputs = len(offset)
    return OutputScaling(
        IdentityWarping(), offset, scale, np.empty((outputs, 0)), np.zeros(outputs), np.ones(outputs)
    )


def _given(model: LinearModel, posterior: FeaturePosterior, data: Dataset) -> LinearModel:
    """The weights' posterior after more rows."""
    latent, slope = latent_rows(posterior.scaling, posterior.prior_mean, data)
    variance = posterior.noise.variance(data, data.noise_variance * slope**2 / posterior.calibration)
    return model.given(
        rows_design(posterior.features, data), latent.T[:, None, :, None], 1.0 / variance[:, None, :]
    )
