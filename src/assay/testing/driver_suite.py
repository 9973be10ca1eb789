"""What every driver must do, in a space with a constraint and one of each kind of parameter."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from assay.drivers.abstract import AbstractDriver, History, Proposal, Request
from assay.errors import UsageError
from assay.records import Measurement, Outcome, Suggestion, Trial
from assay.space.space import Space
from assay.testing.raising import refusal

__all__ = ["DRIVER_CHECKS", "WRITER_CHECKS", "mixed_space", "trial_of"]

MakeDriver = Callable[[dict[str, Any]], AbstractDriver]

LOOKS = 9


def mixed_space() -> Space:
    """Two continuous parameters under a constraint, one on a logarithmic scale, an integer, a category."""
    return Space.from_data(
        [
            {"name": "x", "type": "continuous", "domain": [0.0, 1.0]},
            {"name": "y", "type": "continuous", "domain": [0.1, 10.0], "log": True},
            {"name": "count", "type": "integer", "domain": [1, 4]},
            {"name": "label", "type": "categorical", "domain": ["a", "b", "c"]},
            {"name": "fixed", "type": "fixed", "domain": 2.5},
        ],
        constraints=[{"name": "edge", "expression": "x + y / 10 <= 1"}],
    )


def _truth(values: Any) -> float:
    offset = {"a": 0.0, "b": 0.3, "c": 0.1}[values["label"]]
    return (
        (values["x"] - 0.4) ** 2
        + 0.2 * math.log10(values["y"]) ** 2
        + 0.1 * (values["count"] - 2) ** 2
        + offset
    )


def trial_of(number: int, values: Any, status: str = "succeeded", value: float | None = None) -> Trial:
    """A trial at these values, as a study would hand it to a driver."""
    suggestion = Suggestion(number, dict(values))
    if status == "open":
        return Trial(suggestion, "open")
    if status == "failed":
        return Trial(suggestion, "failed", Outcome("model_failure", error="it broke"), 1)
    measurement = Measurement((_truth(values) if value is None else value,))
    return Trial(suggestion, "succeeded", Outcome("succeeded", (measurement,), 0.1), 1)


def _advance(
    driver: AbstractDriver, looks: int, status: Callable[[int], str] = lambda _: "succeeded", seed: int = 3
) -> tuple[History, list[Proposal]]:
    """A loop of suggestions and outcomes; the state crosses JSON at every step, as it does through a journal."""
    history = History(mixed_space(), (), seed)
    proposals = []
    for number in range(looks):
        proposal = driver.suggest(history, Request(number))
        proposals.append(proposal)
        trial = trial_of(number, proposal.values, status(number))
        state = None if proposal.state is None else json.loads(json.dumps(proposal.state))
        history = History(history.space, (*history.trials, trial), seed, state)
    return history, proposals


def _unlike(one: Any, others: Sequence[Any]) -> bool:
    return all(dict(one) != dict(other) for other in others)


def check_configuration(make: MakeDriver) -> None:
    """The configuration is plain data, which builds an equal driver."""
    driver = make({})
    data = driver.configuration()
    again = make(data)
    assert again.configuration() == data
    assert again == driver
    description = driver.describe()
    assert {"name", "text", "members"} <= set(description)


def check_unknown_keys_are_refused(make: MakeDriver) -> None:
    """A key that nobody knows is refused with one sentence that names it."""
    text = refusal(UsageError, lambda: make({"no_such_key": 1}))
    assert "no_such_key" in text
    assert "\n" not in text


def check_suggestions_are_in_the_space(make: MakeDriver) -> None:
    """Every suggestion is a valid, feasible point with all parameters; none is repeated."""
    history, proposals = _advance(make({}), LOOKS)
    for place, proposal in enumerate(proposals):
        assert dict(history.space.validate_design(proposal.values)) == dict(proposal.values)
        assert history.space.is_feasible(proposal.values)
        assert _unlike(proposal.values, [other.values for other in proposals[:place]])
        json.dumps(proposal.info)


def check_a_suggestion_is_a_function(make: MakeDriver) -> None:
    """Equal histories give equal suggestions, to the bit; another seed gives another first point."""
    driver = make({})
    history, proposals = _advance(driver, LOOKS)
    again = [proposal.values for proposal in _advance(make({}), LOOKS)[1]]
    assert [dict(values) for values in again] == [dict(proposal.values) for proposal in proposals]
    request = Request(LOOKS)
    assert driver.suggest(history, request) == make({}).suggest(history, request)
    other = driver.suggest(History(history.space, (), seed=4), Request(0))
    assert dict(other.values) != dict(proposals[0].values)


def check_open_points_are_not_repeated(make: MakeDriver) -> None:
    """While evaluations run, suggestions go elsewhere."""
    driver = make({})
    history, _ = _advance(driver, LOOKS)
    for number in range(LOOKS, LOOKS + 3):
        proposal = driver.suggest(history, Request(number))
        assert _unlike(proposal.values, [trial.suggestion.values for trial in history.trials])
        open_trial = trial_of(number, proposal.values, "open")
        history = History(history.space, (*history.trials, open_trial), history.seed, proposal.state)


def check_failures_are_not_repeated(make: MakeDriver) -> None:
    """A driver goes on when evaluations fail, from the first on, and never suggests a failed point again."""
    for status in (lambda number: "failed" if number % 2 else "succeeded", lambda _: "failed"):
        history, proposals = _advance(make({}), LOOKS, status)
        for place, proposal in enumerate(proposals):
            assert history.space.is_feasible(proposal.values)
            assert _unlike(proposal.values, [other.values for other in proposals[:place]])


def check_best(make: MakeDriver) -> None:
    """There is no best before the first success; then it is one of the succeeded points, with its observation."""
    driver = make({"deterministic": True}) if "deterministic" in make({}).configuration() else make({})
    empty = History(mixed_space(), (), 3)
    assert driver.best(empty) is None
    values = driver.suggest(empty, Request(0)).values
    assert driver.best(History(empty.space, (trial_of(0, values, "failed"),), 3)) is None
    history, _ = _advance(driver, LOOKS)
    best = driver.best(history)
    assert best is not None
    truths = [_truth(trial.suggestion.values) for trial in history.trials]
    lowest = min(truths)
    assert best["objective"] in (lowest, lowest * lowest)  # a driver of least squares sums squares
    assert best["number"] == truths.index(min(truths))
    assert dict(best["values"]) == dict(history.trials[best["number"]].suggestion.values)


def check_stopping(make: MakeDriver) -> None:
    """Without a rule nothing stops a young study; a value below `min_val` is no reason before it is seen."""
    driver = make({})
    assert driver.stop_reason(History(mixed_space(), (), 3)) is None
    history, _ = _advance(driver, 3)
    assert driver.stop_reason(history) is None


def check_measurements_are_checked(make: MakeDriver) -> None:
    """What the driver could not learn from is refused with one sentence; what it can is accepted."""
    driver, space = make({}), mixed_space()
    driver.check(space, [Measurement((1.0,))])
    another_model = Measurement((1.0,), model_name="no_such_model")
    another_parameter = Measurement((1.0,), derivative="no_such_parameter")
    too_many_outputs = Measurement((1.0, 2.0))
    for measurement in (another_model, another_parameter, too_many_outputs):
        given = [Measurement((1.0,)), measurement]
        assert "\n" not in refusal(UsageError, partial(driver.check, space, given))


DRIVER_CHECKS = (
    check_configuration,
    check_unknown_keys_are_refused,
    check_suggestions_are_in_the_space,
    check_a_suggestion_is_a_function,
    check_open_points_are_not_repeated,
    check_failures_are_not_repeated,
    check_best,
    check_stopping,
    check_measurements_are_checked,
)
"""Each takes a factory from plain data (a configuration) to a driver of one output."""

WRITER_CHECKS = (check_configuration, check_unknown_keys_are_refused)
"""Of drivers that write a text, and so have another space than that of the others."""
