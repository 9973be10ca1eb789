"""A pool of worker processes on this machine, in which a task can only harm itself."""

from __future__ import annotations

import os
import pickle
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Literal, final

from assay.errors import UsageError
from assay.executors.abstract import AbstractEvaluator, AbstractExecutor, Task
from assay.executors.slots import Job, TaskQueue, WorkerSlot
from assay.executors.worker import Setup, is_loading
from assay.records import Outcome

__all__ = ["LocalExecutor", "grace_seconds", "processor_count", "require_positive", "setup_of"]

_GRACE_SECONDS = 2.0  # for an evaluator that ends its evaluation by itself at the time-out


@final
class LocalExecutor(AbstractExecutor):
    """Evaluates in worker processes on this machine.

    Use it for several evaluations at once, and for models that crash, hang or leak: a worker that dies is
    replaced, and only its own task is lost. Workers are fresh interpreters (never forked), stay for many tasks,
    and do not outlive the runner. An evaluation that reaches its time-out is killed with all that it started.

    - An exception, a NaN, a time-out, a `MemoryError` at the memory limit: a model failure.
    - A worker that ends by itself (segmentation fault, abort, exit): a crash.
    - A worker that is killed from outside: an infrastructure failure.

    Linear algebra in a worker runs on one thread unless OMP_NUM_THREADS and its like say otherwise. What the model
    prints goes to standard error.

    Arguments:
        evaluator: must be importable by another process: a function at the top level of a module or of the script.
            A script needs the guard `if __name__ == "__main__":` around what it runs.
        workers: how many evaluations at once; None for as many as this process has processors.
        memory_limit_MB: address space of a worker, in units of 10^6 bytes, beyond which allocations fail.
        max_tasks_per_worker: a worker is replaced after this many tasks; None for never.

    Raises:
        UsageError: when the evaluator cannot be sent to another process.
        EvaluationError: when the first worker, started at once, cannot load it.

    Example:
        >>> from assay.executors.evaluators import PythonEvaluator
        >>> executor = LocalExecutor(PythonEvaluator("fractions:Fraction"), workers=1)
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
    ) -> None:
        count = processor_count() if workers is None else workers
        require_positive("workers", count)
        setup = setup_of(evaluator, memory_limit_MB, max_tasks_per_worker)
        grace = grace_seconds(evaluator)
        self._queue = TaskQueue()
        self._slots = [WorkerSlot(setup, self._queue, grace) for _ in range(count)]
        try:
            self._slots[0].start()
            self._slots[0].ready.result()
        except BaseException:  # whatever interrupts the start, no worker stays behind
            self.shutdown(kill=True)
            raise

    def submit(self, task: Task) -> Future[Outcome]:
        """Hand the task to an idle worker, start one, or queue it.

        Raises:
            UsageError: after `shutdown`.
        """
        future: Future[Outcome] = Future()
        if self._queue.put(Job(task, future)):
            waiting = next((slot for slot in self._slots if not slot.is_started), None)
            if waiting is not None:
                waiting.start()
        return future

    def width(self) -> int:
        """The number of workers."""
        return len(self._slots)

    def shutdown(self, *, kill: bool = False) -> None:
        """Wait for everything that was submitted, or kill it: then what has not ended is an infrastructure failure."""
        self._queue.close(discard=kill)
        if kill:
            for slot in self._slots:
                slot.kill()
        for slot in self._slots:
            slot.join()


def processor_count() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def require_positive(name: str, value: float | None) -> None:
    """Refuse a limit that is zero or negative.

    Raises:
        UsageError: when it is.
    """
    if value is not None and not value > 0:
        raise UsageError(f"{name} of an executor must be positive, got {value!r}")


def setup_of(
    evaluator: AbstractEvaluator, memory_limit_MB: float | None, max_tasks_per_worker: int | None
) -> Setup:
    """What a worker needs to know to evaluate for this process.

    Raises:
        UsageError: when the evaluator cannot be sent to another process, or a limit is not positive.
    """
    require_positive("memory_limit_MB", memory_limit_MB)
    require_positive("max_tasks_per_worker", max_tasks_per_worker)
    if is_loading():
        raise UsageError(
            "a pool of workers was started by a script while a worker was loading it: put what the script runs "
            'under `if __name__ == "__main__":`, or move the evaluated function into a module'
        )
    content, main = _packed(evaluator)
    return Setup(
        parent=os.getpid(),
        arguments=list(sys.argv),
        main=main,
        evaluator=content,
        memory_limit_bytes=None if memory_limit_MB is None else int(memory_limit_MB * 1e6),
        max_tasks=max_tasks_per_worker,
    )


def grace_seconds(evaluator: AbstractEvaluator) -> float:
    """How long beyond a time-out an evaluation is left alone."""
    return _GRACE_SECONDS if evaluator.enforces_timeout else 0.0


def _packed(evaluator: AbstractEvaluator) -> tuple[bytes, tuple[Literal["module", "path"], str] | None]:
    """The pickled evaluator, and where its `__main__` comes from if it needs that."""
    try:
        content = pickle.dumps(evaluator)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise UsageError(
            f"{evaluator!r} cannot be sent to another process ({error}): define its function at the top level of a "
            "module, or use the serial executor"
        ) from None
    return content, _main_source(evaluator) if b"__main__" in content else None


def _main_source(evaluator: AbstractEvaluator) -> tuple[Literal["module", "path"], str]:
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return "module", spec.name
    path = Path(getattr(main, "__file__", None) or "")
    if not path.is_file():
        raise UsageError(
            f"{evaluator!r} is defined in a notebook or an interactive session, which no other process can import: "
            "move its function into a module, or use the serial executor"
        )
    return "path", str(path.resolve())
