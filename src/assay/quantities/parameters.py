"""The parameters as variables read them: natural values with slopes, fixed numbers, and functions of a whole point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import final

import numpy as np

from assay.numerics.coordinates import Coordinates
from assay.quantities.abstract import Place

__all__ = ["Parameters"]

Array = np.ndarray
PointFunction = Callable[[Array], tuple[Array, Array]]


@final
@dataclass(frozen=True)
class Parameters:
    """What names stand for at points.

    Arguments:
        coordinates: the columns that surrogates read.
        functions: by name, from points (p, dimension) to values (p,) and gradients of the points' shape; `log_prob` is
            one.
        constants: further numbers by name.
        extra: names of further columns, after those of the coordinates, that only variables read, in their own units;
            the parameters of an error model are such.

    Example:
        >>> from assay.space.space import Space
        >>> coordinates = Coordinates.of(Space.from_data([{"name": "x", "domain": [-1, 1]}]))
        >>> place = Parameters(coordinates, constants={"c": 3.0}).at(np.array([[0.75]]))
        >>> place.parameters["x"].tolist(), place.parameters["c"], place.slopes.tolist()
        ([0.5], 3.0, [[2.0]])
    """

    coordinates: Coordinates
    functions: Mapping[str, PointFunction] = field(default_factory=dict)
    constants: Mapping[str, float] = field(default_factory=dict)
    extra: tuple[str, ...] = ()

    @property
    def dimension(self) -> int:
        """The number of columns of a point, extra ones included."""
        return self.coordinates.dimension + len(self.extra)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that has a numeric value; labels of categories have none."""
        varying = [column.name for column in self.coordinates.columns if column.labels is None]
        fixed = [name for name, value in self.coordinates.space.fixed_values.items() if _is_number(value)]
        return (*varying, *fixed, *self.constants, *self.extra, *self.functions)

    def at(self, points: Array) -> Place:
        """Where variables are asked: points (p, dimension)."""
        shared = self.of_surrogates(points)
        values: dict[str, Array | float] = {
            name: float(value)
            for name, value in self.coordinates.space.fixed_values.items()
            if _is_number(value)
        }
        values |= self.constants
        columns: dict[str, int] = {}
        for index, column in enumerate(self.coordinates.columns):
            if column.labels is None:
                values[column.name], columns[column.name] = column.natural(points[:, index]), index
        slopes = np.ones_like(points)
        slopes[:, : self.coordinates.dimension] = self.coordinates.natural_derivative(shared)
        for index, name in enumerate(self.extra, self.coordinates.dimension):
            values[name], columns[name] = points[:, index], index
        gradients = {}
        for name, function in self.functions.items():
            values[name], gradients[name] = function(points)
        return Place(points, values, columns, slopes, gradients)

    def of_surrogates(self, points: Array) -> Array:
        """The columns that surrogates read: (p, d) to (p, coordinates.dimension)."""
        return points[:, : self.coordinates.dimension] if self.extra else points

    def padded(self, gradient: Array) -> Array:
        """A gradient by the surrogates' columns (..., coordinates.dimension), with zeros for the extra ones."""
        if not self.extra:
            return gradient
        return np.concatenate([gradient, np.zeros((*gradient.shape[:-1], len(self.extra)))], axis=-1)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)
