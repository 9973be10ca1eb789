"""Priors on length scales, as functions of their logarithms; unit coordinates, so 1 is the width of the domain.

All are densities of the length scale itself, evaluated at its logarithm: the mode that a fit finds is that of the
published prior.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.errors import UsageError

__all__ = [
    "CORRELATION_LENGTH_PRIOR",
    "AbstractLengthScalePrior",
    "BlocksPrior",
    "ColumnwisePrior",
    "FlatPrior",
    "GammaPrior",
    "LogNormalPrior",
    "StretchedPrior",
    "length_scale_prior",
]

Array = np.ndarray


class AbstractLengthScalePrior(ABC):
    """The log density of the length scales, up to a constant."""

    @abstractmethod
    def value_gradient(self, log_length_scales: Array) -> tuple[float, Array]:
        """The log density and its gradient by the logarithms: (), (dimension,)."""

    @abstractmethod
    def start(self, dimension: int) -> Array:
        """The logarithms where a fit without history begins: (dimension,)."""

    @abstractmethod
    def draw(self, dimension: int, generator: np.random.Generator) -> Array:
        """Logarithms for a fresh start: (dimension,)."""


@final
@dataclass(frozen=True)
class LogNormalPrior(AbstractLengthScalePrior):
    """log l ~ N(location + log(dimension)/2, scale²), independent: complexity stays equal as columns are added.

    Source: C. Hvarfner, E. O. Hellsten, L. Nardi, "Vanilla Bayesian Optimization Performs Great in High Dimensions",
    ICML 2024, equation 5, with location √2 and scale √3.
    """

    location: float = math.sqrt(2.0)
    scale: float = math.sqrt(3.0)

    def value_gradient(self, log_length_scales: Array) -> tuple[float, Array]:
        z = (log_length_scales - self._mode(len(log_length_scales))) / self.scale
        return -0.5 * float(z @ z), -z / self.scale

    def start(self, dimension: int) -> Array:
        return np.full(dimension, self._mode(dimension))

    def draw(self, dimension: int, generator: np.random.Generator) -> Array:
        return self._mode(dimension) + min(self.scale, 1.0) * generator.standard_normal(dimension)

    def _mode(self, dimension: int) -> float:
        """Of the density of l: completing the square of -log l moves the mean of log l by -scale²."""
        return self.location + 0.5 * math.log(dimension) - self.scale**2


@final
@dataclass(frozen=True)
class GammaPrior(AbstractLengthScalePrior):
    """l ~ Gamma(shape, rate), independent; the prior of BoTorch before 2024 is Gamma(3, 6)."""

    shape: float = 3.0
    rate: float = 6.0

    def value_gradient(self, log_length_scales: Array) -> tuple[float, Array]:
        scales = np.exp(log_length_scales)
        value = (self.shape - 1.0) * log_length_scales.sum() - self.rate * scales.sum()
        return float(value), (self.shape - 1.0) - self.rate * scales

    def start(self, dimension: int) -> Array:
        return np.full(dimension, math.log(max(self.shape - 1.0, 0.5) / self.rate))

    def draw(self, dimension: int, generator: np.random.Generator) -> Array:
        return np.log(generator.gamma(self.shape, 1.0 / self.rate, dimension) + 1e-3)


@final
@dataclass(frozen=True)
class BlocksPrior(AbstractLengthScalePrior):
    """A prior on the number of length-scale blocks N = Π 1/l_j that fill the domain: log N ~ N(log target, τ²),
    with `largest` three standard deviations above; each length scale stays below `1 / least_per_column`, softly.
    """

    target: float = 100.0
    largest: float = 1e6
    least_per_column: float = 0.25

    def value_gradient(self, log_length_scales: Array) -> tuple[float, Array]:
        spread = math.log(self.largest / self.target) / 3.0
        z = (-log_length_scales.sum() - math.log(self.target)) / spread
        beyond = np.maximum(log_length_scales + math.log(self.least_per_column), 0.0)
        value = -0.5 * float(z * z) - 2.0 * float(beyond @ beyond)
        return value, z / spread - 4.0 * beyond

    def start(self, dimension: int) -> Array:
        return np.full(dimension, self._middle(dimension))

    def draw(self, dimension: int, generator: np.random.Generator) -> Array:
        return self._middle(dimension) + 0.75 * generator.standard_normal(dimension)

    def _middle(self, dimension: int) -> float:
        return -math.log(self.target) / max(dimension, 2)


@final
@dataclass(frozen=True)
class FlatPrior(AbstractLengthScalePrior):
    """Nothing is known but the bounds; the fit is maximum likelihood."""

    def value_gradient(self, log_length_scales: Array) -> tuple[float, Array]:
        return 0.0, np.zeros_like(log_length_scales)

    def start(self, dimension: int) -> Array:
        return np.full(dimension, math.log(0.5))

    def draw(self, dimension: int, generator: np.random.Generator) -> Array:
        return generator.uniform(math.log(0.05), math.log(5.0), dimension)


@final
@dataclass(frozen=True)
class StretchedPrior(AbstractLengthScalePrior):
    """The prior of l/width: for a column that runs over `width` instead of over one.

    Use it for labels in an order: their column holds the numbers 0 to count - 1, so its width is count - 1. Left out
    of the categories, such a column has a kernel in which labels are the less alike the further apart they stand.

    Arguments:
        prior: of a column that runs over one.
        width: positive.
    """

    prior: AbstractLengthScalePrior
    width: float

    def value_gradient(self, log_length_scales: Array) -> tuple[float, Array]:
        return self.prior.value_gradient(log_length_scales - math.log(self.width))

    def start(self, dimension: int) -> Array:
        return self.prior.start(dimension) + math.log(self.width)

    def draw(self, dimension: int, generator: np.random.Generator) -> Array:
        return self.prior.draw(dimension, generator) + math.log(self.width)


@final
@dataclass(frozen=True)
class ColumnwisePrior(AbstractLengthScalePrior):
    """Some columns have a prior of their own: environment columns, columns in another unit, labels in an order.

    Arguments:
        common: of all other columns.
        own: groups of columns, each with the prior of its length scales; no column twice.

    Example:
        >>> by_time = ColumnwisePrior(GammaPrior(), (((2,), CORRELATION_LENGTH_PRIOR),))
        >>> np.exp(by_time.start(3)).round(3).tolist()
        [0.333, 0.333, 1.0]
    """

    common: AbstractLengthScalePrior
    own: tuple[tuple[tuple[int, ...], AbstractLengthScalePrior], ...]

    def value_gradient(self, log_length_scales: Array) -> tuple[float, Array]:
        value, gradient = 0.0, np.empty_like(log_length_scales)
        for columns, prior in self._groups(len(log_length_scales)):
            added, gradient[columns] = prior.value_gradient(log_length_scales[columns])
            value += added
        return value, gradient

    def start(self, dimension: int) -> Array:
        vector = np.empty(dimension)
        for columns, prior in self._groups(dimension):
            vector[columns] = prior.start(len(columns))
        return vector

    def draw(self, dimension: int, generator: np.random.Generator) -> Array:
        vector = np.empty(dimension)
        for columns, prior in self._groups(dimension):
            vector[columns] = prior.draw(len(columns), generator)
        return vector

    def _groups(self, dimension: int) -> list[tuple[list[int], AbstractLengthScalePrior]]:
        named = [column for columns, _ in self.own for column in columns]
        if len(set(named)) < len(named) or not all(0 <= column < dimension for column in named):
            raise UsageError(
                f"the columns with a length-scale prior of their own must be different and below {dimension}, got {named}"
            )
        others = [column for column in range(dimension) if column not in named]
        groups = [(list(columns), prior) for columns, prior in self.own]
        return [(others, self.common), *groups] if others else groups


# Of a column without a domain, which is counted in its correlation length: the mode is one such length.
CORRELATION_LENGTH_PRIOR = LogNormalPrior(location=0.25, scale=0.5)

_PRIORS = {
    "log_normal": LogNormalPrior(),
    "gamma": GammaPrior(),
    "blocks": BlocksPrior(),
    "correlation_length": CORRELATION_LENGTH_PRIOR,
    "none": FlatPrior(),
}


def length_scale_prior(name: str) -> AbstractLengthScalePrior:
    """The prior of that name, with its published numbers.

    Raises:
        UsageError: when there is none.

    Example:
        >>> float(length_scale_prior("gamma").start(1)[0].round(3))
        -1.099
    """
    if name not in _PRIORS:
        raise UsageError(
            f"the length-scale prior of a Gaussian process must be one of {sorted(_PRIORS)}, got {name!r}"
        )
    return _PRIORS[name]
