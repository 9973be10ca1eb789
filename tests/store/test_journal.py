"""What every store promises, kept by each of them."""

from __future__ import annotations

import math
import os
import threading
import time

import pytest

from assay.errors import UsageError
from assay.records import Configured, StateSaved, StudyCreated, SuggestionCleared
from assay.store.abstract import Lease
from assay.store.location import open_store
from assay.store.memory import MemoryStore

# A PostgreSQL database that tests may write to, as an SQLAlchemy URL; without it that row is left out.
POSTGRES_URL = os.environ.get("ASSAY_TEST_POSTGRES_URL")


@pytest.fixture(params=["memory", "sqlite", *(["postgres"] if POSTGRES_URL else [])])
def store(request, tmp_path):
    match request.param:
        case "memory":
            made = MemoryStore()
        case "sqlite":
            made = open_store(tmp_path / "store.db")
        case _:
            made = open_store(POSTGRES_URL or "")
    yield made
    made.close()


@pytest.fixture
def study(request):
    """An id that no other test uses: a database may be shared."""
    return f"{request.node.name}-{time.time_ns()}"


def cleared(*numbers):
    return [SuggestionCleared(number) for number in numbers]


def test_an_unknown_study_is_empty(store, study):
    assert store.last_number(study) == 0
    assert store.read(study) == []
    assert store.leases(study) == []
    assert store.load_snapshot(study) is None
    assert study not in store.study_ids()


def test_events_are_numbered_from_one_without_gaps(store, study):
    before = time.time()
    assert store.append(study, cleared(10, 11)) == 2
    assert store.append(study, []) == 2
    assert store.append(study, cleared(12)) == 3
    assert store.last_number(study) == 3
    stored = store.read(study)
    assert [entry.number for entry in stored] == [1, 2, 3]
    assert [entry.event for entry in stored] == cleared(10, 11, 12)
    assert all(before <= entry.time <= time.time() for entry in stored)


def test_read_begins_after_the_given_number(store, study):
    store.append(study, cleared(*range(600)))  # more than are decoded at once
    assert [entry.number for entry in store.read(study, 598)] == [599, 600]
    assert store.read(study, 600) == []
    assert [entry.event for entry in store.read(study)] == cleared(*range(600))


def test_studies_are_apart_and_listed_oldest_first(store, study):
    names = [f"{study}-{name}" for name in ("zebra", "ant", "mole")]
    for name in names:
        store.append(name, cleared(1))
        time.sleep(0.002)
    store.append(names[0], cleared(2))
    assert [name for name in store.study_ids() if name.startswith(study)] == names
    assert [store.last_number(name) for name in names] == [2, 1, 1]


def test_transact_shows_what_was_not_seen_and_appends_the_decision(store, study):
    store.append(study, cleared(1, 2))
    given = []

    def decide(unseen):
        given.extend(unseen)
        return cleared(3, 4)

    unseen, appended = store.transact(study, 1, decide)
    assert unseen == given == store.read(study, 1)[:1]
    assert appended == store.read(study, 2)
    assert [entry.number for entry in appended] == [3, 4]


def test_transact_may_decide_for_nothing(store, study):
    store.append(study, cleared(1))
    assert store.transact(study, 1, lambda _: []) == ([], [])
    assert store.last_number(study) == 1


def test_transact_knows_the_number_although_everything_was_seen(store, study):
    store.append(study, cleared(1, 2))
    _, appended = store.transact(study, 2, lambda _: cleared(3))
    assert [entry.number for entry in appended] == [3]


def test_a_failing_decision_leaves_no_trace_and_no_lock(store, study):
    def decide(_):
        raise LookupError("undecided")

    with pytest.raises(LookupError, match="undecided"):
        store.transact(study, 0, decide)
    assert store.last_number(study) == 0
    assert store.append(study, cleared(1)) == 1


def test_nothing_is_appended_when_one_event_is_not_plain(store, study):
    bad = [SuggestionCleared(1), StateSaved("s", {"x": object()})]
    with pytest.raises(UsageError):
        store.append(study, bad)
    with pytest.raises(UsageError):
        store.transact(study, 0, lambda _: bad)
    assert store.last_number(study) == 0


def test_what_transact_returns_is_what_is_read_later(store, study):
    """Going on and replaying must start from the same values: a tuple is a list in both."""
    events = [StudyCreated({"pair": (1, 2.0), "worst": -math.inf})]
    _, appended = store.transact(study, 0, lambda _: events)
    assert appended == store.read(study)
    assert appended[0].event == StudyCreated({"pair": [1, 2.0], "worst": -math.inf})


def test_the_caller_cannot_change_what_was_stored(store, study):
    configuration = {"keys": [1]}
    store.append(study, [Configured(configuration)])
    configuration["keys"].append(2)
    assert store.read(study)[0].event == Configured({"keys": [1]})


def test_threads_take_turns(store, study):
    def work():
        for _ in range(25):
            store.transact(study, 0, lambda unseen: cleared(len(unseen)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry.event for entry in store.read(study)] == cleared(*range(100))


def test_leases_are_renewed_in_place_and_released(store, study):
    first, second = Lease(0, 1, "a", "here", 10.0), Lease(1, 2, "b", "there", 20.5)
    store.renew_leases(study, [second, first])
    assert store.leases(study) == [first, second]
    renewed = Lease(0, 1, "c", "elsewhere", 30.0)
    store.renew_leases(study, [renewed])
    assert store.leases(study) == [renewed, second]
    store.release_leases(study, [(0, 1), (3, 1)])
    store.release_leases(study, [(0, 1)])
    store.release_leases(study, [])
    assert store.leases(study) == [second]
    assert store.last_number(study) == 0


def test_the_newest_snapshot_is_kept(store, study):
    store.save_snapshot(study, 5, {"open": [1], "best": math.inf})
    assert store.load_snapshot(study) == (5, {"open": [1], "best": math.inf})
    store.save_snapshot(study, 7, {"open": []})
    store.save_snapshot(study, 6, {"open": [2]})  # somebody slower
    assert store.load_snapshot(study) == (7, {"open": []})


def test_close_may_be_called_twice(store):
    store.close()
    store.close()
