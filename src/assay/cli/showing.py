"""`assay show`: read from the journal alone, without the driver, so that it answers at once."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from assay.cli.target import locate
from assay.records import Trial
from assay.store.location import open_store
from assay.study.objective import observed_objective
from assay.study.study import Study, open_study

__all__ = ["show_target"]

LONGEST_TEXT = 40  # characters of a label or a text in the table


def show_target(target: str | None, study_id: str | None, last: int) -> None:
    """Print one study, or the list of studies where the store holds several and none is named."""
    console = Console(highlight=False)
    location, own_id = locate(target)
    store = open_store(location, create=False)
    chosen = study_id or own_id
    ids = store.study_ids()
    if chosen is None and len(ids) != 1:
        console.print(_list_of_studies([open_study(store, one) for one in ids]))
        return
    _show(console, open_study(store, chosen), last)


def _list_of_studies(studies: list[Study]) -> Table:
    table = Table(title=None, box=None)
    for column in ("study", "evaluations", "failed", "open", "lowest"):
        table.add_column(column, justify="left" if column == "study" else "right")
    for study in studies:
        state, objectives = study.state, _objectives(study)
        lowest = min(objectives.values(), default=None)
        best = "" if lowest is None else f"{lowest:.8g}"
        table.add_row(study.id, str(state.finished), str(state.failed), str(len(state.open)), best)
    return table


def _objectives(study: Study) -> dict[int, float]:
    """The objective by the number of each trial where it is known."""
    succeeded = [trial for trial in study.trials if trial.status == "succeeded"]
    found = {trial.number: observed_objective(trial) for trial in succeeded}
    if not all(map(math.isfinite, found.values())):
        # Vectors: only the driver knows what it makes of them.
        found = study.driver.observed()
    return {number: value for number, value in found.items() if math.isfinite(value)}


def _show(console: Console, study: Study, last: int) -> None:
    state, objectives = study.state, _objectives(study)
    console.print(f"study {study.id!r}" + (f" ({study.name})" if study.name != study.id else ""))
    console.print(f"{state.finished} evaluations, {state.failed} failed, {len(state.open)} open")
    if objectives:
        lowest = min(objectives, key=lambda number: objectives[number])
        console.print(f"lowest {objectives[lowest]:.8g} at suggestion {lowest}:")
        for name, value in state.trials[lowest].suggestion.values.items():
            console.print(f"  {name} = {value}")
    recent = [trial for trial in study.trials if trial.status != "open"][-last:] if last else []
    if recent:
        console.print(_table_of_trials(study, recent, objectives))


def _table_of_trials(study: Study, trials: list[Trial], objectives: Mapping[int, float]) -> Table:
    table = Table(box=None)
    # A study without an objective, such as an exploration, is shown by what was observed.
    seen_as = "objective" if objectives else "observed"
    for column in ("no", "status", *study.space.design_names, seen_as, "seconds"):
        table.add_column(column, justify="left" if column == "status" else "right", overflow="fold")
    for trial in trials:
        values = [_short(trial.suggestion.values[name]) for name in study.space.design_names]
        seconds = (
            "" if trial.outcome is None or trial.outcome.seconds is None else f"{trial.outcome.seconds:.2g}"
        )
        seen = f"{objectives[trial.number]:.6g}" if trial.number in objectives else _said(trial)
        table.add_row(str(trial.number), trial.status, *values, seen, seconds)
    return table


def _short(value: float | int | str) -> str:
    if isinstance(value, float):
        return f"{value:.5g}"
    line = " ".join(str(value).split())  # of a text, its beginning
    return line if len(line) <= LONGEST_TEXT else f"{line[: LONGEST_TEXT - 1]}…"


def _said(trial: Trial) -> str:
    """Why it failed, or its responses by name."""
    text = (trial.outcome.error if trial.outcome is not None else trial.message) or ""
    if not text and trial.outcome is not None:
        named = [
            entry
            for entry in trial.outcome.measurements
            if entry.model_name is not None and entry.derivative is None
        ]
        text = ", ".join(f"{entry.model_name} {entry.value[0]:.5g}" for entry in named)
    return text if len(text) <= 60 else f"{text[:57]}..."
