"""Evaluations on a Dask cluster."""

from __future__ import annotations

import uuid
from concurrent.futures import Future
from contextlib import ExitStack
from functools import partial
from typing import Any, final

from assay.errors import UsageError
from assay.executors.abstract import AbstractEvaluator, AbstractExecutor, Task
from assay.executors.adapter import FuturesExecutor
from assay.executors.cluster import Cluster, open_client
from assay.executors.distributed_worker import IsolatedEvaluator, own_folders, release
from assay.executors.evidence import evidence_of_loss
from assay.executors.local import grace_seconds, processor_count, require_positive, setup_of
from assay.records import Outcome

__all__ = ["DaskExecutor"]


@final
class DaskExecutor(AbstractExecutor):
    """Evaluates on the workers of a Dask cluster.

    Use it when evaluations outgrow one machine. Dask decides what runs where; on its worker each evaluation has a
    process of its own, as in the local pool, so that a crash, a time-out or the memory limit ends that process only. A
    worker that is lost is an infrastructure failure: the study evaluates the same suggestion again. An outcome
    is made durable on the worker before it is returned, for which workers and runner must share a file system.

    What was started here ends with `shutdown`. A scheduler that ran before goes on; only what this executor
    evaluates there is killed with `kill`.

    Arguments:
        evaluator: must be importable by another process, as for the local pool.
        workers: how many evaluations at once; None for as many as the client's workers have threads, or as this
            process has processors.
        memory_limit_MB: address space of an evaluation's process, in units of 10^6 bytes.
        max_tasks_per_worker: an evaluation's process is replaced after this many tasks; None for never.
        cluster: which cluster to start or to reach; None for one of processes on this machine.
        client: a `distributed.Client` to use as it is, in place of a cluster.

    Raises:
        UsageError: when the evaluator cannot be sent to another process, or the cluster cannot be used.

    Example:
        >>> from assay.executors.evaluators import PythonEvaluator
        >>> executor = DaskExecutor(PythonEvaluator("fractions:Fraction"), workers=1)
        >>> task = Task("study", number=0, attempt=1, kwargs={"numerator": 3, "denominator": 2})
        >>> executor.submit(task).result().measurements[0].value
        (1.5,)
        >>> executor.shutdown()
    """

    def __init__(
        self,
        evaluator: AbstractEvaluator,
        workers: int | None = None,
        memory_limit_MB: float | None = None,
        max_tasks_per_worker: int | None = None,
        cluster: Cluster | None = None,
        client: Any = None,
    ) -> None:
        require_positive("workers", workers)
        if cluster is not None and client is not None:
            raise UsageError("an executor with Dask takes a cluster or a client, got both")
        self._token = uuid.uuid4().hex
        setup = setup_of(evaluator, memory_limit_MB, max_tasks_per_worker)
        isolated = IsolatedEvaluator(self._token, setup, own_folders(), grace_seconds(evaluator))
        self._stack = ExitStack()
        if client is None:
            client = open_client(cluster or Cluster(), workers or processor_count(), self._stack)
        self._client: Any = client  # its methods are typed as if they were all asynchronous
        self._open = True
        width = workers or max(1, sum(self._client.nthreads().values()))
        # pure=False: otherwise equal arguments would give the first result again
        self._futures = FuturesExecutor(
            isolated, client.get_executor(pure=False), width, partial(evidence_of_loss, client)
        )

    def submit(self, task: Task) -> Future[Outcome]:
        """Hand the task to Dask.

        Raises:
            UsageError: after `shutdown`.
        """
        return self._futures.submit(task)

    def width(self) -> int:
        """How many evaluations run at once when all workers are there."""
        return self._futures.width()

    def shutdown(self, *, kill: bool = False) -> None:
        """Wait for everything that was submitted, or kill it; end what was started here."""
        if not self._open:
            return
        self._open = False
        self._futures.shutdown(kill=kill)
        with self._stack:
            # workers that are gone have nothing to release
            self._client.run(release, self._token, kill=kill, on_error="ignore")
