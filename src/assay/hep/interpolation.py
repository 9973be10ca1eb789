"""How a yield moves between its nominal value and its two variations: the interpolation codes of HistFactory.

Each function takes one nuisance parameter alpha per entry, 0 at the nominal value and +-1 at the variations. They are
elementwise, differentiable, and finite with finite gradients everywhere.

Source: K. Cranmer et al., "HistFactory", CERN-OPEN-2012-016 (2012), section 4.1; ROOT's PiecewiseInterpolation.
"""

from __future__ import annotations

from typing import Any

from assay.errors import UsageError
from assay.numerics.compile import jax_module

__all__ = ["ADDITIVE_CODES", "MULTIPLICATIVE_CODES", "additive", "check_codes", "multiplicative"]

ADDITIVE_CODES = ("code0", "code2", "code4p")
MULTIPLICATIVE_CODES = ("code1", "code4")


def check_codes(histosys: str, normsys: str) -> None:
    """Refuse an unknown code.

    Raises:
        UsageError: naming the modifier type, the codes there are, and what was got.
    """
    for kind, code, codes in (
        ("histosys", histosys, ADDITIVE_CODES),
        ("normsys", normsys, MULTIPLICATIVE_CODES),
    ):
        if code not in codes:
            raise UsageError(f"the interpolation of {kind} must be one of {', '.join(codes)}, got {code!r}")


def additive(code: str, alpha: Any, rise: Any, fall: Any) -> Any:
    """What is added to the nominal yield.

    Arguments:
        code: "code0" piecewise linear; "code2" quadratic inside, linear outside; "code4p" a polynomial of sixth order
            inside, with two continuous derivatives, linear outside.
        alpha: (entries,), the nuisance parameter.
        rise: (entries,), upper variation less nominal.
        fall: (entries,), nominal less lower variation.

    Example:
        >>> import numpy as np
        >>> additive("code4p", np.array([0.0, 1.0, -2.0]), 3.0, 2.0).tolist()
        [0.0, 3.0, -4.0]
    """
    jnp = jax_module().numpy
    if code == "code0":
        return alpha * jnp.where(alpha >= 0, rise, fall)
    if code == "code2":
        half, bend = 0.5 * (rise + fall), 0.5 * (rise - fall)
        above = rise + (half + 2 * bend) * (alpha - 1)
        below = -fall + (half - 2 * bend) * (alpha + 1)
        return jnp.where(alpha > 1, above, jnp.where(alpha < -1, below, alpha * (half + bend * alpha)))
    inside = jnp.clip(alpha, -1.0, 1.0)  # outside, its powers would overflow into the gradient of `where`
    square = inside * inside
    even = square * (15 + square * (-10 + 3 * square)) / 16
    middle = 0.5 * inside * (rise + fall) + even * (rise - fall)
    return jnp.where(alpha > 1, alpha * rise, jnp.where(alpha < -1, alpha * fall, middle))


def multiplicative(code: str, alpha: Any, high: Any, low: Any) -> Any:
    """The factor of the nominal yield.

    Arguments:
        code: "code1" piecewise exponential; "code4" the exponential of a polynomial's value inside, with two continuous
            derivatives, exponential outside.
        alpha: (entries,), the nuisance parameter.
        high, low: (entries,), the factors at +1 and -1, positive.

    Example:
        >>> import numpy as np
        >>> from assay.numerics.compile import float64
        >>> with float64():
        ...     factor = multiplicative("code4", np.array([0.0, 1.0, -2.0]), 1.2, 0.9)
        >>> np.asarray(factor).round(12).tolist()
        [1.0, 1.2, 0.81]
    """
    jnp = jax_module().numpy
    log_high, log_low = jnp.log(high), jnp.log(low)
    outside = jnp.exp(jnp.where(alpha >= 0, alpha * log_high, -alpha * log_low))
    if code == "code1":
        return outside
    x = jnp.clip(alpha, -1.0, 1.0)
    middle = 1.0 + _sextic(x, high, low, log_high, log_low)
    return jnp.where(jnp.abs(alpha) >= 1, outside, middle)


def _sextic(x: Any, high: Any, low: Any, log_high: Any, log_low: Any) -> Any:
    """The polynomial p with p(0) = 0 whose value and first two derivatives at +-1 are those of the exponentials.

    Odd and even parts are found apart: with the values v, slopes s and curvatures c at +1 and -1, the odd part is fixed
    by (v+ - v-)/2, (s+ + s-)/2, (c+ - c-)/2, the even one by the opposite signs.
    """
    slope_high, slope_low = log_high * high, -log_low * low
    bend_high, bend_low = log_high * log_high * high, log_low * log_low * low
    odd = (0.5 * (high - low), 0.5 * (slope_high + slope_low), 0.5 * (bend_high - bend_low))
    even = (0.5 * (high + low) - 1.0, 0.5 * (slope_high - slope_low), 0.5 * (bend_high + bend_low))
    one = (15 * odd[0] - 7 * odd[1] + odd[2]) / 8
    three = (-10 * odd[0] + 10 * odd[1] - 2 * odd[2]) / 8
    five = (3 * odd[0] - 3 * odd[1] + odd[2]) / 8
    two = (24 * even[0] - 9 * even[1] + even[2]) / 8
    four = (-24 * even[0] + 14 * even[1] - 2 * even[2]) / 8
    six = (8 * even[0] - 5 * even[1] + even[2]) / 8
    return x * (one + x * (two + x * (three + x * (four + x * (five + x * six)))))
