"""A study on a real SLURM of one node: jobs come and go, one is cancelled, the runner is killed and resumed."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flows.clusters import complaints, marks, running_slurm, start_run, wait_until, write_study_file

from assay.study.study import open_study

pytestmark = [pytest.mark.slow, pytest.mark.slurm, pytest.mark.timeout(300)]

EXECUTOR = """type = "dask"
workers = 2
[executor.slurm]
queue = "debug"
memory = "500MB"
walltime = "00:10:00"
interface = "lo"
scheduler_options = { host = "127.0.0.1" }
log_directory = "LOGS"
"""


@pytest.fixture(scope="module", autouse=True)
def slurm() -> Iterator[None]:
    """SLURM as `scripts/slurm_local.sh` starts it."""
    with running_slurm():
        yield


def jobs() -> list[str]:
    """The numbers of the jobs that run."""
    listed = subprocess.run(
        ["squeue", "--noheader", "--format=%A", "--states=RUNNING"],
        capture_output=True,
        text=True,
        check=True,
    )
    return listed.stdout.split()


def test_a_cancelled_job_loses_nothing(tmp_path: Path) -> None:
    file = write_study_file(tmp_path, EXECUTOR.replace("LOGS", str(tmp_path)), evaluations=8, seconds=2.0)
    runner = start_run(file)

    most: list[int] = []

    def both_are_busy() -> bool:
        most.append(len(jobs()))
        return sum(marks(file, "begun").values()) - sum(marks(file, "ended").values()) >= 2

    # Only then is whichever job in the middle of a task, and not between two.
    wait_until(lambda: both_are_busy() and most[-1] >= 2, 120.0)
    cancelled = jobs()[0]
    subprocess.run(["scancel", cancelled], check=True)
    assert runner.wait(200) == 0, file.with_name("run.log").read_text()
    assert complaints(file, 8) == []
    assert sum(marks(file, "begun").values()) >= 9, "the job was not cancelled in mid-task"
    assert max(most) == 2
    wait_until(lambda: not jobs())
    state = open_study(tmp_path / "cluster.assay.db").state
    lost = [event.outcome for events in state.set_aside.values() for event in events]
    assert {outcome.status for outcome in lost} == {"infrastructure_failure"}
    for part in ("#SBATCH -t 00:10:00", "the worker: ", "-> processing"):
        assert all(part in str(outcome.details) for outcome in lost), part


def test_a_killed_runner_is_resumed_and_its_jobs_end(tmp_path: Path) -> None:
    file = write_study_file(tmp_path, EXECUTOR.replace("LOGS", str(tmp_path)), evaluations=6, seconds=2.0)
    runner = start_run(file)
    wait_until(lambda: len(marks(file, "begun")) > len(marks(file, "ended")) >= 1, 120.0)
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    finished = marks(file, "ended")
    assert start_run(file).wait(200) == 0, file.with_name("run.log").read_text()
    assert complaints(file, 6, finished) == []
    wait_until(lambda: not jobs())
