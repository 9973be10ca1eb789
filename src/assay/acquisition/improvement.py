"""What a look promises: expected improvement, probability of improvement, confidence bound, all on a log scale.

Each is a function of one scalar quantity to be minimised, in working units. `scaling` multiplies the model's standard
deviation: 10 explores, 0.1 is greedy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from assay.acquisition.abstract import AbstractAcquisition
from assay.acquisition.log_improvement import log_h, log_normal_cdf, log_softplus
from assay.quantities.abstract import AbstractScalarQuantity

__all__ = ["LogConfidenceBound", "LogExpectedImprovement", "LogProbabilityBelow", "LogUncertainty"]

Array = np.ndarray

# A variance in working units below which rounding decides; it keeps logarithms and quotients finite at data.
SMALLEST_VARIANCE = 1e-20


@final
@dataclass(frozen=True)
class LogExpectedImprovement(AbstractAcquisition):
    """log E[max(incumbent - f(x), 0)] = log s + log h((incumbent - m)/s), with s the scaled standard deviation.

    Use it to minimise. The logarithm keeps a gradient where the expected improvement itself underflows.

    Arguments:
        quantity: what is minimised.
        incumbent: the value to improve upon, in working units.
        scaling: multiplies the standard deviation.
    """

    quantity: AbstractScalarQuantity
    incumbent: float
    scaling: float = 1.0

    def value(self, points: Array) -> Array:
        mean, variance = self.quantity.mean_variance(points)
        spread = self.scaling * np.sqrt(np.maximum(variance, SMALLEST_VARIANCE))
        return np.log(spread) + log_h((self.incumbent - mean) / spread)[0]

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        mean, spread, mean_gradient, spread_gradient = _moments(self.quantity, points, self.scaling)
        z = (self.incumbent - mean) / spread
        value, slope = log_h(z)
        weight = (1.0 - slope * z) / spread
        gradient = weight[:, None] * spread_gradient - (slope / spread)[:, None] * mean_gradient
        return np.log(spread) + value, gradient


@final
@dataclass(frozen=True)
class LogProbabilityBelow(AbstractAcquisition):
    """log P(f(x) < threshold) = log Φ((threshold - m)/sqrt(s² + noise)).

    Use it as the probability of improvement (threshold: the incumbent), as the probability of a constraint, or with
    labels -1 for success and +1 for failure as the probability of success.

    Arguments:
        quantity: the number in question.
        threshold: in working units.
        scaling: multiplies the standard deviation.
        noise_variance: added to the variance, for a statement about the next look instead of the function.
        power: of the probability, to make it weigh more in a product.
    """

    quantity: AbstractScalarQuantity
    threshold: float
    scaling: float = 1.0
    noise_variance: float = 0.0
    power: float = 1.0

    def value(self, points: Array) -> Array:
        mean, variance = self.quantity.mean_variance(points)
        total = self.scaling**2 * np.maximum(variance, SMALLEST_VARIANCE) + self.noise_variance
        return self.power * log_normal_cdf((self.threshold - mean) / np.sqrt(total))[0]

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        mean, spread, mean_gradient, spread_gradient = _moments(self.quantity, points, self.scaling)
        total = np.sqrt(spread**2 + self.noise_variance)
        z = (self.threshold - mean) / total
        value, slope = log_normal_cdf(z)
        value, slope = self.power * value, self.power * slope
        by_spread = -(slope * z * spread / total**2)[:, None] * spread_gradient
        return value, by_spread - (slope / total)[:, None] * mean_gradient


@final
@dataclass(frozen=True)
class LogConfidenceBound(AbstractAcquisition):
    """log softplus(incumbent - (m - κ s)): the lower confidence bound, made positive so that probabilities can weigh it.

    Without further factors its maximum is where the lower confidence bound m - κ s is least.

    Arguments:
        quantity: what is minimised.
        incumbent: the value to improve upon, in working units.
        scaling: κ, in standard deviations.
    """

    quantity: AbstractScalarQuantity
    incumbent: float
    scaling: float = 2.0

    def value(self, points: Array) -> Array:
        mean, variance = self.quantity.mean_variance(points)
        spread = self.scaling * np.sqrt(np.maximum(variance, SMALLEST_VARIANCE))
        return log_softplus(self.incumbent - mean + spread)[0]

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        mean, spread, mean_gradient, spread_gradient = _moments(self.quantity, points, self.scaling)
        value, slope = log_softplus(self.incumbent - mean + spread)
        return value, slope[:, None] * (spread_gradient - mean_gradient)


@final
@dataclass(frozen=True)
class LogUncertainty(AbstractAcquisition):
    """log s(x): where the model knows least. Use it to explore."""

    quantity: AbstractScalarQuantity

    def value(self, points: Array) -> Array:
        _, variance = self.quantity.mean_variance(points)
        return 0.5 * np.log(np.maximum(variance, SMALLEST_VARIANCE))

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        _, spread, _, spread_gradient = _moments(self.quantity, points, 1.0)
        return np.log(spread), spread_gradient / spread[:, None]


def _moments(
    quantity: AbstractScalarQuantity, points: Array, scaling: float
) -> tuple[Array, Array, Array, Array]:
    """Mean, scaled standard deviation and their gradients; flat where the variance is only rounding."""
    mean, variance, mean_gradient, variance_gradient = quantity.mean_variance_gradient(points)
    spread = np.sqrt(np.maximum(variance, SMALLEST_VARIANCE))
    factor = np.where(variance > SMALLEST_VARIANCE, 0.5 * scaling / spread, 0.0)
    return mean, scaling * spread, mean_gradient, factor[:, None] * variance_gradient
