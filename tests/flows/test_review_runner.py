"""A runner ends when it should, says why, and takes in only what belongs to its study."""

import logging
import threading
import time

import pytest

from assay.errors import StoreBusyError, TooManyFailuresError
from assay.executors.abstract import AbstractEvaluator, Task
from assay.executors.outbox import read_outbox, write_to_outbox
from assay.records import Measurement, Outcome
from assay.store.memory import MemoryStore
from assay.study.study import create_study

LINE = [{"name": "x", "domain": [-1.0, 1.0]}]


def outcome_of(trial):
    """The outcome of a trial that has one."""
    assert trial.outcome is not None
    return trial.outcome


def small(**settings):
    return create_study(LINE, driver="RandomSearch", seed=5, **settings)


def nap(x):
    time.sleep(0.3)
    return x


class NoMachine(AbstractEvaluator):
    """Infrastructure that is never there."""

    def evaluate(self, task):  # noqa: ARG002
        return Outcome("infrastructure_failure", error="no licence for the queue")


def test_running_again_after_too_many_failures_goes_on():
    study = small()
    study.configure(max_iter=9, max_failures_in_a_row=3)
    for failures in (3, 6):
        with pytest.raises(TooManyFailuresError, match="the last 3 evaluations"):
            study.run(lambda x: 1 / 0)  # noqa: ARG005
        assert len(study.trials) == failures
    study.run(lambda x: x)
    assert [trial.status for trial in study.trials] == ["failed"] * 6 + ["succeeded"] * 3
    assert len({trial.suggestion.values["x"] for trial in study.trials}) == 9


def test_failures_before_an_interruption_count():
    """A run that is resumed ends where the uninterrupted one would have."""
    study = small()
    study.configure(max_iter=9, max_failures_in_a_row=3)
    study.run(lambda x: 1 / 0, stop=lambda progress: progress.finished == 2)  # noqa: ARG005
    with pytest.raises(TooManyFailuresError):
        study.run(lambda x: 1 / 0)  # noqa: ARG005
    assert len(study.trials) == 3


def test_a_run_on_infrastructure_that_is_never_there_ends():
    study = small()
    study.configure(max_iter=5, max_failures_in_a_row=2, infrastructure_retries=3)

    def run():
        with pytest.raises(TooManyFailuresError):
            study.run(NoMachine())

    runner = threading.Thread(target=run, daemon=True)
    runner.start()
    runner.join(20)
    assert not runner.is_alive(), "the run goes on for ever"
    assert [trial.status for trial in study.trials] == ["cleared"] * 2
    assert "no licence for the queue" in str(study.trials[1].message)
    study.run(lambda x: x)
    assert study.state.succeeded == 5


def test_the_outbox_of_a_store_that_is_gone_is_not_taken_in(tmp_path, caplog):
    store = tmp_path / "s.db"
    study = small(study_id="s", store=store)
    study.configure(max_iter=2)
    outbox = tmp_path / "s.db.outbox" / "s"
    wrong = Outcome("succeeded", (Measurement((99.0,)),))
    write_to_outbox(outbox, Task("s", 0, 1), wrong)
    write_to_outbox(outbox, Task("s", 1, 1), wrong)
    handed_out = study.get_suggestion()
    study.configure(num_parallel=2)
    with caplog.at_level(logging.WARNING, "assay"):
        study.run(lambda x: x, "serial", stop=lambda progress: progress.finished == 1)
    assert "which this study never began" in caplog.text
    assert [trial.status for trial in study.trials] == ["open", "succeeded"]
    assert handed_out.number == 0
    assert study.trials[1].attempts == 1
    assert outcome_of(study.trials[1]).measurements[0].value == (study.trials[1].suggestion.values["x"],)
    assert read_outbox(outbox) == []


def test_a_busy_store_does_not_end_the_heartbeat(monkeypatch):
    monkeypatch.setattr("assay.study.leases.RENEW_SECONDS", 0.02)
    store = MemoryStore()
    study = small(study_id="s", store=store)
    study.configure(max_iter=1)
    whole, calls = store.renew_leases, []

    def sometimes_busy(study_id, leases):
        calls.append(leases[0].expiry)
        if len(calls) in (2, 3):
            raise StoreBusyError("another process held the store")
        whole(study_id, leases)

    store.renew_leases = sometimes_busy
    study.run(nap)
    assert len(calls) > 4


def test_a_rule_that_raises_costs_no_evaluation_that_runs():
    study = small()
    study.configure(max_iter=20, num_parallel=3)

    def broken(progress):
        if progress.finished == 2:
            raise ZeroDivisionError("in the user's rule")
        return False

    with pytest.raises(ZeroDivisionError, match="in the user's rule"):
        study.run(nap, "local", stop=broken)
    assert not study.open_suggestions
    assert {trial.status for trial in study.trials} == {"succeeded"}
    assert {trial.attempts for trial in study.trials} == {1}


def test_more_at_once_can_be_allowed_while_a_run_goes_on():
    study, running = small(), []
    study.configure(max_iter=8)

    def allow_more(progress):
        running.append(progress.running)
        if progress.finished == 2:
            study.configure(num_parallel=3)

    study.run(nap, observers=[allow_more])
    assert len(study.trials) == 8
    assert max(running[:2]) == 0
    assert max(running) == 2  # and the one that had just ended


def test_a_function_that_cannot_be_sent_stays_in_this_thread(caplog):
    study = small()
    study.configure(max_iter=4)
    with caplog.at_level(logging.WARNING, "assay"):
        study.run(lambda x: x, observers=[lambda _: study.configure(num_parallel=2)])
    assert len(study.trials) == 4
    assert caplog.text.count("cannot be sent to another process") == 1


def test_fewer_at_once_while_a_run_goes_on():
    study, running = small(), []
    study.configure(max_iter=9, num_parallel=3)

    def allow_fewer(progress):
        running.append(len(study.open_suggestions))
        if progress.finished == 3:
            study.configure(num_parallel=1)

    study.run(nap, "local", observers=[allow_fewer])
    assert len(study.trials) == 9
    assert max(running[6:]) <= 1


def test_waiting_for_what_was_handed_out_is_said(caplog):
    study = small()
    study.configure(max_iter=2)
    suggestion = study.get_suggestion()
    timer = threading.Timer(1.0, lambda: study.add_observation(1.0, suggestion_id=suggestion.id))
    timer.start()
    with caplog.at_level(logging.WARNING, "assay"):
        study.run(lambda x: x)
    timer.join()
    assert caplog.text.count("handed out to be evaluated elsewhere (numbers 0)") == 1


def test_points_told_from_another_thread_while_a_run_goes_on():
    study = small()
    study.configure(max_iter=120)
    told = []

    def tell():
        for index in range(40):
            told.append(study.add_observation(0.5, design_value={"x": index / 50}))

    teller = threading.Thread(target=tell)
    teller.start()
    study.run(lambda x: x)
    teller.join()
    assert [trial.status for trial in study.trials] == ["succeeded"] * len(study.trials)
    assert len(study.trials) >= 120
    assert sorted(told) == sorted(trial.number for trial in study.trials if trial.suggestion.origin == "user")
