"""A study on a real SLURM of one node: jobs come and go, one is cancelled, the runner is killed and resumed."""

from __future__ import annotations

import math
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.flows.cluster_model import evaluate
from tests.flows.clusters import complaints, marks, running_slurm, start_run, wait_until, write_study_file

from assay.errors import TooManyFailuresError
from assay.executors.cluster import Cluster
from assay.study.study import create_study, open_study

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


def test_a_time_out_is_the_models_and_a_walltime_the_infrastructures(tmp_path: Path) -> None:
    (tmp_path / "marks").mkdir()
    space = [
        {"name": "x", "domain": [-1.0, 1.0]},
        {"name": "seconds", "type": "fixed", "domain": 600.0},
        {"name": "folder", "type": "fixed", "domain": str(tmp_path / "marks")},
    ]
    study = create_study(space, driver="RandomSearch", study_id="limits", store=tmp_path / "limits.db")
    study.configure(max_failures_in_a_row=1, infrastructure_retries=0, timeout_seconds=1.0)
    slurm = {
        "queue": "debug",
        "memory": "500MB",
        "walltime": "00:01:00",  # SLURM looks once or twice a minute
        "interface": "lo",
        "scheduler_options": {"host": "127.0.0.1"},
        "log_directory": str(tmp_path),
    }
    from assay.executors.distributed import DaskExecutor

    executor = partial(DaskExecutor, workers=1, cluster=Cluster(slurm=slurm))
    with pytest.raises(TooManyFailuresError, match="timed out after 1 s"):
        study.run(evaluate, executor, stop=lambda _: False)
    study.configure(timeout_seconds=math.inf)
    with pytest.raises(TooManyFailuresError, match="given up"):
        study.run(evaluate, executor, stop=lambda _: False)
    first, second = study.trials
    assert first.outcome is not None
    assert (first.status, first.outcome.status) == ("failed", "model_failure")
    assert second.status == "cleared"
    (lost,) = study.state.set_aside[second.number]
    assert lost.outcome.status == "infrastructure_failure"
    assert "#SBATCH -t 00:01:00" in str(lost.outcome.details)
