"""What an acquisition is: the worth of a look at a point, with its gradient, on a log scale where it can be tiny."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

__all__ = ["AbstractAcquisition"]

Array = np.ndarray


class AbstractAcquisition(ABC):
    """A function to maximise over unit coordinates."""

    @abstractmethod
    def value(self, points: Array) -> Array:
        """The worth of each point: (points, dimension) to (points,)."""

    @abstractmethod
    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        """The worth and its gradient: (points,) and (points, dimension)."""
