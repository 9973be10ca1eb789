"""Real spherical harmonics: the angular part of a density of neighbours."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["real_harmonics"]


def real_harmonics(xp: Any, directions: Any, angular_count: int) -> Any:
    """Y_lm of unit vectors for l = 0 ... angular_count - 1, orthonormal on the sphere.

    With x + iy to the power m giving c_m + i s_m, and Q_lm(z) the associated Legendre function over sin(theta)^m,
    without the phase (-1)^m: Y_l0 = N_l0 Q_l0, Y_lm = sqrt(2) N_lm Q_lm c_m, Y_l-m = sqrt(2) N_lm Q_lm s_m, with
    N_lm^2 = (2l + 1) / (4 pi) * (l - m)! / (l + m)!. Polynomials of x, y and z, hence smooth at the poles.

    Arguments:
        xp: NumPy or jax.numpy.
        directions: unit vectors, (..., 3).
        angular_count: how many l, at least 1.

    Returns:
        (..., angular_count^2), ordered by l, then by m from -l to l.

    Example:
        >>> import numpy as np
        >>> real_harmonics(np, np.array([0.0, 0.0, 1.0]), 2).round(4)
        array([0.2821, 0.    , 0.4886, 0.    ])

    Source: F. Bigi, G. Fraux, N. J. Browning, M. Ceriotti, J. Chem. Phys. 159, 064802 (2023).
    """
    x, y, z = directions[..., 0], directions[..., 1], directions[..., 2]
    cosines, sines = [xp.ones_like(x)], [xp.zeros_like(x)]
    for _ in range(angular_count - 1):
        c, s = cosines[-1], sines[-1]
        cosines.append(x * c - y * s)
        sines.append(x * s + y * c)
    found: dict[tuple[int, int], Any] = {}
    for m in range(angular_count):
        for l, legendre in enumerate(_legendre(xp, z, m, angular_count), start=m):  # noqa: E741 (the field's symbol)
            norm = math.sqrt((2 * l + 1) / (4 * math.pi) * math.factorial(l - m) / math.factorial(l + m))
            if m == 0:
                found[l, 0] = norm * legendre
            else:
                found[l, m] = math.sqrt(2.0) * norm * legendre * cosines[m]
                found[l, -m] = math.sqrt(2.0) * norm * legendre * sines[m]
    return xp.stack([found[key] for key in sorted(found)], axis=-1)


def _legendre(xp: Any, z: Any, m: int, angular_count: int) -> list[Any]:
    """Q_lm(z) for l = m ... angular_count - 1, by the recurrence in l."""
    found = [math.prod(range(1, 2 * m, 2)) * xp.ones_like(z)]
    if angular_count > m + 1:
        found.append((2 * m + 1) * z * found[0])
    for l in range(m + 2, angular_count):  # noqa: E741 (the field's symbol)
        found.append(((2 * l - 1) * z * found[-1] - (l + m - 1) * found[-2]) / (l - m))
    return found
