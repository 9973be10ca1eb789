"""A snapshot is the fold in another dress: opening from one, or without, comes to the same state."""

from __future__ import annotations

import logging
from dataclasses import fields, replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.codec.plain import decode, encode
from assay.errors import StoreError
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
from assay.store.abstract import StoredEvent
from assay.store.memory import MemoryStore
from assay.study import journal
from assay.study.journal import Journal
from assay.study.snapshot import SNAPSHOT_VERSION, state_from_data, state_to_data
from assay.study.state import StudyState

FLOATS = st.floats()
WORDS = st.text(max_size=4) | st.just("$float")
VALUES = st.dictionaries(WORDS, FLOATS | st.integers() | WORDS, max_size=2)
PLAIN = st.dictionaries(WORDS, FLOATS | st.integers() | WORDS | st.lists(FLOATS, max_size=2), max_size=2)
ENVIRONMENTS = st.dictionaries(WORDS, FLOATS, max_size=2)
OUTCOMES = st.builds(
    Outcome,
    status=st.sampled_from(["succeeded", "model_failure", "crash", "infrastructure_failure"]),
    measurements=st.lists(st.builds(Measurement, st.tuples(FLOATS)), max_size=2).map(tuple),
    seconds=st.none() | FLOATS,
    error=st.none() | WORDS,
)


@st.composite
def journals(draw: st.DrawFn) -> list[StoredEvent]:
    """Events in an order that a study might write: what happens to a suggestion follows it."""
    events: list[Event] = [StudyCreated(draw(PLAIN)), Configured(draw(PLAIN))]
    made = 0
    for _ in range(draw(st.integers(0, 14))):
        number = draw(st.integers(0, made - 1)) if made else 0
        match draw(st.integers(0, 9)) if made else draw(st.integers(0, 3)):
            case 0:
                events.append(
                    SuggestionClaimed(
                        made, len(events), draw(ENVIRONMENTS), draw(WORDS), in_advance=draw(st.booleans())
                    )
                )
            case 1 | 2:
                origin: Literal["driver", "user"] = "driver" if draw(st.booleans()) else "user"
                point = Suggestion(made, draw(VALUES), draw(ENVIRONMENTS), draw(WORDS), origin)
                events.append(Suggested(point, draw(st.none() | PLAIN), draw(PLAIN)))
                made += 1
            case 3:
                events.append(draw(st.builds(StateSaved, WORDS, PLAIN) | st.builds(Configured, PLAIN)))
            case 4 | 5:
                events.append(LeaseTaken(number, draw(st.integers(1, 3)), draw(WORDS), draw(WORDS)))
            case 6 | 7:
                events.append(OutcomeRecorded(number, draw(st.integers(1, 3)), draw(OUTCOMES), accepted=True))
            case 8:
                events.append(
                    OutcomeRecorded(number, draw(st.integers(1, 3)), draw(OUTCOMES), accepted=False)
                )
            case _:
                events.append(SuggestionCleared(draw(st.sampled_from([number, made])), draw(WORDS)))
    return [StoredEvent(index, 1.5 * index, event) for index, event in enumerate(events, start=1)]


def written(state: StudyState) -> str:
    """All of a state: repr tells 1, 1.0, -0.0 and nan apart, tuples from lists, and one order from another."""
    rest = replace(state, open=set(), waiting=set())
    return repr(rest) + repr(sorted(state.open)) + repr(sorted(state.waiting))


@given(journals(), st.data())
def test_a_snapshot_and_the_rest_fold_to_the_same_as_everything(
    stored: list[StoredEvent], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(stored)))
    snapshot = decode(encode(state_to_data(StudyState().fold(stored[:cut]))))
    assert written(state_from_data(snapshot).fold(stored[cut:])) == written(StudyState().fold(stored))


def test_no_field_of_the_state_is_forgotten() -> None:
    assert {*state_to_data(StudyState())} == {"version", *(field.name for field in fields(StudyState))}


def points(count: int, first: int = 0) -> list[Event]:
    good = Outcome("succeeded", (Measurement((0.5,)),))
    return [
        event
        for number in range(first, first + count)
        for event in (
            SuggestionClaimed(number, 2 + 4 * number, {"t": float("inf")}, "me"),
            Suggested(Suggestion(number, {"x": 0.1 * number}), {"scale": 2.0}, {"seconds": 0.1}),
            LeaseTaken(number, 1, "me", "here"),
            OutcomeRecorded(number, 1, good, accepted=number % 3 > 0),
        )
    ]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """A store with a journal of 2 + 80 events."""
    monkeypatch.setattr(journal, "SNAPSHOT_EVENTS", 40)
    made = MemoryStore()
    made.append("film", [StudyCreated({"seed": 1}), Configured({"study": {}})])
    made.append("film", points(20))
    return made


