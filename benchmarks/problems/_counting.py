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
) -> Count:
    """Run until a value of at most the target is observed.

    Arguments:
        evaluate: values to the objective; None where the evaluation fails.
        most: the evaluations after which it gives up.
        at_once: how many are open at a time; whenever one ends, the oldest, the next begins.
    """
    finished: list[Trial] = []
    open_ones: deque[Suggestion] = deque()
    state: Any = None
    lowest = float("inf")
    for number in range(most + at_once - 1):
        if number < most:
            trials = (*finished, *(Trial(suggestion, "open") for suggestion in open_ones))
            proposal = driver.suggest(History(space, trials, seed, state), Request(number))
            state = json.loads(json.dumps(proposal.state))  # as through a journal
            open_ones.append(Suggestion(number, proposal.values))
        if len(open_ones) < at_once and number < most:
            continue
        suggestion = open_ones.popleft()
        value = evaluate(suggestion.values)
        if value is None:
            failure = Outcome("model_failure", error="no solution there")
            finished.append(Trial(suggestion, "failed", failure, 1))
            continue
        finished.append(Trial(suggestion, "succeeded", Outcome("succeeded", (Measurement((value,)),)), 1))
        lowest = min(lowest, value)
        if value <= target:
            break
    failed = sum(trial.status == "failed" for trial in finished)
    return Count(len(finished) if lowest <= target else None, failed, lowest)
