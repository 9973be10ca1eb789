"""The independent groups of columns of a parameter distribution, made from its entries."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.errors import SpaceError
from assay.numerics.coordinates import Column
from assay.numerics.marginals import (
    AbstractFamily,
    BetaFamily,
    GammaFamily,
    LogNormalFamily,
    NormalFamily,
    UniformFamily,
    mass,
    truncated_quantile,
)
from assay.space.distributions import (
    Beta,
    Distribution,
    FixedValue,
    Gamma,
    LogNormal,
    MultivariateNormal,
    Normal,
    ParameterDistribution,
    TruncatedNormal,
    Uniform,
)

__all__ = [
    "AbstractPart",
    "ContinuousPart",
    "FixedPart",
    "FlatPart",
    "JointNormalPart",
    "LevelsPart",
    "names_of",
    "parts_of",
]

Array = np.ndarray

LEAST_MASS = 1e-290  # of an interval whose quantiles can still be told apart


class AbstractPart(ABC):
    """Some columns, independent of all others; unit coordinates throughout, densities by natural volume."""

    @property
    @abstractmethod
    def cube_dimension(self) -> int:
        """The number of uniform numbers that a point takes."""

    @abstractmethod
    def from_cube(self, cube: Array) -> Array:
        """(p, cube_dimension) in [0, 1] to units (p, columns)."""

    @abstractmethod
    def log_prob_gradient(self, units: Array) -> tuple[Array, Array]:
        """The log density (p,) and its derivative by the units (p, columns)."""


@final
@dataclass(frozen=True)
class ContinuousPart(AbstractPart):
    """A number, cut to its column's domain."""

    column: Column
    family: AbstractFamily
    interval: tuple[float, float]

    @property
    def cube_dimension(self) -> int:
        return 1

    def from_cube(self, cube: Array) -> Array:
        numbers = truncated_quantile(self.family, self.interval, cube[:, 0])
        return self.column.snap(self.column.encode(numbers.tolist()))[:, None]

    def log_prob_gradient(self, units: Array) -> tuple[Array, Array]:
        numbers = self.column.natural(units[:, 0])
        slope = self.family.slope(numbers) * self.column.natural_derivative(units[:, 0])
        return self.family.log_density(numbers), slope[:, None]


@final
@dataclass(frozen=True)
class LevelsPart(AbstractPart):
    """A lattice or a label: each level with its share of the probability."""

    places: Array
    shares: Array

    @property
    def cube_dimension(self) -> int:
        return 1

    def from_cube(self, cube: Array) -> Array:
        edges = np.cumsum(self.shares)[:-1]
        return self.places[np.searchsorted(edges, cube[:, 0], side="right")][:, None]

    def log_prob_gradient(self, units: Array) -> tuple[Array, Array]:
        nearest = np.abs(units - self.places).argmin(axis=1)
        with np.errstate(divide="ignore"):
            return np.log(self.shares)[nearest], np.zeros_like(units)


@final
@dataclass(frozen=True)
class FixedPart(AbstractPart):
    """All the weight at one value, which the density does not count."""

    unit: float

    @property
    def cube_dimension(self) -> int:
        return 0

    def from_cube(self, cube: Array) -> Array:
        return np.full((len(cube), 1), self.unit)

    def log_prob_gradient(self, units: Array) -> tuple[Array, Array]:
        return np.zeros(len(units)), np.zeros_like(units)


@final
@dataclass(frozen=True)
class FlatPart(AbstractPart):
    """An unbounded parameter without a distribution: it has a density, but nothing to draw from."""

    name: str

    @property
    def cube_dimension(self) -> int:
        return 1

    def from_cube(self, cube: Array) -> Array:
        raise SpaceError(
            f"the parameter {self.name!r} has no domain, so it needs an entry in parameter_distribution or a "
            f"fixed value, got neither for {len(cube)} points"
        )

    def log_prob_gradient(self, units: Array) -> tuple[Array, Array]:
        return np.zeros(len(units)), np.zeros_like(units)


