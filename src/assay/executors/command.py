"""An external command as an evaluator."""

from __future__ import annotations

import functools
import math
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, final

from assay.errors import EvaluationError, UsageError
from assay.executors.abstract import AbstractEvaluator, Task
from assay.executors.evaluators import describe_exception
from assay.executors.extraction import STDOUT, Extraction, require_inside
from assay.executors.processes import describe_exit, die_with, is_killed_from_outside, kill_group
from assay.executors.results import outcome_of
from assay.executors.templates import Template
from assay.records import Outcome

__all__ = ["CommandEvaluator"]

STDERR = "stderr.txt"
_TAIL_BYTES = 4000


@final
class CommandEvaluator(AbstractEvaluator):
    """Runs an external command, and reads its result from what it leaves behind.

    Every attempt has a fresh folder, in which the templates are filled in and the command is run; `stdout.txt` and
    `stderr.txt` there hold what it printed. The folder is removed after a success, and kept after a failure, whose
    details name it. A non-zero exit, a crash, the time-out, a missing result, a NaN: model failures. A command killed
    from outside (SIGKILL, SIGTERM), or that cannot be started: an infrastructure failure.

    Arguments:
        argv: the program and its arguments, never seen by a shell; `{{name}}` and `{{name:.6e}}` stand for parameters.
            An entry that begins with `./` or `../` is a path relative to `folder`. A program without a slash is
            looked up in the PATH, in which the virtual environment of this Python comes first.
        templates: pairs of a file (relative to `folder`) to be filled in, and its name in the attempt's folder.
        result: where the result is; an `Extraction` or its table, see there.
        working_directory: where the folders of the attempts are made; None for `runs` in `folder`.
        environment: further environment variables.
        folder: what relative paths start from; None for the current folder.
        keep: whether the folders of successful attempts are kept too.

    Raises:
        UsageError: when a placeholder is malformed, or the program or a template does not exist.

    Example:
        >>> evaluator = CommandEvaluator(["echo", "loss = {{x:.3f}}"], result={"stdout": True, "regex": "loss = (.*)"},
        ...     working_directory=getfixture("tmp_path"))
        >>> evaluator.evaluate(Task("study", number=0, attempt=1, kwargs={"x": 2.0})).measurements[0].value
        (2.0,)
    """

    enforces_timeout: ClassVar[bool] = True

    def __init__(
        self,
        argv: Sequence[str],
        result: Extraction | Mapping[str, Any],
        templates: Sequence[tuple[str | Path, str]] = (),
        working_directory: str | Path | None = None,
        environment: Mapping[str, str] | None = None,
        folder: str | Path | None = None,
        keep: bool = False,
    ) -> None:
        if isinstance(argv, str) or not argv or not all(isinstance(entry, str) for entry in argv):
            raise UsageError(f"a command must be a list of a program and its arguments, got {argv!r}")
        base = Path(folder or ".").resolve()
        self._environment = _environment(environment or {})
        program, *arguments = (_located(entry, base) for entry in argv)
        self._argv = [
            Template.parse(entry, f"the command's entry {entry!r}")
            for entry in (_found(program, self._environment), *arguments)
        ]
        self._templates = {target: _read_template(base / source, target) for source, target in templates}
        self._extraction = result if isinstance(result, Extraction) else Extraction.from_data(result)
        self._working_directory = base / (working_directory or "runs")
        self._keep = keep

    def __repr__(self) -> str:
        return f"CommandEvaluator({' '.join(entry.whose for entry in self._argv[:1])})"

    @property
    def names(self) -> frozenset[str]:
        """The parameters that the command and its templates ask for."""
        return frozenset().union(*(template.names for template in (*self._argv, *self._templates.values())))

    def require_names(self, known: Collection[str]) -> None:
        """Check the placeholders against a study's parameters, before anything runs.

        Raises:
            UsageError: when a placeholder names none of them.
        """
        for template in (*self._argv, *self._templates.values()):
            for name in sorted(template.names.difference(known)):
                raise UsageError(
                    f"a placeholder in {template.whose} must name one of {', '.join(map(repr, known))}, got {name!r}"
                )

    def evaluate(self, task: Task) -> Outcome:
        """Run the command in a fresh folder, and read its result."""
        try:
            argv = [entry.fill(task.kwargs) for entry in self._argv]
            files = {target: template.fill(task.kwargs) for target, template in self._templates.items()}
        except UsageError as error:
            return Outcome("model_failure", error=str(error))
        try:
            attempt = _fresh_folder(self._working_directory, f"{task.number}-{task.attempt}")
            for target, text in files.items():
                (attempt / target).parent.mkdir(parents=True, exist_ok=True)
                (attempt / target).write_text(text, encoding="utf-8", newline="")
        except OSError as error:
            return Outcome(
                "infrastructure_failure", error=f"the attempt's folder cannot be prepared: {error}"
            )
        began = time.perf_counter()
        outcome = self._run(argv, attempt, task.timeout_seconds)
        outcome = replace(outcome, seconds=time.perf_counter() - began)
        if outcome.status == "succeeded":
            if not self._keep:
                shutil.rmtree(attempt, ignore_errors=True)
            return outcome
        return replace(outcome, details=_details(attempt, outcome.details))

    def _run(self, argv: Sequence[str], attempt: Path, timeout_seconds: float | None) -> Outcome:
        try:
            returncode = _run_to_the_end(argv, attempt, self._environment, timeout_seconds)
        except subprocess.TimeoutExpired:
            return Outcome("model_failure", error=f"timed out after {timeout_seconds:g} s")
        except OSError as error:
            return Outcome("infrastructure_failure", error=f"the command cannot be started: {error}")
        if returncode != 0:
            return _ended(returncode, attempt)
        try:
            return outcome_of(self._extraction.read(attempt))
        except EvaluationError as error:
            return Outcome("model_failure", error=str(error))
        except Exception as error:  # noqa: BLE001 - the user's own reader, which may raise anything
            line, details = describe_exception(error, skip_frames=1)
            return Outcome("model_failure", error=line, details=details)


