"""Small models that a worker process can import, for the suites of evaluators and executors."""

from __future__ import annotations

import time

__all__ = ["breaks", "gives_nan", "naps", "square", "square_of_positive"]


def square(x: float) -> float:
    """x^2."""
    return x * x


def square_of_positive(x: float) -> float:
    """x^2; an exception where x is negative."""
    if x < 0:
        raise ValueError(f"the model needs x of at least 0, got {x}")
    return x * x


def naps(x: float, seconds: float = 0.02) -> float:
    """x, after a while."""
    time.sleep(seconds)
    return x


def gives_nan(x: float) -> float:
    """Not a number."""
    return x * float("nan")


def breaks(x: float) -> float:
    """Raise an exception."""
    raise ArithmeticError(f"the model broke at {x}")
