"""What the drivers without a model have in common, in studies that do not go smoothly."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from assay.drivers.abstract import AbstractDriver, History, Request
from assay.drivers.differential_evolution import DifferentialEvolution
from assay.drivers.evolution_strategy import CMAES
from assay.drivers.scipy_least_squares import ScipyLeastSquares
from assay.drivers.scipy_minimizer import ScipyMinimizer
from assay.errors import ConfigurationError
from assay.records import Measurement, Outcome, Suggestion, Trial
from assay.space.space import Space
from assay.study.study import create_study

Make = Callable[[dict[str, Any]], AbstractDriver]

DRIVERS: dict[str, tuple[Make, dict[str, Any]]] = {
    "CMAES": (CMAES.from_data, {"population_size": 6}),
    "CMAES-noisy": (CMAES.from_data, {"population_size": 6, "noisy": True}),
    "DifferentialEvolution": (DifferentialEvolution.from_data, {"population_size": 6}),
    "ScipyMinimizer": (ScipyMinimizer.from_data, {}),
    "ScipyMinimizer-simplex": (ScipyMinimizer.from_data, {"method": "Nelder-Mead"}),
    "ScipyLeastSquares": (ScipyLeastSquares.from_data, {"target_vector": [0.4]}),
}
SPACE = Space.from_data(
    [
        {"name": "x", "domain": [0.0, 1.0]},
        {"name": "y", "domain": [0.1, 10.0], "log": True},
        {"name": "n", "type": "integer", "domain": [1, 5]},
        {"name": "label", "type": "categorical", "domain": ["a", "b"]},
    ],
    environment=[{"name": "t", "scale": 2.0}],
    constraints=[{"name": "edge", "expression": "x + y / 10 <= 1"}],
)


def truth(values) -> float:
    return (
        (values["x"] - 0.3) ** 2
        + np.log(values["y"]) ** 2
        + 0.1 * (values["n"] - 3) ** 2
        + (values["label"] == "b")
    )


def ended(trial: Trial, random: np.random.Generator) -> Trial:
    """The trial with an outcome drawn for it."""
    fate = random.random()
    if fate < 0.15:
        return replace(trial, status="cleared", message="withdrawn")
    if fate < 0.3:
        return replace(trial, status="failed", outcome=Outcome("model_failure", error="it broke"))
    value = truth(trial.suggestion.values)
    return replace(trial, status="succeeded", outcome=Outcome("succeeded", (Measurement((value,)),)))


def user_trial(number: int, random: np.random.Generator) -> Trial:
    values = {
        "x": float(random.random()),
        "y": float(random.uniform(0.1, 10)),
        "n": int(random.integers(1, 6)),
        "label": "ab"[random.integers(2)],
    }
    trial = Trial(Suggestion(number, values, {"t": 0.0}, origin="user"), "open")
    return replace(trial, status="succeeded", outcome=Outcome("succeeded", (Measurement((truth(values),)),)))


def texts_of(driver: AbstractDriver) -> dict[str, str]:
    return {member["name"]: member["text"] for member in driver.describe()["members"]}


VARIANTS = [pytest.param(name, marks=pytest.mark.slow if "-" in name else ()) for name in DRIVERS]


@pytest.mark.parametrize("name", VARIANTS)
def test_a_hostile_study_gives_the_same_suggestions_with_and_without_a_past(name):
    """Five at once, ending in any order; failures, withdrawals, claims, points of the user's own, a changing environment."""
    make, data = DRIVERS[name]
    driver, random = make(data), np.random.default_rng(7)
    trials: list[Trial] = [user_trial(0, random)]
    claimed: list[tuple[int, Any]] = []
    for step in range(24):
        number = len(trials) + len(claimed)
        history = History(SPACE, tuple(trials), 3, None, tuple(number for number, _ in claimed))
        request = Request(number, {"t": float(step)})
        proposal = driver.suggest(history, request)
        assert proposal == make(data).suggest(history, request)
        assert proposal.state is None
        json.dumps(proposal.info)
        assert dict(SPACE.validate_design(proposal.values)) == dict(proposal.values)
        assert SPACE.is_feasible(proposal.values)
        waiting = [trial.suggestion.values for trial in trials if trial.status == "open"]
        assert "noisy" in name or dict(proposal.values) not in [dict(values) for values in waiting]
        claimed.append((number, proposal.values))
        if random.random() < 0.7:  # else its point is not known yet at the next suggestion
            trials += [Trial(Suggestion(number, values, {"t": 0.0}), "open") for number, values in claimed]
            claimed = []
        is_open = [place for place, trial in enumerate(trials) if trial.status == "open"]
        while len(is_open) > 5 or (is_open and random.random() < 0.4):
            place = is_open.pop(int(random.integers(len(is_open))))
            trials[place] = ended(trials[place], random)
        if not claimed and random.random() < 0.1:
            trials.append(user_trial(len(trials), random))
    history = History(SPACE, tuple(trials), 3)
    assert driver.stop_reason(history) == make(data).stop_reason(history)
    assert driver.best(history) == make(data).best(history)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_history_that_changed_its_mind_is_replayed_anew(name):
    """One driver object serves histories that contradict one another, as after a claim that is taken over."""
    make, data = DRIVERS[name]
    driver = make(data)
    for flip in (1.0, -1.0):
        trials: list[Trial] = []
        for number in range(12):
            history = History(SPACE, tuple(trials), 3)
            request = Request(number, {"t": 0.0})
            proposal = driver.suggest(history, request)
            assert proposal == make(data).suggest(history, request)
            outcome = Outcome("succeeded", (Measurement((flip * truth(proposal.values),)),))
            trials.append(Trial(Suggestion(number, proposal.values, {"t": 0.0}), "succeeded", outcome))


