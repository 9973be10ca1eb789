"""Covariances of a function that is averaged over Gaussian shifts of its arguments.

With a kernel Σ_j p_j exp(-t_j/2 Σ_a w_a δ_a²) and shifts of variance v_a, each squared exponential stays one:

    E k(x + ξ, x') = Σ_j p_j Π_a (1 + t_j w_a v_a)^(-1/2) exp(-½ Σ_a t_j w_a/(1 + t_j w_a v_a) δ_a²)

and where both sides are averaged, over shifts of their own, the variance is 2v.

Source: A. Girard, "Approximate Methods for Propagation of Uncertainty with Gaussian Process Models", PhD thesis,
University of Glasgow, 2004, section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.surrogates.kernels.mixtures import ScaleMixture

__all__ = ["SmoothedKernel", "smoothed_kernel"]

Array = np.ndarray


@dataclass(frozen=True)
class SmoothedKernel:
    """Σ_j amplitude_j exp(-½ Σ_a weights_ja δ_a²).

    Arguments:
        amplitude: (terms,).
        weights: (terms, dimension).
        labels: (dimension,), True where the column holds labels, whose squared distance is whether they differ.
    """

    amplitude: Array
    weights: Array
    labels: Array

    def covariance(self, difference: Array) -> Array:
        """(...,) from differences (..., dimension)."""
        return self._terms(difference)[1] @ self.amplitude

    def covariance_slopes(self, difference: Array) -> tuple[Array, Array]:
        """The same, and its derivative by the difference: (..., dimension); zero for labels."""
        difference, terms = self._terms(difference)
        terms *= self.amplitude
        return terms.sum(axis=-1), -(terms @ self._slope_weights) * difference

    def rows_covariance_slopes(self, difference: Array, derivative: Array) -> tuple[Array, Array]:
        """The same where rows are perhaps derivatives.

        Arguments:
            difference: (points, rows, dimension).
            derivative: (rows,), the column by which the row is differentiated; -1 for a value.
        """
        difference, terms = self._terms(difference)
        is_value, column = derivative < 0, np.maximum(derivative, 0)
        terms *= np.where(is_value[:, None], 1.0, self.weights[:, column].T) * self.amplitude
        total = terms.sum(axis=-1)
        along = np.where(is_value, 1.0, difference[:, np.arange(len(column)), column])
        slopes = -(terms @ self._slope_weights) * difference * along[..., None]
        one_hot = derivative[:, None] == np.arange(difference.shape[-1])
        return along * total, slopes + one_hot * total[..., None]

    def _terms(self, difference: Array) -> tuple[Array, Array]:
        if self.labels.any():
            difference = np.where(self.labels, difference != 0.0, difference)
        exponents = (difference * difference) @ (-0.5 * self.weights.T)
        return difference, np.exp(exponents, out=exponents)

    @property
    def _slope_weights(self) -> Array:
        return np.where(self.labels, 0.0, self.weights)


def smoothed_kernel(kernel: ScaleMixture, weights: Array, variance: Array, labels: Array) -> SmoothedKernel:
    """The kernel after an average over shifts.

    Arguments:
        kernel: as a function of the squared scaled distance.
        weights: (dimension,), 1/l².
        variance: (dimension,), of the shifts; zero for labels.
        labels: (dimension,), True where the column holds labels.
    """
    sharp = np.array(kernel.rates)[:, None] * weights
    widening = 1.0 + sharp * variance
    amplitude = np.array(kernel.shares) / np.sqrt(widening).prod(axis=1)
    return SmoothedKernel(amplitude, sharp / widening, labels)
