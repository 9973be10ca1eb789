"""From the trials of a study to what models learn from: the only place where records become arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.drivers.abstract import History
from assay.errors import UsageError
from assay.numerics.coordinates import Coordinates
from assay.records import Measurement, Trial
from assay.space.space import Space
from assay.surrogates.dataset import Dataset

__all__ = ["Training", "check_measurements", "mean_values", "training"]

Array = np.ndarray


@dataclass(frozen=True)
class Training:
    """What a history says, in unit coordinates.

    Arguments:
        datasets: one for each surrogate, by name.
        succeeded, failed, pending: (count, dimension), the points of trials with that status.
    """

    datasets: Mapping[str, Dataset]
    succeeded: Array
    failed: Array
    pending: Array

    @property
    def known(self) -> Array:
        """Every point that must not be suggested again."""
        return np.concatenate([self.succeeded, self.failed, self.pending])


def training(history: History, coordinates: Coordinates, outputs: Mapping[str, int]) -> Training:
    """Sort the trials of a history.

    Arguments:
        history: the trials; cleared ones count for nothing.
        coordinates: of the history's space.
        outputs: the number of outputs of each surrogate, by name.
    """
    points = {
        status: _encode(coordinates, [_values(trial) for trial in history.trials if trial.status == status])
        for status in ("succeeded", "failed", "open")
    }
    finished = [trial for trial in history.trials if trial.status == "succeeded"]
    datasets = {name: _dataset(finished, name, outputs, coordinates) for name in outputs}
    return Training(datasets, points["succeeded"], points["failed"], points["open"])


def check_measurements(space: Space, measurements: Sequence[Measurement], outputs: Mapping[str, int]) -> None:
    """Refuse measurements that the surrogates could not learn from.

    Raises:
        UsageError: for an unknown surrogate or derivative, a wrong number of outputs, or no value at all.
    """
    if not measurements:
        raise UsageError("an observation needs at least one value, got none")
    names = [column.name for column in Coordinates.of(space).columns if column.kind != "category"]
    for entry in measurements:
        name = _model_name(entry, outputs)
        if name not in outputs:
            raise UsageError(
                f"the model_name of an observation must be one of {sorted(outputs)}, got {entry.model_name!r}"
            )
        if len(entry.value) != outputs[name]:
            raise UsageError(
                f"an observation of {name!r} needs {outputs[name]} outputs, got {len(entry.value)} values"
            )
        if not np.isfinite(entry.value).all():
            raise UsageError(f"an observation of {name!r} must be finite, got {list(entry.value)!r}")
        if entry.derivative is not None and entry.derivative not in names:
            raise UsageError(
                f"the derivative of an observation must name a parameter that varies continuously or on a lattice, "
                f"one of {names}, got {entry.derivative!r}"
            )


def mean_values(
    trial: Trial, surrogate: str, outputs: Mapping[str, int], *, any_environment: bool = False
) -> tuple[float, ...] | None:
    """The mean of what was measured of each output in a trial that succeeded, without derivatives; None where nothing was.

    Arguments:
        any_environment: whether what was measured in another environment than the trial's own counts too.
    """
    entries = trial.outcome.measurements if trial.status == "succeeded" and trial.outcome is not None else ()
    own = trial.suggestion.environment
    found = [
        entry.value
        for entry in entries
        if entry.derivative is None
        and _model_name(entry, outputs) == surrogate
        and (any_environment or entry.environment_value is None or {**own, **entry.environment_value} == own)
    ]
    if len(found) == 1:
        return found[0]
    return tuple(math.fsum(column) / len(found) for column in zip(*found, strict=True)) if found else None


def _model_name(entry: Measurement, outputs: Mapping[str, int]) -> str:
    return entry.model_name if entry.model_name is not None else next(iter(outputs))


def _values(trial: Trial, environment: Mapping[str, float] | None = None) -> dict[str, Any]:
    return {**trial.suggestion.values, **trial.suggestion.environment, **(environment or {})}


def _encode(coordinates: Coordinates, values: Sequence[Mapping[str, Any]]) -> Array:
    return coordinates.encode(values) if values else np.empty((0, coordinates.dimension))


def _dataset(
    trials: Sequence[Trial], name: str, outputs: Mapping[str, int], coordinates: Coordinates
) -> Dataset:
    rows: list[tuple[dict[str, Any], Measurement]] = [
        (_values(trial, entry.environment_value), entry)
        for trial in trials
        if trial.outcome is not None
        for entry in trial.outcome.measurements
        if _model_name(entry, outputs) == name
    ]
    count = outputs[name]
    points = _encode(coordinates, [values for values, _ in rows])
    values = np.array([entry.value for _, entry in rows], dtype=float).reshape(len(rows), count)
    spread = np.array([entry.uncertainty or (0.0,) * count for _, entry in rows], dtype=float).reshape(
        values.shape
    )
    names = [column.name for column in coordinates.columns]
    orders = np.array(
        [-1 if entry.derivative is None else names.index(entry.derivative) for _, entry in rows], dtype=int
    )
    is_derivative = orders >= 0
    if is_derivative.any():
        # d value / d unit = d value / d natural * d natural / d unit, and the same factor for its uncertainty.
        slopes = coordinates.natural_derivative(points[is_derivative])
        factor = slopes[np.arange(len(slopes)), orders[is_derivative]][:, None]
        values[is_derivative] *= factor
        spread[is_derivative] *= np.abs(factor)
    return Dataset.of(points, values, spread**2, orders)
