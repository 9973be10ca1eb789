"""A study's folded state as plain data and back, so that opening need not begin at the first event.

It is a cache, not a format: a snapshot of another release is passed by, and the journal is folded instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from assay.codec.events import (
    event_from_data,
    event_to_data,
    outcome_from_data,
    outcome_to_data,
    suggestion_from_data,
    suggestion_to_data,
)
from assay.errors import StoreError
from assay.records import Trial
from assay.study.state import StudyState

__all__ = ["SNAPSHOT_VERSION", "state_from_data", "state_to_data"]

# Raised with any change of what is below, and of what the fold makes of events.
SNAPSHOT_VERSION = 3

_FIELDS = tuple(field.name for field in fields(StudyState))


def state_to_data(state: StudyState) -> dict[str, Any]:
    """The state as plain data: every field under its name, a dict by number as a list of keys and one of values.

    Example:
        >>> state_from_data(state_to_data(StudyState(last=3))) == StudyState(last=3)
        True
    """
    data: dict[str, Any] = {"version": SNAPSHOT_VERSION}
    for name in _FIELDS:
        value = getattr(state, name)
        data[name] = _WRITERS[name](value) if name in _WRITERS else value
    return data


def state_from_data(data: Mapping[str, Any]) -> StudyState:
    """The state that `state_to_data` was given.

    Raises:
        StoreError: when another release wrote it, or it is damaged.
    """
    try:
        if data["version"] != SNAPSHOT_VERSION:
            raise StoreError(
                f"the snapshot must have version {SNAPSHOT_VERSION}, got {data['version']!r:.100}"
            )
        return StudyState(
            **{name: _READERS[name](data[name]) if name in _READERS else data[name] for name in _FIELDS}
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise StoreError(
            f"the snapshot must hold the fields of a study's state, got {error!r:.200}"
        ) from None


def _columns(write: Callable[[Any], Any] | None = None) -> Callable[[Mapping[int, Any]], list[Any]]:
    def to_data(mapping: Mapping[int, Any]) -> list[Any]:
        values = mapping.values()
        return [list(mapping), list(values) if write is None else [write(value) for value in values]]

    return to_data


def _by_number(read: Callable[[Any], Any] | None = None) -> Callable[[list[Any]], dict[int, Any]]:
    def from_data(columns: list[Any]) -> dict[int, Any]:
        numbers, values = columns
        return dict(zip(numbers, values if read is None else map(read, values), strict=True))

    return from_data


def _trial_to_data(trial: Trial) -> list[Any]:
    outcome = None if trial.outcome is None else outcome_to_data(trial.outcome)
    return [suggestion_to_data(trial.suggestion), trial.status, outcome, trial.attempts, trial.message]


def _trial_from_data(data: list[Any]) -> Trial:
    suggestion, status, outcome, attempts, message = data
    return Trial(
        suggestion_from_data(suggestion),
        status,
        None if outcome is None else outcome_from_data(outcome),
        attempts,
        message,
    )


_WRITERS: dict[str, Callable[[Any], Any]] = {
    "trials": _columns(_trial_to_data),
    "claims": _columns(event_to_data),
    "claim_times": _columns(),
    "leases": _columns(event_to_data),
    "lease_times": _columns(),
    "set_aside": _columns(lambda events: [event_to_data(event) for event in events]),
    "accepted_attempts": _columns(),
    "info": _columns(),
    "times": _columns(),
    "open": sorted,
    "waiting": sorted,
}

_READERS: dict[str, Callable[[Any], Any]] = {
    "trials": _by_number(_trial_from_data),
    "claims": _by_number(event_from_data),
    "claim_times": _by_number(),
    "leases": _by_number(event_from_data),
    "lease_times": _by_number(),
    "set_aside": _by_number(lambda events: [event_from_data(event) for event in events]),
    "accepted_attempts": _by_number(),
    "info": _by_number(),
    "times": _by_number(),
    "open": set,
    "waiting": set,
}
