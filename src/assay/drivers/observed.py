"""What was observed of one objective: for drivers that keep no model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from assay.drivers.abstract import History, Request
from assay.drivers.training import mean_values
from assay.numerics.coordinates import Coordinates
from assay.records import ParameterValue, Trial

__all__ = [
    "OUTPUTS",
    "best_brought_along",
    "best_of_trials",
    "design_unit",
    "environment_unit",
    "key_of",
    "measured",
    "reached",
    "scalar_objective",
]

# The one surrogate name that such a driver knows, with its number of outputs.
OUTPUTS: Mapping[str, int] = {"loss": 1}

Key = tuple[ParameterValue, ...]


def key_of(values: Mapping[str, ParameterValue]) -> Key:
    """The design values of a point, as a key of a table; every point of a study has them in the same order."""
    return tuple(values.values())


def measured(trial: Trial) -> tuple[float, ...] | None:
    """The outputs that a trial measured, each the mean of its entries, in any environment; None where there are none."""
    return mean_values(trial, "loss", OUTPUTS, any_environment=True)


def scalar_objective(trial: Trial) -> float | None:
    """The one output that a trial measured; None where there is none."""
    values = measured(trial)
    return None if values is None else values[0]


def best_of_trials(
    history: History, objective: Callable[[Trial], float | None] = scalar_objective
) -> dict[str, Any] | None:
    """The feasible trial of the least objective: `number`, `values`, `objective`; None before the first success."""
    best = None
    for trial in history.trials:
        value = objective(trial)
        if value is None or (best is not None and value >= best["objective"]):
            continue
        if history.space.is_feasible(trial.suggestion.values):
            best = {"number": trial.number, "values": dict(trial.suggestion.values), "objective": value}
    return best


def reached(find_best: Callable[[], Mapping[str, Any] | None], min_val: float) -> str | None:
    """The sentence for a value that is low enough, or None; without a limit nobody looks for the best."""
    best = find_best() if min_val > -math.inf else None
    if best is None or best["objective"] > min_val:
        return None
    return f"a value of {best['objective']:g} was observed, at or below min_val {min_val:g}"


def best_brought_along(
    history: History, objective: Callable[[Trial], float | None] = scalar_objective
) -> Mapping[str, ParameterValue] | None:
    """The values of the best point that the user told before the driver's first suggestion, or None."""
    suggested = [trial.number for trial in history.trials if trial.suggestion.origin == "driver"]
    first = min([*suggested, *history.claimed], default=math.inf)
    told = tuple(trial for trial in history.trials if trial.number < first)
    best = best_of_trials(replace(history, trials=told), objective)
    return None if best is None else best["values"]


def design_unit(coordinates: Coordinates, values: Mapping[str, ParameterValue]) -> np.ndarray:
    """(design dimension,), the unit coordinates of design values."""
    anywhere = {item.name: 0.0 for item in coordinates.space.environment}
    return coordinates.encode([{**anywhere, **values}])[0][: coordinates.design_dimension]


def environment_unit(coordinates: Coordinates, request: Request) -> np.ndarray:
    """(environment columns,), where the request's environment lies; these drivers do not learn from it."""
    columns = coordinates.columns[coordinates.design_dimension :]
    return np.array([float(column.encode([request.environment[column.name]])[0]) for column in columns])
