"""Histories for tests of drivers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assay.drivers.abstract import AbstractDriver, History, Proposal, Request
from assay.records import Measurement, Outcome, Suggestion, Trial
from assay.space.space import Space


def succeeded(number: int, values: Mapping[str, Any], *entries: Measurement, **environment: float) -> Trial:
    return Trial(Suggestion(number, values, environment), "succeeded", Outcome("succeeded", entries))


def failed(number: int, values: Mapping[str, Any]) -> Trial:
    return Trial(Suggestion(number, values), "failed", Outcome("model_failure", error="it broke"))


def pending(number: int, values: Mapping[str, Any]) -> Trial:
    return Trial(Suggestion(number, values), "open")


def run(
    driver: AbstractDriver,
    space: Space,
    evaluate: Callable[[Mapping[str, Any]], float | None],
    count: int,
    seed: int = 0,
    trials: Sequence[Trial] = (),
) -> tuple[History, list[Proposal]]:
    """Ask and tell; None from `evaluate` is a failure."""
    known, state, proposals = list(trials), None, []
    for number in range(len(known), len(known) + count):
        proposal = driver.suggest(History(space, tuple(known), seed, state), Request(number))
        proposals.append(proposal)
        state = proposal.state
        value = evaluate(proposal.values)
        known.append(
            failed(number, proposal.values)
            if value is None
            else succeeded(number, proposal.values, Measurement((value,)))
        )
    return History(space, tuple(known), seed, state), proposals


def lowest(driver: AbstractDriver, history: History) -> float:
    """The objective of the driver's best point."""
    best = driver.best(history)
    assert best is not None
    return best["objective"]
