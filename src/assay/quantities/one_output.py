"""Parts of quantities as quantities of their own: one output, a number with its sign changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.quantities.abstract import AbstractQuantity, AbstractScalarQuantity

__all__ = ["NegativeScalar", "OneOutput"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class NegativeScalar(AbstractScalarQuantity):
    """A scalar with its sign changed.

    Use it where a bound from below is wanted of what knows bounds from above.
    """

    scalar: AbstractScalarQuantity

    def mean_variance(self, points: Array) -> tuple[Array, Array]:
        mean, variance = self.scalar.mean_variance(points)
        return -mean, variance

    def mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        mean, variance, by_mean, by_variance = self.scalar.mean_variance_gradient(points)
        return -mean, variance, -by_mean, by_variance

    def to_working(self, values: Array) -> Array:
        return -self.scalar.to_working(-np.asarray(values, dtype=float))


@final
@dataclass(frozen=True)
class OneOutput(AbstractQuantity):
    """One output of a quantity, as a quantity.

    Arguments:
        whole: of several outputs.
        column: the number of the one.
    """

    whole: AbstractQuantity
    column: int

    @property
    def output_names(self) -> tuple[str, ...]:
        return (self.whole.output_names[self.column],)

    @property
    def is_gaussian(self) -> bool:
        return self.whole.is_gaussian

    @property
    def normal_dimension(self) -> int:
        return self.whole.normal_dimension

    def mean_variance(self, points: Array) -> tuple[Array, Array]:
        mean, variance = self.whole.mean_variance(points)
        return mean[:, [self.column]], variance[:, [self.column]]

    def mean_covariance(self, points: Array) -> tuple[Array, Array]:
        mean, variance = self.mean_variance(points)
        return mean, variance[:, :, None]

    def mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        mean, variance, by_mean, by_variance = (
            part[:, [self.column]] for part in self.whole.mean_variance_gradient(points)
        )
        return mean, variance, by_mean, by_variance

    def quantiles(self, points: Array, probabilities: Array) -> Array:
        return self.whole.quantiles(points, probabilities)[:, :, [self.column]]

    def draw(self, points: Array, normal: Array) -> Array:
        return self.whole.draw(points, normal)[:, :, [self.column]]

    def draw_pullback(self, points: Array, normal: Array) -> tuple[Array, Callable[[Array], Array]]:
        values, back = self.whole.draw_pullback(points, normal)

        def pullback(bar: Array) -> Array:
            whole = np.zeros_like(values)
            whole[:, :, [self.column]] = bar
            return back(whole)

        return values[:, :, [self.column]], pullback
