"""The functions of the expression language over an array namespace `xp` (NumPy or jax.numpy), with derivatives.

`special` is the home of erf and erfinv that matches it. Each formula is written once; nothing is written in place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

__all__ = ["SPECIAL_FUNCTIONS", "applied", "derivative"]

SPECIAL_FUNCTIONS = frozenset({"erf", "erfinv"})

_LIBRARY_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "asin": "arcsin",
        "acos": "arccos",
        "atan": "arctan",
        "asinh": "arcsinh",
        "acosh": "arccosh",
        "atanh": "arctanh",
    }
)


def applied(function: str, x: Any, xp: Any, special: Any) -> Any:
    """f(x), for a function of one argument."""
    home = special if function in SPECIAL_FUNCTIONS else xp
    return getattr(home, _LIBRARY_NAMES.get(function, function))(x)


def derivative(function: str, x: Any, value: Any, xp: Any) -> Any:
    """f'(x), given f(x). Differences of squares are factored, so that they keep their digits near 1."""
    match function:
        case "sqrt":
            return 0.5 / value
        case "sin":
            return xp.cos(x)
        case "cos":
            return -xp.sin(x)
        case "tan":
            return 1 + value * value
        case "asin":
            return 1 / xp.sqrt((1 - x) * (1 + x))
        case "acos":
            return -1 / xp.sqrt((1 - x) * (1 + x))
        case "atan":
            return 1 / (1 + x * x)
        case "sinh":
            return xp.cosh(x)
        case "cosh":
            return xp.sinh(x)
        case "tanh":
            return (1 - value) * (1 + value)
        case "asinh":
            return 1 / xp.hypot(x, 1.0)
        case "acosh":
            return 1 / (xp.sqrt(x - 1) * xp.sqrt(x + 1))
        case "atanh":
            return 1 / ((1 - x) * (1 + x))
        case "exp":
            return value
        case "log":
            return 1 / x
        case "log10":
            return 1 / (x * math.log(10))
        case "erf":
            return 2 / math.sqrt(math.pi) * xp.exp(-x * x)
        case "erfinv":
            return math.sqrt(math.pi) / 2 * xp.exp(value * value)
        case "abs":
            return xp.sign(x)
        case _:  # trunc, round, sign: flat between their jumps; NaN stays NaN
            return 0.0 * value
