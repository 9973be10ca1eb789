"""What was observed in a trial, as one number; read from the records alone."""

from __future__ import annotations

import math

from assay.records import Trial

__all__ = ["observed_objective"]


def observed_objective(trial: Trial) -> float:
    """The mean of the scalar values that a trial measured; NaN where it failed or measured a vector.

    Use it for lists and pictures of a study with one scalar surrogate; a driver's `best` knows its objective better.

    Example:
        >>> from assay.records import Measurement, Outcome, Suggestion
        >>> outcome = Outcome("succeeded", (Measurement((1.0,)), Measurement((2.0,)), Measurement((9.0,), "x")))
        >>> observed_objective(Trial(Suggestion(0, {"x": 0.5}), "succeeded", outcome))
        1.5
    """
    if trial.status != "succeeded" or trial.outcome is None:
        return math.nan
    values = [entry.value for entry in trial.outcome.measurements if entry.derivative is None]
    names = {entry.model_name for entry in trial.outcome.measurements if entry.derivative is None}
    if not values or len(names) > 1 or any(len(value) != 1 for value in values):
        return math.nan
    return math.fsum(value[0] for value in values) / len(values)
