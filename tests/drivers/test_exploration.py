"""The exploring driver: an even first design, then points where the models know least, one by one or in batches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

import assay
from assay.drivers.abstract import History, Request
from assay.drivers.exploration import AdaptiveSampling
from assay.errors import ConfigurationError, UsageError
from assay.numerics.coordinates import Coordinates
from assay.numerics.discrepancy import CentredDiscrepancy
from assay.records import Measurement, Outcome, Suggestion, Trial
from assay.space.parameters import Continuous
from assay.space.space import Space

SQUARE = Space.from_data([Continuous("x", (0.0, 2.0)), Continuous("y", (1.0, 100.0), log=True)])


def evaluated(number: int, values: Mapping[str, Any], status: Any = "succeeded") -> Trial:
    if status != "succeeded":
        outcome = Outcome("model_failure", error="it broke") if status == "failed" else None
        return Trial(Suggestion(number, values), status, outcome)
    value = math.sin(3.0 * values["x"]) + math.log10(values["y"])
    return Trial(Suggestion(number, values), "succeeded", Outcome("succeeded", (Measurement((value,)),)))


def history_of(points: Sequence[Mapping[str, Any]], open_from: int = 10**9, state: Any = None) -> History:
    trials = [
        evaluated(number, values, "open" if number >= open_from else "succeeded")
        for number, values in enumerate(points)
    ]
    return History(SQUARE, tuple(trials), 1, state)


def units(points: Sequence[Mapping[str, Any]]) -> np.ndarray:
    return Coordinates.of(SQUARE).encode(points)


def test_the_first_suggestions_are_one_design() -> None:
    driver = AdaptiveSampling.from_data({"num_initial": 6})
    one_by_one: list[Mapping[str, Any]] = []
    for number in range(6):
        one_by_one.append(driver.suggest(history_of(one_by_one), Request(number)).values)
    together = [proposal.values for proposal in driver.propose(history_of([]), Request(0), 6)]
    assert one_by_one == together
    empty = CentredDiscrepancy(np.empty((0, 2)), np.zeros(2, dtype=int))
    greedy: list[Mapping[str, Any]] = []
    for number in range(6):
        greedy.append(driver.propose(history_of(greedy), Request(number), 1)[0].values)
    assert empty.value(units(together)) < 0.9 * empty.value(units(greedy))


def test_points_of_others_among_the_first_ones_are_known() -> None:
    driver = AdaptiveSampling.from_data({"num_initial": 6})
    planned = driver.suggest(history_of([]), Request(0)).values
    # Somebody else had the point of the plan that is next.
    second = driver.suggest(history_of([planned]), Request(1)).values
    found = driver.suggest(history_of([second]), Request(1)).values
    assert np.linalg.norm(units([found]) - units([second])) > 0.2


def test_later_points_lie_where_the_model_knows_least() -> None:
    corner = [{"x": 0.1 + 0.2 * (n % 3), "y": 1.1 + 0.7 * (n // 3)} for n in range(9)]
    driver = AdaptiveSampling.from_data({"num_initial": 1})
    proposal = driver.suggest(history_of(corner), Request(9))
    assert proposal.info["origin"] == "DiscrepancyVariance"
    assert proposal.state is not None
    assert (units([proposal.values])[0] > 0.5).all()


def test_open_points_are_known() -> None:
    driver = AdaptiveSampling.from_data({"num_initial": 5})
    points = [proposal.values for proposal in driver.propose(history_of([]), Request(0), 8)]
    found: list[Mapping[str, Any]] = []
    for _ in range(5):
        history = history_of([*points, *found], open_from=8)
        found.append(driver.suggest(history, Request(8 + len(found))).values)
    places = units([*points, *found])
    distances = np.linalg.norm(places[:, None] - places, axis=2) + np.eye(len(places))
    # 13 points cannot be farther apart than 0.366 in the square; four that ignore each other would be at one place.
    assert distances[8:].min() > 0.1


def test_the_models_know_open_points() -> None:
    """With evenness out of the way, only what the model has been told keeps a look off an open one."""
    corner = [{"x": 0.1 + 0.2 * (n % 3), "y": 1.1 + 0.7 * (n // 3)} for n in range(9)]
    driver = AdaptiveSampling.from_data(
        {"num_initial": 1, "sampler": {"type": "DiscrepancyVariance", "weight": 1e9}}
    )
    first = driver.suggest(history_of(corner), Request(9))
    second = driver.suggest(history_of([*corner, first.values], open_from=9, state=first.state), Request(10))
    assert np.linalg.norm(units([first.values]) - units([second.values])) > 0.3


def test_failures_are_not_tried_again() -> None:
    driver = AdaptiveSampling.from_data({"num_initial": 4})
    points = [proposal.values for proposal in driver.propose(history_of([]), Request(0), 6)]
    trials = tuple(
        evaluated(n, values, "failed" if n > 3 else "succeeded") for n, values in enumerate(points)
    )
    history = History(SQUARE, trials, 1)
    batch = [proposal.values for proposal in driver.propose(history, Request(6), 5)]
    distances = np.linalg.norm(units(batch)[:, None] - units(points[4:]), axis=2)
    assert distances.min() > 0.05


def test_several_responses_are_learned_together() -> None:
    surrogates = [{"type": "GP", "name": "a"}, {"type": "GP", "name": "b"}]
    driver = AdaptiveSampling.from_data({"surrogates": surrogates, "num_initial": 5})
    points = [proposal.values for proposal in driver.propose(history_of([]), Request(0), 7)]
    trials = tuple(
        Trial(
            Suggestion(number, values),
            "succeeded",
            Outcome(
                "succeeded",
                (
                    Measurement((float(values["x"]),), model_name="a"),
                    Measurement((float(values["y"]),), model_name="b"),
                ),
            ),
        )
        for number, values in enumerate(points)
    )
    proposals = driver.propose(History(SQUARE, trials, 1), Request(7), 3)
    assert len(proposals) == 3
    assert set(proposals[0].info["fit"]) == {"a", "b"}
    driver.check(SQUARE, [Measurement((1.0,), model_name="b")])
    with pytest.raises(UsageError, match="model_name"):
        driver.check(SQUARE, [Measurement((1.0,), model_name="c")])


def test_a_sampler_without_models_fits_none() -> None:
    driver = AdaptiveSampling.from_data({"sampler": "Sobol"})
    points = [proposal.values for proposal in driver.propose(history_of([]), Request(0), 12)]
    proposal = driver.suggest(history_of(points), Request(12))
    assert "fit" not in proposal.info
    whole = [one.values for one in driver.propose(history_of([]), Request(0), 13)]
    assert dict(proposal.values) == dict(whole[12])


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"sampler": "Dice"}, "sampler.type"),
        ({"sampler": {"type": "Sobol", "points": 3}}, "points"),
        ({"sampler": {"weight": -1.0}}, "greater than or equal to 0"),
        ({"surrogates": []}, "surrogates"),
    ],
)
def test_mistakes_are_named(given: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        AdaptiveSampling.from_data(given)


def test_a_study_explores_and_predicts() -> None:
    study = assay.create_study([assay.Continuous("x", (0.0, 1.0))], driver="AdaptiveSampling", seed=2)
    study.configure(num_initial=4)
    study.configure(max_iter=9)
    study.run(lambda x: math.sin(6.0 * x))
    belief = AdaptiveSampling.from_data({}).belief(study.history)
    mean, _ = belief.posteriors["loss"].mean_variance(np.array([[0.3], [0.9]]))
    np.testing.assert_allclose(mean[:, 0], np.sin([1.8, 5.4]), atol=0.02)
