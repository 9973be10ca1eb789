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
from assay.study.owner import host_name, this_owner
from assay.study.state import StudyState
from assay.study.steps import is_abandoned_claim

__all__ = ["Claim", "claim", "history_of", "suggest", "timestamp"]


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
        seen.clear()
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
    number, owner, effort = claimed.event.number, claimed.event.owner, claimed.event.effort

    def is_ours(state: StudyState) -> bool:
        return number in state.claims and state.claims[number].owner == owner

    started = time.perf_counter()
    try:
        proposal = driver.suggest(claimed.history, Request(number, claimed.event.environment, effort))
    except BaseException as error:
        reason = f"no suggestion: {type(error).__name__}: {error}"
        journal.transact(lambda state: [SuggestionCleared(number, reason)] if is_ours(state) else [])
        raise
    suggestion = Suggestion(number, proposal.values, dict(claimed.event.environment), timestamp())
    info = {**proposal.info, "seconds": time.perf_counter() - started}
    if effort != 1.0:
        info["effort"] = effort

    def decide(state: StudyState) -> Sequence[Event]:
        if not is_ours(state):
            return []
        events: list[Event] = [Suggested(suggestion, proposal.state, info)]
        if lease:
            events.append(LeaseTaken(number, 1, this_owner(), host_name()))
        return events

    return journal.state.trials[number].suggestion if journal.transact(decide) else None
