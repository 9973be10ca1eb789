"""What a method of the comparison must do: suggest a point, learn what came of it, recommend the best."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

__all__ = ["AbstractMethod"]

Array = np.ndarray


class AbstractMethod(ABC):
    """One run on one problem, minimising. Points are in the problem's own coordinates: (dimension,)."""

    @abstractmethod
    def suggest(self) -> Array:
        """The next point to look at."""

    @abstractmethod
    def tell(self, point: Array, value: float) -> None:
        """What was observed there."""

    @abstractmethod
    def recommend(self) -> Array:
        """The point that the method itself calls the best so far."""
