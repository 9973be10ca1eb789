"""Densities of single numbers, with derivatives, and their quantiles inside an interval, to full precision in the tails."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np

__all__ = [
    "AbstractFamily",
    "BetaFamily",
    "GammaFamily",
    "LogNormalFamily",
    "NormalFamily",
    "UniformFamily",
    "mass",
    "truncated_quantile",
]

Array = np.ndarray


class AbstractFamily(ABC):
    """The distribution of a number. Densities hold up to a constant factor."""

    @abstractmethod
    def log_density(self, x: Array) -> Array:
        """The logarithm of the density: minus infinity outside the support."""

    @abstractmethod
    def slope(self, x: Array) -> Array:
        """The derivative of `log_density`, inside the support."""

    @abstractmethod
    def masses(self, x: Array) -> tuple[Array, Array]:
        """The probabilities below and above x, each accurate where it is small."""

    @abstractmethod
    def quantile(self, below: Array, above: Array) -> Array:
        """The number with these probabilities below and above it; the smaller of the two decides."""


def truncated_quantile(family: AbstractFamily, interval: tuple[float, float], cube: Array) -> Array:
    """The quantile function of a family that is cut to an interval.

    Arguments:
        family: any.
        interval: lower and upper end, possibly infinite.
        cube: probabilities in [0, 1], any shape.

    Returns:
        The quantiles, inside the interval.

    Example:
        >>> truncated_quantile(NormalFamily(0.0, 1.0), (0.0, np.inf), np.array([0.5])).round(4).tolist()
        [0.6745]
    """
    (below_low, below_high), (above_low, above_high) = family.masses(np.asarray(interval, dtype=float))
    below = below_low + cube * (below_high - below_low)
    above = above_high + (1.0 - cube) * (above_low - above_high)
    return np.clip(family.quantile(below, above), *interval)


def mass(family: AbstractFamily, interval: tuple[float, float]) -> float:
    """The probability of an interval, accurate in both tails."""
    below, above = family.masses(np.asarray(interval, dtype=float))
    return float(below[1] - below[0] if below[1] <= 0.5 else above[0] - above[1])


@final
@dataclass(frozen=True)
class UniformFamily(AbstractFamily):
    """Equal density over [lower, upper]."""

    lower: float
    upper: float

    def log_density(self, x: Array) -> Array:
        return np.where((x >= self.lower) & (x <= self.upper), 0.0, -np.inf)

    def slope(self, x: Array) -> Array:
        return np.zeros_like(x)

    def masses(self, x: Array) -> tuple[Array, Array]:
        below = np.clip((x - self.lower) / (self.upper - self.lower), 0.0, 1.0)
        return below, 1.0 - below

    def quantile(self, below: Array, above: Array) -> Array:
        width = self.upper - self.lower
        return np.where(below <= above, self.lower + width * below, self.upper - width * above)


@final
@dataclass(frozen=True)
class NormalFamily(AbstractFamily):
    """exp(-((x - mean) / stddev)^2 / 2)."""

    mean: float
    stddev: float

    def log_density(self, x: Array) -> Array:
        return -0.5 * ((x - self.mean) / self.stddev) ** 2

    def slope(self, x: Array) -> Array:
        return (self.mean - x) / self.stddev**2

    def masses(self, x: Array) -> tuple[Array, Array]:
        from scipy.special import ndtr

        standard = (x - self.mean) / self.stddev
        return ndtr(standard), ndtr(-standard)

    def quantile(self, below: Array, above: Array) -> Array:
        from scipy.special import ndtri

        return self.mean + self.stddev * np.where(below <= above, ndtri(below), -ndtri(above))


@final
@dataclass(frozen=True)
class LogNormalFamily(AbstractFamily):
    """A positive number whose logarithm is normal: exp(-((log x - mean) / stddev)^2 / 2) / x."""

    mean: float
    stddev: float

    def log_density(self, x: Array) -> Array:
        log = self._log(x)
        return np.where(x > 0, -0.5 * ((log - self.mean) / self.stddev) ** 2 - log, -np.inf)

    def slope(self, x: Array) -> Array:
        safe = np.where(x > 0, x, 1.0)
        return ((self.mean - np.log(safe)) / self.stddev**2 - 1.0) / safe

    def masses(self, x: Array) -> tuple[Array, Array]:
        with np.errstate(divide="ignore"):
            return NormalFamily(self.mean, self.stddev).masses(np.log(np.maximum(x, 0.0)))

    def quantile(self, below: Array, above: Array) -> Array:
        return np.exp(NormalFamily(self.mean, self.stddev).quantile(below, above))

    @staticmethod
    def _log(x: Array) -> Array:
        return np.log(np.where(x > 0, x, 1.0))


@final
@dataclass(frozen=True)
class GammaFamily(AbstractFamily):
    """x^(alpha - 1) exp(-beta x) for x > 0."""

    alpha: float
    beta: float

    def log_density(self, x: Array) -> Array:
        from scipy.special import xlogy

        return np.where(x >= 0, xlogy(self.alpha - 1.0, np.maximum(x, 0.0)) - self.beta * x, -np.inf)

    def slope(self, x: Array) -> Array:
        return (self.alpha - 1.0) / np.where(x > 0, x, 1.0) - self.beta

    def masses(self, x: Array) -> tuple[Array, Array]:
        from scipy.special import gammainc, gammaincc

        scaled = self.beta * np.maximum(x, 0.0)
        return gammainc(self.alpha, scaled), gammaincc(self.alpha, scaled)

    def quantile(self, below: Array, above: Array) -> Array:
        from scipy.special import gammainccinv, gammaincinv

        is_low = below <= above
        return np.where(is_low, gammaincinv(self.alpha, below), gammainccinv(self.alpha, above)) / self.beta


@final
@dataclass(frozen=True)
class BetaFamily(AbstractFamily):
    """t^(alpha - 1) (1 - t)^(beta - 1), where t runs from 0 to 1 over [lower, upper]."""

    alpha: float
    beta: float
    lower: float
    upper: float

    def log_density(self, x: Array) -> Array:
        from scipy.special import xlog1py, xlogy

        t = self._share(x)
        inside = np.clip(t, 0.0, 1.0)
        value = xlogy(self.alpha - 1.0, inside) + xlog1py(self.beta - 1.0, -inside)
        return np.where(t == inside, value, -np.inf)

    def slope(self, x: Array) -> Array:
        t = self._share(x)
        safe = np.where((t > 0) & (t < 1), t, 0.5)
        return ((self.alpha - 1.0) / safe - (self.beta - 1.0) / (1.0 - safe)) / (self.upper - self.lower)

    def masses(self, x: Array) -> tuple[Array, Array]:
        from scipy.special import betainc, betaincc

        t = np.clip(self._share(x), 0.0, 1.0)
        return betainc(self.alpha, self.beta, t), betaincc(self.alpha, self.beta, t)

    def quantile(self, below: Array, above: Array) -> Array:
        from scipy.special import betainccinv, betaincinv

        low = betaincinv(self.alpha, self.beta, below)
        t = np.where(below <= above, low, betainccinv(self.alpha, self.beta, above))
        return self.lower + (self.upper - self.lower) * t

    def _share(self, x: Array) -> Array:
        return (x - self.lower) / (self.upper - self.lower)
