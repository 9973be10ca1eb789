"""The delicate functions of improvement, in log space: exact to rounding where the improvement is hopelessly small.

log h(z) with h(z) = φ(z) + z Φ(z) is the log expected improvement of a unit Gaussian; it falls like -z²/2 and would be
-inf in double precision from z < -38 if it were taken literally.

Source: S. Ament, S. Daulton, D. Eriksson, M. Balandat, E. Bakshy, "Unexpected Improvements to Expected Improvement for
Bayesian Optimization", NeurIPS 2023, equations 8 to 10.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

__all__ = ["log_h", "log_normal_cdf", "log_softplus"]

Array = np.ndarray

_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)
_SQRT_HALF_PI = math.sqrt(0.5 * math.pi)
_SQRT_HALF = math.sqrt(0.5)
# Below, 1 + z m(z) loses digits to cancellation and its asymptotic series is exact to rounding.
_SERIES_BELOW = -60.0


def log_h(z: Array) -> tuple[Array, Array]:
    """log(φ(z) + z Φ(z)) and its derivative Φ(z)/h(z), for any finite z.

    Example:
        >>> value, slope = log_h(np.array([0.0, -1000.0]))
        >>> [round(float(v), 4) for v in value], [round(float(s), 4) for s in slope]
        ([-0.9189, -500014.7345], [1.2533, 1000.002])
    """
    z = np.asarray(z, dtype=float)
    below = z < -1.0
    # In a round of a search all points mostly lie on one side: only that one is paid for.
    if below.all():
        return _log_h_below(z)
    value, slope = _log_h_above(np.maximum(z, -1.0))
    if not below.any():
        return value, slope
    value_below, slope_below = _log_h_below(np.minimum(z, -1.0))
    return np.where(below, value_below, value), np.where(below, slope_below, slope)


def _log_h_above(z: Array) -> tuple[Array, Array]:
    """For z of -1 and more, as it is defined."""
    mass = ndtr(z)
    h = np.exp(-0.5 * z**2 - _LOG_SQRT_2PI) + z * mass
    return np.log(h), mass / h


def _log_h_below(z: Array) -> tuple[Array, Array]:
    """For z of -1 and less: h = φ (1 + z m) with the Mills ratio m = Φ/φ, computed without underflow."""
    lower = np.maximum(z, _SERIES_BELOW)
    mills = _SQRT_HALF_PI * erfcx(-_SQRT_HALF * lower)
    rest = 1.0 + lower * mills
    far = z < _SERIES_BELOW
    if far.any():
        w = 1.0 / np.where(far, z, -1.0) ** 2
        tail = w * (1.0 - w * (3.0 - w * (15.0 - w * (105.0 - 945.0 * w))))
        rest = np.where(far, tail, rest)
        mills = np.where(far, (tail - 1.0) / np.where(far, z, -1.0), mills)
    return -0.5 * z**2 - _LOG_SQRT_2PI + np.log(rest), mills / rest


def log_normal_cdf(z: Array) -> tuple[Array, Array]:
    """log Φ(z) and its derivative φ(z)/Φ(z), for any finite z.

    Example:
        >>> value, slope = log_normal_cdf(np.array([0.0, -50.0]))
        >>> [round(float(v), 4) for v in value], [round(float(s), 4) for s in slope]
        ([-0.6931, -1254.8314], [0.7979, 50.02])
    """
    z = np.asarray(z, dtype=float)
    inverse_mills = np.exp(-0.5 * np.maximum(z, 0.0) ** 2 - _LOG_SQRT_2PI) / ndtr(np.maximum(z, 0.0))
    slope = np.where(z < 0.0, 1.0 / (_SQRT_HALF_PI * erfcx(-_SQRT_HALF * np.minimum(z, 0.0))), inverse_mills)
    return log_ndtr(z), slope


def log_softplus(x: Array) -> tuple[Array, Array]:
    """log log(1 + e^x) and its derivative, for any finite x.

    Example:
        >>> value, slope = log_softplus(np.array([0.0, -800.0]))
        >>> [round(float(v), 4) for v in value], [round(float(s), 4) for s in slope]
        ([-0.3665, -800.0], [0.7213, 1.0])
    """
    x = np.asarray(x, dtype=float)
    low = x < -30.0
    safe = np.maximum(x, -30.0)
    softplus = np.logaddexp(0.0, safe)
    value = np.where(low, x, np.log(softplus))
    slope = np.where(low, 1.0, np.exp(safe - softplus) / softplus)
    return value, slope
