"""How many evaluations a driver needs to reach a target, one at a time or several at once, with failures or without."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from assay.drivers.abstract import AbstractDriver, History, Request
from assay.records import Measurement, Outcome, Suggestion, Trial
from assay.space.space import Space

__all__ = ["Count", "evaluations_to"]

Evaluate = Callable[[Mapping[str, Any]], float | None]


@dataclass(frozen=True)
class Count:
    """What a run took.

    Arguments:
        evaluations: until the target was observed, failed ones included; None when it never was.
        failed: how many of them failed.
        lowest: the least value of the whole run.
    """

    evaluations: int | None
    failed: int
    lowest: float


def evaluations_to(
    target: float,
    driver: AbstractDriver,
    space: Space,
    evaluate: Evaluate,
    most: int,
    seed: int,
    at_once: int = 1,
    *,
    together: bool = False,
) -> Count:
    """Run until a value of at most the target is observed.

    Arguments:
        evaluate: values to the objective; None where the evaluation fails.
        most: the evaluations after which it gives up.
        at_once: how many are open at a time.
        together: they all end before the next begins, as evaluations of one duration do; else whenever one ends, the
            oldest, the next begins, as if they had been started at regular intervals.
    """
    finished: list[Trial] = []
    open_ones: deque[Suggestion] = deque()
    state: Any = None
    lowest = float("inf")
    while len(finished) < most and lowest > target:
        while len(open_ones) < at_once and len(finished) + len(open_ones) < most:
            number = len(finished) + len(open_ones)
            trials = (*finished, *(Trial(suggestion, "open") for suggestion in open_ones))
            proposal = driver.suggest(History(space, trials, seed, state), Request(number))
            state = json.loads(json.dumps(proposal.state))  # as through a journal
            open_ones.append(Suggestion(number, proposal.values))
        for _ in range(len(open_ones) if together else 1):
            suggestion = open_ones.popleft()
            value = evaluate(suggestion.values)
            finished.append(_trial(suggestion, value))
            if value is not None and value < lowest:
                lowest = value
            if lowest <= target:
                break
    failed = sum(trial.status == "failed" for trial in finished)
    return Count(len(finished) if lowest <= target else None, failed, lowest)


def _trial(suggestion: Suggestion, value: float | None) -> Trial:
    if value is None:
        return Trial(suggestion, "failed", Outcome("model_failure", error="no solution there"), 1)
    return Trial(suggestion, "succeeded", Outcome("succeeded", (Measurement((value,)),)), 1)
