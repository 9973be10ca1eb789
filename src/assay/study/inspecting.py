"""Paths into what a study and its driver are now: nested plain data, computed only where a path leads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from assay.drivers.abstract import AbstractDriver, History
from assay.errors import UsageError
from assay.study.state import StudyState

__all__ = ["driver_tree", "look_up", "study_tree"]


def look_up(tree: Any, path: str | None, whose: str) -> Any:
    """What a dot-separated path leads to; the whole tree for None.

    Example:
        >>> look_up({"surrogates": [{"name": "loss"}], "best": lambda: 1.0}, "surrogates.0.name", "the driver")
        'loss'

    Raises:
        UsageError: when it leads nowhere, with what there is.
    """
    found = tree
    for step in [] if path is None else path.split("."):
        found = found() if callable(found) else found
        if isinstance(found, Mapping) and step in found:
            found = found[step]
        elif isinstance(found, list | tuple) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            known = list(found) if isinstance(found, Mapping) else []
            there = f"there are {', '.join(map(str, known))}" if known else "nothing is below"
            raise UsageError(f"the state of {whose} has no {path!r}: at {step!r} {there}")
    return _plain(found)


def _plain(found: Any) -> Any:
    found = found() if callable(found) else found
    if isinstance(found, Mapping):
        return {name: _plain(entry) for name, entry in found.items()}
    return [_plain(entry) for entry in found] if isinstance(found, list | tuple) else found


def driver_tree(driver: AbstractDriver, history: History) -> dict[str, Any]:
    """A driver after a history: its configuration, the best point, and what its models have learned."""

    @cache
    def best() -> Mapping[str, Any]:
        return driver.best(history) or {}

    def lowest() -> float | None:
        return best().get("objective")

    state = getattr(driver, "state_of", None)
    tree = driver.configuration() if state is None else state(history)
    if isinstance(tree.get("acquisition_function"), dict):
        tree["acquisition_function"]["min_objective"] = lowest
    return {
        **tree,
        "best_sample": lambda: dict(best()["values"]) if best() else None,
        "min_objective": lowest,
        "num_open_suggestions": sum(trial.status == "open" for trial in history.trials),
    }


def study_tree(state: StudyState, tree_of_driver: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """A study: its driver, the latest suggestion and the latest observation."""
    trials = state.ordered_trials()
    finished = [trial for trial in trials if trial.outcome is not None and trial.status == "succeeded"]
    suggestion, observation = None, None
    if trials:
        latest = trials[-1].suggestion
        suggestion = {"id": latest.number, "kwargs": dict(latest.kwargs), "created": latest.created}
    if finished:
        trial = max(finished, key=lambda entry: state.times[entry.number])
        outcome = trial.outcome
        assert outcome is not None
        observation = {
            "suggestion_id": trial.number,
            "acquisition_time": outcome.seconds,
            "values": [list(entry.value) for entry in outcome.measurements],
        }
    return {
        "driver": tree_of_driver,
        "suggestion": suggestion,
        "observation": observation,
        "num_finished": state.finished,
        "num_open": len(state.open),
    }
