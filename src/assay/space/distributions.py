"""How parameters are distributed when their values are not chosen but uncertain. Data only: densities are numeric.

The averaging measure of statistics, the weight of sensitivity indices, the prior of MCMC, and `log_prob`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, final

from assay.errors import SpaceError
from assay.space.constraints import Constraint
from assay.space.schema import as_finite, as_flag, as_interval, as_name, as_plain, build, set_normal, shown

__all__ = [
    "Beta",
    "Distribution",
    "FixedValue",
    "Gamma",
    "LogNormal",
    "MultivariateNormal",
    "Normal",
    "ParameterDistribution",
    "TruncatedNormal",
    "Uniform",
]


def _positive(what: str, value: Any) -> float:
    number = as_finite(what, value)
    if number <= 0:
        raise SpaceError(f"{what} must be positive, got {shown(value)}")
    return number


def _normalise(item: Any, finite: Sequence[str] = (), positive: Sequence[str] = ()) -> None:
    as_name("a distribution's parameter", item.parameter)
    for key in finite:
        set_normal(
            item, key, as_finite(f"the {key} of the distribution of {item.parameter!r}", getattr(item, key))
        )
    for key in positive:
        set_normal(
            item, key, _positive(f"the {key} of the distribution of {item.parameter!r}", getattr(item, key))
        )


@final
@dataclass(frozen=True, slots=True)
class Uniform:
    """Equal density over [lower, upper]; the parameter's own domain where `domain` is None."""

    type: ClassVar[str] = "uniform"
    parameter: str
    domain: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        _normalise(self)
        if self.domain is not None:
            what = f"the domain of the distribution of {self.parameter!r}"
            set_normal(self, "domain", as_interval(what, self.domain))


@final
@dataclass(frozen=True, slots=True)
class Normal:
    """The density exp(-((x - mean) / stddev)^2 / 2), up to a constant."""

    type: ClassVar[str] = "normal"
    parameter: str
    mean: float
    stddev: float

    def __post_init__(self) -> None:
        _normalise(self, ["mean"], ["stddev"])


@final
@dataclass(frozen=True, slots=True)
class LogNormal:
    """A positive parameter whose logarithm is normal with this mean and standard deviation."""

    type: ClassVar[str] = "lognormal"
    parameter: str
    mean: float
    stddev: float

    def __post_init__(self) -> None:
        _normalise(self, ["mean"], ["stddev"])


@final
@dataclass(frozen=True, slots=True)
class TruncatedNormal:
    """A normal density, cut to [lower, upper]; the parameter's own domain where `domain` is None."""

    type: ClassVar[str] = "truncated_normal"
    parameter: str
    mean: float
    stddev: float
    domain: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        _normalise(self, ["mean"], ["stddev"])
        if self.domain is not None:
            what = f"the domain of the distribution of {self.parameter!r}"
            set_normal(self, "domain", as_interval(what, self.domain))


@final
@dataclass(frozen=True, slots=True)
class Gamma:
    """The density x^(alpha - 1) exp(-beta x) for x > 0: the mean is alpha / beta."""

    type: ClassVar[str] = "gamma"
    parameter: str
    alpha: float
    beta: float

    def __post_init__(self) -> None:
        _normalise(self, positive=["alpha", "beta"])


@final
@dataclass(frozen=True, slots=True)
class Beta:
    """The density t^(alpha - 1) (1 - t)^(beta - 1), t from 0 to 1 over the domain; None: the parameter's own."""

    type: ClassVar[str] = "beta"
    parameter: str
    alpha: float
    beta: float
    domain: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        _normalise(self, positive=["alpha", "beta"])
        if self.domain is not None:
            what = f"the domain of the distribution of {self.parameter!r}"
            set_normal(self, "domain", as_interval(what, self.domain))


@final
@dataclass(frozen=True, slots=True)
class MultivariateNormal:
    """A joint normal density; the covariance is symmetric and positive definite."""

    type: ClassVar[str] = "mvn"
    parameters: Sequence[str]
    mean: Sequence[float]
    covariance: Sequence[Sequence[float]]

    def __post_init__(self) -> None:
        for key in ("parameters", "mean", "covariance"):
            value = getattr(self, key)
            if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
                raise SpaceError(f"the {key} of a multivariate normal must be a list, got {shown(value)}")
        names = tuple(as_name("a distribution's parameter", name) for name in self.parameters)
        whose = f"the multivariate normal of {', '.join(names) or 'nothing'}"
        mean = tuple(as_finite(f"the mean of {whose}", entry) for entry in self.mean)
        if not all(isinstance(row, Sequence) and len(row) == len(names) for row in self.covariance):
            raise SpaceError(
                f"the covariance of {whose} must be a square of {len(names)} rows, got {shown(self.covariance)}"
            )
        covariance = tuple(
            tuple(as_finite(f"the covariance of {whose}", entry) for entry in row) for row in self.covariance
        )
        if (
            not names
            or len(set(names)) < len(names)
            or len(mean) != len(names)
            or len(covariance) != len(names)
        ):
            raise SpaceError(
                f"{whose} needs different parameters, one mean for each and a square covariance, "
                f"got {len(names)} names, {len(mean)} means and {len(covariance)} rows"
            )
        if not _is_positive_definite(covariance):
            raise SpaceError(
                f"the covariance of {whose} must be symmetric and positive definite, got {shown(covariance)}"
            )
        set_normal(self, "parameters", names)
        set_normal(self, "mean", mean)
        set_normal(self, "covariance", covariance)