def _run_to_the_end(
    argv: Sequence[str], folder: Path, environment: Mapping[str, str], timeout_seconds: float | None
) -> int:
    """Run a command with all that it starts, and leave nothing of it behind."""
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
    """What makes a command end with this process, where that can be had: Python may only run code between fork and exec
    in a process with one thread, such as a worker of the local pool."""
    if sys.platform == "linux" and threading.active_count() == 1:
        return functools.partial(die_with, os.getpid())
    return None


def _ended(returncode: int, attempt: Path) -> Outcome:
    """The outcome of a command that did not end well."""
    last = _tail(attempt / STDERR).strip().rpartition("\n")[2][:200]
    verb = "ended with" if returncode > 0 else "was"
    error = f"the command {verb} {describe_exit(returncode)}{f': {last}' if last else ''}"
    return Outcome(
        "infrastructure_failure" if is_killed_from_outside(returncode) else "model_failure", error=error
    )


def _environment(further: Mapping[str, str]) -> dict[str, str]:
    environment = dict(os.environ)
    if sys.prefix != sys.base_prefix:  # as if the virtual environment had been activated
        programs = str(Path(sys.executable).parent)
        environment["PATH"] = os.pathsep.join(filter(None, (programs, environment.get("PATH"))))
    return environment | dict(further)


def _located(entry: str, base: Path) -> str:
    """An entry of the command, with its path made absolute if it begins as one relative to the study."""
    if not entry.startswith(("./", "../")):
        return entry
    path = Path(os.path.normpath(base / entry))
    if "{{" not in entry and not path.exists():
        raise UsageError(f"the command's entry {entry!r} must be a path that exists, and {path} does not")
    return str(path)


def _found(program: str, environment: Mapping[str, str]) -> str:
    found = shutil.which(program, path=environment.get("PATH"))
    if found is None:
        raise UsageError(
            f"the command's program must be an executable on the PATH, or begin with ./ for one beside the study, "
            f"got {program!r}"
        )
    return found


def _read_template(source: Path, target: str) -> Template:
    require_inside(target, "the target of a template")
    try:
        text = source.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the template {source} must be a readable text file: {error}") from None
    return Template.parse(text, f"the template {source.name}")


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


def _details(attempt: Path, details: str | None) -> str:
    tail = _tail(attempt / STDERR).strip()
    parts = [f"folder of the attempt: {attempt}", details or "", f"end of {STDERR}:\n{tail}" if tail else ""]
    return "\n".join(filter(None, parts))


def _tail(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - _TAIL_BYTES))
            return stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
