"""Proposing: points that wait in the queue of a study, given by the user or chosen together by the driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.drivers.abstract import Request
from assay.errors import UsageError
from assay.records import Event, StateSaved, Suggested, Suggestion
from assay.study.ledger import Ledger
from assay.study.state import DRIVER_STATE, StudyState
from assay.study.suggesting import history_of, timestamp

__all__ = ["proposed"]


def proposed(
    ledger: Ledger,
    points: Sequence[Mapping[str, Any]] | int,
    environment: Mapping[str, float],
    info: Mapping[str, Any],
) -> list[int]:
    """Write points into the queue, in one transaction; see `Study.propose`. Their numbers."""
    if not isinstance(points, int):
        checked = [ledger.definition.space.validate_design(values) for values in points]
        return _written(ledger, checked, environment, [info] * len(checked))
    if points < 1:
        raise UsageError(f"the number of points to propose must be positive, got {points}")
    choose = getattr(ledger.driver, "propose", None)
    if choose is None:
        raise UsageError(
            f"a batch needs a driver that chooses points together, such as AdaptiveSampling, and study {ledger.id!r} has "
            f"{type(ledger.driver).__name__}"
        )
    while True:
        state = ledger.state
        number, history = state.next_number, history_of(ledger.definition, state)
        place = ledger.definition.space.validate_environment({**state.environment, **environment})
        chosen = choose(history, Request(number, place), points)
        found = _written(
            ledger,
            [proposal.values for proposal in chosen],
            environment,
            [{**proposal.info, **info} for proposal in chosen],
            at=number,
            driver_state=chosen[-1].state,
        )
        if found:  # else another process was quicker, and the batch should know its points
            return found


def _written(
    ledger: Ledger,
    points: Sequence[Mapping[str, Any]],
    environment: Mapping[str, float],
    infos: Sequence[Mapping[str, Any]],
    at: int | None = None,
    driver_state: Mapping[str, Any] | None = None,
) -> list[int]:
    """The numbers of the points; none where the next number is not `at`, and nothing is written then."""
    created = timestamp()

    def decide(state: StudyState) -> Sequence[Event]:
        first = state.next_number
        if at not in (None, first):
            return []
        place = ledger.definition.space.validate_environment({**state.environment, **environment})
        events: list[Event] = [
            Suggested(Suggestion(number, values, place, created, "user"), info=info, queued=True)
            for number, (values, info) in enumerate(zip(points, infos, strict=True), start=first)
        ]
        return events if driver_state is None else [*events, StateSaved(DRIVER_STATE, driver_state)]

    events = ledger.transact(decide)
    return [event.suggestion.number for event in events if isinstance(event, Suggested)]
