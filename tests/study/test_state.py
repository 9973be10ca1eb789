"""The state of a study is a fold over its journal."""

from assay.records import (
    Configured,
    LeaseTaken,
    Measurement,
    Outcome,
    OutcomeRecorded,
    StudyCreated,
    Suggested,
    Suggestion,
    SuggestionClaimed,
    SuggestionCleared,
)
from assay.store.abstract import StoredEvent
from assay.study.state import StudyState

GOOD = Outcome("succeeded", (Measurement((1.0,)),))
BAD = Outcome("model_failure", error="no")


def fold(*events):
    stored = [StoredEvent(number, float(number), event) for number, event in enumerate(events, start=1)]
    return StudyState().fold(stored), stored


def test_a_suggestion_passes_from_claim_to_open_to_succeeded():
    state, _ = fold(StudyCreated({"a": 1}), Configured({"b": 2}), SuggestionClaimed(0, 2, {}, "me"))
    assert (state.definition, state.configuration) == ({"a": 1}, {"b": 2})
    assert list(state.claims) == [0]
    assert state.next_number == 1
    more = [
        StoredEvent(4, 4.0, Suggested(Suggestion(0, {"x": 0.5}), {"scale": 2.0})),
        StoredEvent(5, 5.0, LeaseTaken(0, 1, "me", "here")),
    ]
    state.fold(more)
    assert not state.claims
    assert state.open == {0}
    assert state.driver_state == {"scale": 2.0}
    assert state.trials[0].attempts == 1
    state.fold([StoredEvent(6, 6.0, OutcomeRecorded(0, 1, GOOD))])
    assert not state.open
    assert state.trials[0].status == "succeeded"
    assert (state.finished, state.succeeded, state.failed) == (1, 1, 0)


def test_events_already_seen_are_passed_over():
    state, stored = fold(Suggested(Suggestion(0, {"x": 0.5})), OutcomeRecorded(0, 1, BAD))
    state.fold(stored)
    assert state.failed == 1


def test_folding_in_pieces_equals_folding_at_once():
    whole, stored = fold(
        Suggested(Suggestion(0, {"x": 0.5})),
        LeaseTaken(0, 1, "me", "here"),
        OutcomeRecorded(0, 1, BAD, accepted=False),
        LeaseTaken(0, 2, "me", "here"),
        OutcomeRecorded(0, 2, GOOD),
        Suggested(Suggestion(1, {"x": 0.25})),
        SuggestionCleared(1, "no longer wanted"),
    )
    pieces = StudyState()
    for event in stored:
        pieces.fold([event])
    assert pieces == whole


def test_failures_in_a_row_are_counted_from_the_last_success():
    state, _ = fold(
        *(
            event
            for number, outcome in enumerate([BAD, GOOD, BAD, BAD])
            for event in (Suggested(Suggestion(number, {"x": 0.1})), OutcomeRecorded(number, 1, outcome))
        )
    )
    assert state.failures_in_a_row == 2


def test_a_point_of_the_user_leaves_the_driver_state_alone():
    state, _ = fold(
        Suggested(Suggestion(0, {"x": 0.5}), {"scale": 2.0}),
        Suggested(Suggestion(1, {"x": 0.7}, origin="user")),
    )
    assert state.driver_state == {"scale": 2.0}


def test_a_claim_of_a_suggestion_that_exists_is_ignored():
    state, _ = fold(Suggested(Suggestion(0, {"x": 0.5})), SuggestionClaimed(0, 0, {}, "late"))
    assert not state.claims


def test_what_is_made_in_advance_takes_no_slot_until_somebody_evaluates_it():
    events = [SuggestionClaimed(0, 0, {}, "me", in_advance=True), SuggestionClaimed(1, 0, {}, "me")]
    state, _ = fold(*events)
    assert (state.taken, state.to_come) == ([1], 2)
    events += [Suggested(Suggestion(0, {"x": 0.5})), Suggested(Suggestion(1, {"x": 0.7}))]
    state, _ = fold(*events)
    assert (state.taken, state.to_come, state.waiting) == ([1], 2, {0})
    state, _ = fold(*events, LeaseTaken(0, 1, "me", "here"))
    assert (state.taken, state.waiting) == ([0, 1], set())
    for end in (SuggestionCleared(0), OutcomeRecorded(0, 1, GOOD)):
        state, _ = fold(*events, end)
        assert (state.taken, state.to_come, state.waiting) == ([1], 1, set())