@final
@dataclass(frozen=True, slots=True)
class FixedValue:
    """All the weight at one value."""

    type: ClassVar[str] = "fixed"
    parameter: str
    value: float

    def __post_init__(self) -> None:
        _normalise(self, ["value"])


Distribution = Uniform | Normal | LogNormal | TruncatedNormal | Gamma | Beta | MultivariateNormal | FixedValue

_KINDS: Mapping[str, type[Distribution]] = MappingProxyType(
    {
        kind.type: kind
        for kind in (Uniform, Normal, LogNormal, TruncatedNormal, Gamma, Beta, MultivariateNormal, FixedValue)
    }
)
_CONSTRAINT_KINDS = MappingProxyType({Constraint.type: Constraint})


@final
@dataclass(frozen=True)
class ParameterDistribution:
    """The joint distribution: independent parts, cut by constraints. What has no part is uniform over its domain.

    Arguments:
        distributions: at most one for each parameter.
        constraints: inequalities between parameters; the density is zero outside.
        include_study_constraints: whether the study's constraints cut it too.

    Example:
        >>> ParameterDistribution.from_data(
        ...     {"distributions": [{"type": "normal", "parameter": "x", "mean": 1, "stddev": 2}]}
        ... ).distributions
        (Normal(parameter='x', mean=1.0, stddev=2.0),)
    """

    distributions: tuple[Distribution, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    include_study_constraints: bool = True

    def __post_init__(self) -> None:
        as_flag("include_study_constraints of parameter_distribution", self.include_study_constraints)
        seen: set[str] = set()
        for item in self.distributions:
            names = item.parameters if isinstance(item, MultivariateNormal) else (item.parameter,)
            for name in names:
                if name in seen:
                    raise SpaceError(
                        f"parameter_distribution must name each parameter once, got {shown(name)} twice"
                    )
                seen.add(name)

    @staticmethod
    def from_data(data: Mapping[str, Any]) -> ParameterDistribution:
        """The distribution from plain data.

        Raises:
            SpaceError: for an unknown key or type, or a broken rule; with the path.
        """
        path = "parameter_distribution"
        known = ("distributions", "constraints", "include_study_constraints")
        if not isinstance(data, Mapping):
            raise SpaceError(f"{path} must be a table of keys, got {shown(data)}")
        for key in data:
            if key not in known:
                raise SpaceError(f"{path} has no key {shown(key)}, only {', '.join(known)}")
        lists = {}
        for key, kinds, default in (
            ("distributions", _KINDS, None),
            ("constraints", _CONSTRAINT_KINDS, Constraint.type),
        ):
            items = data.get(key) or ()
            if isinstance(items, str | Mapping) or not isinstance(items, Iterable):
                raise SpaceError(f"{path}.{key} must be a list of tables, got {shown(items)}")
            lists[key] = tuple(
                build(kinds, item, f"{path}.{key}.{index}", default=default)
                for index, item in enumerate(items)
            )
        return ParameterDistribution(**lists, include_study_constraints=data.get(known[2], True))

    def to_data(self) -> dict[str, Any]:
        """Plain data for JSON; `from_data` gives an equal distribution."""
        return {
            "distributions": [as_plain(item) for item in self.distributions],
            "constraints": [{"name": item.name, "expression": item.expression} for item in self.constraints],
            "include_study_constraints": self.include_study_constraints,
        }


def _is_positive_definite(matrix: Sequence[Sequence[float]]) -> bool:
    """By Cholesky's factorisation, in plain numbers: this side of the package knows no arrays."""
    size = len(matrix)
    factor = [[0.0] * size for _ in range(size)]
    for row in range(size):
        for column in range(row + 1):
            if matrix[row][column] != matrix[column][row]:
                return False
            rest = matrix[row][column] - math.fsum(factor[row][k] * factor[column][k] for k in range(column))
            if row == column:
                if rest <= 0:
                    return False
                factor[row][row] = math.sqrt(rest)
            else:
                factor[row][column] = rest / factor[column][column]
    return True
