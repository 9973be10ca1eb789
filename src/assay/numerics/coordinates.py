"""Unit coordinates: the map between the values of a space and rows of numbers, and back exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, final

import numpy as np

from assay.errors import SpaceError, UsageError
from assay.records import ParameterValue
from assay.space.parameters import (
    Categorical,
    Continuous,
    Discrete,
    EnvironmentFixed,
    EnvironmentVariable,
    Fixed,
    Integer,
    Text,
)
from assay.space.space import Space

__all__ = ["Column", "Coordinates"]

Array = np.ndarray
Role = Literal["design", "environment"]

LATTICE_LIMIT = 10_000  # an integer with more values than this is searched as if it were continuous


@final
@dataclass(frozen=True)
class Column:
    """One column of unit coordinates.

    Arguments:
        name: the parameter.
        kind: "continuous" in [0, 1]; "lattice" on `levels`; "category" holds the index of a label; "unbounded" is
            the value over its scale.
        role: whether the suggestion chooses it.
        bounds: the ends of the domain in the parameter's own unit; (0, scale) when unbounded.
        log: whether the coordinate is linear in the logarithm.
        levels: the places of a lattice, ascending from 0 to 1; None for the other kinds.
        values: what stands at each level, or the labels of a category; None where decoding rounds.
        is_integer: whether a column without levels holds whole numbers.
    """

    name: str
    kind: Literal["continuous", "lattice", "category", "unbounded"]
    role: Role
    bounds: tuple[float, float] = (0.0, 1.0)
    log: bool = False
    levels: tuple[float, ...] | None = None
    values: tuple[ParameterValue, ...] | None = None
    is_integer: bool = False

    @cached_property
    def labels(self) -> tuple[str, ...] | None:
        """The labels of a category, ordered or not; None for numbers."""
        labels = tuple(value for value in self.values or () if isinstance(value, str))
        return labels or None

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The smallest and the largest coordinate."""
        if self.kind == "unbounded":
            return -math.inf, math.inf
        return 0.0, float(len(self.values or ()) - 1) if self.kind == "category" else 1.0

    def encode(self, values: Sequence[Any]) -> Array:
        """The coordinates of valid values."""
        if self.labels is not None:
            indices = [self.labels.index(value) for value in values]
            return np.asarray(indices, dtype=float) if self.levels is None else self._places[indices]
        numbers = np.asarray(values, dtype=float)
        units = ((np.log(numbers) if self.log else numbers) - self._start) / self._span
        return np.clip(units, *self.limits)

    def snap(self, units: Array) -> Array:
        """The nearest allowed coordinates."""
        clipped = np.clip(units, *self.limits)
        if self.kind == "category":
            return np.rint(clipped)
        if self.kind == "lattice":
            return self._places[self._nearest(clipped)]
        return np.rint(clipped * self._span) / self._span if self.is_integer else clipped

    def natural(self, units: Array) -> Array:
        """The numbers at these coordinates, continued between the levels of a lattice; labels as text."""
        if self.labels is not None:
            places = np.rint(units) if self.levels is None else self._nearest(units)
            return np.asarray(self.labels)[places.astype(int)]
        numbers = self._start + units * self._span
        return np.exp(numbers) if self.log else numbers

    def natural_derivative(self, units: Array) -> Array:
        """The derivative of `natural` by the coordinate; zero for labels."""
        if self.labels is not None:
            return np.zeros_like(units)
        return self._span * self.natural(units) if self.log else np.full_like(units, self._span)

    def decode(self, unit: float, precision: float | None) -> ParameterValue:
        """The exact value: an entry of the domain; or a number inside it, rounded to the precision (None: not)."""
        place = self.snap(np.asarray([unit], dtype=float))
        if self.values is not None:
            return self.values[int(place[0]) if self.levels is None else int(self._nearest(place)[0])]
        number = float(self.natural(place)[0])
        if self.is_integer:
            return round(number)
        if self.kind == "unbounded":
            return number
        lower, upper = self.bounds
        if unit <= 0 or unit >= 1:
            return lower if unit <= 0 else upper
        if precision is not None:
            number = _rounded(number, self.step(number, precision))
        return min(max(number, lower), upper)

    def step(self, value: float, precision: float) -> Decimal:
        """What values near this one are rounded to a multiple of; of a `log` column under 1, by the power of ten."""
        exponent = min(0, math.floor(math.log10(value))) if self.log else 0
        return Decimal(repr(precision)).scaleb(exponent)

    @cached_property
    def _start(self) -> float:
        return math.log(self.bounds[0]) if self.log else self.bounds[0]

    @cached_property
    def _span(self) -> float:
        return (math.log(self.bounds[1]) if self.log else self.bounds[1]) - self._start

    @cached_property
    def _places(self) -> Array:
        return np.asarray(self.levels or (), dtype=float)

    @cached_property
    def _middles(self) -> Array:
        return (self._places[1:] + self._places[:-1]) / 2

    def _nearest(self, units: Array) -> Array:
        return np.searchsorted(self._middles, units)


