"""When a search is over: the rules of its objective."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from assay.acquisition.configuration import Explorer, Minimizer, MultiMinimizer

__all__ = ["WINDOW", "met_rule", "remember"]

# The rules about the model must hold at so many suggestions in a row.
WINDOW = 5


def remember(state: Mapping[str, Any] | None, entry: Mapping[str, float] | None) -> list[dict[str, float]]:
    """The figures of the latest suggestions that a model made, this one last."""
    recent = list((state or {}).get("recent", []))
    return recent if entry is None else [*recent, dict(entry)][-WINDOW:]


def met_rule(
    objective: Minimizer | MultiMinimizer | Explorer,
    best_observed: float | None,
    recent: Sequence[Mapping[str, float]],
) -> str | None:
    """The sentence of the rule that is met, or None."""
    least = getattr(objective, "min_val", -math.inf)
    if best_observed is not None and best_observed <= least:
        return f"a value of {best_observed:g} was observed, at or below min_val {least:g}"
    if len(recent) < WINDOW:
        return None
    rules = (
        ("PoI", "min_PoI", "probability of improvement"),
        ("std", "min_uncertainty", "standard deviation"),
        ("acquisition", "min_acq_val", "acquisition"),
    )
    for key, name, words in rules:
        bound = getattr(objective, name, None)
        largest = max(entry.get(key, math.inf) for entry in recent)
        if bound is not None and largest < bound:
            return f"the {words} was below {name} {bound:g} at the last {WINDOW} suggestions"
    return None
