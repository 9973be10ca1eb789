"""What is known of an evaluation that a Dask cluster lost: which worker, which job, and what Dask did with the task."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

__all__ = ["evidence_of_loss"]

logger = logging.getLogger(__name__)


def evidence_of_loss(client: Any, error: BaseException) -> str:
    """The worker, its batch job with the job's script, and the scheduler's story of the task, as text; "" for nothing.

    Arguments:
        client: the `distributed.Client` that the task was given to.
        error: what its future raised; `KilledWorker` names the task and the worker.
    """
    worker, key = getattr(error, "last_worker", None), getattr(error, "task", None)
    parts = [] if worker is None else [f"the worker: {worker.name} at {worker.address}"]
    try:
        if worker is not None:
            parts += _job(getattr(client, "cluster", None), worker.name)
        if key is not None:
            story = client.sync(client.scheduler.get_story, keys_or_stimuli=(key,), callback_timeout=10.0)
            parts += ["the scheduler's story of the task:", *_lines(story)]
    except Exception as problem:  # noqa: BLE001 - a cluster in trouble answers with anything, and the loss itself is to be told
        logger.info("nothing more is known of the lost evaluation: %r", problem)
    return "\n".join(parts)


def _job(cluster: Any, worker: Any) -> list[str]:
    """The number and the script of the batch job that held a worker, where the cluster is made of such jobs."""
    if not hasattr(cluster, "job_script"):
        return []
    job = cluster.workers.get(worker)
    number = f"its job: {job.job_id}" if getattr(job, "job_id", None) else "its job has left the cluster"
    return [number, "the script of each job:", *(f"  {line}" for line in cluster.job_script().splitlines())]


def _lines(story: Iterable[Any]) -> list[str]:
    """A line for each transition: (key, from, to, recommendations, stimulus, seconds since 1970)."""
    found = []
    for _, start, finish, _, stimulus, moment in story:
        when = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
        found.append(f"  {when} {start} -> {finish} ({stimulus})")
    return found
