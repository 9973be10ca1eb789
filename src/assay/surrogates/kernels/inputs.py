"""What a kernel sees of a point: some columns, reciprocals of distances, features of one's own.

A map takes points and directions: a derivative along v of f(φ(x)) is one along J(x) v of f.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.errors import UsageError
from assay.surrogates.kernels.sites import Sites

__all__ = ["AbstractInputs", "Columns", "Features", "Reciprocal"]

Array = np.ndarray

# The cube root of the rounding unit: it balances the two errors of a central difference.
_STEP = 6e-6


class AbstractInputs(ABC):
    """A map of sites."""

    @abstractmethod
    def __call__(self, sites: Sites) -> Sites:
        """Points and directions as the kernel sees them."""


@final
@dataclass(frozen=True)
class Columns(AbstractInputs):
    """Some of the columns.

    Arguments:
        places: their numbers.
    """

    places: tuple[int, ...]

    def __call__(self, sites: Sites) -> Sites:
        chosen = list(self.places)
        directions = None if sites.directions is None else sites.directions[..., chosen]
        return Sites(sites.points[..., chosen], directions, sites.is_value)


@final
@dataclass(frozen=True)
class Reciprocal(AbstractInputs):
    """1/r in every column: a distance beyond which little happens is near to all others.

    Raises:
        UsageError: at a point that is not positive.
    """

    def __call__(self, sites: Sites) -> Sites:
        if not (sites.points > 0.0).all():
            raise UsageError(
                f"reciprocal inputs of a kernel need positive points, got {float(sites.points.min())!r}"
            )
        points = 1.0 / sites.points
        directions = None if sites.directions is None else -(points**2) * sites.directions
        return Sites(points, directions, sites.is_value)


@final
@dataclass(frozen=True)
class Features(AbstractInputs):
    """Features of one's own.

    Arguments:
        function: maps (points, dimension) to (points, features).
        jacobian: maps to (points, features, dimension); None for central differences along the directions.

    Raises:
        UsageError: when the function gives another shape.
    """

    function: Callable[[Array], Array]
    jacobian: Callable[[Array], Array] | None = None

    def __call__(self, sites: Sites) -> Sites:
        points = self._values(sites.points)
        if sites.directions is None:
            return Sites(points, None, sites.is_value)
        if self.jacobian is None:
            step = _STEP * np.maximum(1.0, np.abs(sites.points).max())
            above = self._values(sites.points + step * sites.directions)
            below = self._values(sites.points - step * sites.directions)
            return Sites(points, (above - below) / (2.0 * step), sites.is_value)
        flat = sites.points.reshape(-1, sites.points.shape[-1])
        jacobian = np.asarray(self.jacobian(flat), dtype=float).reshape(*points.shape, flat.shape[1])
        return Sites(points, (jacobian @ sites.directions[..., None])[..., 0], sites.is_value)

    def _values(self, points: Array) -> Array:
        flat = points.reshape(-1, points.shape[-1])
        values = np.asarray(self.function(flat), dtype=float)
        if values.ndim != 2 or len(values) != len(flat):
            raise UsageError(
                f"the features of a kernel must have the shape ({len(flat)}, features), got {values.shape}"
            )
        return values.reshape(*points.shape[:-1], -1)
