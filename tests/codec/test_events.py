"""Every event survives the journal, and what cannot be read is refused in one sentence."""

from __future__ import annotations

import json
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.codec.events import (
    decode_events,
    encode_event,
    event_from_data,
    event_kind,
    event_to_data,
    outcome_from_data,
    outcome_to_data,
)
from assay.errors import StoreError, StoreVersionError, UsageError
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

NUMBERS = st.integers(0, 2**31)
WORDS = st.text(max_size=8)
FLOATS = st.floats()
PLAIN = st.dictionaries(WORDS, FLOATS | st.integers() | WORDS | st.lists(FLOATS, max_size=3), max_size=3)
ENVIRONMENTS = st.dictionaries(WORDS, FLOATS, max_size=2)
MEASUREMENTS = st.builds(
    Measurement,
    value=st.lists(FLOATS, min_size=1, max_size=3).map(tuple),
    derivative=st.none() | WORDS,
    uncertainty=st.none() | st.lists(FLOATS, max_size=3).map(tuple),
    model_name=st.none() | WORDS,
    environment_value=st.none() | ENVIRONMENTS,
)
OUTCOMES = st.builds(
    Outcome,
    status=st.sampled_from(["succeeded", "model_failure", "crash", "infrastructure_failure"]),
    measurements=st.lists(MEASUREMENTS, max_size=3).map(tuple),
    seconds=st.none() | FLOATS,
    error=st.none() | WORDS,
    details=st.none() | WORDS,
    extra=st.none() | PLAIN,
)
SUGGESTIONS = st.builds(
    Suggestion,
    number=NUMBERS,
    values=st.dictionaries(WORDS, FLOATS | st.integers() | WORDS, max_size=4),
    environment=ENVIRONMENTS,
    created=WORDS,
    origin=st.sampled_from(["driver", "user"]),
)
BY_KIND: dict[type, st.SearchStrategy] = {
    StudyCreated: st.builds(StudyCreated, PLAIN),
    Configured: st.builds(Configured, PLAIN),
    SuggestionClaimed: st.builds(
        SuggestionClaimed, NUMBERS, NUMBERS, ENVIRONMENTS, WORDS, st.sampled_from([1.0, 2.0]), st.booleans()
    ),
    Suggested: st.builds(Suggested, SUGGESTIONS, st.none() | PLAIN, PLAIN, st.booleans()),
    LeaseTaken: st.builds(LeaseTaken, NUMBERS, NUMBERS, WORDS, WORDS),
    OutcomeRecorded: st.builds(OutcomeRecorded, NUMBERS, NUMBERS, OUTCOMES, st.booleans()),
    SuggestionCleared: st.builds(SuggestionCleared, NUMBERS, WORDS),
    StateSaved: st.builds(StateSaved, WORDS, PLAIN),
}
EVENTS = st.one_of(*BY_KIND.values())


def test_no_kind_of_event_is_forgotten():
    assert set(BY_KIND) == set(typing.get_args(Event))


@given(st.lists(EVENTS, max_size=5))
def test_what_is_written_is_what_is_read(events):
    texts = [encode_event(event) for event in events]
    assert repr(decode_events(texts)) == repr(
        events
    )  # repr tells 1, 1.0, -0.0 and nan apart, and tuples from lists


@given(EVENTS)
def test_every_event_tells_its_kind_and_version(event):
    data = json.loads(encode_event(event))
    assert data["kind"] == event_kind(event)
    assert data["version"] == 1


@given(OUTCOMES)
def test_outcomes_alone_survive_too(outcome):
    assert repr(outcome_from_data(outcome_to_data(outcome))) == repr(outcome)


def test_fields_of_a_later_release_are_passed_by():
    event = SuggestionCleared(3, "no longer wanted")
    assert event_from_data({**event_to_data(event), "reason": 4}) == event


def test_null_is_read_as_left_out():
    measurement = {"value": [1.0], "derivative": None, "uncertainty": None, "environment_value": None}
    data = {"status": "succeeded", "measurements": [measurement], "seconds": None, "error": None}
    assert outcome_from_data(data) == Outcome("succeeded", (Measurement((1.0,)),))


@pytest.mark.parametrize("change", [{"kind": "oracle_consulted"}, {"version": 2}], ids=["kind", "version"])
def test_a_newer_event_is_refused_with_the_cure(change):
    data = event_to_data(SuggestionCleared(3)) | change
    with pytest.raises(StoreVersionError, match=r"^the journal holds an event of kind .*: upgrade assay$"):
        event_from_data(data)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"kind": "suggestion_cleared"},
        {"kind": "suggestion_cleared", "version": 1},
        {"kind": "suggestion_cleared", "version": "1"},
        {"kind": ["suggestion_cleared"], "version": 1},
        {"kind": "outcome", "version": 1, "number": 0, "attempt": 1, "accepted": True, "outcome": 3},
        [],
        None,
    ],
    ids=repr,
)
def test_a_damaged_event_is_refused(data):
    with pytest.raises(StoreError, match=r"^the journal holds an event that cannot be read"):
        event_from_data(data)


def test_what_is_not_plain_is_refused_with_its_place():
    with pytest.raises(UsageError, match=r"^state_saved\.state\.model must be plain data .*, got object$"):
        encode_event(StateSaved("surrogate", {"model": object()}))
