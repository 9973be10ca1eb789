"""One evaluation at a time, in the calling thread."""

from __future__ import annotations

from concurrent.futures import Future
from typing import final

from assay.errors import UsageError
from assay.executors.abstract import AbstractEvaluator, AbstractExecutor, Task
from assay.executors.outbox import evaluate_durably
from assay.records import Outcome

__all__ = ["SerialExecutor"]


@final
class SerialExecutor(AbstractExecutor):
    """Evaluates in the calling thread: `submit` returns when the evaluation has ended.

    The simplest place, and the only one for functions that cannot be sent to another process (a lambda, a
    notebook cell). It protects from nothing: an evaluation that crashes takes the runner with it (the study can
    be resumed), and **a time-out has no effect on a Python function**, since nothing can stop the thread that it
    runs in; use the local pool for that. External commands do obey their time-out. Ctrl-C goes through.

    Example:
        >>> from assay.executors.evaluators import PythonEvaluator
        >>> executor = SerialExecutor(PythonEvaluator(lambda x: 2 * x))
        >>> executor.submit(Task("study", number=0, attempt=1, kwargs={"x": 2.0})).result().measurements[0].value
        (4.0,)
    """

    def __init__(self, evaluator: AbstractEvaluator) -> None:
        self._evaluator = evaluator
        self._open = True

    def submit(self, task: Task) -> Future[Outcome]:
        """Evaluate; the future is done.

        Raises:
            UsageError: after `shutdown`.
        """
        if not self._open:
            raise UsageError("a task was submitted to a serial executor that has been shut down")
        future: Future[Outcome] = Future()
        future.set_running_or_notify_cancel()
        future.set_result(evaluate_durably(self._evaluator, task))
        return future

    def width(self) -> int:
        """One."""
        return 1

    def shutdown(self, *, kill: bool = False) -> None:  # noqa: ARG002 - nothing runs that could be killed
        """Nothing runs here that could be waited for."""
        self._open = False
