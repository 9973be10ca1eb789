"""A suggestion whose computation was cut off is finished by whoever comes next, and to the same point."""

import threading

import pytest

from assay.errors import NoFreeSlotError, StoreBusyError
from assay.records import Configured, Suggested, SuggestionClaimed
from assay.store.memory import MemoryStore
from assay.study import steps
from assay.study.study import create_study, open_study

LINE = [{"name": "x", "domain": [-1.0, 1.0]}]
NOBODY = "another-host/1/1/abc"


def small(store=None):
    return create_study(LINE, driver="RandomSearch", study_id="s", store=store or MemoryStore(), seed=5)


def test_a_claim_that_this_process_gave_up_is_finished_by_the_next_run(monkeypatch):
    store = MemoryStore()
    study = small(store)
    study.configure(max_iter=2)
    whole = store.transact

    def busy(study_id, after, decide):
        def refuse(unseen):
            events = decide(unseen)
            if any(isinstance(event, Suggested) for event in events):
                raise StoreBusyError("another process held the store")
            return events

        return whole(study_id, after, refuse)

    with monkeypatch.context() as patch:
        patch.setattr(store, "transact", busy)
        with pytest.raises(StoreBusyError):
            study.get_suggestion()
    assert list(study.state.claims) == [0]
    runner = threading.Thread(target=study.run, args=(lambda x: x,), daemon=True)
    runner.start()
    runner.join(20)
    assert not runner.is_alive(), "the run waits for a claim that nobody computes"
    assert [trial.status for trial in study.trials] == ["succeeded"] * 2


def test_a_claim_of_another_host_is_waited_for_and_taken_over_in_the_end(monkeypatch):
    study = small()
    study.configure(max_iter=1)
    study._ledger.transact(lambda state: [SuggestionClaimed(0, state.last, {}, NOBODY)])
    with pytest.raises(NoFreeSlotError):
        study.get_suggestion()
    monkeypatch.setattr(steps, "CLAIM_SECONDS", -1.0)
    runner = threading.Thread(target=study.run, args=(lambda x: x,), daemon=True)
    runner.start()
    runner.join(20)
    assert not runner.is_alive(), "the run waits for a claim that nobody computes"
    assert [trial.number for trial in study.trials] == [0]


def test_a_claim_is_finished_with_the_configuration_that_it_was_made_under(monkeypatch):
    reference, study = small(), small()
    expected = reference.get_suggestion().values
    study._ledger.transact(lambda state: [SuggestionClaimed(0, state.last, {}, NOBODY)])
    study.configure(method="sobol")
    reference.clear_all_suggestions()
    reference.configure(method="sobol")
    monkeypatch.setattr(steps, "CLAIM_SECONDS", -1.0)
    assert study.get_suggestion().values == expected
    assert reference.get_suggestion().values != expected


def test_a_configuration_from_elsewhere_is_in_force_at_the_claim():
    """Between looking at the configuration and claiming, another process may change it: the claim decides."""
    store = MemoryStore()
    study, other = small(store), open_study(store)
    sobol = small()
    sobol.configure(method="sobol")
    whole = store.transact

    def with_another_process(study_id, after, *decisions):
        store.transact = whole
        other.configure(method="sobol")
        return whole(study_id, after, *decisions)

    store.transact = with_another_process
    assert study.get_suggestion().values == sobol.get_suggestion().values
    kinds = [type(stored.event) for stored in study.events()]
    assert kinds.index(SuggestionClaimed) > max(i for i, kind in enumerate(kinds) if kind is Configured)


def test_two_runners_do_not_begin_more_than_the_limit():
    store = MemoryStore()
    ledgers = [small(store)._ledger, open_study(store)._ledger]
    open_study(store).configure(max_iter=1, num_parallel=2)
    ledgers[0].suggest(None, lease=True)
    with pytest.raises(NoFreeSlotError, match="max_iter = 1"):
        ledgers[1].suggest(None, lease=True)


def test_a_claim_at_work_in_this_process_is_left_alone():
    from assay.study.owner import is_known_dead, this_owner, working_owner

    with working_owner() as owner:
        assert not is_known_dead(owner)
        assert owner != this_owner()
    assert is_known_dead(owner)
    assert not is_known_dead(this_owner())


def during_the_computation(study, action):
    """Have something happen between the claim of the next suggestion and its point."""
    build, times = study._ledger._driver_of, []

    def driver_of(settings):
        if study._ledger._journal.state.claims and not times:
            times.append(1)
            action()
        return build(settings)

    study._ledger._driver_of = driver_of


def test_a_claim_that_is_withdrawn_while_it_is_computed_gives_no_point():
    store = MemoryStore()
    study, other = small(store), open_study(store)
    study.configure(num_parallel=2)
    given = []

    def meanwhile():
        other.clear_all_suggestions("not now")
        given.append(other.get_suggestion())

    during_the_computation(study, meanwhile)
    given.append(study.get_suggestion())
    assert [suggestion.number for suggestion in given] == [0, 1]
    assert given[0].values != given[1].values
    assert len(study.open_suggestions) == 2


def test_the_lease_of_a_lost_attempt_is_removed():
    store = MemoryStore()
    study = small(store)
    study.configure(max_iter=1)
    with pytest.raises(KeyboardInterrupt):
        study.run(interrupted)
    assert [lease.attempt for lease in store.leases("s")] == [1]
    study.run(lambda x: x)
    assert study.trials[0].attempts == 2
    assert store.leases("s") == []


def interrupted(x):  # noqa: ARG001
    raise KeyboardInterrupt
