"""What is known of the conditions that nobody chooses: of a suggestion, of a point of the user's, of one entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from assay.errors import SpaceError
from assay.records import Measurement
from assay.space.space import Space

__all__ = ["environment_of_point", "measured_in", "validate_entries"]


def environment_of_point(
    space: Space,
    last: Mapping[str, float],
    given: Mapping[str, Any] | None,
    measurements: Sequence[Measurement],
) -> dict[str, float]:
    """The environment of a point that the user brought along: what is given, else the last one known.

    Raises:
        SpaceError: when a value breaks its rule, or when nothing says where some entry was measured.
    """
    known = {**_fixed(space), **last, **(given or {})}
    for entry in measurements:
        space.validate_environment({**known, **(entry.environment_value or {})})
    return _valid(space, known)


def measured_in(environment: Mapping[str, float], entries: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """The entries in an environment that is not their suggestion's; what an entry says itself stands."""
    return tuple(
        replace(entry, environment_value={**environment, **(entry.environment_value or {})})
        for entry in entries
    )


def validate_entries(space: Space, measurements: Sequence[Measurement]) -> None:
    """Check what single entries say of their environment.

    Raises:
        SpaceError: when a value breaks its rule, or is of a parameter that the environment does not have.
    """
    for entry in measurements:
        _valid(space, entry.environment_value or {})


def _fixed(space: Space) -> dict[str, Any]:
    fixed = space.fixed_values
    return {name: fixed[name] for name in space.environment_names if name in fixed}


def _valid(space: Space, values: Mapping[str, Any]) -> dict[str, float]:
    parameters = {parameter.name: parameter for parameter in space.environment}
    for name in values:
        if name not in parameters:
            raise SpaceError(
                f"the environment has no parameter {name!r:.100}, only {', '.join(parameters) or 'none'}"
            )
    return {name: parameters[name].validate(value) for name, value in values.items()}
