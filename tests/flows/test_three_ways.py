"""One study file, three commands: a pool here, a Dask cluster here, jobs of SLURM; and each runner is killed once.

assay run STUDY.toml --executor local
assay run STUDY.toml --executor dask
assay run STUDY.toml --executor slurm.toml
"""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from tests.flows.clusters import complaints, marks, running_slurm, start_run, wait_until, write_study_file

from assay.study.study import open_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SLURM = """type = "dask"
workers = 2
[slurm]
queue = "debug"
memory = "500MB"
walltime = "00:10:00"
interface = "lo"
scheduler_options = { host = "127.0.0.1" }
"""
EVALUATIONS = 8


@pytest.fixture(scope="module")
def study_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study file, its cluster's file beside it, and room for three runs."""
    pytest.importorskip("distributed")
    folder = tmp_path_factory.mktemp("three")
    file = write_study_file(folder, 'type = "local"\nworkers = 2', evaluations=EVALUATIONS, seconds=1.5)
    (folder / "slurm.toml").write_text(SLURM.replace("[slurm]", f'[slurm]\nlog_directory = "{folder}"'))
    return file


@pytest.mark.parametrize("executor", ["local", "dask", pytest.param("slurm.toml", marks=pytest.mark.slurm)])
def test_nothing_is_lost_or_done_twice(executor: str, study_file: Path) -> None:
    if executor == "slurm.toml":
        with running_slurm():
            run_with_a_kill(study_file, str(study_file.with_name(executor)))
    else:
        run_with_a_kill(study_file, executor)


def run_with_a_kill(file: Path, executor: str) -> None:
    runner = start_run(file, "--executor", executor)
    wait_until(lambda: len(marks(file, "begun")) > len(marks(file, "ended")) >= 2, 120.0)
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    finished = marks(file, "ended")
    assert start_run(file, "--executor", executor).wait(200) == 0, file.with_name("run.log").read_text()
    assert complaints(file, EVALUATIONS, finished) == []
    state = open_study(file.with_name("cluster.assay.db")).state
    assert (state.succeeded, state.failed) == (EVALUATIONS, 0)
    points = {number: trial.suggestion.values["x"] for number, trial in state.trials.items()}
    expected = file.with_name("expected.txt")
    if expected.exists():  # the points are those of the other ways, bit for bit
        assert expected.read_text() == repr(sorted(points.items()))
    expected.write_text(repr(sorted(points.items())))
    for path in file.parent.glob("cluster.assay.db*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in file.with_name("marks").iterdir():
        path.unlink()
