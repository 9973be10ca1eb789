"""Rastrigin's function, shifted: a bowl with a dozen local minima on the disc of radius 1.5."""

from __future__ import annotations

import math

SHIFT = (0.317, -0.203)


def evaluate(x: float, y: float) -> float:
    """The function, 0 at the shift and positive elsewhere."""
    total = 20.0
    for coordinate, shift in zip((x, y), SHIFT, strict=True):
        distance = coordinate - shift
        total += distance**2 - 10.0 * math.cos(2.0 * math.pi * distance)
    return total
