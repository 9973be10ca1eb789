"""The threads of the local pool: each owns one worker process, and feeds it from a common queue."""

from __future__ import annotations

import math
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from typing import final

from assay.errors import EvaluationError, UsageError
from assay.executors.abstract import Task
from assay.executors.evaluators import describe_exception
from assay.executors.handle import WorkerGoneError, WorkerHandle
from assay.executors.worker import Setup
from assay.records import Outcome

__all__ = ["Job", "TaskQueue", "WorkerSlot"]

_TRIES = 3  # workers that may turn out to be gone before they began with a task
_KILLED_TRIES = 10  # workers that may be killed from outside while they load the evaluator


@dataclass(frozen=True, slots=True)
class Job:
    """A task with the future that was given for it."""

    task: Task
    future: Future[Outcome]


@final
class TaskQueue:
    """What waits for a worker; a queue that can be closed, and that knows whether anybody waits for it.

    Arguments:
        idle_seconds: for so long `take` waits for a job; None for without end.
    """

    def __init__(self, idle_seconds: float | None = None) -> None:
        self._idle_seconds = idle_seconds
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._idle = 0
        self._closed = False
        self.discarded = False

    def put(self, job: Job) -> bool:
        """Add a job; True when it finds nobody idle.

        Raises:
            UsageError: when the queue is closed.
        """
        with self._changed:
            if self._closed:
                raise UsageError("a task was submitted to a local executor that has been shut down")
            self._jobs.append(job)
            self._changed.notify()
            return self._idle < len(self._jobs)

    def take(self) -> Job | None:
        """Wait for the next job; None when there will be none, or was none for too long."""
        with self._changed:
            self._idle += 1
            try:
                self._changed.wait_for(lambda: self._jobs or self._closed, self._idle_seconds)
                return self._jobs.popleft() if self._jobs else None
            finally:
                self._idle -= 1

    def close(self, *, discard: bool) -> None:
        """Take no more jobs; those that wait are still worked off, or come back as infrastructure failures."""
        with self._changed:
            self._closed = True
            self.discarded |= discard
            dropped = list(self._jobs) if discard else []
            if discard:
                self._jobs.clear()
            self._changed.notify_all()
        for job in dropped:
            if job.future.set_running_or_notify_cancel():
                job.future.set_result(_lost("the pool was shut down before the evaluation began"))


@final
class WorkerSlot:
    """A thread with its worker, which it replaces when it is gone or leaving.

    `ready` is settled when the first worker has loaded the evaluator, or cannot.
    """

    def __init__(self, setup: Setup, queue: TaskQueue, grace_seconds: float) -> None:
        self._setup = setup
        self._queue = queue
        self._grace_seconds = grace_seconds
        self._worker: WorkerHandle | None = None
        # a daemon: a runner that forgets to shut down, or is interrupted, must still be able to end
        self._thread = threading.Thread(target=self._serve, name="assay-worker-slot", daemon=True)
        self.is_started = False
        self.ready: Future[None] = Future()

    def start(self) -> None:
        """Start the thread, which starts its worker."""
        self.is_started = True
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the thread serves, or still dismisses its worker."""
        return self._thread.is_alive()

    def kill(self) -> None:
        """Kill the worker; the queue must have been closed with `discard`, so that no other is started."""
        worker = self._worker
        if worker is not None:
            worker.kill()

    def join(self) -> None:
        """Wait for the thread to end."""
        if self.is_started:
            self._thread.join()

    def _serve(self) -> None:
        try:
            self._hire()
            self.ready.set_result(None)
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits for it
            self.ready.set_exception(error)
        while (job := self._queue.take()) is not None:
            if job.future.set_running_or_notify_cancel():
                job.future.set_result(self._outcome(job.task))
        self._dismiss()

    def _outcome(self, task: Task) -> Outcome:
        try:
            return self._evaluate(task)
        except Exception as error:  # noqa: BLE001 - without an outcome whoever waits for it would wait for ever
            return _lost(describe_exception(error)[0])

    def _evaluate(self, task: Task) -> Outcome:
        limit = math.inf if task.timeout_seconds is None else task.timeout_seconds + self._grace_seconds
        error = ""
        for _ in range(_TRIES):
            if self._queue.discarded:
                return _lost("the pool was shut down before the evaluation began")
            try:
                return self._present_worker().run(task, limit)
            except (WorkerGoneError, EvaluationError) as problem:  # nothing has happened to the task yet
                error = str(problem)
        return _lost(error)

    def _present_worker(self) -> WorkerHandle:
        worker = self._worker
        if worker is not None and not worker.leaving and worker.is_alive:
            return worker
        self._dismiss()
        return self._hire()

    def _hire(self) -> WorkerHandle:
        for tries_left in reversed(range(_KILLED_TRIES)):
            worker = self._worker = WorkerHandle(self._setup)
            if (
                self._queue.discarded
            ):  # whoever discarded may have looked for a worker before this one was there
                worker.kill()
            try:
                worker.wait_until_ready()
                return worker
            except EvaluationError:
                self._worker = None
                raise
            except WorkerGoneError as error:
                self._worker = None
                if self._queue.discarded or not tries_left:
                    raise EvaluationError(str(error)) from None
        raise AssertionError("the last try returns or raises")

    def _dismiss(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()


def _lost(error: str) -> Outcome:
    return Outcome("infrastructure_failure", error=error)
