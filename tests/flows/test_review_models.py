"""Models that misbehave in ways of their own cost their own evaluations and nothing else."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.study.study import create_study

LINE = [{"name": "x", "domain": [-1.0, 1.0]}]


def outcome_of(trial):
    """The outcome of a trial that has one."""
    assert trial.outcome is not None
    return trial.outcome


class StopEverythingError(BaseException):
    """As asyncio's CancelledError: no Exception."""


def no_exception(x):  # noqa: ARG001
    raise StopEverythingError("the solver was cancelled")


def raises_an_interrupt(x):  # noqa: ARG001
    raise KeyboardInterrupt


def leaves_a_child_behind(x):
    """A forked child holds every descriptor of the process that dies."""
    if x < 0.2:
        return x
    if os.fork() == 0:
        time.sleep(20)
        os._exit(0)
    os.kill(os.getpid(), signal.SIGSEGV)
    return None


def closes_its_output(x):
    sys.stdout.close()
    return os.getpid() + 0 * x


def changes_directory(x):
    Path("elsewhere").mkdir(exist_ok=True)
    os.chdir("elsewhere")
    return x


def ended(study, function, executor, seconds=40):
    """Run to the end, or fail where it hangs."""

    def hang(*_):
        raise TimeoutError("the run hangs")

    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(seconds)
    try:
        study.run(function, executor)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    return study.trials


def small(**settings):
    return create_study(LINE, driver="RandomSearch", seed=5, **settings)


@pytest.mark.parametrize("executor", ["serial", "local"])
def test_an_exception_that_is_no_exception_is_data(executor):
    study = small()
    study.configure(max_iter=2)
    for trial in ended(study, no_exception, executor):
        assert trial.status == "failed"
        assert trial.attempts == 1
        assert "the solver was cancelled" in str(outcome_of(trial).error)


def test_an_interrupt_that_the_model_raises_in_a_worker_is_data():
    study = small()
    study.configure(max_iter=1)
    (trial,) = ended(study, raises_an_interrupt, "local")
    assert (trial.status, trial.attempts) == ("failed", 1)
    assert "KeyboardInterrupt" in str(outcome_of(trial).error)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_worker_that_dies_beside_a_child_of_its_own_does_not_hang_the_pool():
    study = small()
    study.configure(max_iter=3, crash_retries=0)
    trials = ended(study, leaves_a_child_behind, "local", seconds=15)
    assert {trial.status for trial in trials} == {"succeeded", "failed"}


def test_a_model_that_closes_its_output_keeps_its_worker():
    study = small()
    study.configure(max_iter=3)
    trials = ended(study, closes_its_output, "local")
    assert len({outcome_of(trial).measurements[0].value for trial in trials}) == 1


@pytest.mark.parametrize("executor", ["serial", "local"])
def test_a_model_that_changes_its_directory_leaves_no_outbox_there(tmp_path, monkeypatch, executor):
    monkeypatch.chdir(tmp_path)
    study = small(study_id="s", store="s.db")
    study.configure(max_iter=2)
    assert [trial.status for trial in ended(study, changes_directory, executor)] == ["succeeded"] * 2
    monkeypatch.chdir(tmp_path)
    assert [path.parent for path in tmp_path.rglob("*.outbox")] == [tmp_path]
    assert list((tmp_path / "s.db.outbox" / "s").iterdir()) == []


def test_a_failure_that_ctrl_c_brought_about_is_no_data():
    """A terminal sends Ctrl-C also to what the model has started."""
    study = small()
    study.configure(max_iter=2)
    calls = []

    def solver(x):
        calls.append(x)
        if len(calls) == 1:
            os.kill(os.getpid(), signal.SIGINT)
            subprocess.run(["sh", "-c", "kill -INT $$"], check=True)
        return x

    ended(study, solver, "serial")
    assert [trial.status for trial in study.trials] == ["open"]
    ended(study, solver, "serial")
    assert [trial.status for trial in study.trials] == ["succeeded"] * 2
    assert calls[0] == calls[1]
