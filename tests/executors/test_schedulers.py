"""What becomes of the words of a batch system."""

from __future__ import annotations

import warnings

import pytest

from assay.errors import UsageError
from assay.executors.abstract import Task
from assay.executors.evaluators import PythonEvaluator
from assay.executors.schedulers import LocalScheduler, SlurmScheduler


def test_every_line_stands_in_the_job_script() -> None:
    jobqueue = pytest.importorskip("dask_jobqueue.slurm")
    scheduler = SlurmScheduler(
        2,
        {
            "time": "00:07:00",
            "mem": "3GB",
            "partition": "long",
            "mail_type": "FAIL",
            "cpus-per-task": 2,
            "exclusive": None,
        },
        ["module load gcc", "set -e"],
        interpreter="/opt/python/bin/python",
    )
    job = jobqueue.SLURMJob(
        "tcp://host:1", name="job", cores=1, processes=1,
        **{"job_cpu": 1, "job_mem": None, **scheduler.options},
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lines = job.job_script().splitlines()
    wanted = ["-p long", "-t 00:07:00", "--mem=3G", "--mail-type=FAIL", "--cpus-per-task=2", "--exclusive"]
    assert {f"#SBATCH {entry}" for entry in wanted} <= set(lines)
    program = next(place for place, line in enumerate(lines) if line.startswith("/opt/python/bin/python"))
    assert lines.index("module load gcc") < lines.index("set -e") < program


def test_a_local_scheduler_is_the_pool() -> None:
    executor = LocalScheduler(2)(PythonEvaluator("fractions:Fraction"))
    try:
        assert executor.width() == 2
        task = Task("study", 0, 1, {"numerator": 3, "denominator": 2})
        assert executor.submit(task).result().measurements[0].value == (1.5,)
    finally:
        executor.shutdown()


def test_wrong_words_are_refused() -> None:
    with pytest.raises(UsageError, match="without dashes before it, got '--qos'"):
        SlurmScheduler(1, {"--qos": "short"})
    with pytest.raises(UsageError, match="must be a list of lines, got 'module load gcc'"):
        SlurmScheduler(1, commands="module load gcc")
