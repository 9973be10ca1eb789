"""What runs inside a Dask worker: each evaluation in a process of its own, as in the local pool."""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from assay.executors.abstract import AbstractEvaluator, Task
from assay.executors.outbox import is_in_outbox, keep_in_outbox, read_from_outbox
from assay.executors.slots import Job, TaskQueue, WorkerSlot
from assay.executors.worker import Setup
from assay.records import Outcome

__all__ = ["IsolatedEvaluator", "own_folders", "release"]

IDLE_SECONDS = 300.0


@final
@dataclass(frozen=True)
class IsolatedEvaluator(AbstractEvaluator):
    """Evaluates in a child process of whatever process it is sent to.

    So a model that crashes, hangs, leaks or holds the interpreter's lock harms neither a Dask worker nor its
    conversation with the scheduler, and time-outs hold. The children stay until `release`, or until the worker ends, or
    until they have had nothing to do for a while: a runner that was killed cannot release them.

    Arguments:
        token: whose children they are; another executor on the same workers has others.
        setup: what a child needs to know, without its parent.
        folders: where the user's modules are looked for, in front of the child's own places.
        grace_seconds: how long beyond a time-out an evaluation is left alone.
        idle_seconds: how long a child waits for its next task; after that the next one starts another child.
    """

    token: str
    setup: Setup
    folders: tuple[str, ...] = ()
    grace_seconds: float = 0.0
    idle_seconds: float = IDLE_SECONDS
    makes_durable: bool = True  # in the child, by its worker

    def evaluate(self, task: Task) -> Outcome:
        """Evaluate in a child, or read what was finished before: Dask repeats a task whose worker was lost after it."""
        if task.outbox is not None:
            finished = read_from_outbox(task.outbox, task.number, task.attempt)
            if finished is not None:
                return finished
        # The child makes its outcome durable, as in the local pool: the threads of a Dask worker share one interpreter's
        # lock with its conversation. What became of a child that died is made durable here.
        outcome = _pool_of(self).run(task)
        if not is_in_outbox(task):
            keep_in_outbox(task, outcome)
        return outcome


def own_folders() -> tuple[str, ...]:
    """The folders in which this process finds modules, without those of its Python: elsewhere that has its own."""
    pythons = [
        Path(sysconfig.get_path(name)).parent for name in ("stdlib", "platstdlib", "purelib", "platlib")
    ]
    folders = [Path(entry).absolute() for entry in sys.path]
    return tuple(
        str(folder) for folder in folders if not any(folder.is_relative_to(python) for python in pythons)
    )


def release(token: str, *, kill: bool) -> None:
    """End the children of one executor in this process; with `kill` also what they evaluate."""
    with _lock:
        pool = _pools.pop(token, None)
    if pool is not None:
        pool.close(kill=kill)


@final
class _Pool:
    """The children of one executor in this process: as many as have been needed at once."""

    def __init__(self, evaluator: IsolatedEvaluator) -> None:
        places = dict.fromkeys((*evaluator.folders, *sys.path))
        self._setup = replace(evaluator.setup, parent=os.getpid(), path=tuple(places))
        self._grace_seconds = evaluator.grace_seconds
        self._queue = TaskQueue(evaluator.idle_seconds)
        self._slots: list[WorkerSlot] = []

    def run(self, task: Task) -> Outcome:
        future: Future[Outcome] = Future()
        if self._queue.put(Job(task, future)):
            slot = WorkerSlot(self._setup, self._queue, self._grace_seconds)
            with _lock:
                slot.start()
                self._slots = [*(one for one in self._slots if one.is_alive), slot]
        return future.result()

    def close(self, *, kill: bool) -> None:
        self._queue.close(discard=kill)
        if kill:
            with _lock:
                slots = self._slots
            for slot in slots:
                slot.kill()


_pools: dict[str, _Pool] = {}
_lock = threading.Lock()


def _pool_of(evaluator: IsolatedEvaluator) -> _Pool:
    with _lock:
        if evaluator.token not in _pools:
            _pools[evaluator.token] = _Pool(evaluator)
        return _pools[evaluator.token]
