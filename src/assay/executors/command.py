"""An external command as an evaluator."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, final

from assay.errors import UsageError
from assay.executors.abstract import AbstractEvaluator, Task
from assay.executors.attempts import Attempts, program_environment
from assay.executors.extraction import Extraction, require_inside
from assay.executors.results import outcome_of
from assay.executors.templates import Template
from assay.records import Outcome

__all__ = ["CommandEvaluator"]


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

    enforces_timeout: bool = True

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
        surroundings = program_environment(environment or {})
        program, *arguments = (_located(entry, base) for entry in argv)
        self._argv = [
            Template.parse(entry, f"the command's entry {entry!r}")
            for entry in (_found(program, surroundings), *arguments)
        ]
        self._templates = {target: _read_template(base / source, target) for source, target in templates}
        self._extraction = result if isinstance(result, Extraction) else Extraction.from_data(result)
        place = base / (working_directory or "runs")
        self._attempts = Attempts(place, surroundings, keep, "the command")

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
        return self._attempts.run(task, argv, files, lambda folder: outcome_of(self._extraction.read(folder)))


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
