"""How unevenly points cover a space: the interface of such measures."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

__all__ = ["AbstractSpread"]

Array = np.ndarray


class AbstractSpread(ABC):
    """A positive number for points and those that are fixed: the smaller, the more evenly all of them cover the space."""

    @abstractmethod
    def value(self, points: Array) -> float:
        """Of the fixed points and these (points, dimension) together."""

    @abstractmethod
    def value_gradient(self, points: Array) -> tuple[float, Array]:
        """The same and its derivative by the points (points, dimension), 0 for columns of labels."""

    @abstractmethod
    def with_each(self, points: Array) -> tuple[Array, Array]:
        """Of the fixed points and one more, for each of many: (points,), with the derivatives (points, dimension)."""
