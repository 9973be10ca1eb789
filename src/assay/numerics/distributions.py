"""The joint distribution of uncertain parameters as arrays: log density with gradient, quantiles from the unit cube, draws."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np

from assay.errors import NumericalError
from assay.numerics.coordinates import Column, Coordinates
from assay.numerics.distribution_parts import AbstractPart, FixedPart, names_of, parts_of
from assay.numerics.expressions import CompiledExpression, compile_numpy
from assay.space.distributions import ParameterDistribution
from assay.space.space import Space

__all__ = ["ParameterMeasure"]

Array = np.ndarray

REJECTION_LIMIT = 1 << 20  # points tried before a support is called empty


@final
@dataclass(frozen=True)
class ParameterMeasure:
    """A parameter distribution over unit coordinates. Made by `ParameterMeasure.of` or `of_distribution`.

    Use it as the averaging measure of statistics, the weight of Sobol' indices and the prior of MCMC. What has no entry
    is uniform over its domain, in its own unit (not of the logarithm). The domain of a parameter cuts its density, as
    the constraints do. A whole number or an entry of a list carries the density at its value; labels are equally likely.

    Arguments:
        columns: of the unit coordinates.
        parts: independent groups of columns, each with the indices of its columns.
        constraints: the density is zero where one is broken.
        constants: fixed parameters that the constraints use.

    Example:
        >>> space = Space.from_data([{"name": "x", "domain": [0, 4]}, {"name": "y", "domain": [0, 1]}])
        >>> normal = {"distributions": [{"type": "normal", "parameter": "x", "mean": 2, "stddev": 0.5}]}
        >>> measure = ParameterMeasure.of(space, Coordinates.of(space), ParameterDistribution.from_data(normal))
        >>> measure.log_prob(np.array([[0.5, 0.2], [0.75, 0.2]])).tolist()
        [0.0, -2.0]
        >>> measure.from_cube(np.array([[0.5, 0.25]])).tolist()
        [[0.5, 0.25]]
    """

    columns: tuple[Column, ...]
    parts: tuple[tuple[tuple[int, ...], AbstractPart], ...]
    constraints: tuple[CompiledExpression, ...]
    constants: Mapping[str, float]

    @staticmethod
    def of(
        space: Space,
        coordinates: Coordinates,
        distribution: ParameterDistribution | None = None,
        held: Mapping[str, Any] | None = None,
    ) -> ParameterMeasure:
        """The measure over the coordinates of a space.

        Arguments:
            space, coordinates: of one study.
            distribution: None for uniform everywhere, inside the study's constraints.
            held: name to value of parameters that are known, as the environment's; they do not vary.

        Raises:
            SpaceError: when an entry names what does not vary or has no weight in the domain.
        """
        distribution = distribution or ParameterDistribution()
        own = tuple(item.parsed(list(space.names)) for item in distribution.constraints)
        studys = space.expressions if distribution.include_study_constraints else ()
        constants = {
            name: float(value) for name, value in space.fixed_values.items() if not isinstance(value, str)
        }
        parts = parts_of(coordinates.columns, distribution, held or {})
        return ParameterMeasure(
            coordinates.columns, parts, tuple(map(compile_numpy, (*studys, *own))), constants
        )

    @staticmethod
    def of_distribution(distribution: ParameterDistribution) -> ParameterMeasure:
        """The measure over parameters that only their distribution defines, as those of an error model.

        Unit coordinates are the natural values; there is one column for each name, in the order of the entries.
        """
        names = [name for item in distribution.distributions for name in names_of(item)]
        columns = tuple(Column(name, "unbounded", "environment", (0.0, 1.0)) for name in names)
        constraints = tuple(compile_numpy(item.parsed(names)) for item in distribution.constraints)
        return ParameterMeasure(columns, parts_of(columns, distribution, {}), constraints, {})

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters, one for each column."""
        return tuple(column.name for column in self.columns)

    @property
    def dimension(self) -> int:
        """The number of columns."""
        return len(self.columns)

    @cached_property
    def varies(self) -> Array:
        """(dimension,), False where all the weight is at one value."""
        varies = np.ones(self.dimension, dtype=bool)
        varies[[indices[0] for indices, part in self.parts if isinstance(part, FixedPart)]] = False
        return varies

    @cached_property
    def dependent(self) -> tuple[str, ...]:
        """The parameters that are not independent of all others: jointly normal, or in a constraint with another."""
        groups = [[self.names[index] for index in indices] for indices, _ in self.parts]
        varying = {name for name, varies in zip(self.names, self.varies, strict=True) if varies}
        groups += [[name for name in item.expression.names if name in varying] for item in self.constraints]
        together = {name for group in groups if len(group) > 1 for name in group}
        return tuple(name for name in self.names if name in together)

    @cached_property
    def cube_dimension(self) -> int:
        """The number of uniform numbers that a point takes."""
        return sum(part.cube_dimension for _, part in self.parts)

    def from_cube(self, cube: Array) -> Array:
        """The quantile transform: uniform numbers (p, cube_dimension) to units (p, dimension).

        A part of jointly normal parameters may fall out of the domain, and any point may break a constraint: keep those
        that the support `contains`. The ends of the cube are moved inwards by 1e-16, where infinite quantiles begin.
        """
        inside = np.clip(cube, 1e-16, 1.0 - 1.2e-16)
        units, start = np.empty((len(cube), self.dimension)), 0
        for indices, part in self.parts:
            units[:, indices] = part.from_cube(inside[:, start : start + part.cube_dimension])
            start += part.cube_dimension
        return units

    def contains(self, units: Array) -> Array:
        """Whether the points lie in the domain and break no constraint, (p,)."""
        limits = np.array([column.limits for column in self.columns]).reshape(-1, 2).T
        inside = ((units >= limits[0]) & (units <= limits[1])).all(axis=1)
        if self.constraints:
            natural = {c.name: c.natural(units[:, i]) for i, c in enumerate(self.columns)}
            numbers = {**self.constants, **{k: v for k, v in natural.items() if v.dtype.kind == "f"}}
            for constraint in self.constraints:
                inside &= constraint.value(numbers) >= 0
        return inside

    def sample(self, count: int, generator: np.random.Generator) -> Array:
        """Independent draws inside the support: (count, dimension).

        Raises:
            NumericalError: when hardly any draw satisfies the constraints.
        """
        kept, tried, found = [np.empty((0, self.dimension))], 0, 0
        while found < count:
            units = self.from_cube(generator.random((max(64, 2 * (count - found)), self.cube_dimension)))
            tried += len(units)
            kept.append(units[self.contains(units)])
            found += len(kept[-1])
            if tried > REJECTION_LIMIT and found < tried * 1e-4:
                raise NumericalError(
                    f"the parameter distribution has almost no weight where its constraints hold: {found} of {tried} "
                    "draws; widen the constraints or move the distributions"
                )
        return np.concatenate(kept)[:count]

    def log_prob(self, units: Array) -> Array:
        """The log density by natural volume, up to a constant: (p,), minus infinity outside the support."""
        return self.log_prob_gradient(units)[0]

    def log_prob_gradient(self, units: Array) -> tuple[Array, Array]:
        """`log_prob` (p,) and its derivative by the unit coordinates (p, dimension), zero outside the support.

        The density of unit coordinates themselves, as a sampler in them needs, is `log_prob` plus `log_volume`.
        """
        value, gradient = np.zeros(len(units)), np.zeros_like(units, dtype=float)
        for indices, part in self.parts:
            addend, slope = part.log_prob_gradient(units[:, indices])
            value = value + addend
            gradient[:, indices] = slope
        outside = ~(self.contains(units) & (value > -np.inf))
        value[outside], gradient[outside] = -np.inf, 0.0
        return value, gradient

    def log_volume(self, units: Array) -> tuple[Array, Array]:
        """log |d natural / d unit| up to a constant, (p,), and its derivative (p, dimension): not flat for `log` columns."""
        slopes = np.array([math.log(c.bounds[1] / c.bounds[0]) if c.log else 0.0 for c in self.columns])
        return units @ slopes, np.broadcast_to(slopes, units.shape).copy()
