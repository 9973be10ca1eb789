"""When a minimisation is over: the four rules of a `Minimizer`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.drivers.configuration import Minimizer

__all__ = ["WINDOW", "met_rule", "remember"]

# The rules about the model must hold at so many suggestions in a row.
WINDOW = 5


def remember(state: Mapping[str, Any] | None, entry: Mapping[str, float] | None) -> list[dict[str, float]]:
    """The figures of the latest suggestions that a model made, this one last."""
    recent = list((state or {}).get("recent", []))
    return recent if entry is None else [*recent, dict(entry)][-WINDOW:]


def met_rule(
    objective: Minimizer, best_observed: float | None, recent: Sequence[Mapping[str, float]]
) -> str | None:
    """The sentence of the rule that is met, or None."""
    if best_observed is not None and best_observed <= objective.min_val:
        return f"a value of {best_observed:g} was observed, at or below min_val {objective.min_val:g}"
    if len(recent) < WINDOW:
        return None
    rules = (
        ("PoI", objective.min_PoI, "min_PoI", "probability of improvement"),
        ("std", objective.min_uncertainty, "min_uncertainty", "standard deviation"),
        ("acquisition", objective.min_acq_val, "min_acq_val", "acquisition"),
    )
    for key, bound, name, words in rules:
        largest = max(entry[key] for entry in recent)
        if largest < bound:
            return f"the {words} was below {name} {bound:g} at the last {WINDOW} suggestions"
    return None
