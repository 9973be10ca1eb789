"""Where a look would change the networks of an ensemble most."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from assay.acquisition.abstract import AbstractAcquisition
from assay.surrogates.feature_posterior import FeaturePosterior

__all__ = ["LogSurprise"]

Array = np.ndarray

SMALLEST = 1e-300


@final
@dataclass(frozen=True)
class LogSurprise(AbstractAcquisition):
    """log |∂S/∂w|, with S = Σ_m (μ_m - mean)² the disagreement of the members and w the weights of their last layers.

    Use it to explore with an ensemble of networks. As μ_m = φ_m·w_m and the deviations sum to zero,

        |∂S/∂w|² = 4 Σ_m (μ_m - mean)² |φ_m|²

    is large where members disagree and where their features are strong, so that a datum moves them. What is not known
    yet of open looks leaves a share of the variance, and a share of the surprise.

    Arguments:
        posterior: of an ensemble of at least two members.
        columns: the outputs that count, in latent units, in which all have about the same size.

    Example:
        >>> from assay.surrogates.dataset import Dataset
        >>> from assay.surrogates.neural_ensemble import NeuralEnsemble
        >>> x = np.linspace(0.0, 0.5, 8)[:, None]
        >>> ensemble = NeuralEnsemble(members=4, hidden_widths=(8,), steps=40)
        >>> posterior = ensemble.fit(Dataset.of(x, np.sin(6.0 * x[:, 0])), None, np.random.default_rng(0)).posterior
        >>> near, far = LogSurprise(posterior, np.array([0])).value(np.array([[0.25], [1.0]]))
        >>> bool(far > near)
        True
    """

    posterior: FeaturePosterior
    columns: Array

    def value(self, points: Array) -> Array:
        values = self.posterior.features.values(points)
        apart, strength = self._apart(values), np.einsum("mpf,mpf->mp", values, values)
        surprise = 0.5 * np.log(np.maximum(4.0 * np.einsum("kmp,mp->p", apart**2, strength), SMALLEST))
        for posterior, sign in self._looked:
            variance = posterior.latent_mean_variance(points)[1][:, self.columns].sum(axis=1)
            surprise = surprise + sign * 0.5 * np.log(np.maximum(variance, SMALLEST))
        return surprise

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        values, slopes = self.posterior.features.values_slopes(points)
        apart, strength = self._apart(values), np.einsum("mpf,mpf->mp", values, values)
        total = np.maximum(np.einsum("kmp,mp->p", apart**2, strength), SMALLEST)
        by_mean = 2.0 * apart * strength
        by_mean -= by_mean.mean(axis=1, keepdims=True)
        by_values = np.einsum("kmp,kmf->mpf", by_mean, self._weights)
        by_values += 2.0 * (apart**2).sum(axis=0)[..., None] * values
        gradient = np.einsum("mpf,mpfd->pd", by_values, slopes) / total[:, None]
        surprise, gradient = 0.5 * np.log(4.0 * total), 0.5 * gradient
        for posterior, sign in self._looked:
            _, variance, _, slope = posterior.latent_mean_variance_gradient(points)
            left = np.maximum(variance[:, self.columns].sum(axis=1), SMALLEST)
            surprise = surprise + sign * 0.5 * np.log(left)
            gradient = gradient + sign * 0.5 * slope[:, self.columns].sum(axis=1) / left[:, None]
        return surprise, gradient

    @property
    def _weights(self) -> Array:
        """(columns, members, size), of the last layers."""
        return self.posterior.model.mean[self.columns, :, :, 0]

    def _apart(self, values: Array) -> Array:
        """μ_m - mean, (columns, members, points), from features (members, points, size)."""
        means = np.einsum("kmf,mpf->kmp", self._weights, values)
        return means - means.mean(axis=1, keepdims=True)

    @property
    def _looked(self) -> tuple[tuple[FeaturePosterior, float], ...]:
        """The belief with the open looks, and that without them, to be divided by; none where no look is open."""
        if not len(self.posterior.looks):
            return ()
        return (self.posterior, 1.0), (replace(self.posterior, looks=self.posterior.looks[:0]), -1.0)
