"""What a scalar quantity is: a number that follows from posteriors, as a Gaussian at every point."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

__all__ = ["AbstractScalarQuantity"]

Array = np.ndarray


class AbstractScalarQuantity(ABC):
    """A Gaussian belief about a number at every point, in *working units*.

    Working units are those in which the belief is Gaussian: a monotone map of the quantity's own unit (output warping,
    standardising), so that lower stays lower.
    """

    @abstractmethod
    def mean_variance(self, points: Array) -> tuple[Array, Array]:
        """Mean and variance in working units: (points,) each."""

    @abstractmethod
    def mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        """Mean, variance (points,) and their gradients (points, dimension), in working units."""

    @abstractmethod
    def to_working(self, values: Array) -> Array:
        """Values in the quantity's own unit to working units."""
