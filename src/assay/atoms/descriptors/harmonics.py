"""Real spherical harmonics: the angular part of a density of neighbours."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.polynomial import legendre

__all__ = ["real_harmonics"]

Array = np.ndarray
Exponents = tuple[int, int, int]


def real_harmonics(xp: Any, directions: Any, angular_count: int) -> Any:
    """Y_lm of unit vectors for l = 0 ... angular_count - 1, orthonormal on the sphere.

    With c_m + i s_m = (x + iy)^m and P_l^(m) the m-th derivative of a Legendre polynomial: Y_l0 = N_l0 P_l(z),
    Y_lm = sqrt(2) N_lm P_l^(m)(z) c_m, Y_l-m = sqrt(2) N_lm P_l^(m)(z) s_m, with
    N_lm^2 = (2l + 1) / (4 pi) * (l - m)! / (l + m)!, without the phase (-1)^m. They are polynomials of x, y and z,
    hence smooth at the poles: the monomials times a table, which compiles much faster than a recurrence.

    Arguments:
        xp: NumPy or jax.numpy.
        directions: unit vectors, (..., 3).
        angular_count: how many l, at least 1. Digits are lost from about 12 on.

    Returns:
        (..., angular_count^2), ordered by l, then by m from -l to l.

    Example:
        >>> real_harmonics(np, np.array([0.0, 0.0, 1.0]), 2).round(4)
        array([0.2821, 0.    , 0.4886, 0.    ])

    Source: F. Bigi, G. Fraux, N. J. Browning, M. Ceriotti, J. Chem. Phys. 159, 064802 (2023).
    """
    parts = [xp.ones_like(directions[..., :1])]
    for parents, axes in _monomials(angular_count)[1]:
        parts.append(parts[-1][..., parents] * directions[..., axes])
    return xp.concatenate(parts, axis=-1) @ _coefficients(angular_count)


@lru_cache
def _monomials(angular_count: int) -> tuple[list[Exponents], list[tuple[Array, Array]]]:
    """The exponents of x, y and z by ascending degree, and for each degree from 1 on how its monomials are products:
    of which of the degree before, with which coordinate."""
    every, recipes = [(0, 0, 0)], []
    degree = every
    for _ in range(1, angular_count):
        products: dict[Exponents, tuple[int, int]] = {}
        for place, (a, b, c) in enumerate(degree):
            for axis, exponents in enumerate(((a + 1, b, c), (a, b + 1, c), (a, b, c + 1))):
                products.setdefault(exponents, (place, axis))
        degree = list(products)
        parents, axes = np.array(list(products.values())).T
        recipes.append((parents, axes))
        every = every + degree
    return every, recipes


@lru_cache
def _coefficients(angular_count: int) -> Array:
    """The harmonics as sums of monomials: (monomials, harmonics)."""
    place = {exponents: number for number, exponents in enumerate(_monomials(angular_count)[0])}
    table = np.zeros((len(place), angular_count**2))
    for l in range(angular_count):  # noqa: E741 (the field's symbol)
        for m in range(l + 1):
            norm = math.sqrt((2 * l + 1) / (4 * math.pi) * math.factorial(l - m) / math.factorial(l + m))
            along_z = norm * legendre.leg2poly(legendre.legder(np.eye(l + 1)[l], m))
            for power, of_z in enumerate(along_z):
                if m == 0:
                    table[place[0, 0, power], l * (l + 1)] = of_z
                    continue
                for b in range(m + 1):  # the binomials of (x + iy)^m: real for even b, imaginary for odd
                    sign = (-1.0) ** (b // 2)
                    column = l * (l + 1) + (m if b % 2 == 0 else -m)
                    table[place[m - b, b, power], column] = math.sqrt(2.0) * sign * math.comb(m, b) * of_z
    return table