@final
@dataclass(frozen=True)
class JointNormalPart(AbstractPart):
    """Numbers with a joint normal density."""

    columns: tuple[Column, ...]
    mean: Array
    lower: Array  # Cholesky's factor of the covariance

    @property
    def cube_dimension(self) -> int:
        return len(self.columns)

    def from_cube(self, cube: Array) -> Array:
        from scipy.special import ndtri

        numbers = self.mean + ndtri(cube) @ self.lower.T
        return np.stack([_encoded(c, numbers[:, i]) for i, c in enumerate(self.columns)], axis=1)

    def log_prob_gradient(self, units: Array) -> tuple[Array, Array]:
        numbers = np.stack([c.natural(units[:, i]) for i, c in enumerate(self.columns)], axis=1)
        by_unit = np.stack([c.natural_derivative(units[:, i]) for i, c in enumerate(self.columns)], axis=1)
        white = np.linalg.solve(self.lower, (numbers - self.mean).T)
        slope = -np.linalg.solve(self.lower.T, white).T
        return -0.5 * (white**2).sum(axis=0), slope * by_unit


def _encoded(column: Column, numbers: Array) -> Array:
    """Unit coordinates that are not cut to the domain, so that what lies outside can be told."""
    lower, upper = column.bounds
    if column.log:
        with np.errstate(divide="ignore"):
            return (np.log(np.maximum(numbers, 0.0)) - math.log(lower)) / math.log(upper / lower)
    return (numbers - lower) / (upper - lower)


def names_of(item: Distribution) -> tuple[str, ...]:
    """The parameters of an entry."""
    return tuple(item.parameters) if isinstance(item, MultivariateNormal) else (item.parameter,)


def parts_of(
    columns: tuple[Column, ...], distribution: ParameterDistribution, held: Mapping[str, Any]
) -> tuple[tuple[tuple[int, ...], AbstractPart], ...]:
    """The parts of columns, sorted by their first column.

    Arguments:
        columns: of the unit coordinates.
        distribution: its entries name columns; a column without an entry is uniform over its domain.
        held: name to value of columns that do not vary.

    Raises:
        SpaceError: when an entry names no column, does not suit it, or has no weight in its domain.
    """
    places = {column.name: index for index, column in enumerate(columns)}
    parts: dict[tuple[int, ...], AbstractPart] = {
        (places[name],): FixedPart(float(columns[places[name]].encode([value])[0]))
        for name, value in held.items()
        if name in places
    }
    for item in _independent(distribution.distributions):
        for name in names_of(item):
            if name not in places:
                raise SpaceError(
                    f"parameter_distribution must name parameters that vary ({', '.join(places)}), got {name!r}"
                )
        if any(name in held for name in names_of(item)):
            if isinstance(item, MultivariateNormal):
                raise SpaceError(
                    f"the multivariate normal of {', '.join(names_of(item))} has a member that is held fixed; "
                    "hold all of them or none"
                )
            continue
        indices = tuple(places[name] for name in names_of(item))
        if isinstance(item, MultivariateNormal):
            parts[indices] = _joint_normal(item, tuple(columns[index] for index in indices))
        else:
            parts[indices] = _single(item, columns[indices[0]])
    covered = {index for indices in parts for index in indices}
    for index, column in enumerate(columns):
        if index not in covered:
            parts[(index,)] = _uniform(column)
    return tuple(sorted(parts.items()))


def _independent(items: tuple[Distribution, ...]) -> list[Distribution]:
    """Jointly normal parameters without correlation are as many normal ones."""
    split: list[Distribution] = []
    for item in items:
        if isinstance(item, MultivariateNormal):
            covariance = np.asarray(item.covariance)
            if not np.any(covariance - np.diag(np.diag(covariance))):
                stddevs = np.sqrt(np.diag(covariance))
                split += [
                    Normal(*entry) for entry in zip(item.parameters, item.mean, stddevs.tolist(), strict=True)
                ]
                continue
        split.append(item)
    return split


