"""What an exploration has seen, as rows: the evaluated ones in the order in which they ended, then the queue."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.records import (
    Configured,
    Event,
    OutcomeRecorded,
    StateSaved,
    StudyCreated,
    Suggested,
    Trial,
)
from assay.study.state import StudyState

__all__ = [
    "EPOCHS",
    "Rows",
    "chosen_places",
    "natural_rows",
    "points_of_rows",
    "results_table",
    "rows_of",
    "selected_events",
]

Array = np.ndarray

SMALLEST_FIT = 2
EPOCHS = "exploration.epochs"
"""The name under which the numbers of finished rows are saved at which each call of `evaluate` began."""


@final
@dataclass(frozen=True)
class Rows:
    """The trials of an exploration that were not withdrawn.

    Arguments:
        finished: in the order in which they ended, failed ones included.
        queued: open ones, by number.
        starts: for each epoch, how many rows had finished when it began.
        augmented: (finished,), True for rows that were neither sampled nor suggested here.
    """

    finished: tuple[Trial, ...]
    queued: tuple[Trial, ...]
    starts: tuple[int, ...]
    augmented: tuple[bool, ...]

    @property
    def epochs(self) -> list[tuple[int, int]]:
        """The first row of each epoch and the one after its last; rows that were brought along belong to none."""
        found = []
        for first, after in pairwise([*self.starts, len(self.finished)]):
            last = after
            while last > first and self.augmented[last - 1]:
                last -= 1
            if last > first:
                found.append((first, last))
        return found

    def samples(self, names: Sequence[str]) -> Array:
        """(finished and queued, names), in natural units; of objects where a parameter has labels."""
        return samples_of([*self.finished, *self.queued], names)

    def responses(self, names: Sequence[str]) -> Array:
        """(finished, names), the mean of what was measured of each response; NaN where it failed or was not measured."""
        return np.array(
            [[_mean(_measured(trial, name)) for name in names] for trial in self.finished], dtype=float
        ).reshape(len(self.finished), len(names))

    def measured_variances(self, names: Sequence[str]) -> Array:
        """(finished, names), the variance of those means, from the uncertainties that came with them; NaN where none did."""
        return np.array(
            [[_variance(_measured(trial, name)) for name in names] for trial in self.finished], dtype=float
        ).reshape(len(self.finished), len(names))

    def is_learnable(self, names: Sequence[str]) -> bool:
        """Whether every response has values enough for a model."""
        seen = np.isfinite(self.responses(names)).sum(axis=0)
        return bool((seen >= SMALLEST_FIT).all())

    def known(self, names: Sequence[str], response: str) -> tuple[Array, Array]:
        """The rows that have a value of a response: (known, names) and (known,)."""
        values = self.responses([response])[:, 0]
        kept = np.isfinite(values)
        return self.samples(names)[: len(self.finished)][kept], values[kept]

    @property
    def errors(self) -> list[str | None]:
        """Why each finished row failed; None where it did not."""
        return [None if trial.outcome is None else trial.outcome.error for trial in self.finished]


def rows_of(state: StudyState) -> Rows:
    """The rows of a study's state."""
    finished = [
        state.trials[number] for number in state.accepted_attempts
    ]  # a dict keeps the order of outcomes
    queued = [state.trials[number] for number in sorted(state.open)]
    starts = state.saved.get(EPOCHS, {}).get("starts", [])
    augmented = [trial.suggestion.origin == "user" and not state.info.get(trial.number) for trial in finished]
    return Rows(tuple(finished), tuple(queued), tuple(starts), tuple(augmented))


def results_table(rows: Rows, names: Sequence[str], responses: Sequence[str], variances: Array) -> Any:
    """A pandas table: the parameters, the variances and the values of the responses, and the errors where there are any.

    Arguments:
        variances: (finished, responses).
    """
    import pandas as pd

    columns: dict[str, Any] = {
        name: [trial.suggestion.values[name] for trial in rows.finished] for name in names
    }
    values = rows.responses(responses)
    for place, name in enumerate(responses):
        columns["variance" if len(responses) == 1 else f"{name}_variance"] = variances[:, place]
    columns |= {name: values[:, place] for place, name in enumerate(responses)}
    if any(rows.errors):
        columns["error"] = rows.errors
    return pd.DataFrame(columns)


