"""The space of a study: design, environment, constraints. Data; `assay.numerics.coordinates` maps it to arrays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, final

from assay.errors import SpaceError
from assay.records import ParameterValue
from assay.space.constraints import Constraint
from assay.space.expressions import Expression, is_satisfied
from assay.space.parameters import (
    DESIGN_KINDS,
    ENVIRONMENT_KINDS,
    Categorical,
    Continuous,
    DesignParameter,
    EnvironmentFixed,
    EnvironmentParameter,
    Fixed,
    Text,
)
from assay.space.schema import as_finite, as_plain, build, shown

__all__ = ["Space"]

_CONSTRAINT_KINDS = MappingProxyType({Constraint.type: Constraint})


@final
@dataclass(frozen=True)
class Space:
    """What may be varied, what is met, and what is allowed; made by `Space.from_data`.

    Arguments:
        design: the parameters that suggestions choose, and fixed ones.
        environment: the conditions that nobody chooses.
        constraints: inequalities that every suggestion satisfies.
        output_precision: the step that suggested numbers are rounded to; relative to the power of ten below
            the number for a `log` parameter under 1.

    Raises:
        SpaceError: when names are not unique, nothing varies, or a constraint uses another name.

    Example:
        >>> space = Space.from_data([{"name": "x", "domain": [0, 1]}, {"name": "y", "domain": [0, 2]}],
        ...                         constraints=[{"name": "corner", "expression": "x + y <= 1"}])
        >>> space.validate_design({"x": 1, "y": 0})
        {'x': 1.0, 'y': 0.0}
        >>> space.is_feasible({"x": 1, "y": 0.5})
        False
    """

    design: tuple[DesignParameter, ...]
    environment: tuple[EnvironmentParameter, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    output_precision: float = 1e-10
    expressions: tuple[Expression, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_unique("the parameters", self.names)
        _check_unique("the constraints", [constraint.name for constraint in self.constraints])
        precision = as_finite("output_precision", self.output_precision)
        if precision <= 0:
            raise SpaceError(f"output_precision must be positive, got {shown(self.output_precision)}")
        object.__setattr__(self, "output_precision", precision)
        if all(isinstance(parameter, Fixed) for parameter in self.design):
            raise SpaceError(
                f"the design space needs a parameter that is not fixed, got {shown(list(self.design_names))}"
            )
        for parameter in self.design:
            _check_resolved(parameter, precision)
        names = self._names_in_constraints()
        parsed = tuple(constraint.parsed(names) for constraint in self.constraints)
        object.__setattr__(self, "expressions", parsed)
        for constraint, expression in zip(self.constraints, parsed, strict=True):
            known = {key: value for key, value in self.fixed_values.items() if key in expression.names}
            if len(known) == len(expression.names) and not is_satisfied(expression, _numbers(known)):
                raise SpaceError(
                    f"constraint {constraint.name!r} holds nothing that varies and is broken, got {shown(constraint.expression)}"
                )

    @staticmethod
    def from_data(
        design_space: Iterable[Any] | Mapping[str, Any],
        environment: Iterable[Any] | None = None,
        constraints: Iterable[Any] | None = None,
        output_precision: float = 1e-10,
    ) -> Space:
        """The space from plain data (as in TOML or JSON), from objects, or from a mix.

        Arguments:
            design_space: a table {name, type, domain, ...} for each parameter; `type` is "continuous" where left
                out. Or the whole answer of `to_data`.
            environment: the same with types "variable" (the default) and "fixed".
            constraints: tables {name, expression}.
            output_precision: positive.
        """
        if isinstance(design_space, Mapping):
            return Space.from_data(**_whole(design_space))
        return Space(
            tuple(
                build(DESIGN_KINDS, item, f"design_space.{index}", default="continuous", renamed=_RENAMED)
                for index, item in enumerate(_listed("design_space", design_space))
            ),
            tuple(
                build(ENVIRONMENT_KINDS, item, f"environment.{index}", default="variable")
                for index, item in enumerate(_listed("environment", environment))
            ),
            tuple(
                build(_CONSTRAINT_KINDS, item, f"constraints.{index}", default=Constraint.type)
                for index, item in enumerate(_listed("constraints", constraints))
            ),
            output_precision,
        )

    def to_data(self) -> dict[str, Any]:
        """Plain data for JSON; `Space.from_data(space.to_data())` gives an equal space."""
        return {
            "design_space": [as_plain(parameter) for parameter in self.design],
            "environment": [as_plain(parameter) for parameter in self.environment],
            "constraints": [{"name": item.name, "expression": item.expression} for item in self.constraints],
            "output_precision": self.output_precision,
        }

    @property
    def design_names(self) -> tuple[str, ...]:
        """The names of the design parameters, fixed ones included."""
        return tuple(parameter.name for parameter in self.design)

    @property
    def environment_names(self) -> tuple[str, ...]:
        """The names of the environment parameters, fixed ones included."""
        return tuple(parameter.name for parameter in self.environment)

    @property
    def names(self) -> tuple[str, ...]:
        """All names, design first."""
        return self.design_names + self.environment_names

    @property
    def fixed_values(self) -> dict[str, ParameterValue]:
        """Name to value of what is fixed, in the design and in the environment."""
        return {
            item.name: item.domain
            for item in (*self.design, *self.environment)
            if isinstance(item, Fixed | EnvironmentFixed)
        }

    def validate_design(self, values: Mapping[str, Any]) -> dict[str, ParameterValue]:
        """The exact values in the domains, in the order of the space; fixed ones may be left out.

        Constraints are not looked at: a user may bring along a point outside.

        Raises:
            SpaceError: when a name is missing or unknown, or a value lies outside its domain.
        """
        return _validated("the design", self.design, values)

    def validate_environment(self, values: Mapping[str, Any]) -> dict[str, float]:
        """The exact values of the environment; fixed ones may be left out.

        Raises:
            SpaceError: as for `validate_design`.
        """
        return _validated("the environment", self.environment, values)

    def is_feasible(self, values: Mapping[str, Any]) -> bool:
        """Whether every constraint holds, exactly, for these values of the design; fixed ones may be left out."""
        numbers = _numbers({**self.fixed_values, **values})
        return all(is_satisfied(expression, numbers) for expression in self.expressions)

    def differences(self, other: Space) -> list[str]:
        """What is different in another space, which came later: one sentence each; empty when both are the same."""
        mine, others = self.to_data(), other.to_data()
        sentences = []
        for key, what in (
            ("design_space", "parameter"),
            ("environment", "environment parameter"),
            ("constraints", "constraint"),
        ):
            sentences += _differences(what, mine[key], others[key])
        if self.output_precision != other.output_precision:
            sentences.append(
                f"output_precision was {self.output_precision!r} and is now {other.output_precision!r}"
            )
        return sentences

    def _names_in_constraints(self) -> list[str]:
        labels = {name for name, value in self.fixed_values.items() if isinstance(value, str)}
        labels |= {parameter.name for parameter in self.design if isinstance(parameter, Categorical | Text)}
        fixed = [parameter.name for parameter in self.environment if isinstance(parameter, EnvironmentFixed)]
        return [name for name in (*self.design_names, *fixed) if name not in labels]


_RENAMED = MappingProxyType({"discrete": MappingProxyType({"values": "domain"})})


def _whole(data: Mapping[str, Any]) -> dict[str, Any]:
    known = ("design_space", "environment", "constraints", "output_precision")
    for key in data:
        if key not in known:
            raise SpaceError(f"the space has no key {shown(key)}, only {', '.join(known)}")
    if "design_space" not in data:
        raise SpaceError(f"the space needs the key 'design_space', got {shown(list(data))}")
    return dict(data)


def _listed(what: str, items: Any) -> Sequence[Any]:
    if items is None:
        return ()
    if isinstance(items, str | Mapping) or not isinstance(items, Iterable):
        raise SpaceError(f"{what} must be a list of tables, got {shown(items)}")
    return list(items)


def _check_unique(what: str, names: Sequence[str]) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise SpaceError(f"the names of {what} must differ from one another, got {shown(name)} twice")


def _check_resolved(parameter: DesignParameter, precision: float) -> None:
    if not isinstance(parameter, Continuous):
        return
    lower, upper = parameter.domain
    # A log parameter is rounded relative to itself where it is below 1.
    step = precision * min(1.0, 10.0 ** math.floor(math.log10(upper))) if parameter.log else precision
    if upper - lower < 10 * step:
        raise SpaceError(
            f"the domain of parameter {parameter.name!r} must span ten steps of output_precision {precision!r} or more "
            f"(another unit or a smaller output_precision helps), got {shown(parameter.domain)}"
        )


def _validated(what: str, parameters: Sequence[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    names = [parameter.name for parameter in parameters]
    for name in values:
        if name not in names:
            raise SpaceError(f"{what} has no parameter {shown(name)}, only {', '.join(names) or 'none'}")
    exact = {}
    for parameter in parameters:
        if parameter.name in values:
            exact[parameter.name] = parameter.validate(values[parameter.name])
        elif isinstance(parameter, Fixed | EnvironmentFixed):
            exact[parameter.name] = parameter.domain
        else:
            raise SpaceError(
                f"{what} needs a value for parameter {parameter.name!r}, got {shown(list(values))}"
            )
    return exact


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if not isinstance(value, str)}


def _differences(what: str, mine: list[dict[str, Any]], others: list[dict[str, Any]]) -> list[str]:
    old, new = ({item["name"]: item for item in items} for items in (mine, others))
    sentences = [f"{what} {name!r} is gone" for name in old if name not in new]
    sentences += [f"{what} {name!r} is new" for name in new if name not in old]
    common = [name for name in old if name in new]
    for name in common:
        for key in sorted(old[name].keys() | new[name].keys()):
            left, right = old[name].get(key), new[name].get(key)
            if left != right:
                sentences.append(f"the {key} of {what} {name!r} was {left!r} and is now {right!r}")
    if common != [name for name in new if name in old]:
        sentences.append(f"the order of the {what}s was {', '.join(old)} and is now {', '.join(new)}")
    return sentences