def _joint_normal(item: MultivariateNormal, columns: tuple[Column, ...]) -> JointNormalPart:
    for column in columns:
        if column.kind not in ("continuous", "unbounded") or column.is_integer:
            raise SpaceError(
                f"a multivariate normal needs continuous parameters, got {column.name!r} that takes single values"
            )
    return JointNormalPart(columns, np.asarray(item.mean), np.linalg.cholesky(np.asarray(item.covariance)))


def _uniform(column: Column) -> AbstractPart:
    if column.kind == "unbounded":
        return FlatPart(column.name)
    if column.values is not None:
        return LevelsPart(_places(column), np.full(len(column.values), 1.0 / len(column.values)))
    return ContinuousPart(column, UniformFamily(*column.bounds), column.bounds)


def _single(item: Distribution, column: Column) -> AbstractPart:
    if column.labels is not None:
        raise SpaceError(
            f"a distribution of type {item.type!r} needs a numeric parameter, got {column.name!r} with labels"
        )
    bounds = (-math.inf, math.inf) if column.kind == "unbounded" else column.bounds
    if isinstance(item, FixedValue):
        if not bounds[0] <= item.value <= bounds[1] or (column.values and item.value not in column.values):
            raise SpaceError(f"the fixed value of {column.name!r} must lie in its domain, got {item.value!r}")
        return FixedPart(float(column.encode([item.value])[0]))
    family, (lower, upper) = _family(item, bounds)
    interval = (max(lower, bounds[0]), min(upper, bounds[1]))
    if column.values is not None:
        numbers = np.asarray(column.values, dtype=float)
        inside = (numbers >= interval[0]) & (numbers <= interval[1])
        log_shares = np.where(inside, family.log_density(numbers), -np.inf)
        if not np.isfinite(log_shares.max()):
            raise SpaceError(_no_weight(item, column, interval))
        shares = np.exp(log_shares - log_shares.max())
        return LevelsPart(_places(column), shares / shares.sum())
    if interval[0] >= interval[1] or not mass(family, interval) > LEAST_MASS:
        raise SpaceError(_no_weight(item, column, interval))
    return ContinuousPart(column, family, interval)


def _no_weight(item: Distribution, column: Column, interval: tuple[float, float]) -> str:
    return (
        f"the {item.type} distribution of {column.name!r} must have weight inside the domain {column.bounds}, "
        f"got none between {interval[0]:g} and {interval[1]:g}"
    )


def _places(column: Column) -> Array:
    return (
        np.arange(len(column.values or ()), dtype=float) if column.levels is None else np.array(column.levels)
    )


def _family(item: Distribution, bounds: tuple[float, float]) -> tuple[AbstractFamily, tuple[float, float]]:
    """The family, and the interval that the entry itself names."""
    everywhere = (-math.inf, math.inf)
    match item:
        case Uniform(_, domain):
            ends = _finite(item, domain or bounds)
            return UniformFamily(*ends), ends
        case Normal(_, mean, stddev):
            return NormalFamily(mean, stddev), everywhere
        case TruncatedNormal(_, mean, stddev, domain):
            return NormalFamily(mean, stddev), domain or bounds
        case LogNormal(_, mean, stddev):
            return LogNormalFamily(mean, stddev), everywhere
        case Gamma(_, alpha, beta):
            return GammaFamily(alpha, beta), everywhere
        case Beta(_, alpha, beta, domain):
            ends = _finite(item, domain or bounds)
            return BetaFamily(alpha, beta, *ends), ends
        case _:
            raise TypeError(f"not the distribution of one number: {item!r}")


def _finite(item: Uniform | Beta, domain: tuple[float, float]) -> tuple[float, float]:
    if not all(map(math.isfinite, domain)):
        raise SpaceError(
            f"the {item.type} distribution of {item.parameter!r} needs a domain, since the parameter has none"
        )
    return domain
