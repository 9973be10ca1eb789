"""Functions of uniform parameters with closed-form moments and Sobol' indices."""

from __future__ import annotations

import numpy as np

from assay.numerics.coordinates import Coordinates
from assay.numerics.distributions import ParameterMeasure
from assay.space.space import Space

__all__ = ["G_COEFFICIENTS", "g_function", "g_indices", "ishigami", "ishigami_indices", "uniform_measure"]

Array = np.ndarray

G_COEFFICIENTS = np.array([0.0, 1.0, 4.5, 9.0, 99.0, 99.0, 99.0, 99.0])


def uniform_measure(dimension: int) -> ParameterMeasure:
    """Uniform parameters x0, x1, ... on [0, 1]."""
    space = Space.from_data([{"name": f"x{index}", "domain": [0, 1]} for index in range(dimension)])
    return ParameterMeasure.of(space, Coordinates.of(space))


def ishigami(units: Array) -> Array:
    """sin x1 + 7 sin^2 x2 + 0.1 x3^4 sin x1, each x uniform on [-pi, pi].

    Source: T. Ishigami and T. Homma, Proc. ISUMA '90, 398 (1990).
    """
    x = np.pi * (2 * units - 1)
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


def ishigami_indices() -> tuple[Array, Array, float]:
    """First-order and total indices, and the variance."""
    alone = np.array([0.5 * (1 + 0.1 * np.pi**4 / 5) ** 2, 49 / 8, 0.0])
    together = 0.01 * np.pi**8 * (1 / 18 - 1 / 50)
    variance = alone.sum() + together
    return alone / variance, (alone + together * np.array([1, 0, 1])) / variance, variance


def g_function(units: Array) -> Array:
    """prod_i (|4 x_i - 2| + a_i) / (1 + a_i).

    Source: I. M. Sobol', Math. Comput. Simul. 55, 271 (2001).
    """
    return np.prod((np.abs(4 * units - 2) + G_COEFFICIENTS) / (1 + G_COEFFICIENTS), axis=1)


def g_indices() -> tuple[Array, Array, float]:
    """First-order and total indices, and the variance."""
    alone = 1 / (3 * (1 + G_COEFFICIENTS) ** 2)
    variance = np.prod(1 + alone) - 1
    return alone / variance, alone * np.prod(1 + alone) / (1 + alone) / variance, float(variance)
