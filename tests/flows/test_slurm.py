"""A study on a real SLURM of one node: jobs come and go, one is cancelled, the runner is killed and resumed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flows.clusters import complaints, marks, start_run, wait_until, write_study_file

pytestmark = [pytest.mark.slow, pytest.mark.slurm, pytest.mark.timeout(300)]

SCRIPT = Path(__file__).parents[2] / "scripts" / "slurm_local.sh"
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
    pytest.importorskip("dask_jobqueue")
    if shutil.which("slurmctld", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        if os.getuid() != 0 or shutil.which("apt-get") is None:
            pytest.skip("SLURM is not installed, and only root on Debian or Ubuntu could install it")
        installed = subprocess.run([SCRIPT, "install"], capture_output=True, text=True, check=False)
        if installed.returncode:
            pytest.skip(f"SLURM cannot be installed here: {installed.stderr[-300:]}")
    subprocess.run([SCRIPT, "start"], check=True)
    yield
    subprocess.run([SCRIPT, "stop"], check=True)


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

    def both_are_busy() -> bool:
        return sum(marks(file, "begun").values()) - sum(marks(file, "ended").values()) >= 2

    # Only then is whichever job in the middle of a task, and not between two.
    wait_until(lambda: both_are_busy() and len(jobs()) >= 2)
    subprocess.run(["scancel", jobs()[0]], check=True)
    assert runner.wait(120) == 0, file.with_name("run.log").read_text()
    assert complaints(file, 8) == []
    assert sum(marks(file, "begun").values()) >= 9, "the job was not cancelled in mid-task"
    wait_until(lambda: not jobs())


def test_a_killed_runner_is_resumed_and_its_jobs_end(tmp_path: Path) -> None:
    file = write_study_file(tmp_path, EXECUTOR.replace("LOGS", str(tmp_path)), evaluations=6, seconds=2.0)
    runner = start_run(file)
    wait_until(lambda: len(marks(file, "begun")) > len(marks(file, "ended")) >= 1)
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    finished = marks(file, "ended")
    assert start_run(file).wait(150) == 0, file.with_name("run.log").read_text()
    assert complaints(file, 6, finished) == []
