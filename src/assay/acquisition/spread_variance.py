"""Where to look to learn responses everywhere: points spread evenly, where the models know least, chosen together.

For a batch B beside the points that are there already, the less the better:

    log D²(placed, B) - w mean_k 1/n log det(Σ_k(B)/s_k² + ε I)

with D² a measure of spread, Σ_k the posterior covariance of response k at the batch and s_k² its prior variance. The
determinant is that of the batch, so that two points where the model knows little but which tell the same count as one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from scipy.linalg import get_lapack_funcs

from assay.acquisition.abstract import AbstractAcquisition
from assay.errors import NumericalError
from assay.numerics.spread import AbstractSpread
from assay.surrogates.abstract import AbstractPosterior
from assay.surrogates.averaged_gaussian_process import AveragedPosterior
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior
from assay.surrogates.latent_gaussian import AbstractLatentGaussian

__all__ = ["BatchUncertainty", "LogSpreadVariance", "SpreadVariance"]

Array = np.ndarray

dpotrf, dpotri = get_lapack_funcs(("potrf", "potri"), dtype=np.float64)


@final
@dataclass(frozen=True)
class BatchUncertainty:
    """mean_k 1/n log det(Σ_k/s_k² + ε I): how much the responses at n points together are unknown.

    Made by `BatchUncertainty.of`.

    Arguments:
        posteriors: of the responses; they know all points that are placed.
        scales: s_k² for each posterior, (outputs,), in the units that it is Gaussian in.
        nugget: ε.
    """

    posteriors: tuple[AbstractPosterior, ...]
    scales: tuple[Array, ...]
    nugget: float

    @staticmethod
    def of(posteriors: Sequence[AbstractPosterior], references: Array, nugget: float) -> BatchUncertainty:
        """With the prior variances of Gaussian processes, and for other models the variance over the reference points.

        Arguments:
            references: (references, dimension), spread over the space.
            nugget: ε, which bounds what two points at one place cost.
        """
        return BatchUncertainty(
            tuple(posteriors), tuple(_prior_variance(one, references) for one in posteriors), nugget
        )

    def value_gradient(self, points: Array) -> tuple[float, Array]:
        """Of one batch (points, dimension), with its derivative."""
        count, responses = len(points), sum(len(scale) for scale in self.scales)
        value, gradient = 0.0, np.zeros(points.shape)
        for posterior, scales in zip(self.posteriors, self.scales, strict=True):
            mean, covariance, pullback = posterior.grouped_pullback(points[None])
            bars = np.empty_like(covariance)
            for k, scale in enumerate(scales):
                log_determinant, inverse = _inverted(covariance[0, k] / scale + self.nugget * np.eye(count))
                value += log_determinant
                bars[0, k] = inverse / scale
            gradient += pullback(np.zeros_like(mean), bars)[0]
        return value / (count * responses), gradient / (count * responses)

    def of_each(self, points: Array) -> tuple[Array, Array]:
        """Of each of many points alone: (points,) and (points, dimension)."""
        responses = sum(len(scale) for scale in self.scales)
        value, gradient = np.zeros(len(points)), np.zeros(points.shape)
        for posterior, scales in zip(self.posteriors, self.scales, strict=True):
            _, variance, _, slope = _moments_gradient(posterior, points)
            seen = variance / scales + self.nugget
            value += np.log(seen).sum(axis=1)
            gradient += np.einsum("pkd,pk->pd", slope, 1.0 / (seen * scales))
        return value / responses, gradient / responses


@final
@dataclass(frozen=True)
class SpreadVariance:
    """log D² - w mean_k 1/n log det(Σ_k/s_k² + ε I) of a batch, which is to be small.

    Arguments:
        spread: D², of the leading columns of a point: those of the design.
        columns: how many columns that are.
        uncertainty: of the responses; None where there is no model, then log D² alone.
        weight: w.
    """

    spread: AbstractSpread
    columns: int
    uncertainty: BatchUncertainty | None = None
    weight: float = 1.0

    def value_gradient(self, points: Array) -> tuple[float, Array]:
        """Of one batch (points, dimension), with its derivative."""
        unevenness, slope = self.spread.value_gradient(points[:, : self.columns])
        gradient = np.zeros(points.shape)
        gradient[:, : self.columns] = slope / unevenness
        if self.uncertainty is None or not self.weight:
            return float(np.log(unevenness)), gradient
        unknown, by_points = self.uncertainty.value_gradient(points)
        return float(np.log(unevenness)) - self.weight * unknown, gradient - self.weight * by_points


@final
@dataclass(frozen=True)
class LogSpreadVariance(AbstractAcquisition):
    """The same for one point at a time, as a worth: w mean_k log(σ_k²(x)/s_k² + ε) - log D²(placed, x).

    Use it to choose the next look while others are open.

    Arguments:
        objective: with the placed points in its spread.
        allowed: for columns of labels, those that may be chosen; others are worth -inf.
    """

    objective: SpreadVariance
    allowed: Mapping[int, Array] = field(default_factory=dict)

    def value(self, points: Array) -> Array:
        return self.value_gradient(points)[0]

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        objective = self.objective
        unevenness, slope = objective.spread.with_each(points[:, : objective.columns])
        value, gradient = -np.log(unevenness), np.zeros(points.shape)
        gradient[:, : objective.columns] = -slope / unevenness[:, None]
        if objective.uncertainty is not None and objective.weight:
            unknown, by_points = objective.uncertainty.of_each(points)
            value, gradient = value + objective.weight * unknown, gradient + objective.weight * by_points
        for column, labels in self.allowed.items():
            value = np.where(np.isin(points[:, column], labels), value, -np.inf)
        return value, gradient


def _inverted(matrix: Array) -> tuple[float, Array]:
    """log det A and A⁻¹ of a symmetric positive definite matrix, which is overwritten.

    Raises:
        NumericalError: when it is not positive definite.
    """
    lower, info = dpotrf(matrix.T, lower=1, overwrite_a=1)  # with zeros above the diagonal
    if info:
        raise NumericalError("the covariance of a batch is not positive definite; take a larger nugget")
    log_determinant = 2.0 * float(np.log(lower.diagonal()).sum())
    below, _ = dpotri(lower, lower=1, overwrite_c=1)
    inverse = below + below.T
    np.fill_diagonal(inverse, below.diagonal())
    return log_determinant, inverse


def _prior_variance(posterior: AbstractPosterior, references: Array) -> Array:
    """s_k² of each output: (outputs,)."""
    if isinstance(posterior, GaussianProcessPosterior):
        return posterior.signal_variance
    if isinstance(posterior, AveragedPosterior):
        return np.mean([member.signal_variance for member in posterior.members], axis=0)
    mean, variance = _moments(posterior, references)
    return np.maximum(mean.var(axis=0) + variance.mean(axis=0), np.finfo(float).tiny)


def _moments(posterior: AbstractPosterior, points: Array) -> tuple[Array, Array]:
    """Mean and variance in the units in which `grouped_pullback` answers."""
    if isinstance(posterior, AbstractLatentGaussian):
        return posterior.latent_mean_variance(points)
    return posterior.mean_variance(points)


def _moments_gradient(posterior: AbstractPosterior, points: Array) -> tuple[Array, Array, Array, Array]:
    if isinstance(posterior, AbstractLatentGaussian):
        return posterior.latent_mean_variance_gradient(points)
    return posterior.mean_variance_gradient(points)
