"""Functions and scripts as the simulation of an exploration."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np

from assay.errors import EvaluationError, UsageError
from assay.executors.abstract import AbstractEvaluator, Task
from assay.executors.evaluators import PythonEvaluator, load_function
from assay.executors.responses import NamedResponses
from assay.executors.script import ScriptEvaluator
from assay.records import Outcome, Trial
from assay.study.evaluation import ExecutorChoice, build_executor, evaluation_arguments
from assay.study.exploration.parameters import space_of_parameters, table_of, table_of_space
from assay.study.study import Study

Source = Callable[..., Any] | AbstractEvaluator | str
"""What evaluates: a function, an evaluator, or a "module:function" text."""
RUNS = "runs"
"""The folder in which the runs of a script are made."""

__all__ = ["Source", "VectorFunction", "evaluated_alone", "named_evaluator", "simulation_of", "takes_names"]


@final
@dataclass(frozen=True)
class VectorFunction:
    """A function of a vector, to be called with the parameters by name.

    Arguments:
        function: of an array (parameters,), of objects where one is a label.
        names: the order of the parameters.

    Example:
        >>> VectorFunction(lambda v: v[0] - v[1], ("A", "B"))(B=1.0, A=3.0)
        np.float64(2.0)
    """

    function: Callable[[Any], Any]
    names: tuple[str, ...]

    def __call__(self, **values: Any) -> Any:
        row = [values[name] for name in self.names]
        return self.function(np.array(row, dtype=object if any(isinstance(x, str) for x in row) else float))


def simulation_of(
    parameters: Any, interpreter: str | Sequence[str] | None, directory: str | Path | None
) -> tuple[Any, ScriptEvaluator | None, Path | None]:
    """The table of parameters, the script where it is one that says them, and the folder where all is kept.

    Arguments:
        parameters: a table, a list of parameters or a space, the path of a script, or its evaluator.
        interpreter: the command of the Python for a script.
        directory: None for memory, or for a script the folder `<script>.exploration`.
    """
    folder = None if directory is None else Path(directory)
    if isinstance(parameters, str | Path):
        folder = Path(parameters).with_suffix(".exploration") if folder is None else folder
        parameters = ScriptEvaluator(parameters, interpreter, folder / RUNS)
    if isinstance(parameters, ScriptEvaluator):
        said = parameters.description
        return table_of(said.index, said.columns, said.attrs), parameters, folder
    if not hasattr(parameters, "to_dict"):
        parameters = table_of_space(space_of_parameters(parameters))
    return parameters, None, folder


def takes_names(function: Callable[..., Any], names: Sequence[str]) -> bool:
    """Whether a function's arguments are the parameters themselves, by their names.

    Example:
        >>> takes_names(lambda A, B: A + B, ["A", "B"]), takes_names(lambda v: v[0], ["A", "B"])
        (True, False)
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some functions of C have no signature
        return False
    needed = [
        item.name for item in parameters if item.default is item.empty and item.kind is not item.VAR_KEYWORD
    ]
    known = {item.name for item in parameters}
    open_ended = any(item.kind is item.VAR_KEYWORD for item in parameters)
    return bool(set(needed) <= set(names) and (open_ended or set(names) <= known))


def named_evaluator(
    source: Source,
    names: Sequence[str],
    responses: Sequence[str] | None,
) -> AbstractEvaluator:
    """The evaluator of a function of a vector, of one of the parameters by name, of a "module:function" text, or an
    evaluator as it is; what it returns gets the names of the responses.

    Raises:
        UsageError: when it is none of these.
    """
    if isinstance(source, AbstractEvaluator):
        return NamedResponses(source, responses)
    function = load_function(source) if isinstance(source, str) else source
    if not callable(function):
        raise UsageError(
            f"evaluate takes responses, a function, a 'module:function' text or an evaluator, got {type(source).__name__}"
        )
    if takes_names(function, names):
        return NamedResponses(PythonEvaluator(source), responses)
    return NamedResponses(PythonEvaluator(VectorFunction(function, tuple(names))), responses)


def evaluated_alone(
    evaluator: AbstractEvaluator, executor: ExecutorChoice, study: Study, trial: Trial
) -> Outcome:
    """The outcome of a single evaluation, where the others will run; a crash is a failure of the model.

    Raises:
        EvaluationError: when the evaluation was lost, which says nothing about the model.
    """
    settings, space = study.settings, study.space
    timeout = None if math.isinf(settings.timeout_seconds) else settings.timeout_seconds
    kwargs = evaluation_arguments(evaluator, space, trial.suggestion.kwargs)
    pool = build_executor(executor, evaluator, 1)
    try:
        outcome = pool.submit(Task(study.id, trial.number, 1, kwargs, timeout)).result()
    finally:
        pool.shutdown()
    if outcome.status == "infrastructure_failure":
        raise EvaluationError(f"the first evaluation was lost: {outcome.error}")
    return replace(outcome, status="model_failure") if outcome.status == "crash" else outcome
