"""What a look promises where a quantity is known by its draws.

Each is a function of one output of a quantity, with the same normals at every point, so that it is smooth and a search
can climb it. Lower is better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.special import ndtr

from assay.acquisition.abstract import AbstractAcquisition
from assay.acquisition.log_improvement import log_softplus
from assay.quantities.abstract import AbstractQuantity

__all__ = [
    "SampledConfidenceBound",
    "SampledImprovement",
    "SampledProbabilityBelow",
    "SampledProbabilityInside",
    "SampledUncertainty",
]

Array = np.ndarray

# Of a spread, below which rounding decides.
SMALLEST_SPREAD = 1e-10


@final
@dataclass(frozen=True)
class SampledImprovement(AbstractAcquisition):
    """log E[τ softplus((incumbent - q)/τ)]: the expected improvement, with a smooth corner.

    Use it to minimise what is not Gaussian: a chi-squared, an expression, a fit. Where every draw is worse than the
    incumbent the logarithm falls linearly with the best draw, and still has a slope.

    Arguments:
        quantity: what is minimised.
        incumbent: the value to improve upon.
        normal: (S, normal_dimension), of the draws.
        smoothing: τ, in the quantity's unit, positive.
        column: which output.

    Source: S. Ament et al., "Unexpected Improvements to Expected Improvement for Bayesian Optimization", NeurIPS 2023,
    equation 11.
    """

    quantity: AbstractQuantity
    incumbent: float
    normal: Array
    smoothing: float
    column: int = 0

    def value(self, points: Array) -> Array:
        values = self.quantity.draw(points, self.normal)[:, :, self.column]
        return _log_mean(log_softplus((self.incumbent - values) / self.smoothing)[0])[0] + np.log(
            self.smoothing
        )

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        draws, pullback = self.quantity.draw_pullback(points, self.normal)
        terms, slopes = log_softplus((self.incumbent - draws[:, :, self.column]) / self.smoothing)
        value, weights = _log_mean(terms)
        bar = np.zeros_like(draws)
        bar[:, :, self.column] = -weights * slopes / self.smoothing
        return value + np.log(self.smoothing), pullback(bar)


@final
@dataclass(frozen=True)
class SampledProbabilityBelow(AbstractAcquisition):
    """log E[1/(1 + exp((q - threshold)/τ))]: the probability of being below a threshold, with a smooth step.

    Use it as the probability of improvement, or as the probability of a constraint.

    Arguments:
        quantity: the number in question.
        threshold: in the quantity's unit.
        normal: (S, normal_dimension), of the draws.
        smoothing: τ, in the quantity's unit, positive.
        power: of the probability, to make it weigh more in a product.
        column: which output.
    """

    quantity: AbstractQuantity
    threshold: float
    normal: Array
    smoothing: float
    power: float = 1.0
    column: int = 0

    def value(self, points: Array) -> Array:
        values = self.quantity.draw(points, self.normal)[:, :, self.column]
        return self.power * _log_mean(-np.logaddexp(0.0, (values - self.threshold) / self.smoothing))[0]

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        draws, pullback = self.quantity.draw_pullback(points, self.normal)
        excess = (draws[:, :, self.column] - self.threshold) / self.smoothing
        terms = -np.logaddexp(0.0, excess)
        value, weights = _log_mean(terms)
        bar = np.zeros_like(draws)
        # The slope of the term is the logistic function of the excess, -expm1(term).
        bar[:, :, self.column] = self.power * weights * np.expm1(terms) / self.smoothing
        return self.power * value, pullback(bar)


@final
@dataclass(frozen=True)
class SampledProbabilityInside(AbstractAcquisition):
    """log E[σ((upper - q)/τ) σ((q - lower)/τ)], σ the logistic function: the probability of lying between bounds.

    Use it as the probability of a constraint; the two sides of a narrow band are not independent, so that their
    probabilities must not be multiplied.

    Arguments:
        quantity: the number in question.
        bounds: lower and upper, in the quantity's unit; one may be infinite.
        normal: (S, normal_dimension), of the draws.
        smoothing: τ, in the quantity's unit, positive.
        power: of the probability, to make it weigh more in a product.
        column: which output.
    """

    quantity: AbstractQuantity
    bounds: tuple[float, float]
    normal: Array
    smoothing: float
    power: float = 1.0
    column: int = 0

    def value(self, points: Array) -> Array:
        above, below = self._sides(self.quantity.draw(points, self.normal))
        return self.power * _log_mean(above + below)[0]

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        draws, pullback = self.quantity.draw_pullback(points, self.normal)
        above, below = self._sides(draws)
        value, weights = _log_mean(above + below)
        bar = np.zeros_like(draws)
        # The slope of log σ(x) is σ(-x) = -expm1(log σ(x)).
        bar[:, :, self.column] = self.power * weights * (np.expm1(below) - np.expm1(above)) / self.smoothing
        return self.power * value, pullback(bar)

    def _sides(self, draws: Array) -> tuple[Array, Array]:
        """The logarithms of both logistic functions, (S, p) each."""
        lower, upper = self.bounds
        values = draws[:, :, self.column]
        return (
            -np.logaddexp(0.0, (lower - values) / self.smoothing),
            -np.logaddexp(0.0, (values - upper) / self.smoothing),
        )


@final
@dataclass(frozen=True)
class SampledConfidenceBound(AbstractAcquisition):
    """log softplus((incumbent - b)/τ), with b the quantile of the draws at Φ(-κ): for a Gaussian, mean - κ s.

    Use it to minimise. A quantile stays in the range of a skewed law, where mean - κ s leaves it. Without further
    factors its maximum is where the bound is least.

    Arguments:
        quantity: what is minimised.
        incumbent: the value to improve upon.
        normal: (S, normal_dimension), of the draws; about 10/Φ(-κ) of them make a smooth quantile.
        smoothing: τ, in the quantity's unit, positive.
        scaling: κ, in standard deviations of a Gaussian.
        column: which output.
    """

    quantity: AbstractQuantity
    incumbent: float
    normal: Array
    smoothing: float
    scaling: float = 2.0
    column: int = 0

    def value(self, points: Array) -> Array:
        draws = self.quantity.draw(points, self.normal)[:, :, self.column]
        ranks, weights = self._ranks()
        bound = weights @ np.sort(draws, axis=0)[ranks]
        return log_softplus((self.incumbent - bound) / self.smoothing)[0]

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        draws, pullback = self.quantity.draw_pullback(points, self.normal)
        ranks, weights = self._ranks()
        order = np.argsort(draws[:, :, self.column], axis=0, kind="stable")[ranks]
        chosen = np.take_along_axis(draws[:, :, self.column], order, axis=0)
        value, slope = log_softplus((self.incumbent - weights @ chosen) / self.smoothing)
        bar = np.zeros_like(draws)
        part = -weights[:, None] * slope / self.smoothing
        np.put_along_axis(bar[:, :, self.column], order, part, axis=0)
        return value, pullback(bar)

    def _ranks(self) -> tuple[Array, Array]:
        """The two order statistics around the quantile, and their weights."""
        count = len(self.normal)
        place = np.clip(float(ndtr(-self.scaling)) * count - 0.5, 0.0, count - 1.0)
        lower = min(int(place), count - 2)
        return np.array([lower, lower + 1]), np.array([lower + 1 - place, place - lower])


@final
@dataclass(frozen=True)
class SampledUncertainty(AbstractAcquisition):
    """log of the standard deviation of the draws: where the quantity is known least. Use it to explore.

    Arguments:
        quantity: what is explored.
        normal: (S, normal_dimension), of the draws.
        column: which output.
    """

    quantity: AbstractQuantity
    normal: Array
    column: int = 0

    def value(self, points: Array) -> Array:
        values = self.quantity.draw(points, self.normal)[:, :, self.column]
        return np.log(np.maximum(values.std(axis=0), SMALLEST_SPREAD))

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        draws, pullback = self.quantity.draw_pullback(points, self.normal)
        values = draws[:, :, self.column]
        spread = values.std(axis=0)
        safe = np.maximum(spread, SMALLEST_SPREAD)
        bar = np.zeros_like(draws)
        rest = (values - values.mean(axis=0)) / (len(values) * safe**2)
        bar[:, :, self.column] = np.where(spread > SMALLEST_SPREAD, rest, 0.0)
        return np.log(safe), pullback(bar)


def _log_mean(terms: Array) -> tuple[Array, Array]:
    """log of the mean of exp(terms) over draws, (S, p) to (p,), and its derivative by each term (S, p)."""
    top = terms.max(axis=0)
    weights = np.exp(terms - top)
    total = weights.sum(axis=0)
    return top + np.log(total / len(terms)), weights / total
