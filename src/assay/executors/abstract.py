"""What an executor is: it takes a task, and gives a future of an outcome. Failures are values, not exceptions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.records import Outcome

__all__ = ["AbstractEvaluator", "AbstractExecutor", "Task"]


@dataclass(frozen=True)
class Task:
    """One attempt at one suggestion.

    Arguments:
        study_id, number, attempt: the key of the evaluation.
        kwargs: what the evaluator receives, name to value.
        timeout_seconds: the user's time-out; None for none.
        outbox: the folder where the worker makes its outcome durable before it returns; None for none.
    """

    study_id: str
    number: int
    attempt: int
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    timeout_seconds: float | None = None
    outbox: Path | None = None


class AbstractEvaluator(ABC):
    """The expensive model, as something that can be sent to another process (it pickles).

    `enforces_timeout` says that `evaluate` itself ends an evaluation at the task's time-out; otherwise only an
    executor can that is able to kill the process. `makes_durable` says that it leaves the outcome in the task's outbox
    itself, wherever it evaluates.
    """

    enforces_timeout: bool = False
    makes_durable: bool = False

    @abstractmethod
    def evaluate(self, task: Task) -> Outcome:
        """Evaluate; an exception of the model comes back as an outcome with its text."""


class AbstractExecutor(ABC):
    """Where evaluations run."""

    @abstractmethod
    def submit(self, task: Task) -> Future[Outcome]:
        """Start the task, or queue it. The future holds an outcome, whatever happened."""

    @abstractmethod
    def width(self) -> int:
        """How many tasks can run at once."""

    @abstractmethod
    def shutdown(self, *, kill: bool = False) -> None:
        """Wait for what runs, or kill it; free everything. May be called twice."""