def test_opening_writes_a_snapshot_and_the_next_one_begins_there(store: MemoryStore) -> None:
    whole = Journal(store, "film").state
    found = store.load_snapshot("film")
    assert found is not None
    assert (found[0], written(state_from_data(found[1]))) == (82, written(whole))
    store.append("film", points(3, first=20))

    asked: list[int] = []
    read = store.read

    def watched(study_id: str, after: int = 0) -> list[StoredEvent]:
        asked.append(after)
        return read(study_id, after)

    store.read = watched  # pyright: ignore[reportAttributeAccessIssue] (an instance of its own)
    opened = Journal(store, "film").state
    assert asked == [82]
    assert written(opened) == written(StudyState().fold(read("film")))


def test_snapshots_follow_what_is_appended_and_grow_apart(store: MemoryStore) -> None:
    own = Journal(store, "film")
    numbers = []
    for number in range(20, 120):
        own.transact(lambda _, number=number: points(1, first=number))
        found = store.load_snapshot("film")
        assert found is not None
        numbers.append(found[0])
    assert sorted({*numbers}) == [82, 122, 162, 202, 254, 318, 398]


def test_the_state_at_an_earlier_event_is_that_of_its_prefix(store: MemoryStore) -> None:
    own = Journal(store, "film")
    store.append("film", points(3, first=20))
    events = store.read("film")
    for prefix in (5, 82, 90):
        assert written(own.state_at(prefix)) == written(StudyState().fold(events[:prefix]))


@pytest.mark.parametrize(
    "damage",
    [
        {},
        {"version": SNAPSHOT_VERSION + 1},
        {"version": SNAPSHOT_VERSION},
        {"trials": [[1], []]},
        {"trials": [[1], [["no", "trial"]]]},
        {"trials": 3},
        {"claims": [[1], [{"kind": "oracle_consulted", "version": 1}]]},
        {"open": 3},
        {"last": 81},
        {"last": "82"},
    ],
    ids=repr,
)
def test_a_snapshot_that_cannot_be_read_is_passed_by(
    store: MemoryStore, damage: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    whole = Journal(store, "film").state
    good = state_to_data(whole)
    store.save_snapshot("film", 82, damage if damage.keys() <= {"version"} else good | damage)
    with caplog.at_level(logging.INFO):
        assert written(Journal(store, "film").state) == written(whole)
    assert "the snapshot of study film is passed by: the " in caplog.text


def test_a_snapshot_of_events_that_are_gone_is_passed_by(store: MemoryStore) -> None:
    state = Journal(store, "film").state
    state.last = 83
    store.save_snapshot("film", 83, state_to_data(state))
    assert Journal(store, "film").state.last == 82


def test_a_store_that_cannot_keep_a_snapshot_is_still_read(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("the store is read-only")

    monkeypatch.setattr(store, "save_snapshot", refuse)
    with caplog.at_level(logging.INFO):
        assert Journal(store, "film").state.last == 82
    assert "no snapshot of study film was written: the store is read-only" in caplog.text


def test_decisions_of_one_transaction_see_each_other_and_stand_or_fall_together() -> None:
    store = MemoryStore()
    own, other = Journal(store, "film"), Journal(store, "film")
    own.transact(lambda _: [StudyCreated({}), SuggestionClaimed(0, 1, {}, "a")])
    seen: list[int] = []

    def next_claim(state: StudyState) -> list[Event]:
        seen.append(state.next_number)
        return [SuggestionClaimed(state.next_number, state.last, {}, "a")]

    own.transact(next_claim, next_claim)
    assert seen == [1, 2]
    assert [event.prefix for event in own.state.claims.values()] == [1, 2, 3]

    def refuse(state: StudyState) -> list[Event]:
        raise KeyError(state.next_number)

    with pytest.raises(KeyError, match="4"):
        own.transact(next_claim, refuse)
    assert own.refresh() == other.refresh()
    assert sorted(own.state.claims) == [0, 1, 2]
