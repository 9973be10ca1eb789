"""What the flows on clusters have in common: a study file, its runner, and what to say about what they left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from assay.study.study import open_study

__all__ = ["complaints", "marks", "running_slurm", "start_run", "wait_until", "write_study_file"]

SLURM_SCRIPT = Path(__file__).parents[2] / "scripts" / "slurm_local.sh"


@contextmanager
def running_slurm() -> Iterator[None]:
    """SLURM as `scripts/slurm_local.sh` starts it; skips the test where that cannot be."""
    pytest.importorskip("dask_jobqueue")
    if shutil.which("slurmctld", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        if os.getuid() != 0 or shutil.which("apt-get") is None:
            pytest.skip("SLURM is not installed, and only root on Debian or Ubuntu could install it")
        installed = subprocess.run([SLURM_SCRIPT, "install"], capture_output=True, text=True, check=False)
        if installed.returncode:
            pytest.skip(f"SLURM cannot be installed here: {installed.stderr[-300:]}")
    subprocess.run([SLURM_SCRIPT, "start"], check=True)
    try:
        yield
    finally:
        subprocess.run([SLURM_SCRIPT, "stop"], check=True)


def write_study_file(folder: Path, executor: str, *, evaluations: int, seconds: float) -> Path:
    """A study file of `cluster_model` with that section [executor]."""
    (folder / "marks").mkdir(parents=True)
    (folder / "cluster_model.py").write_text(Path(__file__).with_name("cluster_model.py").read_text())
    path = folder / "STUDY.toml"
    path.write_text(f"""schema_version = 1
[study]
id = "cluster"
[[space]]
name = "x"
domain = [-1.0, 1.0]
[[space]]
name = "seconds"
type = "fixed"
domain = {seconds}
[[space]]
name = "folder"
type = "fixed"
domain = "{folder / "marks"}"
[driver]
type = "RandomSearch"
[evaluator]
python = "cluster_model:evaluate"
[stop]
max_evaluations = {evaluations}
[executor]
{executor}
""")
    return path


def start_run(study_file: Path, *options: str) -> subprocess.Popen[bytes]:
    """`assay run STUDY.toml` as a process of its own; what it says goes to a file."""
    with study_file.with_name("run.log").open("ab") as log:
        return subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from assay.cli.main import main; main()",
                "run",
                str(study_file),
                *options,
            ],
            stdout=log,
            stderr=log,
        )


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def marks(study_file: Path, kind: str) -> Counter[str]:
    """How often the model has begun or ended at each x."""
    found = study_file.with_name("marks").glob(f"{kind}-*")
    return Counter(path.name.split("-", 1)[1].rpartition("-")[0] for path in found)


def complaints(study_file: Path, evaluations: int, finished: Mapping[str, int] | None = None) -> list[str]:
    """What was lost, and what was done again although it had ended.

    Arguments:
        finished: what had ended when the runner was resumed. What was still running then goes on beside its repetition;
            the second outcome is set aside, or waits in the outbox for the next run. None: nothing was running on.
    """
    state = open_study(study_file.with_name("cluster.assay.db")).state
    said = []
    if sorted(state.trials) != list(range(evaluations)):
        said.append(f"numbers {sorted(state.trials)}")
    said += [
        f"{number} {trial.status}" for number, trial in state.trials.items() if trial.status != "succeeded"
    ]
    again = {x: count for x, count in marks(study_file, "ended").items() if count > 1}
    said += [
        f"x = {x} ended {count} times" for x, count in again.items() if finished is None or x in finished
    ]
    if finished is not None:
        return said
    left = list(study_file.with_name("cluster.assay.db.outbox").rglob("*.json"))
    return said + [f"{path.name} is still in the outbox" for path in left]
