"""Names for what an evaluation returns: one surrogate for each response."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import final

from assay.errors import EvaluationError
from assay.executors.abstract import AbstractEvaluator, Task
from assay.records import Measurement, Outcome

__all__ = ["SINGLE", "NamedResponses", "named_measurements"]

logger = logging.getLogger(__name__)

SINGLE = "response"


def named_measurements(
    measurements: Sequence[Measurement], names: Sequence[str] | None
) -> tuple[Measurement, ...]:
    """One scalar measurement for each response, under its name.

    Arguments:
        measurements: as an evaluation returned them; a vector holds several responses.
        names: of the responses, in order; None to take names as they come, `response` for a number without one and
            `response_0`, `response_1`, ... for a list.

    Raises:
        EvaluationError: when the number of unnamed values is not that of the names, or nothing is left.

    Example:
        >>> named_measurements([Measurement((1.0, 2.0))], ["mass", "loss"])[1]
        Measurement(value=(2.0,), derivative=None, uncertainty=None, model_name='loss', environment_value=None)
    """
    found = [part for entry in measurements for part in _split(entry, names)]
    if names is None:
        return tuple(found)
    kept = tuple(part for part in found if part.model_name in names)
    if not kept:
        got = ", ".join(sorted({str(part.model_name) for part in found}))
        raise EvaluationError(f"the evaluation must return one of {', '.join(names)}, got {got}")
    for name in {str(part.model_name) for part in found}.difference(names):
        logger.debug("the response %s was not asked for, and is passed over", name)
    return kept


def _split(entry: Measurement, names: Sequence[str] | None) -> list[Measurement]:
    count = len(entry.value)
    if entry.model_name is not None:
        stem = entry.model_name
        own = [stem] if count == 1 else [f"{stem}_{place}" for place in range(count)]
    elif names is None:
        own = [SINGLE] if count == 1 else [f"{SINGLE}_{place}" for place in range(count)]
    elif count != len(names):
        raise EvaluationError(
            f"the evaluation must return {len(names)} numbers, for {', '.join(names)}, got {count}"
        )
    else:
        own = list(names)
    return [
        replace(
            entry,
            value=(value,),
            uncertainty=None if entry.uncertainty is None else (entry.uncertainty[place],),
            model_name=own[place],
        )
        for place, value in enumerate(entry.value)
    ]


@final
class NamedResponses(AbstractEvaluator):
    """An evaluator whose numbers are given names: each of them becomes the response of a surrogate of that name.

    Arguments:
        inner: the evaluator.
        names: as in `named_measurements`.

    Example:
        >>> from assay.executors.evaluators import PythonEvaluator
        >>> evaluator = NamedResponses(PythonEvaluator(lambda x: [x, x**2]), ["line", "square"])
        >>> outcome = evaluator.evaluate(Task("study", number=0, attempt=1, kwargs={"x": 3.0}))
        >>> [(entry.model_name, entry.value) for entry in outcome.measurements]
        [('line', (3.0,)), ('square', (9.0,))]
    """

    def __init__(self, inner: AbstractEvaluator, names: Sequence[str] | None) -> None:
        self.inner = inner
        self.enforces_timeout = inner.enforces_timeout
        self.names = None if names is None else tuple(names)

    def __repr__(self) -> str:
        return f"NamedResponses({self.inner!r})"

    def evaluate(self, task: Task) -> Outcome:
        """Evaluate, and name what came back."""
        outcome = self.inner.evaluate(task)
        if outcome.status != "succeeded":
            return outcome
        try:
            return replace(outcome, measurements=named_measurements(outcome.measurements, self.names))
        except EvaluationError as error:
            return Outcome("model_failure", seconds=outcome.seconds, error=str(error), extra=outcome.extra)
