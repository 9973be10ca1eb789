"""The state of a study: a fold over its journal, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from assay.records import (
    Configured,
    Event,
    LeaseTaken,
    OutcomeRecorded,
    StateSaved,
    StudyCreated,
    Suggested,
    SuggestionClaimed,
    SuggestionCleared,
    Trial,
)
from assay.store.abstract import StoredEvent

__all__ = ["DRIVER_STATE", "StudyState"]

DRIVER_STATE = "assay.driver"
"""The name under which a driver's state is saved that does not come with a suggestion."""


@dataclass
class StudyState:
    """What the events so far say.

    The fold changes it in place, since it is called once for each of perhaps 10^5 events; everything it holds
    is frozen. Two processes that have read the same events hold the same state.

    Arguments:
        last: the number of the last event folded.
        definition: as stored by `StudyCreated`, None before it.
        configuration: the last `Configured`.
        trials: by suggestion number.
        claims: the numbers that are being computed, with their claim.
        claim_times: when each was claimed, seconds since 1970.
        leases: the last lease taken for each number.
        lease_times: when each was taken, seconds since 1970.
        set_aside: for each number, the outcomes that were not accepted: lost workers, failures to be tried
            again, duplicates.
        accepted_attempts: for each number, the attempt whose outcome was accepted.
        driver_state: what the last suggestion of the driver, or a training by hand, left for the next.
        info: of each suggestion, what a person wants to see.
        failures_in_a_row: model failures since the last success.
        open: the numbers without an outcome.
        waiting: those of them that were proposed or suggested in advance, and that nobody evaluates yet.
    """

    last: int = 0
    definition: Mapping[str, Any] | None = None
    configuration: Mapping[str, Any] = field(default_factory=dict)
    trials: dict[int, Trial] = field(default_factory=dict)
    claims: dict[int, SuggestionClaimed] = field(default_factory=dict)
    claim_times: dict[int, float] = field(default_factory=dict)
    leases: dict[int, LeaseTaken] = field(default_factory=dict)
    lease_times: dict[int, float] = field(default_factory=dict)
    set_aside: dict[int, list[OutcomeRecorded]] = field(default_factory=dict)
    accepted_attempts: dict[int, int] = field(default_factory=dict)
    driver_state: Mapping[str, Any] | None = None
    saved: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    info: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    times: dict[int, float] = field(default_factory=dict)
    environment: Mapping[str, float] = field(default_factory=dict)
    failures_in_a_row: int = 0
    succeeded: int = 0
    failed: int = 0
    open: set[int] = field(default_factory=set)
    waiting: set[int] = field(default_factory=set)

    # -- what one asks of it ---------------------------------------------------------------------------

    @property
    def next_number(self) -> int:
        """The smallest number above all suggestions and claims."""
        return max(max(self.trials, default=-1), max(self.claims, default=-1)) + 1

    @property
    def finished(self) -> int:
        """How many evaluations have ended, well or badly."""
        return self.succeeded + self.failed

    @property
    def taken(self) -> list[int]:
        """The numbers that take one of the study's slots: open or being computed, and not in advance."""
        computed = [number for number, event in self.claims.items() if not event.in_advance]
        return sorted({*self.open - self.waiting, *computed})

    @property
    def queue(self) -> list[int]:
        """The numbers that were proposed and that nobody evaluates yet, in order."""
        return sorted(number for number in self.waiting if self.trials[number].suggestion.origin == "user")

    @property
    def to_come(self) -> int:
        """How many evaluations are open, or will be when their suggestion is computed."""
        return len(self.open) + len(self.claims)

    def ordered_trials(self) -> tuple[Trial, ...]:
        """All trials by number."""
        return tuple(self.trials[number] for number in sorted(self.trials))

    # -- the fold --------------------------------------------------------------------------------------

    def fold(self, events: Iterable[StoredEvent]) -> StudyState:
        """Take in events that follow `last`; those already seen are passed over."""
        for stored in events:
            if stored.number > self.last:
                self._fold_one(stored.event, stored.time)
                self.last = stored.number
        return self

    def _fold_one(self, event: Event, time: float) -> None:
        match event:
            case Suggested():
                self._suggested(event, time)
            case OutcomeRecorded():
                self._outcome(event, time)
            case LeaseTaken(number=number):
                self.leases[number] = event
                self.lease_times[number] = time
                self.waiting.discard(number)
                if number in self.trials:
                    self.trials[number] = replace(self.trials[number], attempts=event.attempt)
            case SuggestionClaimed(number=number):
                if number not in self.trials:
                    self.claims[number] = event
                    self.claim_times[number] = time
                    self.environment = event.environment or self.environment
            case SuggestionCleared():
                self._cleared(event)
            case StudyCreated(definition=definition):
                self.definition = definition
            case Configured(configuration=configuration):
                self.configuration = configuration
            case StateSaved(name=name, state=state):
                self.saved[name] = state
                if name == DRIVER_STATE:
                    self.driver_state = state

    def _suggested(self, event: Suggested, time: float) -> None:
        number = event.suggestion.number
        claimed = self.claims.pop(number, None)
        if event.queued or (claimed is not None and claimed.in_advance):
            self.waiting.add(number)
        self.trials[number] = Trial(event.suggestion, "open")
        self.info[number] = event.info
        self.times[number] = time
        self.environment = event.suggestion.environment or self.environment
        self.open.add(number)
        if event.suggestion.origin == "driver":
            self.driver_state = event.state

    def _outcome(self, event: OutcomeRecorded, time: float) -> None:
        number, outcome = event.number, event.outcome
        if not event.accepted:
            self.set_aside.setdefault(number, []).append(event)
            return
        succeeded = outcome.status == "succeeded"
        self.trials[number] = replace(
            self.trials[number], status="succeeded" if succeeded else "failed", outcome=outcome
        )
        self.accepted_attempts[number] = event.attempt
        self.times[number] = time
        self.open.discard(number)
        self.waiting.discard(number)
        self.leases.pop(number, None)
        self.failures_in_a_row = 0 if succeeded else self.failures_in_a_row + 1
        if succeeded:
            self.succeeded += 1
        else:
            self.failed += 1

    def _cleared(self, event: SuggestionCleared) -> None:
        self.claims.pop(event.number, None)
        self.leases.pop(event.number, None)
        self.open.discard(event.number)
        self.waiting.discard(event.number)
        if event.number in self.trials:
            self.trials[event.number] = replace(
                self.trials[event.number], status="cleared", message=event.message
            )
