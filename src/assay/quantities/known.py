"""Values that are known, in the place of a surrogate: what variables give for what was observed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.quantities.abstract import AbstractSource

__all__ = ["KnownSource"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class KnownSource(AbstractSource):
    """A surrogate's outputs at given points, known without uncertainty.

    Use it to compute variables from observations, by the same graph as from posteriors. It must be asked at the points
    that the values belong to, all at once and in their order.

    Arguments:
        values: (p, k), at those points.
        names: of the outputs.
    """

    values: Array
    names: tuple[str, ...]

    @property
    def output_names(self) -> tuple[str, ...]:
        return self.names

    @property
    def is_gaussian(self) -> bool:
        return True

    @property
    def normal_dimension(self) -> int:
        return self.values.shape[1]

    def mean_variance(self, points: Array) -> tuple[Array, Array]:
        self._check(points)
        return self.values, np.zeros_like(self.values)

    def mean_covariance(self, points: Array) -> tuple[Array, Array]:
        self._check(points)
        return self.values, np.zeros((*self.values.shape, self.values.shape[1]))

    def mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        self._check(points)
        flat = np.zeros((*self.values.shape, points.shape[1]))
        return self.values, np.zeros_like(self.values), flat, flat

    def quantiles(self, points: Array, probabilities: Array) -> Array:
        self._check(points)
        return np.broadcast_to(self.values, (len(probabilities), *self.values.shape))

    def distribution(self, points: Array) -> Callable[[Array], Array]:
        self._check(points)
        return lambda values: (self.values < values).astype(float)

    def draw(self, points: Array, normal: Array) -> Array:
        self._check(points)
        return np.broadcast_to(self.values, (len(normal), *self.values.shape))

    def draw_pullback(self, points: Array, normal: Array) -> tuple[Array, Callable[[Array], Array]]:
        return self.draw(points, normal), lambda _: np.zeros_like(points)

    def block_moments(self, points: Array) -> tuple[Array, Array]:
        self._check(points)
        return self.values, np.zeros((*self.values.shape, 1, 1))

    def block_moments_pullback(self, points: Array) -> tuple[Array, Array, Callable[[Array, Array], Array]]:
        return *self.block_moments(points), lambda _mean, _covariance: np.zeros_like(points)

    def _check(self, points: Array) -> None:
        if len(points) != len(self.values):
            raise ValueError(f"known values belong to {len(self.values)} points, asked at {len(points)}")
