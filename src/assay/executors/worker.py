"""The worker's side of the local pool: a fresh interpreter that evaluates one task at a time.

It imports little, since a pool starts many of them. What it says to its pool goes through a pipe that only it
knows: standard output is turned to standard error, so that a model may print what it likes.

The conversation, pickled: the pool sends a `Setup`; the worker answers `Ready` or `Refused`. For every `Task` that
the pool sends, the worker answers `Started` and, when the outcome is durable, `Done`.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import pickle
import runpy
import signal
import sys
import types
from dataclasses import dataclass
from typing import BinaryIO, Literal

from assay.executors.abstract import AbstractEvaluator, Task
from assay.executors.evaluators import describe_exception
from assay.executors.outbox import evaluate_durably
from assay.executors.processes import address_space_bytes, die_with, limit_address_space
from assay.records import Outcome

__all__ = ["Done", "Ready", "Refused", "Setup", "Started", "is_loading", "main"]

_loading = False


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker needs to know.

    Arguments:
        parent: the process that it must not outlive.
        arguments: the runner's `sys.argv`.
        main: where the runner's `__main__` comes from, when the evaluator needs it.
        evaluator: the evaluator, pickled; it can only be read once `__main__` is there.
        memory_limit_bytes: the most address space that it may use.
        max_tasks: after this many tasks it leaves.
        last_words: the descriptor of a file for the stack of Python at a fatal signal.
        path: where it looks for modules; None for where its parent does.
    """

    parent: int
    arguments: list[str]
    main: tuple[Literal["module", "path"], str] | None
    evaluator: bytes
    memory_limit_bytes: int | None
    max_tasks: int | None
    last_words: int | None = None
    path: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """The evaluator is loaded."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The evaluator cannot be loaded here."""

    error: str
    details: str


@dataclass(frozen=True, slots=True)
class Started:
    """The task has arrived: from here on, what happens to the worker is the task's doing."""


@dataclass(frozen=True, slots=True)
class Done:
    """The outcome; `leaving` says that the worker ends by itself now."""

    outcome: Outcome
    leaving: bool


def is_loading() -> bool:
    """Whether this process is a worker that is loading the user's script (which must not start a pool then)."""
    return _loading


def main() -> None:
    """Serve the pool at the other end of standard input and output until it hangs up."""
    requests, replies = _take_pipes()
    _keep_from_forks(requests, replies)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the runner decides what Ctrl-C means
    setup: Setup = pickle.load(requests)
    die_with(setup.parent)
    if setup.last_words is not None:
        os.set_inheritable(setup.last_words, False)
        faulthandler.enable(setup.last_words, all_threads=False)
    evaluator = _load(setup)
    if isinstance(evaluator, Refused):
        return _send(replies, evaluator)
    _send(replies, Ready())
    tasks = 0
    while True:
        try:
            task: Task = pickle.load(requests)
        except EOFError:
            return None
        tasks += 1
        _send(replies, Started())
        outcome = _evaluate(evaluator, task)
        with contextlib.suppress(
            AttributeError, ValueError, OSError
        ):  # the model may have closed or replaced it
            sys.stdout.flush()
        leaving = tasks == setup.max_tasks or _is_swollen(setup.memory_limit_bytes)
        _send(replies, Done(outcome, leaving))
        if leaving:
            return None


def _evaluate(evaluator: AbstractEvaluator, task: Task) -> Outcome:
    try:
        return evaluate_durably(evaluator, task)
    except KeyboardInterrupt as error:  # nobody presses Ctrl-C here: it is the model's own
        line, details = describe_exception(error)
        return Outcome("model_failure", error=line, details=details)


def _keep_from_forks(requests: BinaryIO, replies: BinaryIO) -> None:
    """Close the pipes in whatever the model forks: a process that outlives this one must not hold them open, since
    the pool would not learn then that this one has ended."""
    descriptors = requests.fileno(), replies.fileno()

    def close() -> None:
        for descriptor in descriptors:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=close)


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep the pipes to the pool under private descriptors, which no child process inherits."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, replies


def _send(replies: BinaryIO, message: Ready | Refused | Started | Done) -> None:
    pickle.dump(message, replies, protocol=pickle.HIGHEST_PROTOCOL)
    replies.flush()


def _load(setup: Setup) -> AbstractEvaluator | Refused:
    global _loading
    sys.argv = setup.arguments
    _loading = True
    try:
        if setup.memory_limit_bytes is not None:
            limit_address_space(setup.memory_limit_bytes)
        if setup.main is not None:
            _load_main(*setup.main)
        return pickle.loads(setup.evaluator)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - loading runs the user's modules
        return Refused(*describe_exception(error))
    finally:
        _loading = False


def _load_main(kind: Literal["module", "path"], name: str) -> None:
    """Run the runner's script under another name, as `multiprocessing` does: the part under the guard
    `if __name__ == "__main__":` stays asleep."""
    run = runpy.run_module if kind == "module" else runpy.run_path
    module = types.ModuleType("__mp_main__")
    module.__dict__.update(run(name, run_name="__mp_main__"))
    sys.modules["__main__"] = sys.modules["__mp_main__"] = module


def _is_swollen(limit: int | None) -> bool:
    """Whether so much memory is in use after a task that the next one might fail for the fault of this one."""
    used = address_space_bytes() if limit is not None else None
    return limit is not None and used is not None and used > limit // 2