def chosen_places(select: Any, finished: int, queued: int) -> list[int]:
    """Places in finished and queued rows together, from a mask, places or a slice.

    Raises:
        UsageError: when a mask has another length than both together or than the finished ones, or a place is beyond them.

    Example:
        >>> chosen_places([True, False, True], 3, 2)
        [0, 2]
    """
    places = np.arange(finished + queued)
    if isinstance(select, slice):
        return places[select].tolist()
    chosen = np.asarray(select)
    if chosen.dtype == bool:
        if chosen.shape not in ((finished,), places.shape):
            raise UsageError(
                f"a mask must have {len(places)} entries, or {finished} without the queue, got shape {chosen.shape}"
            )
        return np.flatnonzero(chosen).tolist()
    try:
        return places[chosen.astype(int)].tolist()
    except (IndexError, ValueError):
        raise UsageError(f"places must be whole numbers below {len(places)}, got {select!r:.100}") from None


def selected_events(state: StudyState, places: Sequence[int]) -> list[Event]:
    """The journal of an exploration of some of the rows: numbered anew, in the order of the places.

    Arguments:
        places: in finished and queued rows together.
    """
    rows = rows_of(state)
    trials = [*rows.finished, *rows.queued]
    finished = sorted(place for place in set(places) if place < len(rows.finished))
    queued = sorted(place for place in set(places) if place >= len(rows.finished))
    assert state.definition is not None
    events: list[Event] = [StudyCreated(state.definition), Configured(state.configuration)]
    for number, place in enumerate([*finished, *queued]):
        trial = trials[place]
        info, is_open = state.info.get(trial.number, {}), place >= len(rows.finished)
        suggestion = replace(trial.suggestion, number=number)
        events.append(Suggested(suggestion, info=info, queued=is_open and suggestion.origin == "user"))
        if trial.outcome is not None:
            events.append(OutcomeRecorded(number, max(trial.attempts, 1), trial.outcome))
    starts = [sum(place < start for place in finished) for start in rows.starts]
    return [*events, StateSaved(EPOCHS, {"starts": starts})]


def samples_of(trials: Sequence[Trial], names: Sequence[str]) -> Array:
    """(trials, names), their values; of objects where some are labels."""
    return natural_rows([trial.suggestion.values for trial in trials], names)


def natural_rows(points: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Array:
    """(points, names); of objects where some are labels."""
    rows = [[point[name] for name in names] for point in points]
    labelled = any(isinstance(value, str) for row in rows for value in row)
    return np.array(rows, dtype=object if labelled else float).reshape(len(rows), len(names))


def points_of_rows(samples: Any, names: Sequence[str]) -> list[dict[str, Any]]:
    """The values by name of a table with these columns, or of rows in this order."""
    if hasattr(samples, "to_dict"):
        return [{name: row[name] for name in names} for row in samples.to_dict("records")]
    return [dict(zip(names, row, strict=False)) for row in np.asarray(samples, dtype=object).tolist()]


def _measured(trial: Trial, name: str) -> list[tuple[float, float | None]]:
    entries = trial.outcome.measurements if trial.outcome is not None and trial.status == "succeeded" else ()
    return [
        (entry.value[0], None if entry.uncertainty is None else entry.uncertainty[0])
        for entry in entries
        if entry.model_name == name and entry.derivative is None
    ]


def _mean(measured: Sequence[tuple[float, float | None]]) -> float:
    return math.fsum(value for value, _ in measured) / len(measured) if measured else math.nan


def _variance(measured: Sequence[tuple[float, float | None]]) -> float:
    known = [spread for _, spread in measured if spread is not None]
    complete = known and len(known) == len(measured)
    return math.fsum(spread**2 for spread in known) / len(known) ** 2 if complete else math.nan
