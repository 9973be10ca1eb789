"""Known constraints in unit coordinates, and points that still satisfy them once they are rounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from assay.numerics.coordinates import Coordinates
from assay.numerics.expressions import CompiledExpression, compile_numpy
from assay.records import ParameterValue
from assay.space.space import Space

__all__ = ["FeasibleSet"]

Array = np.ndarray

STEP_LIMIT = 60  # inward steps; the margin doubles, so these reach from rounding errors to the whole box


@final
@dataclass(frozen=True)
class FeasibleSet:
    """Where the constraints of a space hold. Made by `FeasibleSet.of`.

    Example:
        >>> from assay.space.space import Space
        >>> space = Space.from_data([{"name": "x", "domain": [0, 2]}], constraints=[{"name": "c", "expression": "x <= 1"}])
        >>> feasible = FeasibleSet.of(space, Coordinates.of(space))
        >>> feasible.slack(np.array([[0.25], [0.75]])).tolist()
        [[0.5], [-0.5]]
    """

    space: Space
    coordinates: Coordinates
    constraints: tuple[CompiledExpression, ...]

    @staticmethod
    def of(space: Space, coordinates: Coordinates) -> FeasibleSet:
        """The feasible set of a space."""
        return FeasibleSet(space, coordinates, tuple(map(compile_numpy, space.expressions)))

    @property
    def count(self) -> int:
        """The number of constraints."""
        return len(self.constraints)

    def slack(self, units: Array) -> Array:
        """How far inside each constraint the points (points, dimension) lie: (points, count), negative outside."""
        slack = np.empty((len(units), self.count))
        columns = self._natural(units)
        for index, constraint in enumerate(self.constraints):
            slack[:, index] = constraint.value(columns)
        return slack

    def slack_gradient(self, units: Array) -> tuple[Array, Array]:
        """The slack (points, count) and its derivative by the coordinates (points, count, dimension).

        A derivative that does not exist or is infinite, as of sqrt at 0, counts as zero.
        """
        slack = np.empty((len(units), self.count))
        gradient = np.zeros((len(units), self.count, self.coordinates.dimension))
        columns = self._natural(units)
        for index, (constraint, places) in enumerate(zip(self.constraints, self._places, strict=True)):
            slack[:, index], derivatives = constraint.value_gradient(columns, list(places))
            for name, place in places.items():
                scale = self.coordinates.columns[place].natural_derivative(units[:, place])
                gradient[:, index, place] = derivatives[name] * scale
        gradient[~np.isfinite(gradient)] = 0.0
        return slack, gradient

    @cached_property
    def _places(self) -> tuple[dict[str, int], ...]:
        """For each constraint, name to column of what it uses that varies."""
        fixed = self.space.fixed_values
        used = (constraint.expression.names for constraint in self.constraints)
        return tuple(
            {name: self.coordinates.index(name) for name in names if name not in fixed} for names in used
        )

    @cached_property
    def _fixed(self) -> dict[str, float]:
        return {name: value for name, value in self.space.fixed_values.items() if not isinstance(value, str)}

    def _natural(self, units: Array) -> dict[str, Array | float]:
        """The numbers that the constraints use."""
        places = {name: place for part in self._places for name, place in part.items()}
        columns = self.coordinates.columns
        return {
            **self._fixed,
            **{name: columns[place].natural(units[:, place]) for name, place in places.items()},
        }

    def contains(self, units: Array) -> Array:
        """Whether every slack is at least zero, (points,); a slack that is NaN is outside."""
        return np.all(self.slack(units) >= 0, axis=1)

    def project(self, unit: Array) -> Array | None:
        """A point near this one whose decoded values satisfy every constraint exactly; None when none was found.

        Where the nearest roundings do not do, it moves inward along the slack's gradient in the continuous design
        columns, with a margin that doubles at each step.

        Arguments:
            unit: (dimension,); lattices and labels stay at their nearest levels, the environment as it is.
        """
        start = self.coordinates.snap(np.asarray(unit, dtype=float)[None])[0]
        for candidate in self._candidates(start):
            values = self.coordinates.decode(candidate)
            if not self.space.is_feasible(values):
                continue
            exact = self._encoded(values, start)
            if self.coordinates.decode(exact) == values:  # the coordinates carry the digits
                return exact
        return None

    def _encoded(self, values: dict[str, ParameterValue], start: Array) -> Array:
        environment = self.coordinates.decode_environment(start)
        exact = self.coordinates.encode([{**environment, **values}])[0]
        exact[self.coordinates.design_dimension :] = start[self.coordinates.design_dimension :]
        return exact

    def _candidates(self, start: Array) -> Iterator[Array]:
        yield start
        if not self.count:
            return
        movable = self.coordinates.continuous & (np.arange(len(start)) < self.coordinates.design_dimension)
        yield from self._neighbouring_roundings(start, movable)
        point, margin = start, 4 * np.finfo(float).eps
        for _ in range(STEP_LIMIT):
            moved = self._inward(point, margin, movable)
            if moved is None:
                return
            point, margin = moved, 2 * margin
            yield point

    def _neighbouring_roundings(self, start: Array, movable: Array) -> Iterator[Array]:
        """The roundings of the violated constraints' parameters up or down, whichever is inward."""
        values = self.coordinates.decode(start)
        exact = self._encoded(values, start)
        slack, gradient = self.slack_gradient(exact[None])
        direction = gradient[0][np.nanargmin(slack[0]) if not np.isnan(slack[0]).all() else 0]
        steps = np.zeros_like(start)
        for index in np.flatnonzero(movable & (direction != 0)):
            column = self.coordinates.columns[index]
            value = float(values[column.name])
            step = float(column.step(value, self.space.output_precision))
            steps[index] = np.sign(direction[index]) * abs(
                step / column.natural_derivative(exact[[index]])[0]
            )
            yield np.clip(exact + np.eye(len(start))[index] * steps[index], *self.coordinates.limits)
        yield np.clip(exact + steps, *self.coordinates.limits)

    def _inward(self, point: Array, margin: float, movable: Array) -> Array | None:
        """One Newton step, in the least-squares sense, that brings the violated slacks to `margin` times the
        length of their gradients; None where no gradient points anywhere."""
        slack, gradients = self.slack_gradient(point[None])
        for value, gradient in zip(slack[0], gradients[0], strict=True):
            lower, upper = self.coordinates.limits
            stuck = ((point <= lower) & (gradient < 0)) | ((point >= upper) & (gradient > 0))
            direction = np.where(movable & ~stuck, gradient, 0.0)
            length = np.linalg.norm(direction)
            missing = margin - value / length if length > 0 else 0.0
            if missing > 0:
                point = np.clip(point + missing * direction / length, lower, upper)
            elif not value >= 0 and length == 0:
                return None
        return point
