"""From what the user hands to `run` to an executor."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from assay.errors import UsageError
from assay.executors.abstract import AbstractEvaluator, AbstractExecutor
from assay.space.space import Space
from assay.study.catalog import load

ExecutorChoice = str | Callable[[AbstractEvaluator], AbstractExecutor] | Executor | None

__all__ = ["ExecutorChoice", "build_evaluator", "build_executor", "evaluation_arguments", "outbox_of"]


def build_evaluator(evaluate: Callable[..., Any] | str | AbstractEvaluator) -> AbstractEvaluator:
    """The evaluator for a function, a "module:function" path, or an evaluator as it is."""
    if isinstance(evaluate, AbstractEvaluator):
        return evaluate
    from assay.executors.evaluators import PythonEvaluator  # only needed by those who run

    if not callable(evaluate) and not isinstance(evaluate, str):
        raise UsageError(
            f"evaluate must be a function, a 'module:function' text or an evaluator, got {type(evaluate).__name__}"
        )
    return PythonEvaluator(evaluate)


def build_executor(
    executor: ExecutorChoice, evaluator: AbstractEvaluator, num_parallel: int
) -> AbstractExecutor:
    """The executor for an evaluator.

    None means this thread for one evaluation at a time, and a pool of local processes for several.
    """
    if isinstance(executor, Executor):
        from assay.executors.adapter import FuturesExecutor

        return FuturesExecutor(evaluator, executor)
    if executor is not None and not isinstance(executor, str):
        return executor(evaluator)
    name = executor if executor is not None else ("serial" if num_parallel == 1 else "local")
    factory = load("executors", name)
    return factory(evaluator, workers=num_parallel) if name in ("local", "dask") else factory(evaluator)


def evaluation_arguments(
    evaluator: AbstractEvaluator, space: Space, kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """What an evaluator receives: all design and fixed environment parameters, and of the variable
    environment what a Python function's signature asks for."""
    function = getattr(evaluator, "function", None)
    if not callable(function):
        return dict(kwargs)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return dict(kwargs)
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return dict(kwargs)
    wanted = {parameter.name for parameter in parameters}
    optional = set(space.environment_names)
    return {name: value for name, value in kwargs.items() if name in wanted or name not in optional}


def outbox_of(location: str | Path | None, study_id: str) -> Path | None:
    """The folder beside a store file where workers make their outcomes durable; None for other stores."""
    if location is None or "://" in str(location):
        return None
    path = Path(location).absolute()  # evaluations may change the working directory
    return path.with_name(f"{path.name}.outbox") / study_id
