"""A prior mean: what is believed before any data (a law, a cheaper model, another surrogate); the surrogate learns
the rest.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.errors import UsageError
from assay.surrogates.abstract import AbstractPosterior
from assay.surrogates.dataset import Dataset

__all__ = [
    "AbstractFittedPriorMean",
    "AbstractPriorMean",
    "CallablePriorMean",
    "OutputPriorMean",
    "PosteriorPriorMean",
    "prior_values",
]

Array = np.ndarray

# The cube root of the rounding unit: it balances the two errors of a central difference.
_STEP = 6e-6


class AbstractPriorMean(ABC):
    """A known function of unit coordinates."""

    @abstractmethod
    def value(self, points: Array) -> Array:
        """(points, dimension) to (points, outputs), in the outputs' own units."""

    @abstractmethod
    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        """The value, and its derivative by the points: (points, outputs, dimension)."""


class AbstractFittedPriorMean(AbstractPriorMean):
    """A function with parameters that a fit may choose."""

    @property
    @abstractmethod
    def parameters(self) -> tuple[float, ...]:
        """The values of those that are fitted."""

    @property
    @abstractmethod
    def parameter_bounds(self) -> tuple[tuple[float, float], ...]:
        """The least and the greatest value of each."""

    @abstractmethod
    def with_parameters(self, values: Sequence[float]) -> AbstractPriorMean:
        """The same function with other values."""


@final
@dataclass(frozen=True)
class CallablePriorMean(AbstractPriorMean):
    """A function of unit points (points, dimension) to (points,) or (points, outputs).

    Arguments:
        function: the mean.
        gradient: its derivative, (points, outputs, dimension); None for central differences.
    """

    function: Callable[[Array], Array]
    gradient: Callable[[Array], Array] | None = None

    def value(self, points: Array) -> Array:
        values = np.asarray(self.function(points), dtype=float)
        if values.ndim not in (1, 2) or len(values) != len(points):
            raise UsageError(
                f"a prior mean must give (points,) or (points, outputs) values, got shape {values.shape} for {len(points)} points"
            )
        return values if values.ndim == 2 else values[:, None]

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        values = self.value(points)
        if self.gradient is not None:
            return values, np.asarray(self.gradient(points), dtype=float).reshape(
                *values.shape, points.shape[1]
            )
        slopes = [
            (self.value(points + step) - self.value(points - step)) / (2.0 * _STEP)
            for step in _STEP * np.eye(points.shape[1])
        ]
        return values, np.stack(slopes, axis=-1)


@final
@dataclass(frozen=True)
class PosteriorPriorMean(AbstractPriorMean):
    """The mean of another surrogate's posterior."""

    posterior: AbstractPosterior

    def value(self, points: Array) -> Array:
        return self.posterior.mean_variance(points)[0]

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        mean, _, slope, _ = self.posterior.mean_variance_gradient(points)
        return mean, slope


@final
@dataclass(frozen=True)
class OutputPriorMean(AbstractPriorMean):
    """One output of a prior mean; of one that is the same for all outputs, that one.

    Arguments:
        prior_mean: of all outputs.
        place: the number of the output.
    """

    prior_mean: AbstractPriorMean
    place: int

    def value(self, points: Array) -> Array:
        return self._own(self.prior_mean.value(points))

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        value, gradient = self.prior_mean.value_gradient(points)
        return self._own(value), self._own(gradient)

    def _own(self, values: Array) -> Array:
        place = self.place if values.shape[1] > 1 else 0
        return values[:, place : place + 1]


def prior_values(prior_mean: AbstractPriorMean | None, data: Dataset) -> Array:
    """The prior mean at the rows of a dataset, differentiated where the row is: (rows, outputs)."""
    if prior_mean is None:
        return np.zeros_like(data.values)
    if data.is_value.all():
        return np.broadcast_to(prior_mean.value(data.points), data.values.shape)
    values, slopes = prior_mean.value_gradient(data.points)
    column = np.maximum(data.derivative, 0)
    chosen = slopes[np.arange(len(data)), :, column]
    return np.broadcast_to(np.where(data.is_value[:, None], values, chosen), data.values.shape)
