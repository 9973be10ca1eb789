"""Where a Dask client comes from: processes here, a scheduler that runs, hosts by SSH, or jobs of SLURM."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from assay.errors import UsageError

__all__ = ["Cluster", "open_client"]

# A lost worker is an infrastructure failure that the study sees and repeats; Dask would repeat it unseen.
# Any free port for its HTTP server: with a fixed one the second study on a machine would find it taken.
_SCHEDULER = {"allowed_failures": 0, "dashboard": False, "dashboard_address": ":0"}
_CONNECT_SECONDS = 30.0


@final
@dataclass(frozen=True)
class Cluster:
    """Which Dask cluster to evaluate on; processes on this machine where nothing is given.

    Arguments:
        scheduler: the address of a scheduler that runs ("tcp://head:8786"), or the path of its scheduler file, which
            ends in ".json". It stays as it is, and goes on when the study ends or its runner dies.
        hosts: names of hosts that SSH reaches; the scheduler runs on the first one.
        slurm: arguments of `dask_jobqueue.SLURMCluster`, such as `queue`, `memory`, `walltime`, `account`, `interface`,
            `python`, `job_script_prologue` and `job_extra_directives`. Jobs are submitted while evaluations
            wait, and end when none do. One evaluation for each job, with 1 core and 2 GB, unless told otherwise.

    Raises:
        UsageError: when more than one is given.
    """

    scheduler: str | None = None
    hosts: Sequence[str] = ()
    slurm: Mapping[str, Any] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        given = [
            name for name in ("scheduler", "hosts", "slurm") if getattr(self, name) not in (None, (), [])
        ]
        if len(given) > 1:
            raise UsageError(f"a cluster is one of scheduler, hosts and slurm, got {' and '.join(given)}")


def open_client(cluster: Cluster, workers: int, stack: ExitStack) -> Any:
    """Start or reach the cluster; closing the stack ends whatever was started.

    Arguments:
        cluster: which one.
        workers: how many evaluations it is to run at once.
        stack: gets what is to be closed.

    Raises:
        UsageError: when a library is missing, or the cluster cannot be reached or started.
    """
    try:
        from distributed import Client
    except ImportError:
        raise UsageError(
            "an executor with Dask needs the package distributed: pip install assay[cluster]"
        ) from None
    try:
        place = (
            _address(cluster.scheduler)
            if cluster.scheduler is not None
            else stack.enter_context(_started(cluster, workers))
        )
        return stack.enter_context(Client(place, timeout=_CONNECT_SECONDS, set_as_default=False))
    except (OSError, ImportError, ValueError, TypeError, KeyError, RuntimeError) as error:
        stack.close()
        raise UsageError(f"the Dask cluster cannot be used: {type(error).__name__}: {error}") from error


def _address(scheduler: str) -> str:
    """The address of a scheduler; read from its file, for which a client would wait without end."""
    if not scheduler.endswith(".json"):
        return scheduler
    return json.loads(Path(scheduler).read_text(encoding="utf-8"))["address"]


def _started(cluster: Cluster, workers: int) -> Any:
    if cluster.slurm is not None:
        return _slurm_cluster(cluster.slurm, workers)
    if cluster.hosts:
        return _ssh_cluster(cluster.hosts, workers)
    from distributed import LocalCluster

    options: dict[str, Any] = {
        "n_workers": workers,
        "threads_per_worker": 1,
        "processes": True,
        "host": "127.0.0.1",
        "dashboard_address": ":0",
        "memory_limit": 0,  # evaluations are processes of their own, with a limit of their own
        "scheduler_kwargs": {"allowed_failures": 0, "dashboard": False},
    }
    return LocalCluster(**options)


def _ssh_cluster(hosts: Sequence[str], workers: int) -> Any:
    from distributed import SSHCluster

    threads = -(-workers // len(hosts))  # rounded up
    return SSHCluster([hosts[0], *hosts], worker_options={"nthreads": threads}, scheduler_options=_SCHEDULER)


def _slurm_cluster(options: Mapping[str, Any], workers: int) -> Any:
    try:
        from dask_jobqueue.slurm import SLURMCluster
    except ImportError:
        raise UsageError("jobs of SLURM need the package dask-jobqueue: pip install assay[cluster]") from None
    defaults = {"cores": 1, "processes": 1, "memory": "2GB"}
    scheduler = {**_SCHEDULER, **options.get("scheduler_options", {})}
    cluster = SLURMCluster(**{**defaults, **options, "scheduler_options": scheduler})
    # a worker for each evaluation that waits, however short Dask believes it to be
    cluster.adapt(minimum=0, maximum=workers, target_duration="1 ms")
    return cluster
