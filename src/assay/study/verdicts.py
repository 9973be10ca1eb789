"""What becomes of an outcome: accepted as data, tried again, kept as a duplicate, or given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assay.records import Event, Outcome, OutcomeRecorded, SuggestionCleared
from assay.study.configuration import StudyConfiguration
from assay.study.state import StudyState

__all__ = ["Ended", "judge"]


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of one attempt at a suggestion."""

    number: int
    attempt: int
    outcome: Outcome


def judge(state: StudyState, configuration: StudyConfiguration, ended: Ended) -> Sequence[Event]:
    """The events that an arriving outcome causes.

    The first accepted outcome of a suggestion wins; a later one is kept beside it, and the same one arriving
    twice (through the pipe and from the outbox) is dropped.
    """
    number, attempt, outcome = ended.number, ended.attempt, ended.outcome
    earlier = state.set_aside.get(number, [])
    if state.accepted_attempts.get(number) == attempt or any(event.attempt == attempt for event in earlier):
        return []
    if number not in state.open:
        return [OutcomeRecorded(number, attempt, outcome, accepted=False)]

    same_kind = sum(event.outcome.status == outcome.status for event in earlier)
    match outcome.status:
        case "succeeded":
            return [OutcomeRecorded(number, attempt, outcome)]
        case "model_failure":
            return [OutcomeRecorded(number, attempt, outcome, accepted=same_kind >= configuration.retries)]
        case "crash":
            if same_kind < configuration.crash_retries:
                return [OutcomeRecorded(number, attempt, outcome, accepted=False)]
            times = "once" if same_kind == 0 else f"{same_kind + 1} times"
            verdict = replace(outcome, status="model_failure", error=f"crashed {times}: {outcome.error}")
            return [OutcomeRecorded(number, attempt, verdict)]
        case "infrastructure_failure":
            events: list[Event] = [OutcomeRecorded(number, attempt, outcome, accepted=False)]
            if same_kind >= configuration.infrastructure_retries:
                events.append(
                    SuggestionCleared(
                        number, f"given up after {same_kind + 1} lost attempts: {outcome.error}"
                    )
                )
            return events
