"""Functions and scripts as the simulation of an exploration."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.executors.abstract import AbstractEvaluator
from assay.executors.evaluators import PythonEvaluator, load_function
from assay.executors.responses import NamedResponses

__all__ = ["VectorFunction", "named_evaluator", "takes_names"]


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
    source: Callable[..., Any] | str | AbstractEvaluator,
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
