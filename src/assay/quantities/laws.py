"""The law of a sum of squares of a Gaussian vector: exact moments with the way back, and quantiles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from assay.numerics.chi_squared import GeneralisedChiSquared

__all__ = ["QuadraticLaw"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class QuadraticLaw:
    """offset + scale·|g|² with g ~ N(mean, covariance), at every point.

        E = offset + scale (|m|² + tr S),   Var = scale² (2 tr S² + 4 mᵀ S m)

    Arguments:
        mean: (p, k).
        covariance: (p, k, k); or (p, k), the variance, where the entries of g are independent.
        offset: (p,) or (1,).
        scale: positive.
        approximate: replace S by its mean eigenvalue times the identity: a scaled noncentral chi-squared with the
            right mean, whose quantiles are cheaper.

    Source: A. M. Mathai, S. B. Provost, Quadratic Forms in Random Variables, 1992, equation 3.2b.3.
    """

    mean: Array
    covariance: Array
    offset: Array
    scale: float
    approximate: bool = False

    def mean_variance(self) -> tuple[Array, Array]:
        """(p,) each."""
        trace, squares = self._trace, (self.mean**2).sum(axis=1)
        mean = self.offset + self.scale * (squares + trace)
        if self.approximate:
            level = trace / self.mean.shape[1]
            variance = 2.0 * level * trace + 4.0 * level * squares
        else:
            variance = 2.0 * self._squared_trace + 4.0 * (self.mean * self._pushed).sum(axis=1)
        return mean, self.scale**2 * variance

    def pullback(self, mean_bar: Array, variance_bar: Array) -> tuple[Array, Array, Array]:
        """From the bars (p,) of mean and variance to those of g's mean, of its covariance in the shape that it was
        given in, and of the offset."""
        by_mean, by_variance = self.scale * mean_bar, self.scale**2 * variance_bar
        whole = self.covariance.ndim == 3
        identity = np.eye(self.mean.shape[1]) if whole else 1.0
        spread = (slice(None), None, None) if whole else (slice(None), None)
        if self.approximate:
            size = self.mean.shape[1]
            level, squares = self._trace / size, (self.mean**2).sum(axis=1)
            centre_bar = 2.0 * (by_mean + 4.0 * by_variance * level)[:, None] * self.mean
            by_trace = by_mean + by_variance * (4.0 * level + 4.0 * squares / size)
            return centre_bar, np.broadcast_to(by_trace[spread] * identity, self.covariance.shape), mean_bar
        outer = self.mean[:, :, None] * self.mean[:, None, :] if whole else self.mean**2
        centre_bar = 2.0 * by_mean[:, None] * self.mean + 8.0 * by_variance[:, None] * self._pushed
        covariance_bar = by_mean[spread] * identity + by_variance[spread] * 4.0 * (self.covariance + outer)
        return centre_bar, covariance_bar, mean_bar

    def quantiles(self, probabilities: Array) -> Array:
        """(probabilities, p)."""
        return self.offset + self.scale * self._standard.quantiles(probabilities)

    def probability_below(self, values: Array) -> Array:
        """P(value < values) for (..., p)."""
        return self._standard.probability_below((values - self.offset) / self.scale)

    @cached_property
    def _standard(self) -> GeneralisedChiSquared:
        """|g|² by independent terms."""
        if self.approximate:
            level = np.maximum(self._trace / self.mean.shape[1], 0.0)
            return GeneralisedChiSquared(self.mean, np.broadcast_to(level[:, None], self.mean.shape))
        if self.covariance.ndim == 2:
            return GeneralisedChiSquared(self.mean, self.covariance)
        values, vectors = np.linalg.eigh(self.covariance)
        turned = (self.mean[:, None, :] @ vectors)[:, 0]
        return GeneralisedChiSquared(turned, np.maximum(values, 0.0))

    @cached_property
    def _trace(self) -> Array:
        whole = self.covariance.ndim == 3
        return np.trace(self.covariance, axis1=1, axis2=2) if whole else self.covariance.sum(axis=1)

    @cached_property
    def _squared_trace(self) -> Array:
        return (self.covariance**2).sum(axis=tuple(range(1, self.covariance.ndim)))

    @cached_property
    def _pushed(self) -> Array:
        """S m, (p, k)."""
        if self.covariance.ndim == 2:
            return self.covariance * self.mean
        return (self.covariance @ self.mean[:, :, None])[:, :, 0]
