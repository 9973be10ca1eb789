"""A belief with a closed form, for tests of acquisitions."""

from dataclasses import dataclass
from typing import final

import numpy as np

from assay.quantities.abstract import AbstractScalarQuantity

Array = np.ndarray


@final
@dataclass(frozen=True)
class WavyBelief(AbstractScalarQuantity):
    """Mean a sin(3 x1) + x2², variance exp(b x1 - x2)."""

    slope: float = 1.0

    def mean_variance(self, points: Array) -> tuple[Array, Array]:
        mean, variance, _, _ = self.mean_variance_gradient(points)
        return mean, variance

    def mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        x1, x2 = points[:, 0], points[:, 1]
        mean = np.sin(3 * x1) + x2**2
        variance = np.exp(self.slope * x1 - x2)
        by_mean = np.stack([3 * np.cos(3 * x1), 2 * x2], axis=1)
        by_variance = np.stack([self.slope * variance, -variance], axis=1)
        return mean, variance, by_mean, by_variance

    def to_working(self, values: Array) -> Array:
        return values


@final
@dataclass(frozen=True)
class Affine(AbstractScalarQuantity):
    """factor m + shift, with `stretch` times the variance."""

    inner: AbstractScalarQuantity
    factor: float
    shift: float
    stretch: float

    def mean_variance(self, points: Array) -> tuple[Array, Array]:
        mean, variance = self.inner.mean_variance(points)
        return self.factor * mean + self.shift, self.stretch * variance

    def mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        mean, variance, by_mean, by_variance = self.inner.mean_variance_gradient(points)
        return (
            self.factor * mean + self.shift,
            self.stretch * variance,
            self.factor * by_mean,
            self.stretch * by_variance,
        )

    def to_working(self, values: Array) -> Array:
        return self.factor * values + self.shift
