"""Every variable and objective through a study: it runs, replays bit for bit, and knows what was observed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import assay
from assay.drivers import configuration
from assay.study.study import Study, create_study

SPACE = [{"name": "x", "domain": [0, 1]}, {"name": "y", "domain": [0, 1]}]
TARGET = [0.3, 0.2, 0.1]
LOOKS = 8


def vector(x: float, y: float) -> list[float]:
    return [x * x + 0.1 * y, x * y, y * y - 0.5 * x]


def chi_squared(values: list[float]) -> float:
    return sum(((value - aim) / 0.1) ** 2 for value, aim in zip(values, TARGET, strict=True))


def nlp(values: list[float]) -> float:
    return 0.5 * chi_squared(values) + 3 * math.log(0.1) + 1.5 * math.log(2 * math.pi)


def slope(values: list[float]) -> float:
    return (values[2] - values[0]) / 2.0


CHI = {"type": "ChiSquaredValue", "name": "v", "target_vector": TARGET, "uncertainty_vector": [0.1] * 3}
FIT = {
    "type": "Fit", "name": "v", "expression": "h + k*s", "model_variables": ["s"],
    "variable_values": [[0.0], [1.0], [2.0]], "initial_parameters": [0.0, 0.0], "uncertainty_vector": [1.0] * 3,
}  # fmt: skip

# The variables, the output that is minimised, and what it is where the vector is known.
VARIABLES: dict[str, tuple[list[dict[str, Any]], str, Callable[[Mapping[str, float], list[float]], float]]] = {
    "SingleSelector": ([{"name": "v", "select_by_name": "loss1"}], "v", lambda _, f: f[1]),
    "MultiSelector": ([{"type": "MultiSelector", "select_range": [1, 2]}], "v1", lambda _, f: f[2]),
    "Collector": (
        [{"name": "a", "select_by_name": "loss2"}, {"type": "Collector", "name": "v", "inputs": ["loss", "a"]}],
        "v3",
        lambda _, f: f[2],
    ),
    "LinearCombination": (
        [{"type": "LinearCombination", "inputs": ["loss"], "coefficients": [1.0, 2.0, "x", -1.0]}],
        "v",
        lambda at, f: 1.0 + 2.0 * f[0] + at["x"] * f[1] - f[2],
    ),
    "ChiSquaredValue": ([CHI], "v", lambda _, f: chi_squared(f)),
    "NegLogProbability": ([{**CHI, "type": "NegLogProbability"}], "v", lambda _, f: nlp(f)),
    "Expression": (
        [{"type": "Expression", "expression": "loss0^2 + sin(loss2) + y"}],
        "v",
        lambda at, f: f[0] ** 2 + math.sin(f[2]) + at["y"],
    ),
    "Interpolation": (
        [{"type": "Interpolation", "input_positions": [0.0, 1.0, 2.0], "output_positions": [1.0, 1.5]}],
        "v0",
        lambda _, f: f[1],
    ),
    "Fit": ([FIT], "v1", lambda _, f: slope(f)),
}  # fmt: skip


def study_of(**keys: Any) -> Study:
    study = create_study(SPACE, seed=5)
    study.configure(max_iter=LOOKS, num_initial=6, surrogates=[{"output_dim": 3}], deterministic=True)
    study.configure(**keys)
    return study


def points(study: Study) -> list[dict[str, Any]]:
    return [dict(trial.suggestion.values) for trial in study.trials]


@pytest.mark.parametrize("kind", VARIABLES)
def test_a_variable_is_minimised_and_its_observed_values_are_those_of_the_formula(kind: str) -> None:
    variables, output, formula = VARIABLES[kind]
    keys = {"variables": variables, "objectives": [{"variable": output}]}
    study, again = study_of(**keys), study_of(**keys)
    study.run(vector)
    again.run(vector)
    assert points(study) == points(again)
    wanted = {number: formula(at, vector(**at)) for number, at in enumerate(points(study))}
    assert study.driver.observed() == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    assert study.driver.min_objective == pytest.approx(min(wanted.values()), rel=1e-9, abs=1e-9)
    belief = study.driver.predict(points(study))
    assert belief["mean"][:, 0] == pytest.approx(list(wanted.values()), rel=0.05, abs=0.05)


def test_a_scan_is_minimised_through_what_follows_from_it() -> None:
    """A scan looks where nobody evaluated, so that its values are believed and not observed."""
    scan = {"type": "Scan", "name": "scan", "scan_parameters": ["y"], "scan_values": [[0.0], [1.0]]}
    mean = {"type": "LinearCombination", "name": "v", "inputs": ["scan"]}
    study = study_of(surrogates=[{}], variables=[scan, mean], objectives=[{"variable": "v"}], max_iter=12)
    study.run(lambda x, y: (x - 0.4) ** 2 + 0.3 * y)
    assert study.driver.best_sample is not None
    assert study.driver.best_sample["x"] == pytest.approx(0.4, abs=0.05)
    assert study.driver.predict([{"x": 0.4, "y": 0.7}])["mean"][0, 0] == pytest.approx(0.15, abs=0.02)


OBJECTIVES: dict[str, list[dict[str, Any]]] = {
    "Minimizer": [{"variable": "a", "strategy": "LCB"}],
    "PoI": [{"variable": "c", "strategy": "PoI", "localize": True}],
    "Constrainer": [{"variable": "c"}, {"type": "Constrainer", "variable": "a", "upper_bound": 0.5}],
    "MultiMinimizer": [
        {
            "type": "MultiMinimizer",
            "variables": ["a", "c"],
            "lower_reference": [-1.0, -1.0],
            "upper_reference": [1.0, 1.0],
        }
    ],
    "Explorer": [{"type": "Explorer", "variable": "all"}],
}


@pytest.mark.parametrize("kind", OBJECTIVES)
def test_every_objective_runs_and_replays(kind: str) -> None:
    variables = [
        {"name": "a", "select_by_name": "loss0"},
        {"name": "c", "select_by_name": "loss2"},
        {"type": "MultiSelector", "name": "all"},
    ]
    studies = [study_of(variables=variables, objectives=OBJECTIVES[kind]) for _ in range(2)]
    for study in studies:
        study.run(vector)
    assert points(studies[0]) == points(studies[1])
    assert len({tuple(at.values()) for at in points(studies[0])}) == LOOKS


def test_plain_data_and_objects_are_the_same_configuration_and_the_same_suggestions() -> None:
    plain = study_of(variables=[CHI], objectives=[{"type": "Minimizer", "variable": "v", "min_val": 0.1}])
    objects = study_of(
        surrogates=[configuration.GP(output_dim=3)],
        variables=[
            configuration.ChiSquaredValue(target_vector=np.array(TARGET), uncertainty_vector=(0.1,) * 3)  # pyright: ignore[reportArgumentType]
        ],
        objectives=[configuration.Minimizer(variable="v", min_val=0.1)],
    )
    assert plain.configuration == objects.configuration
    for study in (plain, objects):
        study.run(vector)
    assert points(plain) == points(objects)


@pytest.mark.parametrize("kind", [pytest.param("NN", marks=pytest.mark.slow), "Linear", "GP"])
def test_open_suggestions_of_every_surrogate_are_the_same_again(kind: str) -> None:
    """Three at once, of which the second is told first."""
    surrogate = {"type": kind, "name": "loss", "output_dim": 3}
    if kind == "NN":
        surrogate |= {"num_NNs": 3, "hidden_layers_arch": [6], "num_epochs": 30, "num_warm_epochs": 10}

    def asked() -> list[dict[str, Any]]:
        study = study_of(
            surrogates=[surrogate], variables=[CHI], objectives=[{}], num_parallel=3, num_initial=4
        )
        for _ in range(2):
            for suggestion in sorted([study.get_suggestion() for _ in range(3)], key=lambda one: -one.number):
                observation = assay.Observation()
                observation.add(vector(**dict[str, Any](suggestion.kwargs)))
                study.add_observation(observation, suggestion.number)
        return points(study)

    first = asked()
    assert first == asked()
    assert len({tuple(at.values()) for at in first}) == 6


def test_a_transformed_surrogate_sees_what_it_is_told_to() -> None:
    """A function of x + y alone, known everywhere from a few looks."""
    study = study_of(
        transformations=[
            {"name": "sum", "parameters": [{"name": "s", "expression": "x + y", "bounds": [0, 2]}]}
        ],
        surrogates=[{"input": "sum"}],
        max_iter=9,
        num_initial=8,
    )
    study.run(lambda x, y: math.sin(2.0 * (x + y)))
    corners = [{"x": 0.0, "y": 1.0}, {"x": 1.0, "y": 0.0}, {"x": 0.5, "y": 0.5}]
    mean = study.driver.predict(corners)["mean"][:, 0]
    assert mean == pytest.approx(math.sin(2.0), abs=0.02)
    assert np.ptp(mean) < 1e-9


def test_the_best_point_keeps_the_bounds_of_a_constrainer() -> None:
    study = study_of(
        surrogates=[{"output_dim": 2}],
        variables=[{"name": "cost", "select_by_name": "loss0"}, {"name": "heat", "select_by_name": "loss1"}],
        objectives=[{"variable": "cost"}, {"type": "Constrainer", "variable": "heat", "upper_bound": 0.5}],
        max_iter=16,
    )
    study.run(lambda x, y: [(x - 0.8) ** 2 + y**2, x * x])
    forbidden = assay.Observation()
    forbidden.add([0.0, 0.64])
    study.add_observation(forbidden, design_value={"x": 0.8, "y": 0.0})
    best = study.best
    assert best is not None
    lowest = min(study.driver.observed().values())
    assert best["values"]["x"] ** 2 <= 0.5 < 0.64
    assert best["objective"] == pytest.approx((math.sqrt(0.5) - 0.8) ** 2, abs=0.01)
    assert best["objective"] > lowest
