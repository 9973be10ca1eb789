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

__all__ = ["Claim", "Computed", "claim", "compute", "history_of", "timestamp", "write_down"]


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
    admit: Callable[[StudyState, bool], int],
    effort: Callable[[StudyState], float],
    owner: str,
    *,
    in_advance: bool,
    most: int = 1,
) -> list[Claim]:
    """Claim the next number, or one whose owner died while computing it.

    Arguments:
        environment: for the new number; None for the last one known.
        admit: how many further suggestions may be open now; raises when none may, or with True, when one claimed before
            may not; called under the write lock.
        effort: how far to search.
        owner: who computes it.
        in_advance: whether it is to wait until a slot is free.
        most: how many new numbers to claim at once; none of them will see the points of the others.

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
        count = min(most, admit(state, False))
        seen.append((history_of(definition, state), state.configuration["driver"]))
        values = definition.space.validate_environment({**state.environment, **(environment or {})})
        first, asked = state.next_number, (values, owner, effort(state), in_advance)
        return [SuggestionClaimed(number, state.last, *asked) for number in range(first, first + count)]

    claimed = [event for event in journal.transact(decide) if isinstance(event, SuggestionClaimed)]
    if seen:
        return [Claim(event, *seen[0]) for event in claimed]
    past = [journal.state_at(event.prefix) for event in claimed]
    return [
        Claim(event, history_of(definition, state), state.configuration["driver"])
        for event, state in zip(claimed, past, strict=True)
    ]


@dataclass(frozen=True)
class Computed:
    """The point of a claim, which is not written yet."""

    claim: SuggestionClaimed
    event: Suggested


def compute(journal: Journal, driver: AbstractDriver, claimed: Claim) -> Computed:
    """Compute the point of a claim; when that fails, the claim is withdrawn."""
    claim, history = claimed.event, claimed.history
    number = claim.number
    started = time.perf_counter()
    try:
        proposal = driver.suggest(history, Request(number, claim.environment, claim.effort))
    except BaseException as error:
        withdrawn = SuggestionCleared(number, f"no suggestion: {type(error).__name__}: {error}")
        journal.transact(lambda state: [withdrawn] if _owner(state, number) == claim.owner else [])
        raise
    suggestion = Suggestion(number, proposal.values, dict(claim.environment), timestamp())
    info = {**proposal.info, "seconds": time.perf_counter() - started}
    if claim.effort != 1.0:
        info["effort"] = claim.effort
    return Computed(claim, Suggested(suggestion, proposal.state, info))


def write_down(journal: Journal, computed: Sequence[Computed], *, lease: bool) -> list[Suggestion]:
    """Write points down, in one transaction; with `lease`, start their first attempts with it.

    Returns those that were ours to give: a claim may have been withdrawn meanwhile, or taken over by another process.
    """

    def decide(state: StudyState) -> Sequence[Event]:
        events: list[Event] = []
        for one in computed:
            if _owner(state, one.claim.number) == one.claim.owner:
                events.append(one.event)
                if lease:
                    events.append(LeaseTaken(one.claim.number, 1, this_owner(), host_name()))
        return events

    return [event.suggestion for event in journal.transact(decide) if isinstance(event, Suggested)]


def _owner(state: StudyState, number: int) -> str | None:
    """Who computes that number now."""
    claim = state.claims.get(number)
    return None if claim is None else claim.owner
