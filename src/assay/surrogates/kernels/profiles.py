"""Stationary kernels as radial profiles: functions g(s) of the squared scaled distance s, with g(0) = 1.

Each profile and its derivatives by s are written once, against the array namespace `xp` (NumPy or jax.numpy): on
broadcast arrays, without in-place writes or data-dependent branches, and finite at s = 0, where the singular factors
of covariances of derivatives are multiplied by distances that are exactly zero.

Source: C. E. Rasmussen, C. K. I. Williams, "Gaussian Processes for Machine Learning", 2006, section 4.2.1.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

from assay.errors import UsageError

__all__ = [
    "AbstractRadialProfile",
    "Matern12",
    "Matern32",
    "Matern52",
    "SquaredExponential",
    "radial_profile",
]

# Added to s before the square root: it moves no distance that a float64 coordinate can have, and keeps 1/r³ finite.
_SMALLEST_SQUARED_DISTANCE = 1e-100


class AbstractRadialProfile(ABC):
    """g(s) and its derivatives."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name that a configuration uses."""

    @property
    @abstractmethod
    def highest_order(self) -> int:
        """The highest derivative by s that `derivatives` gives; covariances of derivatives need 3."""

    @abstractmethod
    def derivatives(self, xp: Any, squared_distance: Any, order: int) -> tuple[Any, ...]:
        """(g, g', ..., g^(order)) at the squared distance, of any shape."""


@final
@dataclass(frozen=True)
class Matern12(AbstractRadialProfile):
    """g = exp(-r), r = sqrt(s): continuous, nowhere differentiable."""

    @property
    def name(self) -> str:
        return "matern12"

    @property
    def highest_order(self) -> int:
        return 2

    def derivatives(self, xp: Any, squared_distance: Any, order: int) -> tuple[Any, ...]:
        r = xp.sqrt(squared_distance + _SMALLEST_SQUARED_DISTANCE)
        g = xp.exp(-r)
        if order == 0:
            return (g,)
        first = (-0.5) * g / r
        if order == 1:
            return g, first
        return g, first, (-0.5) * first * (1.0 + r) / (r * r)


@final
@dataclass(frozen=True)
class Matern32(AbstractRadialProfile):
    """g = (1 + √3 r) exp(-√3 r): once differentiable."""

    @property
    def name(self) -> str:
        return "matern32"

    @property
    def highest_order(self) -> int:
        return 3

    def derivatives(self, xp: Any, squared_distance: Any, order: int) -> tuple[Any, ...]:
        r = xp.sqrt(squared_distance + _SMALLEST_SQUARED_DISTANCE)
        scaled = math.sqrt(3.0) * r
        decay = xp.exp(-scaled)
        g = (1.0 + scaled) * decay
        if order == 0:
            return (g,)
        first = (-1.5) * decay
        if order == 1:
            return g, first
        second = (0.75 * math.sqrt(3.0)) * decay / r
        if order == 2:
            return g, first, second
        return g, first, second, (-0.5) * second * (1.0 + scaled) / (r * r)


@final
@dataclass(frozen=True)
class Matern52(AbstractRadialProfile):
    """g = (1 + √5 r + 5 s/3) exp(-√5 r): twice differentiable."""

    @property
    def name(self) -> str:
        return "matern52"

    @property
    def highest_order(self) -> int:
        return 3

    def derivatives(self, xp: Any, squared_distance: Any, order: int) -> tuple[Any, ...]:
        r = xp.sqrt(squared_distance + _SMALLEST_SQUARED_DISTANCE)
        scaled = math.sqrt(5.0) * r
        decay = xp.exp(-scaled)
        linear = (1.0 + scaled) * decay
        g = linear + (5.0 / 3.0) * squared_distance * decay
        if order == 0:
            return (g,)
        first = (-5.0 / 6.0) * linear
        if order == 1:
            return g, first
        second = (25.0 / 12.0) * decay
        if order == 2:
            return g, first, second
        return g, first, second, (-0.5 * math.sqrt(5.0)) * second / r


@final
@dataclass(frozen=True)
class SquaredExponential(AbstractRadialProfile):
    """g = exp(-s/2): analytic."""

    @property
    def name(self) -> str:
        return "squared_exponential"

    @property
    def highest_order(self) -> int:
        return 3

    def derivatives(self, xp: Any, squared_distance: Any, order: int) -> tuple[Any, ...]:
        g = xp.exp(-0.5 * squared_distance)
        return tuple(g * (-0.5) ** power for power in range(order + 1))


_PROFILES = {profile.name: profile for profile in (Matern12(), Matern32(), Matern52(), SquaredExponential())}


def radial_profile(name: str) -> AbstractRadialProfile:
    """The profile of that name.

    Raises:
        UsageError: when there is none.

    Example:
        >>> radial_profile("matern52").highest_order
        3
    """
    if name not in _PROFILES:
        raise UsageError(f"the kernel of a Gaussian process must be one of {sorted(_PROFILES)}, got {name!r}")
    return _PROFILES[name]
