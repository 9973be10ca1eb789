"""The map between a box, whose sides may be infinite, and the whole space, in which samplers move freely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

__all__ = ["Unconstrained"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class Unconstrained:
    """Coordinates y without bounds for a box [lower, upper].

    x = lower + (upper - lower) / (1 + exp(-y)) between two bounds, lower + exp(y) or upper - exp(-y) beside one, and y
    without any. A flat density in the box has its maximum in the middle of y, and none at the sides.

    Arguments:
        lower, upper: (dimension,), possibly infinite.

    Example:
        >>> box = Unconstrained(np.array([0.0, 0.0]), np.array([4.0, np.inf]))
        >>> box.inside(np.zeros((1, 2))).tolist(), box.outside(np.array([[2.0, 1.0]])).tolist()
        ([[2.0, 1.0]], [[0.0, 0.0]])
    """

    lower: Array
    upper: Array

    def inside(self, y: Any, xp: Any = np) -> Any:
        """The points of the box, (..., dimension)."""
        has_lower, has_upper = np.isfinite(self.lower), np.isfinite(self.upper)
        low, high = np.where(has_lower, self.lower, 0.0), np.where(has_upper, self.upper, 0.0)
        share = 1.0 / (1.0 + xp.exp(-xp.clip(y, -700.0, 700.0)))
        grown = xp.exp(xp.clip(xp.where(has_lower, y, -y), -700.0, 700.0))
        one_side = xp.where(has_lower, low + grown, high - grown)
        both = has_lower & has_upper
        return xp.where(both, low + (high - low) * share, xp.where(has_lower | has_upper, one_side, y))

    def log_volume(self, y: Any, xp: Any = np) -> Any:
        """log |dx / dy| of each coordinate, (..., dimension), up to a constant."""
        has_lower, has_upper = np.isfinite(self.lower), np.isfinite(self.upper)
        # log s (1 - s) of the logistic share s, without overflow on either side.
        both = -xp.abs(y) - 2.0 * xp.log1p(xp.exp(-xp.abs(y)))
        one_side = xp.where(has_lower, y, -y)
        return xp.where(has_lower & has_upper, both, xp.where(has_lower | has_upper, one_side, 0.0))

    def slopes(self, y: Array) -> tuple[Array, Array]:
        """dx / dy, and the derivative of `log_volume`, of each coordinate: (..., dimension) each."""
        has_lower, has_upper = np.isfinite(self.lower), np.isfinite(self.upper)
        both = has_lower & has_upper
        share = 1.0 / (1.0 + np.exp(-np.clip(y, -700.0, 700.0)))
        width = np.where(both, self.upper - np.where(has_lower, self.lower, 0.0), 1.0)
        grown = np.exp(np.clip(np.where(has_lower, y, -y), -700.0, 700.0))
        by_one = np.where(has_lower | has_upper, grown, 1.0)
        first = np.where(both, width * share * (1.0 - share), by_one)
        side = np.where(has_lower, 1.0, -1.0) * (has_lower | has_upper)
        return first, np.where(both, 1.0 - 2.0 * share, side)

    def outside(self, x: Array) -> Array:
        """The coordinates without bounds of points of the box; those on a side are moved inwards by 1e-12 of the box."""
        has_lower, has_upper = np.isfinite(self.lower), np.isfinite(self.upper)
        both = has_lower & has_upper
        width = np.where(both, self.upper - np.where(has_lower, self.lower, 0.0), 1.0)
        low = np.where(has_lower, self.lower, x - 1.0)
        high = np.where(has_upper, self.upper, x + 1.0)
        tiny = 1e-12 * width
        from_low, from_high = np.maximum(x - low, tiny), np.maximum(high - x, tiny)
        logs = np.log(from_low) - np.log(from_high)
        one_side = np.where(has_lower, np.log(from_low), -np.log(from_high))
        return np.where(both, logs, np.where(has_lower | has_upper, one_side, x))
