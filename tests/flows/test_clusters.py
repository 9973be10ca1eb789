"""One study file on a Dask cluster: a runner is killed, and a scheduler of its own goes on without it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flows.clusters import complaints, marks, start_run, wait_until, write_study_file

from assay.study.study import open_study

pytestmark = pytest.mark.slow


@pytest.fixture
def scheduler_file(tmp_path: Path) -> Iterator[Path]:
    """A scheduler and two workers, each a process of its own."""
    pytest.importorskip("distributed")
    file = tmp_path / "head.json"
    scheduler = ["dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    worker = ["dask_worker", "--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard"]
    with (tmp_path / "dask.log").open("wb") as log:
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{name}", *options, "--scheduler-file", str(file)],
                stdout=log,
                stderr=log,
            )
            for name, *options in (scheduler, worker, worker)
        ]
    wait_until(file.exists)
    yield file
    for process in reversed(processes):
        process.terminate()
        process.wait(30)


def test_three_executors_make_the_same_observations(tmp_path: Path, scheduler_file: Path) -> None:
    for name, executor in (
        ("local", 'type = "local"\nworkers = 2'),
        ("dask", 'type = "dask"\nworkers = 2'),
        ("running", f'type = "dask"\nworkers = 2\nscheduler = "{scheduler_file}"'),
    ):
        folder = tmp_path / name
        folder.mkdir()
        file = write_study_file(folder, executor, evaluations=6, seconds=0.1)
        assert start_run(file).wait(90) == 0, file.with_name("run.log").read_text()
        assert complaints(file, 6) == []
        assert sum(marks(file, "ended").values()) == 6


@pytest.mark.parametrize("where", ["in the runner", "by itself"])
def test_a_killed_runner_is_resumed(where: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    executor = 'type = "dask"\nworkers = 2'
    if where == "by itself":
        executor += f'\nscheduler = "{request.getfixturevalue("scheduler_file")}"'
    file = write_study_file(tmp_path, executor, evaluations=8, seconds=1.0)
    runner = start_run(file)
    wait_until(
        lambda: len(marks(file, "ended")) >= 2 and len(marks(file, "begun")) > len(marks(file, "ended"))
    )
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    if where == "by itself":  # what runs there comes to its end
        wait_until(lambda: marks(file, "ended") == marks(file, "begun"))
        wait_until(lambda: len(list(tmp_path.glob("*.outbox/cluster/*.json"))) >= 1)
    runner = start_run(file)
    assert runner.wait(90) == 0, file.with_name("run.log").read_text()
    assert complaints(file, 8) == []


def test_what_still_runs_is_taken_up_and_not_begun_again(tmp_path: Path, scheduler_file: Path) -> None:
    executor = f'type = "dask"\nworkers = 2\nscheduler = "{scheduler_file}"'
    file = write_study_file(tmp_path, executor, evaluations=4, seconds=12.0)
    runner = start_run(file)
    wait_until(lambda: len(list(tmp_path.glob("*.outbox/cluster/*.running"))) == 2)
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    assert not marks(file, "ended")
    runner = start_run(file)
    assert runner.wait(90) == 0, file.with_name("run.log").read_text()
    assert complaints(file, 4) == []
    assert sorted(marks(file, "begun").values()) == [1, 1, 1, 1]
    state = open_study(tmp_path / "cluster.assay.db").state
    assert [trial.attempts for trial in state.ordered_trials()] == [1, 1, 1, 1]
