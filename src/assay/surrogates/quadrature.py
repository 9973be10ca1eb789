"""Moments of a warped Gaussian by Gauss-Hermite quadrature, with their derivatives.

For y = h(z), z ~ N(m, s²) and nodes ξ of the unit Gaussian:

    E y = Σ w h(m + s ξ),   d E y/dm = E h',   d E y/ds = E[h' ξ]
    cov(y, y') = Σ_{k>=1} c_k c'_k ρ^k / k!,   c_k = E[h(m + s ξ) He_k(ξ)]      (Mehler)

Source: M. Abramowitz, I. A. Stegun, "Handbook of Mathematical Functions", 1964, 25.4.46 and 22.10.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from assay.surrogates.scaling import OutputScaling

__all__ = [
    "hermite_rule",
    "warped_block_covariance",
    "warped_covariance",
    "warped_moments",
    "warped_moments_gradient",
]

Array = np.ndarray

_NODES = 32
_ORDERS = 16


@lru_cache(maxsize=1)
def hermite_rule() -> tuple[Array, Array]:
    """Nodes ξ and weights w of the unit Gaussian."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    return nodes, weights / weights.sum()


def warped_moments(scaling: OutputScaling, mean: Array, variance: Array) -> tuple[Array, Array]:
    """Mean and variance in own units from those in latent units: (points, outputs) each."""
    nodes, weights = hermite_rule()
    values = scaling.from_latent(mean + np.sqrt(variance) * nodes[:, None, None])
    average = np.tensordot(weights, values, 1)
    return average, np.tensordot(weights, (values - average) ** 2, 1)


def warped_moments_gradient(
    scaling: OutputScaling, mean: Array, variance: Array, by_mean: Array, by_variance: Array
) -> tuple[Array, Array, Array, Array]:
    """The same, with derivatives (points, outputs, dimension) carried along."""
    nodes, weights = hermite_rule()
    # At a noiseless datum s = 0, where d/ds is an odd moment and vanishes faster than ds grows.
    deviation = np.sqrt(np.maximum(variance, 1e-20))
    at = nodes[:, None, None]
    values, slopes = scaling.from_latent_slope(mean + deviation * at)
    average = np.tensordot(weights, values, 1)
    centred = values - average
    by_deviation = by_variance / (2.0 * deviation)[..., None]

    def expectation(integrand: Array) -> Array:
        return np.tensordot(weights, integrand, 1)[..., None]

    first = expectation(slopes) * by_mean + expectation(slopes * at) * by_deviation
    second = 2.0 * (
        expectation(centred * slopes) * by_mean + expectation(centred * slopes * at) * by_deviation
    )
    return average, np.tensordot(weights, centred**2, 1), first, second


def warped_covariance(scaling: OutputScaling, mean: Array, covariance: Array) -> tuple[Array, Array]:
    """Joint moments in own units from latent ones: (points, outputs) and (outputs, points, points)."""

    def own(latent: Array) -> Array:
        values = scaling.from_latent(latent.reshape(-1, *mean.shape[::-1]).swapaxes(1, 2))
        return values.swapaxes(1, 2).reshape(latent.shape)

    average, result = warped_block_covariance(own, mean.T.reshape(1, -1), covariance[None])
    return average.reshape(mean.shape[::-1]).T, result[0]


def warped_block_covariance(
    own: Callable[[Array], Array], mean: Array, covariance: Array
) -> tuple[Array, Array]:
    """Joint moments of Gaussian vectors in independent blocks, each value warped by itself.

    Arguments:
        own: from latent values (..., vectors, blocks·size) to own units.
        mean: (vectors, blocks·size).
        covariance: (vectors, blocks, size, size).

    Returns:
        Mean (vectors, blocks·size) and covariance (vectors, blocks, size, size) in own units.
    """
    nodes, weights = hermite_rule()
    shape = covariance.shape[:-1]
    deviation = np.sqrt(np.maximum(np.einsum("...ii->...i", covariance), 1e-20))
    values = own(mean + deviation.reshape(mean.shape) * nodes[:, None, None])
    average = np.tensordot(weights, values, 1)
    correlation = np.clip(covariance / (deviation[..., :, None] * deviation[..., None, :]), -1.0, 1.0)
    result, power, factorial = np.zeros_like(covariance), np.ones_like(covariance), 1.0
    hermite_before, hermite = np.zeros(_NODES), np.ones(_NODES)
    for order in range(1, _ORDERS + 1):
        hermite_before, hermite = hermite, nodes * hermite - (order - 1) * hermite_before
        power, factorial = power * correlation, factorial * order
        coefficient = np.tensordot(weights * hermite, values - average, 1).reshape(shape)
        result += coefficient[..., :, None] * coefficient[..., None, :] * power / factorial
    return average, result
