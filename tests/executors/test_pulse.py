"""Signs of life: of what takes a while, of living processes, and gone with the evaluation."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.executors import pulse
from assay.executors.abstract import AbstractEvaluator, Task
from assay.executors.liveness import host_name, is_dead, process_name
from assay.executors.outbox import evaluate_durably, is_in_outbox, read_outbox
from assay.executors.pulse import still_running, with_pulse
from assay.records import Measurement, Outcome


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life from the first moment."""
    monkeypatch.setattr(pulse, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(pulse, "BEAT_SECONDS", 0.05)


def task_of(number: int, outbox: Path) -> Task:
    return Task("study", number, 1, {}, None, outbox)


def wait_for(outbox: Path, expected: set[tuple[int, int]]) -> None:
    deadline = time.monotonic() + 10.0
    while still_running(outbox) != expected:
        assert time.monotonic() < deadline, f"still running: {still_running(outbox)}"
        time.sleep(0.01)


@pytest.mark.usefixtures("quick")
def test_what_is_evaluated_shows_until_it_ends(tmp_path: Path) -> None:
    with with_pulse(task_of(3, tmp_path)):
        wait_for(tmp_path, {(3, 1)})
        with with_pulse(task_of(10, tmp_path)):
            wait_for(tmp_path, {(3, 1), (10, 1)})
        assert still_running(tmp_path) == {(3, 1)}
        first = (tmp_path / "3-1.running").stat().st_mtime_ns
        deadline = time.monotonic() + 10.0
        while (tmp_path / "3-1.running").stat().st_mtime_ns == first:
            assert time.monotonic() < deadline, "it is not renewed"
            time.sleep(0.01)
    assert list(tmp_path.iterdir()) == []


def test_a_short_evaluation_leaves_no_trace(tmp_path: Path) -> None:
    with with_pulse(task_of(0, tmp_path)):
        time.sleep(0.05)
        assert list(tmp_path.iterdir()) == []
    with with_pulse(Task("study", 0, 1)):
        pass


@pytest.mark.usefixtures("quick")
def test_a_dead_process_shows_no_life_and_its_file_goes(tmp_path: Path) -> None:
    source = (
        "import sys, time; from pathlib import Path; from assay.executors import pulse\n"
        "from assay.executors.abstract import Task\npulse.FIRST_SECONDS = 0.0\n"
        "with pulse.with_pulse(Task('study', 7, 2, {}, None, Path(sys.argv[1]))): time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", source, str(tmp_path)])
    wait_for(tmp_path, {(7, 2)})
    process.kill()
    process.wait()
    assert still_running(tmp_path) == set()
    assert list(tmp_path.iterdir()) == []


def test_another_host_counts_while_its_file_is_fresh(tmp_path: Path) -> None:
    file = tmp_path / "5-1.running"
    file.write_text("another-host/1/1")
    assert still_running(tmp_path) == {(5, 1)}
    long_ago = time.time() - pulse.SILENT_SECONDS - 10.0
    os.utime(file, (long_ago, long_ago))
    assert still_running(tmp_path) == set()
    assert [path.name for path in tmp_path.iterdir()] == ["5-1.running"]  # it is not ours to remove


def test_a_name_tells_processes_of_this_host_apart() -> None:
    assert not is_dead(process_name())
    assert is_dead(f"{host_name()}/{os.getpid()}/1")  # the number is in use again, by another process
    assert not is_dead("another-host/1/1")


class Whole(AbstractEvaluator):
    """Looks around while it evaluates."""

    def evaluate(self, task: Task) -> Outcome:
        assert task.outbox is not None
        wait_for(task.outbox, {(task.number, task.attempt)})
        return Outcome("succeeded", (Measurement((1.0,)),))


@pytest.mark.usefixtures("quick")
def test_an_outcome_is_there_before_the_sign_of_life_goes(tmp_path: Path) -> None:
    task = task_of(4, tmp_path)
    assert not is_in_outbox(task)
    outcome = evaluate_durably(Whole(), task)
    assert outcome.status == "succeeded", outcome.error
    assert is_in_outbox(task)
    assert read_outbox(tmp_path) == [(4, 1, outcome)]
    assert still_running(tmp_path) == set()
