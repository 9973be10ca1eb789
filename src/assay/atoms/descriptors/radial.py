"""Radial functions of a distance that vanish smoothly at a cutoff."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["radial_functions"]


def radial_functions(xp: Any, distance_A: Any, cutoff_A: Any, count: int) -> Any:
    """R_n(r) = sqrt(2 / c) sin(n pi r / c) / r * (1 - x)^2 (1 + 2x) for n = 1 ... count, with x = r / c; 0 beyond c.

    Spherical Bessel functions, orthonormal on [0, c] with the weight r^2, times a cutoff function. The sine vanishes
    at c as well: value, slope and curvature are continuous there.

    Arguments:
        xp: NumPy or jax.numpy.
        distance_A: distances r > 0, any shape, in angstrom.
        cutoff_A: the cutoff c of each, broadcast against the distances.
        count: how many functions, at least 1.

    Returns:
        (..., count), in angstrom^(-3/2).

    Example:
        >>> import numpy as np
        >>> radial_functions(np, np.array([1.0, 2.5]), 5.0, 2).round(3)
        array([[0.333, 0.539],
               [0.126, 0.   ]])

    Source: E. Kocer, J. K. Mason, H. Erturk, AIP Advances 10, 015021 (2020), for Bessel functions as a basis.
    """
    x = xp.where(distance_A < cutoff_A, distance_A / cutoff_A, 1.0)
    envelope = (1.0 - x) ** 2 * (1.0 + 2.0 * x) * xp.sqrt(2.0 / cutoff_A) / distance_A
    return xp.sin(math.pi * x[..., None] * xp.arange(1, count + 1)) * envelope[..., None]