@pytest.mark.parametrize("name", ["CMAES", "DifferentialEvolution", "ScipyLeastSquares", "ScipyMinimizer"])
def test_a_study_runs_with_it_and_says_what_it_found(name):
    study = create_study(
        [{"name": "x", "domain": [-1.0, 1.0]}, {"name": "y", "domain": [-1.0, 1.0]}], driver=name, seed=1
    )
    study.configure(max_iter=200, min_val=1e-3)
    study.run(lambda x, y: (x - 0.3) ** 2 + 0.5 * (y + 0.2) ** 2)
    best = study.best
    assert best is not None
    assert "min_val" in (study.stop_reason() or "")
    assert study.driver.best_sample == best["values"]
    assert study.driver.min_objective == best["objective"] <= 1e-3
    assert study.driver.observed()[best["number"]] == best["objective"]
    assert len(study.trials) < 200
    texts = texts_of(study.driver.recipe)
    assert all(texts.values())
    assert type(study.driver.recipe).__name__ == name
    assert set(texts) == set(study.driver.configuration())


@pytest.mark.parametrize("name", ["CMAES", "DifferentialEvolution", "ScipyLeastSquares", "ScipyMinimizer"])
def test_several_at_once_reach_the_same_goal(name):
    study = create_study(
        [{"name": "x", "domain": [-1.0, 1.0]}, {"name": "y", "domain": [-1.0, 1.0]}], driver=name, seed=1
    )
    study.configure(num_parallel=4, min_val=1e-3)
    random, waiting = np.random.default_rng(0), []
    for _ in range(300):
        while len(waiting) < 4:
            waiting.append(study.get_suggestion())
        suggestion = waiting.pop(int(random.integers(4)))
        x, y = suggestion.kwargs["x"], suggestion.kwargs["y"]
        study.add_observation((x - 0.3) ** 2 + 0.5 * (y + 0.2) ** 2, suggestion_id=suggestion.id)
        if study.stop_reason():
            break
    best = study.best
    assert best is not None
    assert best["objective"] <= 1e-3


@pytest.mark.parametrize("name", DRIVERS)
def test_a_small_discrete_space_may_be_exhausted(name):
    make, data = DRIVERS[name]
    space = Space.from_data([{"name": "n", "type": "integer", "domain": [1, 4]}])
    trials: list[Trial] = []
    driver = make(data)
    for number in range(8):
        proposal = driver.suggest(History(space, tuple(trials), 0), Request(number))
        outcome = Outcome("succeeded", (Measurement((float(proposal.values["n"]),)),))
        trials.append(Trial(Suggestion(number, proposal.values), "succeeded", outcome))
    assert "noisy" in name or {trial.suggestion.values["n"] for trial in trials} == {1, 2, 3, 4}


@pytest.mark.parametrize(
    ("make", "data", "words"),
    [
        (CMAES, {"sigma0": 2.0}, "'sigma0'.*less than or equal to 1, got 2.0"),
        (CMAES, {"population_size": "8"}, "'population_size'.*valid integer"),
        (DifferentialEvolution, {"strategy": "best2"}, "'strategy'.*'best1' or 'rand1', got 'best2'"),
        (DifferentialEvolution, {"mutation": 0.0}, "'mutation'.*greater than 0"),
        (ScipyMinimizer, {"method": "BFGS"}, "'method'.*got 'BFGS'"),
        (ScipyMinimizer, {"start_points": [{"x": None}]}, "'start_points"),
        (ScipyMinimizer, {"num_start": 1}, "no key 'num_start'"),
        (ScipyLeastSquares, {"target_vector": [1.0, float("nan")]}, "'target_vector' must be finite"),
        (ScipyLeastSquares, {"target_vector": [1.0], "uncertainty_vector": [1.0, 1.0]}, "same number"),
        (ScipyLeastSquares, {"uncertainty_vector": [1.0, 0.0]}, "must be positive, got 0.0"),
        (ScipyLeastSquares, {"uncertainty_vector": [1.0], "covariance_matrix": [[1.0]]}, "got both"),
        (ScipyLeastSquares, {"covariance_matrix": [[1.0, 0.0]]}, "square, got rows of"),
        (ScipyLeastSquares, {"covariance_matrix": [[1.0, 0.5], [0.2, 1.0]]}, "symmetric"),
        (ScipyLeastSquares, {"covariance_matrix": [[1.0, 2.0], [2.0, 1.0]]}, "positive definite"),
    ],
)
def test_mistakes_are_refused_with_one_sentence(make, data, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        make.from_data(data)
    assert "\n" not in str(caught.value)
