"""Any `concurrent.futures.Executor` as an executor: the standard seam to Parsl, loky, Dask, MPI and threads."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future, InvalidStateError, wait
from dataclasses import replace
from typing import final

from assay.errors import UsageError
from assay.executors.abstract import AbstractEvaluator, AbstractExecutor, Task
from assay.executors.evaluators import describe_exception
from assay.executors.outbox import evaluate_durably
from assay.records import Outcome

__all__ = ["FuturesExecutor"]


@final
class FuturesExecutor(AbstractExecutor):
    """Evaluates wherever a `concurrent.futures.Executor` of the user's runs things.

    The inner executor stays the user's: it is neither configured nor shut down here. Whatever goes wrong in it (a
    broken pool, a lost worker, a cancelled job) is an infrastructure failure. A time-out has no effect on a Python
    function here, since the standard interface cannot stop what runs.

    With Dask give `client.get_executor(pure=False)`: otherwise equal arguments would return the cached first result.

    Arguments:
        evaluator: must be what the inner executor can send to its workers.
        executor: the inner executor.
        width: how many tasks it runs at once; None to take it from the executor if it tells (as the pools of the
            standard library do), else the number of processors.
        evidence: gives what is known of an evaluation that was lost, from the exception, for the outcome's details.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> from assay.executors.evaluators import PythonEvaluator
        >>> with ThreadPoolExecutor(2) as pool:
        ...     executor = FuturesExecutor(PythonEvaluator(lambda x: x + 1), pool)
        ...     outcome = executor.submit(Task("study", number=0, attempt=1, kwargs={"x": 1.0})).result()
        >>> outcome.measurements[0].value
        (2.0,)
    """

    def __init__(
        self,
        evaluator: AbstractEvaluator,
        executor: Executor,
        width: int | None = None,
        evidence: Callable[[BaseException], str] | None = None,
    ) -> None:
        if width is not None and width < 1:
            raise UsageError(f"width of an executor must be at least 1, got {width!r}")
        self._evaluator = evaluator
        self._inner = executor
        self._evidence = evidence
        self._width: int = width or getattr(executor, "_max_workers", None) or os.cpu_count() or 1
        self._running: dict[
            Future[Outcome], Future[Outcome]
        ] = {}  # the inner executor's, and the one we gave
        self._open = True

    def submit(self, task: Task) -> Future[Outcome]:
        """Hand the task to the inner executor.

        Raises:
            UsageError: after `shutdown`.
        """
        if not self._open:
            raise UsageError("a task was submitted to an executor that has been shut down")
        given: Future[Outcome] = Future()
        given.set_running_or_notify_cancel()
        try:
            inner = self._inner.submit(evaluate_durably, self._evaluator, task)
        except RuntimeError as error:  # a broken pool, or one that its owner has shut down
            given.set_result(_lost(error))
            return given
        self._running[inner] = given
        inner.add_done_callback(self._pass_on)
        return given

    def width(self) -> int:
        """How many tasks the inner executor runs at once, as far as it is known."""
        return self._width

    def shutdown(self, *, kill: bool = False) -> None:
        """Wait for what was submitted; with `kill`, cancel what has not begun and wait for nothing."""
        self._open = False
        if not kill:
            wait(list(self._running.values()))
        for inner in list(self._running):
            inner.cancel()
        for given in list(self._running.values()):
            _settle(given, Outcome("infrastructure_failure", error="the executor was shut down"))

    def _pass_on(self, inner: Future[Outcome]) -> None:
        try:
            self._settle(inner, inner.result())
        except (CancelledError, Exception) as error:  # noqa: BLE001 - the evaluator's own are values by now: this is the inner executor's
            if self._evidence is None:
                self._settle(inner, _lost(error))
                return
            # in a thread of its own: this one may be whose answers the evidence needs
            threading.Thread(target=self._settle_with_evidence, args=(inner, error), daemon=True).start()

    def _settle_with_evidence(self, inner: Future[Outcome], error: BaseException) -> None:
        assert self._evidence is not None
        outcome = _lost(error)
        details = "\n\n".join(part for part in (self._evidence(error), outcome.details) if part)
        self._settle(inner, replace(outcome, details=details or None))

    def _settle(self, inner: Future[Outcome], outcome: Outcome) -> None:
        _settle(self._running[inner], outcome)
        del self._running[inner]


def _settle(given: Future[Outcome], outcome: Outcome) -> None:
    with contextlib.suppress(InvalidStateError):  # an executor that was shut down has settled what still ran
        given.set_result(outcome)


def _lost(error: BaseException) -> Outcome:
    line, details = describe_exception(error)
    return Outcome("infrastructure_failure", error=f"lost by the executor: {line}", details=details)
