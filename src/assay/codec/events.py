"""Events and outcomes as plain data and back; the format is described in `docs/formats.md`.

Every event carries its `kind` and the `version` of that kind's format. Fields that are None, and the other
optional fields at their default, are left out. A reader ignores fields that it does not know: a change that
an older reader would misread raises the version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assay.codec.plain import decode_many, encode
from assay.errors import StoreError, StoreVersionError
from assay.records import (
    Configured,
    Event,
    LeaseTaken,
    Measurement,
    Outcome,
    OutcomeRecorded,
    StateSaved,
    StudyCreated,
    Suggested,
    Suggestion,
    SuggestionClaimed,
    SuggestionCleared,
)

__all__ = [
    "EVENT_VERSION",
    "decode_events",
    "encode_event",
    "event_from_data",
    "event_kind",
    "event_to_data",
    "outcome_from_data",
    "outcome_to_data",
    "suggestion_from_data",
    "suggestion_to_data",
]

EVENT_VERSION = 1

Data = Mapping[str, Any]


def event_kind(event: Event) -> str:
    """The name of the event's kind, as it stands in the journal."""
    return _KINDS[type(event)]


def event_to_data(event: Event) -> dict[str, Any]:
    """The event as plain data.

    Example:
        >>> event_to_data(SuggestionCleared(3, "no longer wanted"))
        {'kind': 'suggestion_cleared', 'version': 1, 'number': 3, 'message': 'no longer wanted'}
    """
    return {"kind": event_kind(event), "version": EVENT_VERSION, **_fields(event)}


def event_from_data(data: Data) -> Event:
    """The event that `event_to_data` was given.

    Raises:
        StoreVersionError: when the kind is unknown or its version is newer than this package.
        StoreError: when a field is missing or is not what its kind needs.
    """
    try:
        kind, version = data["kind"], data["version"]
        if version > EVENT_VERSION or kind not in _READERS:
            raise StoreVersionError(
                f"the journal holds an event of kind {kind!r}, version {version}, and this version of assay "
                f"reads version {EVENT_VERSION} of {', '.join(_READERS)}; a newer one wrote it: upgrade assay"
            )
        return _READERS[kind](data)
    except (KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"the journal holds an event that cannot be read ({error!r}): {data!r:.200}"
        ) from None


def encode_event(event: Event) -> str:
    """The event as one line of JSON.

    Raises:
        UsageError: when a mapping inside the event holds something that is not plain data.
    """
    data = event_to_data(event)
    return encode(data, what=data["kind"])


def decode_events(texts: list[str]) -> list[Event]:
    """The events that `encode_event` was given."""
    return [event_from_data(data) for data in decode_many(texts)]


def outcome_to_data(outcome: Outcome) -> dict[str, Any]:
    """An outcome as plain data: the same in the journal and in an outbox file."""
    data: dict[str, Any] = {"status": outcome.status}
    if outcome.measurements:
        data["measurements"] = [_measurement_to_data(measurement) for measurement in outcome.measurements]
    return data | _present(
        seconds=outcome.seconds, error=outcome.error, details=outcome.details, extra=outcome.extra
    )


def outcome_from_data(data: Data) -> Outcome:
    """The outcome that `outcome_to_data` was given."""
    return Outcome(
        status=data["status"],
        measurements=tuple(
            [_measurement_from_data(measurement) for measurement in data.get("measurements", ())]
        ),
        seconds=data.get("seconds"),
        error=data.get("error"),
        details=data.get("details"),
        extra=data.get("extra"),
    )


def suggestion_to_data(suggestion: Suggestion) -> dict[str, Any]:
    """A suggestion as plain data."""
    return {
        "number": suggestion.number,
        "values": suggestion.values,
        "environment": suggestion.environment,
        "created": suggestion.created,
        "origin": suggestion.origin,
    }


def suggestion_from_data(data: Data) -> Suggestion:
    """The suggestion that `suggestion_to_data` was given."""
    return Suggestion(data["number"], data["values"], data["environment"], data["created"], data["origin"])


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _measurement_to_data(measurement: Measurement) -> dict[str, Any]:
    return {"value": measurement.value} | _present(
        derivative=measurement.derivative,
        uncertainty=measurement.uncertainty,
        model_name=measurement.model_name,
        environment_value=measurement.environment_value,
    )


def _measurement_from_data(data: Data) -> Measurement:
    uncertainty = data.get("uncertainty")
    return Measurement(
        value=tuple(data["value"]),
        derivative=data.get("derivative"),
        uncertainty=None if uncertainty is None else tuple(uncertainty),
        model_name=data.get("model_name"),
        environment_value=data.get("environment_value"),
    )


def _fields(event: Event) -> dict[str, Any]:
    match event:
        case StudyCreated(definition):
            return {"definition": definition}
        case Configured(configuration):
            return {"configuration": configuration}
        case SuggestionClaimed(number, prefix, environment, owner, effort, in_advance):
            claimed = {"number": number, "prefix": prefix, "environment": environment, "owner": owner}
            return claimed | _present(
                effort=None if effort == 1.0 else effort, in_advance=True if in_advance else None
            )
        case Suggested(suggestion, state, info, queued):
            optional = _present(state=state, queued=queued or None)
            return {"suggestion": suggestion_to_data(suggestion), **optional, "info": info}
        case LeaseTaken(number, attempt, owner, host):
            return {"number": number, "attempt": attempt, "owner": owner, "host": host}
        case OutcomeRecorded(number, attempt, outcome, accepted):
            return {
                "number": number,
                "attempt": attempt,
                "accepted": accepted,
                "outcome": outcome_to_data(outcome),
            }
        case SuggestionCleared(number, message):
            return {"number": number, "message": message}
        case StateSaved(name, state):
            return {"name": name, "state": state}


_KINDS: dict[type[Event], str] = {
    StudyCreated: "study_created",
    Configured: "configured",
    SuggestionClaimed: "suggestion_claimed",
    Suggested: "suggested",
    LeaseTaken: "lease_taken",
    OutcomeRecorded: "outcome",
    SuggestionCleared: "suggestion_cleared",
    StateSaved: "state_saved",
}

_READERS: dict[str, Callable[[Data], Event]] = {
    "study_created": lambda data: StudyCreated(data["definition"]),
    "configured": lambda data: Configured(data["configuration"]),
    "suggestion_claimed": lambda data: SuggestionClaimed(
        data["number"],
        data["prefix"],
        data["environment"],
        data["owner"],
        data.get("effort", 1.0),
        data.get("in_advance", False),
    ),
    "suggested": lambda data: Suggested(
        suggestion_from_data(data["suggestion"]), data.get("state"), data["info"], data.get("queued", False)
    ),
    "lease_taken": lambda data: LeaseTaken(data["number"], data["attempt"], data["owner"], data["host"]),
    "outcome": lambda data: OutcomeRecorded(
        data["number"], data["attempt"], outcome_from_data(data["outcome"]), data["accepted"]
    ),
    "suggestion_cleared": lambda data: SuggestionCleared(data["number"], data["message"]),
    "state_saved": lambda data: StateSaved(data["name"], data["state"]),
}
