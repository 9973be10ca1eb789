"""Random and hostile configurations of drivers: each is accepted and round trips, or is refused with one sentence.

Run as `python -m tests.fuzz.driver_configurations --count 10000 --seed 0`.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import random
import time
from collections import Counter
from typing import Any

from assay.errors import UsageError
from assay.space.schema import shown
from assay.space.space import Space
from assay.study.catalog import load

__all__ = ["GOOD", "HOSTILE", "SPACE", "check", "random_configuration", "run"]

LIMIT_SECONDS = 5.0
SPACE = Space.from_data(
    [
        {"name": "x", "domain": [0, 1]},
        {"name": "rate", "domain": [0.1, 10], "log": True},
        {"name": "layers", "type": "integer", "domain": [1, 4]},
        {"name": "metal", "type": "categorical", "domain": ["gold", "silver"]},
        {"name": "width", "type": "fixed", "domain": 2},
    ],
    environment=[{"name": "t", "scale": 2.0}],
)
NORMAL = {"type": "normal", "parameter": "x", "mean": 0.5, "stddev": 0.1}

# Every type of entry, with most of its keys, as people would write them.
GOOD: dict[str, list[dict[str, Any]]] = {
    "ActiveLearning": [
        {
            "scaling": 2.0,
            "vary_scaling": True,
            "num_initial": 7,
            "deterministic": True,
            "surrogates": [
                {"type": "GP", "name": "loss", "output_dim": 2, "output_names": ["a", "b"], "horizon": 50,
                 "prior_mean": "x*rate + t", "min_dist": 0.01, "mean_function": "linear", "num_restarts": 2,
                 "kernel": {"type": "Matern", "matern_order": 3, "length_scale_prior": "blocks", "target_ls_blocks": 50.0},
                 "outlier_detector": {"dof": 3.0}, "detect_noise": True, "covariance_matrix": {"resize_step": 100}},
                {"type": "NN", "name": "net", "input": "seen", "num_NNs": 4, "hidden_layers_arch": [8, 8], "activation": "sine"},
                {"type": "Linear", "name": "line", "expressions": ["x", "x*layers"], "degree": 1},
            ],
            "transformations": [
                {"name": "seen", "parameters": [
                    {"type": "expression", "name": "area", "expression": "x*width", "bounds": [0.0, 2.0]},
                    {"type": "mapping", "name": "index", "discrete_parameter": "metal", "values": [0.2, 0.1]}]},
                {"name": "again", "input": "seen",
                 "parameters": [{"name": "root", "expression": "sqrt(area)", "bounds": [0.0, 1.5]}]},
            ],
            "variables": [
                {"type": "SingleSelector", "name": "one", "input": "loss", "select_by_name": "b"},
                {"type": "MultiSelector", "name": "both", "input": "loss", "select_range": [0, 1]},
                {"type": "Collector", "name": "all", "inputs": ["loss", "net"], "output_names": ["p", "q", "r"]},
                {"type": "LinearCombination", "name": "sum", "inputs": ["one", "net"], "coefficients": [0, 1.5, "x + 1"]},
                {"type": "Expression", "name": "formula", "expression": "one^2 + exp(-x) + sum"},
            ],
            "objectives": [
                {"type": "Minimizer", "variable": "formula", "strategy": "LCB", "localize": True, "min_val": -3.0},
                {"type": "Constrainer", "name": "bound", "variable": "one", "lower_bound": -1.0, "upper_bound": 1.0},
            ],
            "acquisition_optimizer": {"num_starts": 3, "max_steps": 20},
            "overrides": {"surrogates.0.kernel.design_length_scales": [0.5, 1.0, 2.0, 1.0], "scaling": 3.0},
        },
        {
            "surrogates": [{"output_dim": 3}],
            "variables": [
                {"type": "ChiSquaredValue", "name": "chi", "target_vector": [1.0, 2.0, 3.0], "uncertainty_vector": [0.1, 0.1, 0.2]},
                {"type": "NegLogProbability", "name": "nlp", "target_vector": [1.0, 2.0, 3.0],
                 "error_model": {"expression": "sqrt(c^2 + (d*y_model)^2)", "initial_parameters": [0.1, 0.2], "parameter_distribution": {
                     "distributions": [{"type": "uniform", "parameter": "c", "domain": [0.0, 1.0]},
                                       {"type": "uniform", "parameter": "d", "domain": [0.0, 1.0]}]}}},
                {"type": "Interpolation", "name": "dense", "input_positions": [0.0, 1.0, 2.0], "output_positions": [0.5, 1.5]},
                {"type": "Scan", "name": "scan", "scan_parameters": ["t"], "scan_values": [[0.0], [1.0]], "correlate_outputs": False},
                {"type": "Fit", "name": "fit", "expression": "h + k*s", "model_variables": ["s"],
                 "variable_values": [[0.0], [1.0], [2.0]], "initial_parameters": [1.0, 1.0], "bounds": [[-5.0, 5.0], [-5.0, 5.0]]},
            ],
            "objectives": [
                {"type": "MultiMinimizer", "variables": ["chi", "fit0"], "lower_reference": [0.0, 0.0], "upper_reference": [9.0, 9.0]}
            ],
            "parameter_distribution": {"include_study_constraints": True, "distributions": [NORMAL], "constraints": ["x <= 0.9"]},
        },
        {"surrogates": [{"output_dim": 2, "joint_hyperparameters": False}],
         "variables": [{"type": "ChiSquaredValue", "covariance_matrix": [[1.0, 0.5], [0.5, 1.0]]}],
         "objectives": [{"type": "Explorer", "strategy": "uncertainty", "min_uncertainty": 0.1}]},
        {"acquisition_function": {"parameter_uncertainties": [{"name": "x", "uncertainty": 0.01}]}, "scaling": 0.5},
    ],
    "BayesianOptimization": [{"strategy": "PoI", "min_val": 0.1, "overrides": {"surrogates.0.num_restarts": 2}}],
    "BayesianLeastSquares": [{"target_vector": [1.0, 2.0], "uncertainty_vector": [0.1, 0.1], "min_val": 0.1, "effective_DOF": 2.0}],
    "BayesianReconstruction": [
        {"target_vector": [1.0, 2.0], "parameter_distribution": {"distributions": [NORMAL]},
         "error_model": {"expression": "c*err", "parameter_distribution": {
             "distributions": [{"type": "lognormal", "parameter": "c", "mean": 0.0, "stddev": 1.0}]}}},
    ],
    "CMAES": [{"population_size": 8, "sigma0": 0.2}],
    "ScipyMinimizer": [{"start_points": [{"x": 0.5, "rate": 1.0, "layers": 2, "metal": "gold"}], "num_starts": 2}],
    "ScipyLeastSquares": [{"target_vector": [1.0, 2.0], "uncertainty_vector": [0.1, 0.2]}],
    "DifferentialEvolution": [{"population_size": 12, "mutation": 0.5}],
}  # fmt: skip

DEEP: list[Any] = []
for _ in range(3000):
    DEEP = [DEEP]
HOSTILE: list[Any] = [
    None, True, False, 0, -1, 1, 2, 3, 0.5, -0.0, 1e308, -1e308, 5e-324, 10**400, -(10**5000), float("nan"), float("inf"),
    1j, "", "x", "t", "loss", "a", "E", "sin", "1", "x\n", "\x00", "__class__", "__import__('os')", "lambda", "é", "a" * 100_000,
    "x + q", "9**9**9**9", "1/0", "(" * 3000 + "1" + ")" * 3000, "-" * 3000 + "1", "log_prob", "GP", "NN", "Linear", "Scan", "Fit", "Minimizer",
    "Explorer", "none", "auto", b"x", [], {}, (), [0], [0, 1], [1, 0], [0, 1, 2], [1.0, 2.0, 3.0], ["a", "b"], [[0, 1]], [[1.0], [2.0], [3.0]],
    [None, None], [0, float("nan")], [-1e308, 1e308], [0, 10**400], {"name": "y"}, [{}], [{"name": "y"}], {"type": "GP"}, [{"type": "Fit"}],
    [{"type": "Expression", "expression": "loss"}], {"scaling": -1}, set(), object, {1: 2}, DEEP,
]  # fmt: skip
KEYS = [
    "name", "type", "input", "inputs", "output_dim", "output_names", "select_by_name", "expression", "variable", "variables", "surrogates",
    "kernel", "target_vector", "covariance_matrix", "lower_bound", "overrides", "distributions", "", "Name", 3, None,
]  # fmt: skip


def _places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything inside."""
    inner = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list) and data is not DEEP
        else ()
    )
    return [place for key, item in inner for place in ((*path, key), *_places(item, (*path, key)))]


