"""Where runs are started, said in the words of a batch system: what an exploration takes as its `scheduler`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

from assay.errors import UsageError
from assay.executors.abstract import AbstractEvaluator, AbstractExecutor

__all__ = ["LocalScheduler", "SlurmScheduler"]

# What Dask has a word of its own for; every other key becomes a line of the job script as it is.
_WORDS = {"time": "walltime", "mem": "memory", "partition": "queue", "account": "account"}


@final
@dataclass(frozen=True)
class LocalScheduler:
    """Runs on this machine, each in a process of its own.

    Arguments:
        workers: at once; None for as many as there are processors.
    """

    workers: int | None = None

    def __call__(self, evaluator: AbstractEvaluator) -> AbstractExecutor:
        """The executor."""
        from assay.executors.local import LocalExecutor

        return LocalExecutor(evaluator, self.workers)


@final
@dataclass(frozen=True)
class SlurmScheduler:
    """Runs in jobs of SLURM. A job stays for many runs, comes when runs wait and goes when none do; one that is lost or
    cancelled costs only what ran in it, which is run again.

    Arguments:
        jobs: at once.
        sbatch: what follows `#SBATCH --` in a job script: `{"time": "01:00:00", "mem": "4GB", "partition": "long",
            "qos": "bbdefault", "mail-type": "FAIL"}`; a key without a value is None, and a _ stands for a -.
        commands: lines of shell before the interpreter, such as `module load gcc`.
        interpreter: the Python of the jobs, in which this package is installed; None for this one.
        dask: further arguments of `dask_jobqueue.SLURMCluster`, such as `{"interface": "ib0"}`.

    Raises:
        UsageError: when a key of `sbatch` begins with dashes, or `commands` is one text.

    Example:
        >>> scheduler = SlurmScheduler(4, {"time": "01:00:00", "qos": "short", "exclusive": None}, ["module load gcc"])
        >>> scheduler.options
        {'walltime': '01:00:00', 'job_extra_directives': ['--qos=short', '--exclusive'], 'job_script_prologue': ['module load gcc']}
    """

    jobs: int
    sbatch: Mapping[str, Any] = field(default_factory=dict)
    commands: Sequence[str] = ()
    interpreter: str | None = None
    dask: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        dashed = [key for key in self.sbatch if key.startswith("-")]
        if dashed:
            raise UsageError(f"a key of sbatch must be a word without dashes before it, got {dashed[0]!r}")
        if isinstance(self.commands, str):
            raise UsageError(f"commands of a scheduler must be a list of lines, got {self.commands!r:.100}")

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of `dask_jobqueue.SLURMCluster`."""
        known = {word: self.sbatch[key] for key, word in _WORDS.items() if key in self.sbatch}
        lines = [
            f"--{key}" if value is None else f"--{key}={value}"
            for key, value in ((key.replace("_", "-"), value) for key, value in self.sbatch.items())
            if key not in _WORDS
        ]
        given: dict[str, Any] = {
            **known,
            "job_extra_directives": lines,
            "job_script_prologue": list(self.commands),
            "python": self.interpreter,
        }
        return {key: value for key, value in given.items() if value} | dict(self.dask)

    def __call__(self, evaluator: AbstractEvaluator) -> AbstractExecutor:
        """The executor."""
        from assay.executors.cluster import Cluster
        from assay.executors.distributed import DaskExecutor

        return DaskExecutor(evaluator, self.jobs, cluster=Cluster(slurm=self.options))
