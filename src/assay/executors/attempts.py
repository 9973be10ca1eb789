"""Attempts of a program: each in a fresh folder, to the end, with nothing of it left behind."""

from __future__ import annotations

import functools
import math
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import final

from assay.errors import EvaluationError
from assay.executors.abstract import Task
from assay.executors.evaluators import describe_exception
from assay.executors.extraction import STDOUT
from assay.executors.processes import describe_exit, die_with, is_killed_from_outside, kill_group
from assay.records import Outcome

__all__ = ["STDERR", "Attempts", "program_environment"]

STDERR = "stderr.txt"
_TAIL_BYTES = 4000


@final
@dataclass(frozen=True)
class Attempts:
    """Where the attempts of a program are made, and how.

    Every attempt has a folder of its own, in which `stdout.txt` and `stderr.txt` hold what it printed. The folder is
    removed after a success unless `keep`, and kept after a failure, whose details name it. A non-zero exit, a crash, the
    time-out, a result that cannot be read: model failures. A program that was killed from outside, or that cannot be
    started: an infrastructure failure.

    Arguments:
        working_directory: where the folders are made.
        environment: of the program, whole.
        keep: whether the folders of successful attempts stay.
        what: the program, for errors.
    """

    working_directory: Path
    environment: Mapping[str, str] = field(repr=False)
    keep: bool
    what: str

    def run(
        self, task: Task, argv: Sequence[str], files: Mapping[str, str], read: Callable[[Path], Outcome]
    ) -> Outcome:
        """Make one attempt.

        Arguments:
            task: its number, attempt and time-out.
            argv: the program and its arguments.
            files: text by path inside the attempt's folder, written before the program starts.
            read: what the program resulted in, from its folder; may raise `EvaluationError`, or anything that a reader of
                the user's raises.
        """
        try:
            folder = _fresh_folder(self.working_directory, f"{task.number}-{task.attempt}")
            for target, text in files.items():
                (folder / target).parent.mkdir(parents=True, exist_ok=True)
                (folder / target).write_text(text, encoding="utf-8", newline="")
        except OSError as error:
            return Outcome(
                "infrastructure_failure", error=f"the attempt's folder cannot be prepared: {error}"
            )
        began = time.perf_counter()
        outcome = self._to_the_end(argv, folder, task.timeout_seconds, read)
        outcome = replace(outcome, seconds=time.perf_counter() - began)
        if outcome.status == "succeeded":
            if not self.keep:
                shutil.rmtree(folder, ignore_errors=True)
            return outcome
        return replace(outcome, details=_details(folder, outcome.details))

    def _to_the_end(
        self,
        argv: Sequence[str],
        folder: Path,
        timeout_seconds: float | None,
        read: Callable[[Path], Outcome],
    ) -> Outcome:
        try:
            returncode = _run(argv, folder, self.environment, timeout_seconds)
        except subprocess.TimeoutExpired:
            return Outcome("model_failure", error=f"timed out after {timeout_seconds:g} s")
        except OSError as error:
            return Outcome("infrastructure_failure", error=f"{self.what} cannot be started: {error}")
        if returncode != 0:
            return self._ended(returncode, folder)
        try:
            return read(folder)
        except EvaluationError as error:
            return Outcome("model_failure", error=str(error))
        except Exception as error:  # noqa: BLE001 - the user's own reader, which may raise anything
            line, details = describe_exception(error, skip_frames=1)
            return Outcome("model_failure", error=line, details=details)

    def _ended(self, returncode: int, folder: Path) -> Outcome:
        """The outcome of a program that did not end well."""
        last = _tail(folder / STDERR).strip().rpartition("\n")[2][:200]
        verb = "ended with" if returncode > 0 else "was"
        error = f"{self.what} {verb} {describe_exit(returncode)}{f': {last}' if last else ''}"
        lost = is_killed_from_outside(returncode)
        return Outcome("infrastructure_failure" if lost else "model_failure", error=error)


def program_environment(further: Mapping[str, str]) -> dict[str, str]:
    """The environment of a program: this process's, with the virtual environment of this Python first in its PATH."""
    environment = dict(os.environ)
    if sys.prefix != sys.base_prefix:  # as if the virtual environment had been activated
        programs = str(Path(sys.executable).parent)
        environment["PATH"] = os.pathsep.join(filter(None, (programs, environment.get("PATH"))))
    return environment | dict(further)


def _run(
    argv: Sequence[str], folder: Path, environment: Mapping[str, str], timeout_seconds: float | None
) -> int:
    """Run a program with all that it starts, and leave nothing of it behind."""
    with (folder / STDOUT).open("wb") as stdout, (folder / STDERR).open("wb") as stderr:
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            process_group=0 if os.name == "posix" else None,
            preexec_fn=_tie_to_this_process(),
        )
        try:
            return process.wait(None if timeout_seconds == math.inf else timeout_seconds)
        finally:  # the time-out and Ctrl-C included
            kill_group(process.pid)
            process.wait()


def _tie_to_this_process() -> Callable[[], None] | None:
    """What makes a program end with this process, where that can be had: Python may only run code between fork and exec
    in a process with one thread, such as a worker of the local pool."""
    if sys.platform == "linux" and threading.active_count() == 1:
        return functools.partial(die_with, os.getpid())
    return None


def _fresh_folder(parent: Path, name: str) -> Path:
    """A new folder; under a further name when an earlier run left one of this name."""
    parent.mkdir(parents=True, exist_ok=True)
    tries = 1
    while True:
        path = parent / (name if tries == 1 else f"{name}.{tries}")
        try:
            path.mkdir()
        except FileExistsError:
            tries += 1
        else:
            return path


def _details(folder: Path, details: str | None) -> str:
    tail = _tail(folder / STDERR).strip()
    parts = [f"folder of the attempt: {folder}", details or "", f"end of {STDERR}:\n{tail}" if tail else ""]
    return "\n".join(filter(None, parts))


def _tail(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - _TAIL_BYTES))
            return stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