def _hostile(generator: random.Random) -> Any:
    item = generator.choice(HOSTILE)
    return item if item is DEEP else copy.deepcopy(item)


def random_configuration(generator: random.Random) -> tuple[str, Any]:
    """A good configuration, and its driver, with one to three things replaced, removed, added or doubled."""
    driver = generator.choice([*GOOD, *["ActiveLearning"] * 8])
    data: Any = copy.deepcopy(generator.choice(GOOD[driver]))
    for _ in range(generator.choice([1, 1, 1, 2, 3])):
        places = _places(data)
        if not places:
            break
        *path, key = generator.choice(places)
        holder = data
        for step in path:
            holder = holder[step]
        action = generator.random()
        if action < 0.55:
            holder[key] = _hostile(generator)
        elif action < 0.75:
            del holder[key]
        elif isinstance(holder, dict):
            holder[generator.choice(KEYS)] = _hostile(generator)
        else:
            holder.append(holder[key])
    return driver, data


def check(driver: str, data: Any) -> str:
    """What became of the configuration: "accepted" or "refused".

    Raises:
        AssertionError: when it is accepted and does not round trip, the refusal is not one sentence, or it took too long.
    """
    began = time.process_time()
    made, sentence = None, ""
    try:
        made = load("drivers", driver).from_data(data)
        made.check_space(SPACE)
    except UsageError as error:
        made, sentence = None, str(error)
    spent = time.process_time() - began
    assert spent < LIMIT_SECONDS, f"{spent} s"
    if made is None:
        assert sentence.isprintable(), repr(sentence[:200])
        assert 0 < len(sentence) < 1000, sentence[:200]
        return "refused"
    plain = json.dumps(made.configuration())
    again = load("drivers", driver).from_data(json.loads(plain))
    assert json.dumps(again.configuration()) == plain, plain[:200]
    return "accepted"


def run(count: int, seed: int) -> Counter[str]:
    """Check that many random configurations; how many were accepted and refused."""
    generator = random.Random(seed)
    tally: Counter[str] = Counter()
    for index in range(count):
        driver, data = random_configuration(generator)
        try:
            tally[check(driver, data)] += 1
        except Exception as error:
            error.add_note(f"configuration {index} of seed {seed}, {driver}: {shown(data)}")
            raise
    return tally


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    began = time.process_time()
    tally = run(options.count, options.seed)
    spent = time.process_time() - began
    logging.info("%s; nothing else, in %.1f s of processor time", dict(sorted(tally.items())), spent)
