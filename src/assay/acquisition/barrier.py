"""A local search: nowhere is looked where more than so much is unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from assay.acquisition.abstract import AbstractAcquisition

__all__ = ["Barrier"]

Array = np.ndarray

# How steeply it rises: far less than what acquisitions differ by, except beside the ceiling.
WEIGHT = 1e-3


@final
@dataclass(frozen=True)
class Barrier(AbstractAcquisition):
    """w log(c - a(x)) where an acquisition a stays below its ceiling c, minus infinity elsewhere.

    Use it as a factor of a `LogProduct`, to keep a search where the logarithm of an uncertainty is low.

    Arguments:
        inner: a.
        ceiling: c.
    """

    inner: AbstractAcquisition
    ceiling: float

    def value(self, points: Array) -> Array:
        return self._barred(self.inner.value(points))

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        value, gradient = self.inner.value_gradient(points)
        room = self.ceiling - value
        slope = np.where(room > 0.0, -WEIGHT / np.where(room > 0.0, room, 1.0), 0.0)
        return self._barred(value), slope[:, None] * np.where(np.isfinite(gradient), gradient, 0.0)

    def _barred(self, value: Array) -> Array:
        room = self.ceiling - value
        # where nothing at all is unknown, the room has no bound, and is not worth more for that
        inside = WEIGHT * np.log(np.clip(room, 1e-300, 1e300))
        return np.where(room > 0.0, inside, -np.inf)
