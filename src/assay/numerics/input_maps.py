"""Maps from the unit coordinates of a space to those that a surrogate sees.

A law often depends on a ratio or a product of what can be set, or on a material's constant instead of its name. A surrogate
that sees those learns from fewer looks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.errors import ConfigurationError
from assay.numerics.coordinates import Coordinates
from assay.numerics.expressions import CompiledExpression, compile_numpy
from assay.space.expressions import parse

__all__ = ["AbstractInputMap", "Formula", "FormulaMap", "LevelTable", "SpaceMap"]

Array = np.ndarray
Values = Mapping[str, Array]
Slopes = Mapping[str, Array]


class AbstractInputMap(ABC):
    """Names and numbers that follow from points in unit coordinates, with derivatives."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The names of the numbers."""

    @abstractmethod
    def natural(self, points: Array) -> tuple[Values, Slopes]:
        """Each number (p,) by name, and its gradient by the points (p, d)."""


@final
@dataclass(frozen=True)
class SpaceMap(AbstractInputMap):
    """The parameters of the space themselves: those that are numbers, fixed ones included."""

    coordinates: Coordinates

    @property
    def names(self) -> tuple[str, ...]:
        varying = [column.name for column in self.coordinates.columns if column.labels is None]
        fixed = [
            name
            for name, value in self.coordinates.space.fixed_values.items()
            if isinstance(value, int | float)
        ]
        return (*varying, *fixed)

    def natural(self, points: Array) -> tuple[Values, Slopes]:
        slope = self.coordinates.natural_derivative(points)
        values, slopes = {}, {}
        for index, column in enumerate(self.coordinates.columns):
            if column.labels is None:
                values[column.name] = column.natural(points[:, index])
                slopes[column.name] = np.zeros_like(points)
                slopes[column.name][:, index] = slope[:, index]
        for name in self.names[len(values) :]:
            number = float(self.coordinates.space.fixed_values[name])
            values[name], slopes[name] = np.full(len(points), number), np.zeros_like(points)
        return values, slopes


@final
@dataclass(frozen=True)
class Formula:
    """A new parameter as an expression of earlier ones."""

    expression: CompiledExpression

    @staticmethod
    def of(text: str, names: Sequence[str], owner: str) -> Formula:
        """Parse the text; it may use the names."""
        return Formula(compile_numpy(parse(text, names, owner=owner)))


@final
@dataclass(frozen=True)
class LevelTable:
    """A new parameter as a number for each level of a discrete one or each label of a category.

    Arguments:
        column: of the unit coordinates.
        levels: (count,), the coordinates of the levels.
        values: (count,), the numbers.
    """

    column: int
    levels: Array
    values: Array

    @staticmethod
    def of(parameter: str, values: Sequence[float], coordinates: Coordinates, owner: str) -> LevelTable:
        """The table of a parameter of the space.

        Raises:
            ConfigurationError: when it has no levels, or another number of them.
        """
        discrete = [column.name for column in coordinates.columns if column.values is not None]
        if parameter not in discrete:
            raise ConfigurationError(
                f"{owner} must name a discrete, integer or categorical parameter that varies, one of {discrete}, got {parameter!r}"
            )
        index = coordinates.index(parameter)
        column = coordinates.columns[index]
        count = len(column.values or ())
        if len(values) != count:
            raise ConfigurationError(
                f"{owner} needs a number for each of the {count} values of {parameter!r}, got {len(values)}"
            )
        levels = np.arange(count) if column.levels is None else column.levels
        return LevelTable(index, np.asarray(levels, dtype=float), np.asarray(values, dtype=float))


@final
@dataclass(frozen=True)
class FormulaMap(AbstractInputMap):
    """New parameters, each scaled so that its bounds become 0 and 1.

    Arguments:
        source: what the formulas read.
        parameters: by name.
        bounds: (2, parameters).

    Example:
        >>> from assay.space.space import Space
        >>> coordinates = Coordinates.of(Space.from_data([{"name": "x", "domain": [0, 2]}]))
        >>> square = Formula.of("x^2", ["x"], "the parameter")
        >>> seen = FormulaMap(SpaceMap(coordinates), {"s": square}, np.array([[0.0], [4.0]]))
        >>> seen.unit(np.array([[0.5]])).tolist(), seen.unit_jacobian(np.array([[0.5]]))[1].tolist()
        ([[0.25]], [[[1.0]]])
    """

    source: AbstractInputMap
    parameters: Mapping[str, Formula | LevelTable]
    bounds: Array

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.parameters)

    def natural(self, points: Array) -> tuple[Values, Slopes]:
        read, slopes = self.source.natural(points)
        values: dict[str, Array] = {}
        gradients: dict[str, Array] = {}
        for name, parameter in self.parameters.items():
            match parameter:
                case LevelTable(column, levels, numbers):
                    nearest = np.abs(points[:, column, None] - levels).argmin(axis=1)
                    values[name], gradients[name] = numbers[nearest], np.zeros_like(points)
                case Formula(expression):
                    used = expression.expression.names
                    value, by_name = expression.value_gradient(read, used)
                    values[name] = np.broadcast_to(value, (len(points),))
                    parts = [by_name[key][..., None] * slopes[key] for key in used]
                    gradients[name] = np.sum(parts, axis=0) if parts else np.zeros_like(points)
        return values, gradients

    def unit(self, points: Array) -> Array:
        """Points (p, d) of the space to what the surrogate sees (p, parameters)."""
        values, _ = self.natural(points)
        lower, upper = self.bounds
        return (np.stack([values[name] for name in self.names], axis=1) - lower) / (upper - lower)

    def unit_jacobian(self, points: Array) -> tuple[Array, Array]:
        """The same with its derivative by the points: (p, parameters, d)."""
        values, gradients = self.natural(points)
        lower, upper = self.bounds
        seen = (np.stack([values[name] for name in self.names], axis=1) - lower) / (upper - lower)
        slopes = np.stack([gradients[name] for name in self.names], axis=1)
        return seen, slopes / (upper - lower)[:, None]
