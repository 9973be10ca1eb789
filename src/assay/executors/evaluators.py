"""A Python function as an evaluator."""

from __future__ import annotations

import importlib
import time
import traceback
from collections.abc import Callable
from typing import Any, final

from assay.errors import UsageError
from assay.executors.abstract import AbstractEvaluator, Task
from assay.executors.results import outcome_of
from assay.records import Outcome

__all__ = ["PythonEvaluator", "describe_exception", "load_function"]

_DETAILS_CHARACTERS = 20_000


@final
class PythonEvaluator(AbstractEvaluator):
    """Calls a Python function with the parameters as keyword arguments.

    The function returns a number, a list, an array, a dict of these by surrogate name, or an `Observation`. An
    exception, a NaN or an infinity is a model failure: data, with the exception as its error and the traceback
    in its details.

    Arguments:
        function: a callable, or the path of one as "module:function". A path is imported at once, here and in
            every process that the evaluator is sent to.

    Raises:
        UsageError: when the path cannot be imported, or what it names cannot be called.

    Example:
        >>> evaluator = PythonEvaluator(lambda x: x**2)
        >>> evaluator.evaluate(Task("study", number=0, attempt=1, kwargs={"x": 3.0})).measurements[0].value
        (9.0,)
    """

    def __init__(self, function: Callable[..., Any] | str) -> None:
        self._source = function
        self.function: Callable[..., Any] = load_function(function) if isinstance(function, str) else function
        if not callable(self.function):
            raise UsageError(
                f"an evaluator must be a function or its 'module:function' path, got {function!r}"
            )

    def __reduce__(self) -> tuple[type[PythonEvaluator], tuple[Callable[..., Any] | str]]:
        return PythonEvaluator, (self._source,)

    def __repr__(self) -> str:
        return f"PythonEvaluator({self._source!r})"

    def evaluate(self, task: Task) -> Outcome:
        """Call the function; whatever it does short of ending the process comes back as an outcome."""
        began = time.perf_counter()
        try:
            returned = self.function(**task.kwargs)
        except KeyboardInterrupt:  # the user's, not the model's
            raise
        except BaseException as error:  # noqa: BLE001 - foreign code: whatever it raises is data about the model
            line, details = describe_exception(error, skip_frames=1)
            seconds = time.perf_counter() - began
            return Outcome("model_failure", seconds=seconds, error=line, details=details)
        return outcome_of(returned, time.perf_counter() - began)


def load_function(path: str) -> Callable[..., Any]:
    """Import what a "module:function" path names.

    Raises:
        UsageError: when it has another form, cannot be imported, or is not callable.

    Example:
        >>> load_function("math:hypot")(3, 4)
        5.0
    """
    module_name, separator, name = path.partition(":")
    if not separator or not all(part.isidentifier() for part in (*module_name.split("."), *name.split("."))):
        raise UsageError(f"a function must be given as 'module:function', got {path!r}")
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:  # importing runs foreign code
        raise UsageError(
            f"the module of {path!r} cannot be imported: {describe_exception(error)[0]}"
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise UsageError(f"the module {module_name!r} has no {name!r}, which {path!r} asks for")
        found = getattr(found, part)
    if not callable(found):
        raise UsageError(f"{path!r} must name something that can be called, got a {type(found).__name__}")
    return found


def describe_exception(error: BaseException, skip_frames: int = 0) -> tuple[str, str]:
    """An exception as one line, and its traceback without the first frames, which are ours."""
    place = error.__traceback__
    for _ in range(skip_frames):
        place = place.tb_next if place else None
    # compact, and safe against exceptions whose own str() fails
    lines = traceback.format_exception_only(type(error), error)
    line = " ".join("".join(lines).split())
    details = "".join(traceback.format_exception(type(error), error, place))
    return line[:500], details[-_DETAILS_CHARACTERS:]
