"""What becomes of an outcome."""

from typing import Any

import pytest

from assay.records import (
    LeaseTaken,
    Measurement,
    Outcome,
    OutcomeRecorded,
    Suggested,
    Suggestion,
    SuggestionCleared,
)
from assay.store.abstract import StoredEvent
from assay.study.configuration import StudyConfiguration
from assay.study.state import StudyState
from assay.study.verdicts import Ended, judge

GOOD = Outcome("succeeded", (Measurement((1.0,)),))
FAILED = Outcome("model_failure", error="ValueError: no")
CRASHED = Outcome("crash", error="worker died: killed by signal 11 (SIGSEGV)")
LOST = Outcome("infrastructure_failure", error="worker died: killed by signal 9 (SIGKILL)")


class Trials:
    """One open suggestion, and the attempts at it."""

    def __init__(self, **configuration):
        self.configuration = StudyConfiguration.of(configuration)
        self.state = StudyState()
        self._fold([Suggested(Suggestion(0, {"x": 0.5}))])
        self.attempt = 0

    def _fold(self, events):
        last = self.state.last
        self.state.fold(StoredEvent(last + i, 0.0, event) for i, event in enumerate(events, start=1))

    def tell(self, outcome: Outcome, attempt: int | None = None) -> list[Any]:
        if attempt is None:
            self.attempt += 1
            attempt = self.attempt
            self._fold([LeaseTaken(0, attempt, "me", "here")])
        events = judge(self.state, self.configuration, Ended(0, attempt, outcome))
        self._fold(events)
        return list(events)


def test_a_success_is_accepted():
    trials = Trials()
    assert trials.tell(GOOD) == [OutcomeRecorded(0, 1, GOOD)]
    assert trials.state.trials[0].status == "succeeded"


def test_the_same_attempt_told_twice_is_dropped():
    trials = Trials()
    trials.tell(GOOD)
    assert trials.tell(GOOD, attempt=1) == []


def test_a_later_outcome_is_kept_beside_the_accepted_one():
    trials = Trials()
    trials.tell(LOST)
    trials.tell(GOOD)
    late = trials.tell(FAILED, attempt=3)
    assert late == [OutcomeRecorded(0, 3, FAILED, accepted=False)]
    assert trials.state.trials[0].outcome == GOOD


def test_a_model_failure_is_data_at_once_without_retries():
    assert Trials().tell(FAILED) == [OutcomeRecorded(0, 1, FAILED)]


def test_a_model_failure_is_tried_again_as_often_as_the_user_says():
    trials = Trials(retries=2)
    assert [trials.tell(FAILED)[0].accepted for _ in range(3)] == [False, False, True]


def test_a_crash_that_repeats_is_a_model_failure():
    trials = Trials()
    assert not trials.tell(CRASHED)[0].accepted
    (verdict,) = trials.tell(CRASHED)
    assert verdict.accepted
    assert verdict.outcome.status == "model_failure"
    assert verdict.outcome.error == f"crashed 2 times: {CRASHED.error}"


def test_a_lost_worker_does_not_count_as_a_crash():
    trials = Trials()
    for outcome in (LOST, CRASHED, LOST, LOST):
        assert not trials.tell(outcome)[0].accepted
    assert trials.tell(GOOD)[0].accepted
    assert trials.state.failed == 0


def test_a_suggestion_that_is_lost_too_often_is_cleared_and_teaches_nothing():
    trials = Trials(infrastructure_retries=2)
    for _ in range(2):
        assert len(trials.tell(LOST)) == 1
    events = trials.tell(LOST)
    assert isinstance(events[-1], SuggestionCleared)
    assert trials.state.trials[0].status == "cleared"
    assert trials.state.failed == 0


@pytest.mark.parametrize("retries", [0, 3])
def test_a_success_after_failures_wins(retries):
    trials = Trials(retries=retries)
    trials.tell(LOST)
    assert trials.tell(GOOD)[0].accepted
