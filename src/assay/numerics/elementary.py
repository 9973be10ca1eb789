"""The functions of the expression language over an array namespace `xp` (NumPy or jax.numpy), with derivatives.

`special` is the matching home of erf and erfinv. Each formula is written once; nothing is written in place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

__all__ = ["DERIVATIVES", "VALUES"]

Value = Callable[[Any, Any, Any], Any]  # (xp, special, x) -> f(x)
Derivative = Callable[[Any, Any, Any], Any]  # (xp, x, f(x)) -> f'(x)

VALUES: Mapping[str, Value] = MappingProxyType(
    {
        "sqrt": lambda xp, _, x: xp.sqrt(x),
        "sin": lambda xp, _, x: xp.sin(x),
        "cos": lambda xp, _, x: xp.cos(x),
        "tan": lambda xp, _, x: xp.tan(x),
        "asin": lambda xp, _, x: xp.arcsin(x),
        "acos": lambda xp, _, x: xp.arccos(x),
        "atan": lambda xp, _, x: xp.arctan(x),
        "sinh": lambda xp, _, x: xp.sinh(x),
        "cosh": lambda xp, _, x: xp.cosh(x),
        "tanh": lambda xp, _, x: xp.tanh(x),
        "asinh": lambda xp, _, x: xp.arcsinh(x),
        "acosh": lambda xp, _, x: xp.arccosh(x),
        "atanh": lambda xp, _, x: xp.arctanh(x),
        "exp": lambda xp, _, x: xp.exp(x),
        "log": lambda xp, _, x: xp.log(x),
        "log10": lambda xp, _, x: xp.log10(x),
        "erf": lambda xp, special, x: special.erf(x),
        "erfinv": lambda xp, special, x: special.erfinv(x),
        "abs": lambda xp, _, x: xp.abs(x),
        "trunc": lambda xp, _, x: xp.trunc(x),
        "round": lambda xp, _, x: xp.round(x),
        "sign": lambda xp, _, x: xp.sign(x),
    }
)

DERIVATIVES: Mapping[str, Derivative] = MappingProxyType(
    {
        "sqrt": lambda xp, x, f: 0.5 / f,
        "sin": lambda xp, x, f: xp.cos(x),
        "cos": lambda xp, x, f: -xp.sin(x),
        "tan": lambda xp, x, f: 1 + f * f,
        "asin": lambda xp, x, f: 1 / xp.sqrt((1 - x) * (1 + x)),
        "acos": lambda xp, x, f: -1 / xp.sqrt((1 - x) * (1 + x)),
        "atan": lambda xp, x, f: 1 / (1 + x * x),
        "sinh": lambda xp, x, f: xp.cosh(x),
        "cosh": lambda xp, x, f: xp.sinh(x),
        "tanh": lambda xp, x, f: (1 - f) * (1 + f),
        "asinh": lambda xp, x, f: 1 / xp.hypot(x, 1.0),
        "acosh": lambda xp, x, f: 1 / (xp.sqrt(x - 1) * xp.sqrt(x + 1)),
        "atanh": lambda xp, x, f: 1 / ((1 - x) * (1 + x)),
        "exp": lambda xp, x, f: f,
        "log": lambda xp, x, f: 1 / x,
        "log10": lambda xp, x, f: 1 / (x * math.log(10)),
        "erf": lambda xp, x, f: 2 / math.sqrt(math.pi) * xp.exp(-x * x),
        "erfinv": lambda xp, x, f: math.sqrt(math.pi) / 2 * xp.exp(f * f),
        "abs": lambda xp, x, f: xp.sign(x),
        "trunc": lambda xp, x, f: 0.0 * f,
        "round": lambda xp, x, f: 0.0 * f,
        "sign": lambda xp, x, f: 0.0 * f,
    }
)
