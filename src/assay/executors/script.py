"""A user's Python script as an evaluator: parameters between two marks, and a variable `response`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

from assay.errors import EvaluationError, UsageError
from assay.executors.abstract import AbstractEvaluator, Task
from assay.executors.attempts import Attempts, program_environment
from assay.executors.results import outcome_of
from assay.records import Outcome

__all__ = ["ScriptDescription", "ScriptEvaluator", "describe_script"]

_CHILD = Path(__file__).with_name("script_child.py")
_DESCRIBE_SECONDS = 60.0
_TASK, _OUTCOME = "parameters.json", "response.json"


@final
@dataclass(frozen=True)
class ScriptDescription:
    """What a script says of itself.

    Arguments:
        index: the names of its parameters.
        columns: what it says of each of them, by column: `value`, `min`, `max` and what else there is.
        attrs: what it says of all of them, such as `constraints`.
        responses: the names of its responses where it sets `response = {"name": ...}`; None where that cannot be read off.
    """

    index: tuple[str, ...]
    columns: Mapping[str, Sequence[Any]]
    attrs: Mapping[str, Any]
    responses: tuple[str, ...] | None


def describe_script(script: str | Path, interpreter: Sequence[str] = (sys.executable,)) -> ScriptDescription:
    """Run the block of parameters of a script, in a process of its own, and read what it defines.

    Raises:
        UsageError: when the script cannot be read, has no such block, or never sets `response`.
    """
    argv = [*interpreter, str(_CHILD), "describe", str(script)]
    try:
        ended = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            timeout=_DESCRIBE_SECONDS,
            check=False,
            env=program_environment({}),
            stdin=subprocess.DEVNULL,
        )
        if ended.returncode:
            reason = ended.stderr.strip().rpartition("\n")[2] or f"exit status {ended.returncode}"
            raise UsageError(f"the script {script} cannot be used: {reason}")
        found = json.loads(ended.stdout.strip().rpartition("\n")[2])
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"the script {script} cannot be used: {error}") from None
    table, responses = found["parameters"], found["responses"]
    return ScriptDescription(
        tuple(table["index"]),
        table["columns"],
        table["attrs"] or {},
        None if responses is None else tuple(responses),
    )


@final
class ScriptEvaluator(AbstractEvaluator):
    """Runs a Python script for each evaluation, with its parameters replaced.

    Between the lines `# ASSAY PARAMETERS START` and `# ASSAY PARAMETERS END` (or `MED` in place of `ASSAY`) the script sets
    `parameters`, by `create_parameters`; below it reads `parameters["value"]["A"]` and sets `response` to a number, a list of
    numbers or a dict of these by name. If it likes it sets `response_uncertainty`, their standard deviation in the same form,
    by which models weigh them, and `extra` to anything that JSON holds, which is kept. Each run is a
    process of its own in a folder of its own, where `stdout.txt` and `stderr.txt` grow while it runs; values go in and out
    as JSON. A run that fails, or sets no `response`, is a model failure with its reason; its folder stays. Runs need
    neither this package nor `medeq`: a stand-in for `create_parameters` is there.

    Arguments:
        script: its path.
        interpreter: the command of a Python from 3.10 on, before the script's name; None for this one.
        working_directory: where the folders of the runs are made; None for `runs` in the current folder.
        environment: further environment variables.
        keep: whether the folders of successful runs stay.

    Raises:
        UsageError: when the script cannot be read, has no such block, or never sets `response`.

    Example:
        >>> script = getfixture("tmp_path") / "area.py"
        >>> _ = script.write_text('''
        ... # ASSAY PARAMETERS START
        ... from assay import create_parameters
        ... parameters = create_parameters(["a", "b"], minimums=[0, 0], maximums=[1, 2])
        ... # ASSAY PARAMETERS END
        ... response = parameters["value"]["a"] * parameters["value"]["b"]
        ... ''')
        >>> evaluator = ScriptEvaluator(script, working_directory=script.parent / "runs")
        >>> evaluator.evaluate(Task("study", number=0, attempt=1, kwargs={"a": 0.5, "b": 2.0})).measurements[0].value
        (1.0,)
    """

    enforces_timeout: bool = True

    def __init__(
        self,
        script: str | Path,
        interpreter: str | Sequence[str] | None = None,
        working_directory: str | Path | None = None,
        environment: Mapping[str, str] | None = None,
        keep: bool = True,
    ) -> None:
        self.script = Path(script).resolve()
        given = sys.executable if interpreter is None else interpreter
        self._interpreter = (given,) if isinstance(given, str) else tuple(given)
        self.description = describe_script(self.script, self._interpreter)
        place = Path(working_directory or "runs").resolve()
        self._attempts = Attempts(place, program_environment(environment or {}), keep, "the script")

    def __repr__(self) -> str:
        return f"ScriptEvaluator({self.script.name!r})"

    def evaluate(self, task: Task) -> Outcome:
        """Run the script in a fresh folder, and read what it set."""
        index = self.description.index
        columns = {**self.description.columns, "value": [task.kwargs.get(name) for name in index]}
        given = json.dumps({"number": task.number, "index": index, "columns": columns}, default=_plain_number)
        argv = [*self._interpreter, str(_CHILD), "run", str(self.script), _TASK, _OUTCOME]
        return self._attempts.run(task, argv, {_TASK: given}, _read)


def _read(folder: Path) -> Outcome:
    try:
        found = json.loads((folder / _OUTCOME).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EvaluationError(f"the script's outcome {_OUTCOME} cannot be read: {error}") from None
    outcome = outcome_of(found["response"], uncertainties=found["response_uncertainty"])
    return replace(outcome, extra=found["extra"])


def _plain_number(value: Any) -> Any:
    """A number of NumPy's as one of Python's."""
    return value.item()
