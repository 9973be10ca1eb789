"""One output of a surrogate, as a quantity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from assay.quantities.abstract import AbstractScalarQuantity
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior

__all__ = ["SelectedOutput"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class SelectedOutput(AbstractScalarQuantity):
    """Output `column` of a posterior, in the units in which the posterior is Gaussian."""

    posterior: GaussianProcessPosterior
    column: int = 0

    def mean_variance(self, points: Array) -> tuple[Array, Array]:
        mean, variance = self.posterior.latent_mean_variance(points)
        return mean[:, self.column], variance[:, self.column]

    def mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        mean, variance, by_mean, by_variance = self.posterior.latent_mean_variance_gradient(points)
        column = self.column
        return mean[:, column], variance[:, column], by_mean[:, column], by_variance[:, column]

    def to_working(self, values: Array) -> Array:
        whole = np.repeat(np.asarray(values, dtype=float)[:, None], self.posterior.output_dimension, axis=1)
        return self.posterior.to_latent(whole)[:, self.column]
