"""The trials as a table, in the columns that `docs/formats.md` promises."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from assay.records import Measurement, Trial
from assay.space.space import Space
from assay.study.state import StudyState

__all__ = ["rows", "to_dataframe"]

DEFAULT_SURROGATE = "loss"


def _measured(measurement: Measurement) -> Iterable[tuple[str, float]]:
    name = measurement.model_name or DEFAULT_SURROGATE
    several = len(measurement.value) > 1
    for index, value in enumerate(measurement.value):
        output = f"{name}.{index}" if several else name
        if measurement.derivative is not None:
            yield f"d.{output}.{measurement.derivative}", value
            continue
        yield f"value.{output}", value
        if measurement.uncertainty is not None:
            yield f"std.{output}", measurement.uncertainty[index]


def _rows(trial: Trial) -> Iterable[dict[str, Any]]:
    """One row, or one for each environment that was measured in."""
    outcome = trial.outcome
    shared: dict[str, Any] = {"suggestion": trial.number, "status": trial.status}
    shared |= {f"param.{name}": value for name, value in trial.suggestion.values.items()}
    shared["seconds"] = outcome.seconds if outcome is not None else None
    shared["error"] = outcome.error if outcome is not None else trial.message or None
    measured: dict[tuple[tuple[str, float], ...], dict[str, Any]] = {}
    for measurement in outcome.measurements if outcome is not None else ():
        place = {**trial.suggestion.environment, **(measurement.environment_value or {})}
        measured.setdefault(tuple(sorted(place.items())), {}).update(_measured(measurement))
    here = tuple(sorted(trial.suggestion.environment.items()))
    for place, columns in (measured or {here: {}}).items():
        yield {**shared, **{f"env.{name}": value for name, value in place}, **columns}


def rows(state: StudyState) -> list[dict[str, Any]]:
    """Plain dicts, one for each trial and environment, by number."""
    return [row for trial in state.ordered_trials() for row in _rows(trial)]


def to_dataframe(space: Space, state: StudyState) -> pd.DataFrame:
    """All trials; the columns stand in a fixed order, also while there are no rows."""
    table = rows(state)
    leading = ["suggestion", "status"]
    leading += [f"param.{name}" for name in space.design_names]
    leading += [f"env.{name}" for name in space.environment_names]
    measured = sorted({column for row in table for column in row} - {*leading, "seconds", "error"})
    order = {"value": 0, "std": 1, "d": 2}
    measured.sort(key=lambda column: order.get(column.partition(".")[0], 3))
    return pd.DataFrame(table, columns=[*leading, *measured, "seconds", "error"])
