"""The pool's side of one worker process: start it, give it a task, learn how it ended."""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO, cast, final

from assay.errors import EvaluationError
from assay.executors.abstract import Task
from assay.executors.outbox import read_from_outbox
from assay.executors.processes import describe_exit, is_killed_from_outside, kill_session
from assay.executors.worker import Done, Ready, Refused, Setup, Started
from assay.records import Outcome

__all__ = ["WorkerGoneError", "WorkerHandle"]

_GOODBYE_SECONDS = 5.0
_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from assay.executors.worker import main; main()"


class WorkerGoneError(Exception):
    """The worker ended before it had begun with the task."""


@final
class WorkerHandle:
    """One worker process.

    It is started in a session of its own, so that a signal from the terminal does not reach it and that all
    that it starts can be killed with it. The thread that starts it must live as long as the worker may: Linux
    counts a parent's *thread* as the parent when it ends a worker with its runner.

    Arguments:
        setup: what the worker needs to know.

    Raises:
        EvaluationError: when the system cannot start one more process.
    """

    def __init__(self, setup: Setup) -> None:
        environment = dict.fromkeys(_THREAD_VARIABLES, "1") | dict(os.environ)
        self._last_words = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker, by _bury
        descriptor = self._last_words.fileno() if os.name == "posix" else None
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, *(setup.path or sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                start_new_session=True,
                pass_fds=() if descriptor is None else (descriptor,),
            )
        except OSError as error:
            self._last_words.close()
            raise EvaluationError(f"no worker process can be started: {error}") from None
        self._requests = cast("BinaryIO", self._process.stdin)
        self._replies = cast("BinaryIO", self._process.stdout)
        self._setup = replace(setup, last_words=descriptor)
        self._stack: str | None = None
        self.leaving = False

    def wait_until_ready(self) -> None:
        """Wait for the worker to load the evaluator, however long the user's imports take.

        Raises:
            EvaluationError: when it cannot, with the reason.
            WorkerGoneError: when the worker was killed from outside meanwhile; another one may fare better.
        """
        try:
            self._send(self._setup)
            answer = self._receive()
        except (EOFError, OSError):
            status = self._bury()
            problem = f"a worker ended while it loaded the evaluator: {describe_exit(status)}"
            killed = is_killed_from_outside(status)
            raise (WorkerGoneError(problem) if killed else EvaluationError(problem)) from None
        if isinstance(answer, Refused):
            self._bury()
            error = EvaluationError(f"a worker cannot load the evaluator: {answer.error}")
            error.add_note(answer.details)
            raise error

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def run(self, task: Task, limit_seconds: float) -> Outcome:
        """Have the task evaluated, and wait for what becomes of it.

        Arguments:
            task: the task.
            limit_seconds: the worker is killed after this time; infinity for never.

        Raises:
            WorkerGoneError: when the worker was gone before it began; the task has done nothing yet.
        """
        try:
            self._send(task)
            self._receive()
        except (EOFError, OSError):
            how = describe_exit(self._bury())
            raise WorkerGoneError(f"a worker ended before it began with the evaluation: {how}") from None
        began = time.monotonic()
        alarm = _Alarm(limit_seconds, self.kill)
        try:
            done = cast("Done", self._receive())
        except (EOFError, OSError, pickle.UnpicklingError):
            done = None
        finally:
            alarm.cancel()
        if done is None or alarm.rang:
            returncode = self._bury()
            kept = (
                done.outcome if done else _kept(task)
            )  # it may have ended just after it had written the outcome
            seconds = time.monotonic() - began
            return kept or self._ended(returncode, task.timeout_seconds if alarm.rang else None, seconds)
        self.leaving = done.leaving
        return done.outcome

    def stop(self) -> None:
        """Let an idle worker end by itself, and kill it if it does not."""
        self._close_requests()
        self._bury()

    def kill(self) -> None:
        """Kill the worker with all that it started; safe from any thread, at any time."""
        if self._process.returncode is None:
            kill_session(self._process.pid)

    def _send(self, message: Setup | Task) -> None:
        self._requests.write(pickle.dumps(message))  # in one piece: what cannot be pickled is not begun
        self._requests.flush()

    def _receive(self) -> Ready | Refused | Started | Done:
        return pickle.load(self._replies)

    def _bury(self) -> int:
        """Wait for the end of a worker that is ending, kill what it leaves behind, and say how it ended."""
        try:
            returncode = self._process.wait(_GOODBYE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            returncode = self._process.wait()
        if not self._replies.closed:
            kill_session(self._process.pid)
            self._close_requests()
            self._replies.close()
            with self._last_words as file:
                file.seek(0)
                self._stack = file.read().decode("utf-8", errors="replace") or None
        return returncode

    def _ended(self, returncode: int, timeout_seconds: float | None, seconds: float) -> Outcome:
        """The outcome of a task whose worker ended."""
        if timeout_seconds is not None:
            return Outcome("model_failure", seconds=seconds, error=f"timed out after {timeout_seconds:g} s")
        how = describe_exit(returncode)
        if is_killed_from_outside(returncode):
            return Outcome("infrastructure_failure", seconds=seconds, error=f"worker lost: {how}")
        return Outcome("crash", seconds=seconds, error=f"worker died: {how}", details=self._stack)

    def _close_requests(self) -> None:
        with contextlib.suppress(OSError):  # the worker is gone, and with it what was not flushed
            self._requests.close()


class _Alarm:
    """Calls something after a while, unless cancelled; `rang` is settled once `cancel` has returned."""

    def __init__(self, seconds: float, action: Callable[[], None]) -> None:
        self.rang = False
        self._action = action
        self._timer = threading.Timer(seconds, self._ring) if math.isfinite(seconds) else None
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()

    def _ring(self) -> None:
        self.rang = True
        self._action()

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()


def _kept(task: Task) -> Outcome | None:
    return read_from_outbox(task.outbox, task.number, task.attempt) if task.outbox is not None else None
