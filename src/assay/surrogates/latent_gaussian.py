"""Posteriors that are Gaussian in latent units: what follows from that for the outputs' own units."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import numpy as np

from assay.surrogates.abstract import AbstractPosterior
from assay.surrogates.quadrature import warped_covariance, warped_moments, warped_moments_gradient
from assay.surrogates.scaling import OutputScaling

__all__ = ["AbstractLatentGaussian"]

Array = np.ndarray


class AbstractLatentGaussian(AbstractPosterior):
    """A posterior that is Gaussian after an increasing map of each output.

    `latent_...` speak in latent units, in which it is Gaussian and lower stays lower: what an acquisition needs.
    A subclass has the field `scaling`, between own and latent units.
    """

    scaling: OutputScaling

    @abstractmethod
    def latent_mean_variance(self, points: Array) -> tuple[Array, Array]:
        """Mean and variance in latent units: (points, outputs) each."""

    @abstractmethod
    def latent_mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        """The same with gradients: (points, outputs) twice, (points, outputs, dimension) twice."""

    @abstractmethod
    def latent_joint(self, points: Array) -> tuple[Array, Array]:
        """Joint mean (points, outputs) and covariance (outputs, points, points) in latent units."""

    @property
    def output_dimension(self) -> int:
        return len(self.scaling.offset)

    @property
    def is_gaussian(self) -> bool:
        return self.scaling.is_affine

    def to_latent(self, values: Array) -> Array:
        """(points, outputs) in own units to latent units, increasing."""
        return self.scaling.to_latent(np.asarray(values, dtype=float))

    def from_latent(self, latent: Array) -> Array:
        """(points, outputs) in latent units to own units, increasing."""
        return self.scaling.from_latent(np.asarray(latent, dtype=float))

    def mean_variance(self, points: Array) -> tuple[Array, Array]:
        mean, variance = self.latent_mean_variance(points)
        if not self.is_gaussian:
            return warped_moments(self.scaling, mean, variance)
        return self.scaling.from_latent(mean), variance * self.scaling.unit**2

    def mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        mean, variance, by_mean, by_variance = self.latent_mean_variance_gradient(points)
        if not self.is_gaussian:
            return warped_moments_gradient(self.scaling, mean, variance, by_mean, by_variance)
        unit = self.scaling.unit
        return (
            self.scaling.from_latent(mean),
            variance * unit**2,
            by_mean * unit[:, None],
            by_variance * unit[:, None] ** 2,
        )

    def quantiles(self, points: Array, probabilities: Array) -> Array:
        from scipy.special import ndtri

        mean, variance = self.latent_mean_variance(points)
        z = ndtri(np.asarray(probabilities, dtype=float))
        return self.scaling.from_latent(mean + np.sqrt(variance) * z[:, None, None])

    def distribution(self, points: Array) -> Callable[[Array], Array]:
        from scipy.special import ndtr

        mean, variance = self.latent_mean_variance(points)
        # At a noiseless datum the distribution is a step.
        deviation = np.sqrt(np.maximum(variance, 1e-300))
        return lambda values: ndtr((self.scaling.to_latent(values) - mean) / deviation)

    def joint(self, points: Array) -> tuple[Array, Array]:
        mean, covariance = self.latent_joint(points)
        if not self.is_gaussian:
            return warped_covariance(self.scaling, mean, covariance)
        return self.scaling.from_latent(mean), covariance * self.scaling.unit[:, None, None] ** 2

    def draw(self, points: Array, count: int, generator: np.random.Generator) -> Array:
        mean, covariance = self.latent_joint(points)
        normal = generator.standard_normal((count, self.output_dimension, len(points)))
        # An eigenvalue root and no Cholesky: a joint covariance at close points is singular to rounding.
        eigenvalues, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))[:, None, :]
        if self.output_correlation is not None:
            # Symmetric roots, since only those of proportional covariances are proportional.
            root = root @ vectors.swapaxes(1, 2)
            normal = np.einsum("kl,clq->ckq", np.linalg.cholesky(self.output_correlation), normal)
        return self.scaling.from_latent(mean + np.einsum("kpq,ckq->cpk", root, normal))
