"""How a study got on, as a step function; and the average of several."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import numpy as np

from assay.errors import UsageError
from assay.records import ParameterValue, Trial
from assay.study.study import Study

__all__ = ["AverageType", "XType", "YType", "averaged", "curve"]

Array = np.ndarray
AverageType = Literal["mean", "median"]
XType = Literal["num_evaluations", "time"]
YType = Literal["objective", "distance", "min_distance"]
Named = Mapping[str, Any] | Sequence[Any] | None


def curve(
    study: Study,
    objective: Callable[[Trial], float | None] | None,
    x_type: XType,
    y_type: YType,
    minimum: Named = None,
    scales: Named = None,
    norm: float = 2.0,
) -> tuple[Array, Array]:
    """What a study had reached when each of its evaluations ended; see `Benchmark.get_data`.

    Returns:
        x, y: (evaluations,), x ascending; y holds NaN before there is anything to say.
    """
    if y_type != "objective" and minimum is None:
        raise UsageError(f"y_type {y_type!r} needs the position of the minimum, got none")
    state = study.state
    done = [trial for trial in study.trials if trial.status in ("succeeded", "failed")]
    done.sort(key=lambda trial: state.times[trial.number])
    x = np.arange(1.0, len(done) + 1) if x_type == "num_evaluations" else _seconds(study, done)
    values = _values(study, objective, done)
    if y_type == "objective":
        return x, _lowest(values)
    place, scale = _by_name(study, "minimum", minimum), _by_name(study, "scales", scales)
    distances = np.array([_distance(trial.suggestion.values, place, scale, norm) for trial in done])
    if y_type == "distance":
        return x, _lowest(np.where(np.isnan(values), np.nan, distances))
    best = [
        int(np.nanargmin(values[: index + 1])) if np.isfinite(values[: index + 1]).any() else -1
        for index in range(len(done))
    ]
    return x, np.array([math.nan if index < 0 else distances[index] for index in best])


def averaged(
    curves: Sequence[tuple[Array, Array]], average_type: AverageType, num_samples: int
) -> tuple[Array, Array, Array]:
    """The average of step functions and their standard deviation, at evenly spaced x: three (num_samples,)."""
    curves = [(x, y) for x, y in curves if len(x)]
    x = np.linspace(min(x[0] for x, _ in curves), max(x[-1] for x, _ in curves), num_samples)
    rows = np.array([_step(x, places, values) for places, values in curves])
    average = rows.mean(axis=0) if average_type == "mean" else np.median(rows, axis=0)
    return x, average, rows.std(axis=0, ddof=1 if len(rows) > 1 else 0)


def _step(x: Array, places: Array, values: Array) -> Array:
    index = np.searchsorted(places, x, side="right") - 1
    return np.where(index < 0, np.nan, values[np.maximum(index, 0)])


def _lowest(values: Array) -> Array:
    return np.fmin.accumulate(values)


def _values(study: Study, objective: Callable[[Trial], float | None] | None, done: Sequence[Trial]) -> Array:
    """(evaluations,), the objective of each; NaN where it failed or broke a constraint."""
    observed: Mapping[int, float | None]
    if objective is None:
        observed = study.driver.observed()
    else:
        observed = {trial.number: objective(trial) for trial in done if trial.status == "succeeded"}
    allowed = [study.space.is_feasible(trial.suggestion.values) for trial in done]
    values = [observed.get(trial.number) for trial in done]
    return np.array(
        [
            value if value is not None and is_allowed else math.nan
            for value, is_allowed in zip(values, allowed, strict=True)
        ]
    )


def _seconds(study: Study, done: Sequence[Trial]) -> Array:
    """(evaluations,), how long the study had worked when each ended; the pauses between two runs do not count."""
    state = study.state
    spent, before = [], -math.inf
    for trial in done:
        created = datetime.fromisoformat(trial.suggestion.created).timestamp()
        begun = created - float(state.info.get(trial.number, {}).get("seconds", 0.0))
        spent.append(max(state.times[trial.number] - max(begun, before), 0.0))
        before = state.times[trial.number]
    return np.cumsum(spent)


def _by_name(study: Study, what: str, given: Named) -> dict[str, Any]:
    names = study.space.design_names
    values = dict(given) if isinstance(given, Mapping) else dict(zip(names, given or (), strict=False))
    unknown = [name for name in values if name not in names]
    if unknown or (given is not None and not isinstance(given, Mapping) and len(given) != len(names)):
        raise UsageError(f"{what} must have a value for each of {', '.join(names)}, got {given!r}")
    return values


def _distance(
    values: Mapping[str, ParameterValue], place: Mapping[str, Any], scales: Mapping[str, float], norm: float
) -> float:
    differences = []
    for name, target in place.items():
        value = values[name]
        if isinstance(value, str) or isinstance(target, str):
            difference = float(value != target)
        else:
            difference = float(value) - float(target)
        differences.append(difference / scales.get(name, 1.0))
    return float(np.linalg.norm(differences, ord=norm))
