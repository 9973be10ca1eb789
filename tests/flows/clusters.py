"""What the flows on clusters have in common: a study file, its runner, and what to say about what they left."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from assay.study.study import open_study

__all__ = ["complaints", "marks", "start_run", "wait_until", "write_study_file"]


def write_study_file(folder: Path, executor: str, *, evaluations: int, seconds: float) -> Path:
    """A study file of `cluster_model` with that section [executor]."""
    (folder / "marks").mkdir()
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


def start_run(study_file: Path) -> subprocess.Popen[bytes]:
    """`assay run STUDY.toml` as a process of its own; what it says goes to a file."""
    with study_file.with_name("run.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-c", "from assay.cli.main import main; main()", "run", str(study_file)],
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
