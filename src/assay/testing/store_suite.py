"""What every store must do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

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
from assay.store.abstract import AbstractStore, Lease, StoredEvent
from assay.testing.raising import refusal

__all__ = ["STORE_CHECKS", "example_events"]

MakeStore = Callable[[Path], AbstractStore]

STUDY = "study"


def example_events() -> list[Event]:
    """One event of each kind, with awkward values: integers beside floats, text, infinity, the last bit of a float."""
    suggestion = Suggestion(
        0, {"x": 0.1 + 0.2, "count": 3, "label": 'a "b" é\n'}, {"time": -0.0}, "2026-01-01T00:00:00Z", "user"
    )
    measurement = Measurement((1.0, -2.5e-300), "x", (0.1, 5e-324), "loss", {"time": 1.5})
    return [
        StudyCreated({"seed": 2**53 - 1, "space": [{"name": "x", "domain": [0.0, 1.0]}]}),
        Configured({"driver": {"scaling": 1.0, "names": ["a", "b"], "horizon": None, "flag": True}}),
        SuggestionClaimed(0, 2, {"time": 0.5}, "owner"),
        Suggested(suggestion, {"log_length_scales": [0.1, -1.7]}, {"origin": "model"}),
        LeaseTaken(0, 1, "owner", "host"),
        OutcomeRecorded(0, 1, Outcome("succeeded", (measurement,), 1.25)),
        OutcomeRecorded(
            0, 2, Outcome("model_failure", (), None, "it broke", "line 1\nline 2"), accepted=False
        ),
        SuggestionCleared(1, "withdrawn"),
        StateSaved("driver", {"least": float("inf"), "nested": {"list": [1, 2.0]}}),
    ]


def _events_of(stored: Sequence[StoredEvent]) -> list[Event]:
    return [entry.event for entry in stored]


def check_events_come_back(make: MakeStore, folder: Path) -> None:
    """Every kind of event comes back equal, its numbers of the same type and bits, in order, numbered from 1."""
    store = make(folder)
    events = example_events()
    assert store.last_number(STUDY) == 0
    assert store.append(STUDY, events[:2]) == 2
    assert store.append(STUDY, events[2:]) == len(events)
    stored = store.read(STUDY)
    assert [entry.number for entry in stored] == list(range(1, len(events) + 1))
    assert _events_of(stored) == events
    for given, found in zip(events, _events_of(stored), strict=True):
        assert repr(given) == repr(found), f"{given!r} came back as {found!r}"
    assert _events_of(store.read(STUDY, after=4)) == events[4:]
    assert store.last_number(STUDY) == len(events)
    store.close()


def check_studies_are_apart(make: MakeStore, folder: Path) -> None:
    """A study sees only its own events, and the studies are listed, oldest first."""
    store = make(folder)
    for study in ("b", "a"):
        store.append(study, [StudyCreated({"name": study})])
    assert store.study_ids() == ["b", "a"]
    assert _events_of(store.read("a")) == [StudyCreated({"name": "a"})]
    assert store.read("c") == []
    store.close()


def check_transactions_see_what_is_new(make: MakeStore, folder: Path) -> None:
    """`transact` shows the events that the caller has not seen, and appends what it decides after them."""
    store = make(folder)
    store.append(STUDY, example_events()[:3])
    shown: list[StoredEvent] = []

    def decide(unseen: Sequence[StoredEvent]) -> list[Event]:
        shown.extend(unseen)
        return [SuggestionCleared(len(unseen))]

    unseen, appended = store.transact(STUDY, 1, decide)
    assert [entry.number for entry in shown] == [2, 3]
    assert unseen == shown
    assert [(entry.number, entry.event) for entry in appended] == [(4, SuggestionCleared(2))]
    assert store.read(STUDY, after=3) == appended
    store.close()


def check_decisions_are_one_transaction(make: MakeStore, folder: Path) -> None:
    """Each decision of a transaction sees what the one before it appended; when one raises, none is written."""
    store = make(folder)
    store.append(STUDY, example_events()[:2])
    shown: list[list[int]] = []

    def decide(unseen: Sequence[StoredEvent]) -> list[Event]:
        shown.append([entry.number for entry in unseen])
        return [SuggestionCleared(len(shown)), SuggestionCleared(-len(shown))]

    def refuse(unseen: Sequence[StoredEvent]) -> list[Event]:
        raise KeyError(len(unseen))

    _, appended = store.transact(STUDY, 1, decide, lambda _: [], decide)
    assert shown == [[2], []]
    _, more = store.transact(STUDY, 6, decide, decide)
    assert shown[2:] == [[], [7, 8]]
    assert store.read(STUDY, after=2) == [*appended, *more]
    assert refusal(KeyError, lambda: store.transact(STUDY, 0, decide, refuse)) == "2"
    assert store.last_number(STUDY) == 10
    store.close()


def check_an_exception_rolls_back(make: MakeStore, folder: Path) -> None:
    """An exception in `decide` reaches the caller, and nothing is written; the store goes on."""
    store = make(folder)
    store.append(STUDY, example_events()[:1])

    def refuse(unseen: Sequence[StoredEvent]) -> list[Event]:
        raise KeyError(len(unseen))

    assert refusal(KeyError, lambda: store.transact(STUDY, 0, refuse)) == "1"
    assert store.last_number(STUDY) == 1
    assert store.append(STUDY, [SuggestionCleared(0)]) == 2
    store.close()


def check_transactions_do_not_mix(make: MakeStore, folder: Path) -> None:
    """Threads that read, decide and append at once never overwrite one another: a counter counts all."""
    store = make(folder)
    threads, times = 4, 15

    def count(unseen: Sequence[StoredEvent]) -> list[Event]:
        return [SuggestionCleared(len(unseen))]

    def work() -> None:
        for _ in range(times):
            store.transact(STUDY, 0, count)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert _events_of(store.read(STUDY)) == [SuggestionCleared(place) for place in range(threads * times)]
    store.close()


def check_leases(make: MakeStore, folder: Path) -> None:
    """A lease is renewed in place, listed while it lasts and after, and released without complaint."""
    store = make(folder)
    store.append(STUDY, example_events()[:1])
    first, second = Lease(0, 1, "a", "host", 10.0), Lease(1, 1, "b", "host", 20.5)
    store.renew_leases(STUDY, [first, second])
    later = Lease(0, 1, "a", "host", 30.0)
    store.renew_leases(STUDY, [later])
    assert sorted(store.leases(STUDY), key=lambda lease: lease.number) == [later, second]
    store.release_leases(STUDY, [(0, 1), (7, 1)])
    store.release_leases(STUDY, [(0, 1)])
    assert store.leases(STUDY) == [second]
    assert store.last_number(STUDY) == 1
    store.close()


def check_snapshots(make: MakeStore, folder: Path) -> None:
    """The newest snapshot comes back, with its number; there is none at first."""
    store = make(folder)
    store.append(STUDY, example_events())
    assert store.load_snapshot(STUDY) is None
    store.save_snapshot(STUDY, 3, {"trials": [1, 2.5, "x"]})
    store.save_snapshot(STUDY, 5, {"trials": []})
    assert store.load_snapshot(STUDY) == (5, {"trials": []})
    store.close()


def check_close_may_be_called_twice(make: MakeStore, folder: Path) -> None:
    """Closing a closed store is no error."""
    store = make(folder)
    store.append(STUDY, example_events()[:1])
    store.close()
    store.close()


STORE_CHECKS = (
    check_events_come_back,
    check_studies_are_apart,
    check_transactions_see_what_is_new,
    check_an_exception_rolls_back,
    check_decisions_are_one_transaction,
    check_transactions_do_not_mix,
    check_leases,
    check_snapshots,
    check_close_may_be_called_twice,
)
"""Each takes a factory of a store in an empty folder, and the folder."""
