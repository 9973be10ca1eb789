"""Asking: claim a number, compute its point from exactly the events before the claim, write it down.

The claim names the last event that the computation may see. So whoever finishes the work — this process, or
another one after this was killed in the middle — comes to the same point, bit for bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from assay.drivers.abstract import AbstractDriver, History, Request
from assay.executors.liveness import host_name
from assay.records import (
    Event,
    LeaseTaken,
    Suggested,
    Suggestion,
    SuggestionClaimed,
    SuggestionCleared,
)
from assay.study.definition import Definition
from assay.study.journal import Journal
from assay.study.owner import this_owner
from assay.study.state import StudyState
from assay.study.steps import is_abandoned_claim

__all__ = ["Claim", "claim", "history_of", "suggest", "suggest_alone", "timestamp"]


def timestamp() -> str:
    """Now, as ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def history_of(definition: Definition, state: StudyState) -> History:
    """What a driver may see of this state."""
    return History(
        definition.space,
        state.ordered_trials(),
        definition.seed,
        state.driver_state,
        tuple(sorted(state.claims)),
    )


@dataclass(frozen=True)
class Claim:
    """A claimed number, with the history and the driver's configuration that its point is computed from."""

    event: SuggestionClaimed
    history: History
    configuration: Mapping[str, Any]


def claim(
    journal: Journal,
    definition: Definition,
    environment: Mapping[str, float] | None,
    admit: Callable[[StudyState, bool], None],
    effort: Callable[[StudyState], float],
    owner: str,
    *,
    in_advance: bool,
) -> Claim:
    """Claim the next number, or one whose owner died while computing it.

    Arguments:
        environment: for the new number; None for the last one known.
        admit: raises when no further suggestion may be open now, or with True, when one claimed before may not;
            called under the write lock.
        effort: how far to search.
        owner: who computes it.
        in_advance: whether it is to wait until a slot is free.

    Raises:
        SpaceError: when a variable environment parameter has no value yet.
    """
    seen: list[tuple[History, Mapping[str, Any]]] = []

    def decide(state: StudyState) -> Sequence[Event]:
        # one that has its slot comes first; in advance, only such as have none
        for event in sorted(state.claims.values(), key=lambda event: event.in_advance):
            if event.in_advance >= in_advance and is_abandoned_claim(state, event, time.time()):
                if event.in_advance:
                    admit(state, True)
                return [replace(event, owner=owner, in_advance=in_advance)]
        admit(state, False)
        seen.append((history_of(definition, state), state.configuration["driver"]))
        values = definition.space.validate_environment({**state.environment, **(environment or {})})
        return [SuggestionClaimed(state.next_number, state.last, values, owner, effort(state), in_advance)]

    (event,) = journal.transact(decide)
    assert isinstance(event, SuggestionClaimed)
    if seen:
        return Claim(event, *seen[0])
    past = journal.state_at(event.prefix)
    return Claim(event, history_of(definition, past), past.configuration["driver"])


def suggest(journal: Journal, driver: AbstractDriver, claimed: Claim, *, lease: bool) -> Suggestion | None:
    """Compute the point of a claim and write it down; with `lease`, start its first attempt in the same
    transaction.

    None when the claim was withdrawn meanwhile, or taken over by another process: then the point is not ours to give.
    """
    number, owner = claimed.event.number, claimed.event.owner

    def is_ours(state: StudyState) -> bool:
        return number in state.claims and state.claims[number].owner == owner

    try:
        suggested = _computed(
            driver, claimed.history, Request(number, claimed.event.environment, claimed.event.effort)
        )
    except BaseException as error:
        reason = f"no suggestion: {type(error).__name__}: {error}"
        journal.transact(lambda state: [SuggestionCleared(number, reason)] if is_ours(state) else [])
        raise
    written = journal.transact(lambda state: _begun(suggested, lease=lease) if is_ours(state) else [])
    return journal.state.trials[number].suggestion if written else None


def suggest_alone(
    journal: Journal,
    definition: Definition,
    driver: AbstractDriver,
    admit: Callable[[StudyState], int],
    most: int,
    *,
    lease: bool,
) -> list[Suggestion]:
    """Several points whose driver needs nothing but their number and the environment, in one transaction.

    They need no claim: whoever comes to the number comes to the point. So they are computed for the numbers that are
    probably next, and written unless somebody was quicker.

    Arguments:
        admit: how many further suggestions may be open; raises when none may.
        most: how many are wanted.

    Raises:
        SpaceError: when a variable environment parameter has no value yet.
    """
    known = journal.state
    settings, history = known.configuration["driver"], history_of(definition, known)
    environment = definition.space.validate_environment(dict(known.environment))
    known_environment, first = dict(known.environment), known.next_number
    points = {
        number: _computed(driver, history, Request(number, environment))
        for number in range(first, first + min(most, admit(known)))
    }

    def decide(state: StudyState) -> Sequence[Event]:
        count = admit(state)
        if state.configuration["driver"] != settings or state.environment != known_environment:
            return []
        numbers = range(state.next_number, state.next_number + count)
        return [
            event for number in numbers if number in points for event in _begun(points[number], lease=lease)
        ]

    return [event.suggestion for event in journal.transact(decide) if isinstance(event, Suggested)]


def _computed(driver: AbstractDriver, history: History, request: Request) -> Suggested:
    started = time.perf_counter()
    proposal = driver.suggest(history, request)
    suggestion = Suggestion(request.number, proposal.values, dict(request.environment), timestamp())
    info = {**proposal.info, "seconds": time.perf_counter() - started}
    if request.effort != 1.0:
        info["effort"] = request.effort
    return Suggested(suggestion, proposal.state, info)


def _begun(suggested: Suggested, *, lease: bool) -> list[Event]:
    """The events of a point that is given; with `lease`, this process evaluates it."""
    if not lease:
        return [suggested]
    return [suggested, LeaseTaken(suggested.suggestion.number, 1, this_owner(), host_name())]