@final
@dataclass(frozen=True)
class Coordinates:
    """The columns of a space: each design parameter that varies, then each environment parameter that varies.

    Made by `Coordinates.of`.

    Example:
        >>> space = Space.from_data([Continuous("x", (-1, 1)), Integer("n", (1, 5)), Fixed("k", 3)])
        >>> coordinates = Coordinates.of(space)
        >>> coordinates.encode([{"x": 0.5, "n": 2}]).tolist()
        [[0.75, 0.25]]
        >>> coordinates.decode(np.array([0.75, 0.3]))
        {'x': 0.5, 'n': 2, 'k': 3}
    """

    space: Space
    columns: tuple[Column, ...]

    @staticmethod
    def of(space: Space) -> Coordinates:
        """The coordinates of a space.

        Raises:
            SpaceError: when the space holds a text, which has no place on an axis.
        """
        design = [_design_column(parameter) for parameter in space.design if not isinstance(parameter, Fixed)]
        environment = [
            _environment_column(item) for item in space.environment if isinstance(item, EnvironmentVariable)
        ]
        return Coordinates(space, (*design, *environment))

    @property
    def dimension(self) -> int:
        """The number of columns."""
        return len(self.columns)

    @cached_property
    def design_dimension(self) -> int:
        """The number of columns that a suggestion chooses; they come first."""
        return sum(column.role == "design" for column in self.columns)

    @cached_property
    def continuous(self) -> Array:
        """(dimension,), True where a gradient leads to other allowed points: continuous and unbounded columns."""
        return np.array([column.kind in ("continuous", "unbounded") for column in self.columns], dtype=bool)

    @cached_property
    def is_category(self) -> Array:
        """(dimension,), True for the columns that hold the index of an exchangeable label."""
        return np.array([column.kind == "category" for column in self.columns], dtype=bool)

    @cached_property
    def category_counts(self) -> Array:
        """(dimension,), the number of labels of each such column, 0 for the others."""
        counts = [len(column.values or ()) if column.kind == "category" else 0 for column in self.columns]
        return np.array(counts, dtype=int)

    @cached_property
    def limits(self) -> Array:
        """(2, dimension), the smallest and the largest coordinates."""
        return np.array([column.limits for column in self.columns], dtype=float).reshape(-1, 2).T

    def encode(self, values: Sequence[Mapping[str, Any]]) -> Array:
        """The coordinates of points.

        Arguments:
            values: for each point, name to valid value of the design and the environment; others are ignored.

        Returns:
            (points, dimension).

        Raises:
            UsageError: when a point lacks a parameter.
        """
        units = np.empty((len(values), self.dimension))
        for index, column in enumerate(self.columns):
            try:
                units[:, index] = column.encode([point[column.name] for point in values])
            except KeyError:
                raise UsageError(
                    f"a point needs a value for the {column.role} parameter {column.name!r}, got none"
                ) from None
        return units

    def decode(self, unit: Array) -> dict[str, ParameterValue]:
        """The exact design values at one point (dimension,) or (design_dimension,), fixed ones included."""
        return {
            parameter.name: parameter.domain
            if isinstance(parameter, Fixed)
            else self._value(parameter.name, unit)
            for parameter in self.space.design
        }

    def decode_environment(self, unit: Array) -> dict[str, float]:
        """The environment's values at one point (dimension,), fixed ones included."""
        return {
            item.name: item.domain
            if isinstance(item, EnvironmentFixed)
            else float(self._value(item.name, unit))
            for item in self.space.environment
        }

    def snap(self, units: Array) -> Array:
        """The nearest allowed points: into the limits, onto lattices and labels. Any shape (..., dimension)."""
        snapped = np.clip(units, *self.limits)
        for index in self._uneven:
            snapped[..., index] = self.columns[index].snap(snapped[..., index])
        return snapped

    def natural(self, units: Array) -> dict[str, Array]:
        """Name to the values (points,) at rows of coordinates (points, dimension), fixed ones included.

        Numbers are not rounded and go on between the levels of a lattice; labels are text.
        """
        values = {column.name: column.natural(units[:, index]) for index, column in enumerate(self.columns)}
        fixed = {name: np.full(len(units), value) for name, value in self.space.fixed_values.items()}
        return {**values, **fixed}

    def natural_derivative(self, units: Array) -> Array:
        """The derivative of each natural value by its own coordinate, (points, dimension); zero for labels."""
        derivative = np.empty_like(units, dtype=float)
        for index, column in enumerate(self.columns):
            derivative[:, index] = column.natural_derivative(units[:, index])
        return derivative

    def index(self, name: str) -> int:
        """The column of a parameter that varies.

        Raises:
            UsageError: for another name.
        """
        if name not in self._indices:
            raise UsageError(
                f"only a parameter that varies has a column ({', '.join(self._indices)}), got {name!r}"
            )
        return self._indices[name]

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {column.name: index for index, column in enumerate(self.columns)}

    @cached_property
    def _uneven(self) -> tuple[int, ...]:
        """The columns that snapping moves."""
        return tuple(
            index
            for index, column in enumerate(self.columns)
            if column.kind in ("lattice", "category") or column.is_integer
        )

    def _value(self, name: str, unit: Array) -> Any:
        index = self._indices[name]
        column = self.columns[index]
        # The environment is not ours to round.
        return column.decode(
            float(unit[index]), self.space.output_precision if column.role == "design" else None
        )


