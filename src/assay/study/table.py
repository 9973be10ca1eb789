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


def _row(trial: Trial) -> dict[str, Any]:
    row: dict[str, Any] = {"suggestion": trial.number, "status": trial.status}
    row |= {f"param.{name}": value for name, value in trial.suggestion.values.items()}
    row |= {f"env.{name}": value for name, value in trial.suggestion.environment.items()}
    outcome = trial.outcome
    if outcome is not None:
        for measurement in outcome.measurements:
            row.update(_measured(measurement))
        row["seconds"] = outcome.seconds
    row["error"] = outcome.error if outcome is not None else trial.message or None
    return row


def rows(state: StudyState) -> list[dict[str, Any]]:
    """One plain dict for each trial, by number."""
    return [_row(trial) for trial in state.ordered_trials()]


def to_dataframe(space: Space, state: StudyState) -> pd.DataFrame:
    """All trials, one row each; the columns stand in a fixed order, also while there are no rows."""
    table = rows(state)
    leading = ["suggestion", "status"]
    leading += [f"param.{name}" for name in space.design_names]
    leading += [f"env.{name}" for name in space.environment_names]
    measured = sorted({column for row in table for column in row} - {*leading, "seconds", "error"})
    order = {"value": 0, "std": 1, "d": 2}
    measured.sort(key=lambda column: order.get(column.partition(".")[0], 3))
    return pd.DataFrame(table, columns=[*leading, *measured, "seconds", "error"])