def _rounded(value: float, step: Decimal) -> float:
    multiple = value / float(step)
    if abs(multiple) > 2**53:  # finer than the numbers are
        return value
    return float(step * round(multiple))


def _design_column(parameter: Continuous | Integer | Discrete | Categorical | Text) -> Column:
    match parameter:
        case Continuous():
            return Column(parameter.name, "continuous", "design", parameter.domain, parameter.log)
        case Integer(domain=(lower, upper)):
            bounds = (float(lower), float(upper))
            if upper - lower >= LATTICE_LIMIT:
                return Column(parameter.name, "continuous", "design", bounds, is_integer=True)
            numbers = tuple(range(lower, upper + 1))
            levels = tuple((number - lower) / (upper - lower) for number in numbers)
            return Column(parameter.name, "lattice", "design", bounds, levels=levels, values=numbers)
        case Discrete(domain=numbers):
            bounds = (float(numbers[0]), float(numbers[-1]))
            levels = tuple((number - bounds[0]) / (bounds[1] - bounds[0]) for number in numbers)
            return Column(parameter.name, "lattice", "design", bounds, levels=levels, values=tuple(numbers))
        case Categorical(domain=labels, ordered=True):
            levels = tuple(index / (len(labels) - 1) for index in range(len(labels)))
            return Column(parameter.name, "lattice", "design", levels=levels, values=tuple(labels))
        case Categorical(domain=labels):
            return Column(parameter.name, "category", "design", values=tuple(labels))
        case Text():
            raise SpaceError(
                f"parameter {parameter.name!r} is a text, which this driver cannot choose; take a driver that writes texts"
            )


def _environment_column(parameter: EnvironmentVariable) -> Column:
    if parameter.domain is not None:
        return Column(parameter.name, "continuous", "environment", parameter.domain)
    return Column(parameter.name, "unbounded", "environment", (0.0, float(parameter.scale or 1.0)))
