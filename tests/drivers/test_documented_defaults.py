"""The documented default configuration of the driver that users come from, pasted as data, is accepted."""

from __future__ import annotations

import math
from typing import Any

import pytest

from assay.study.study import create_study

KERNEL = {
    "type": "Matern",
    "matern_order": 5,
    "min_ls_blocks_per_dim": 0.25,
    "max_ls_blocks": 1e6,
    "target_ls_blocks": 100,
    "joint32ls_prior": True,
}
MATRIX = {
    "resize_step": 1000,
    "iterative_start_size": 500,
    "cuda_start_size": 2000,
    "num_iterative_solver_steps": 0,
    "online_start_size": 500,
    "max_data_hyper_derivs": 10000,
}
OUTLIERS = {"detection_interval": 5, "prec": 1e-8, "max_iter": 100, "tolerance": 1, "joint_scale": True}
FITTING = {"optimization_step_max": 300, "min_optimization_interval": 2, "max_optimization_interval": 20}
PROCESS = {
    "type": "GP",
    "name": "loss",
    "output_dim": 1,
    "horizon": math.inf,
    **FITTING,
    "optimization_level": 0.2,
    "min_dist": 0.0,
    "detect_noise": False,
    "mean_function": "constant",
    "warping_function": "identity",
    "joint_hyperparameters": True,
    "correlate_outputs": False,
    "tolerance": 1e-20,
    "tolerance_hypercov": 1e-8,
    "num_fantasies": 16,
    "kernel": KERNEL,
    "covariance_matrix": MATRIX,
    "outlier_detector": None,
}
TOP: dict[str, Any] = {
    "max_iter": math.inf,
    "max_time": math.inf,
    "num_parallel": 1,
    "transformations": [],
    "surrogates": [PROCESS],
    "variables": [{"type": "SingleSelector", "name": "v", "input": "loss", "select_by_name": "loss"}],
    "objectives": [
        {
            "type": "Minimizer",
            "name": "objective",
            "variable": "v",
            "strategy": "EI",
            "localize": False,
            "min_val": -math.inf,
            "min_PoI": 1e-16,
            "min_uncertainty": 0.0,
            "min_acq_val": -math.inf,
        }
    ],
    "acquisition_function": {"parameter_uncertainties": [], "num_samples": 10000, "smooth_range": 0.2},
    "acquisition_optimizer": {"adaptive_local_search": True, "compute_suggestion_in_advance": True},
    "scaling": 1.0,
    "vary_scaling": True,
    "parameter_distribution": {"include_study_constraints": False, "distributions": [], "constraints": []},
}
VECTOR = [{**PROCESS, "output_dim": 3, "output_names": ["loss0", "loss1", "loss2"]}]
MISFIT = {
    "input": "loss",
    "target_vector": [0, 0, 0],
    "uncertainty_vector": [1, 1, 1],
    "covariance_matrix": None,
}

# One configuration for each entry, with its defaults written out.
ENTRIES: dict[str, dict[str, Any]] = {
    "outlier detector": {"surrogates": [{**PROCESS, "detect_noise": True, "outlier_detector": OUTLIERS}]},
    "NN": {"surrogates": [{"type": "NN", "name": "loss", "output_dim": 1, "horizon": math.inf}]},
    "transformation": {
        "transformations": [
            {
                "type": "general",
                "name": "transformed_space",
                "parameters": [
                    {"type": "expression", "name": "u", "expression": "x^2", "bounds": (0, 1)},
                    {"type": "mapping", "name": "index", "discrete_parameter": "n", "values": [1.4, 2.1]},
                ],
            }
        ],
        "surrogates": [{**PROCESS, "input": "transformed_space"}],
    },
    "MultiSelector": {
        "variables": [
            {"type": "MultiSelector", "name": "v", "output_dim": 2, "input": "loss", "select_range": (0, 1)}
        ],
    },
    "Collector": {"variables": [{"type": "Collector", "name": "v", "output_dim": 3, "inputs": ["loss"]}]},
    "LinearCombination": {
        "variables": [
            {
                "type": "LinearCombination",
                "name": "v",
                "inputs": ["loss0", "loss1"],
                "coefficients": [0, 1, "2*x"],
            }
        ],
    },
    "ChiSquaredValue": {
        "variables": [{"type": "ChiSquaredValue", "name": "v", **MISFIT, "approximate": False}]
    },
    "NegLogProbability": {"variables": [{"type": "NegLogProbability", "name": "v", **MISFIT}]},
    "Expression": {"variables": [{"type": "Expression", "name": "v", "expression": "0"}]},
    "Interpolation": {
        "variables": [
            {
                "type": "Interpolation",
                "name": "v",
                "output_dim": 2,
                "input_surrogate": "loss",
                "input_positions": [[0], [1], [2]],
                "output_positions": [[0.5], [1.5]],
                "kernel": {"matern_order": 5},
            }
        ],
    },
    "Scan": {
        "variables": [
            {
                "type": "Scan",
                "name": "v",
                "output_dim": 6,
                "output_names": ["a", "b", "c", "d", "e", "f"],
                "input_surrogate": "loss",
                "scan_parameters": ["x"],
                "scan_values": [[0], [1]],
            }
        ],
    },
    "Fit": {
        "variables": [
            {
                "type": "Fit",
                "name": "v",
                "output_dim": 3,
                "input": "loss",
                "expression": "h + k*s",
                "model_variables": ["s"],
                "variable_values": [[0], [1], [2]],
                "initial_parameters": [1, 1],
            }
        ],
    },
    "MultiMinimizer": {
        "variables": [
            {"type": "SingleSelector", "name": name, "select_by_name": name} for name in ("loss0", "loss1")
        ],
        "objectives": [
            {
                "type": "MultiMinimizer",
                "variables": ["loss0", "loss1"],
                "lower_reference": [0, 0],
                "upper_reference": [1, 1],
                "partitioning_tolerance": 0.0,
                "localize": False,
                "min_acq_val": -math.inf,
            }
        ],
    },
    "Explorer": {
        "objectives": [
            {
                "type": "Explorer",
                "variable": "v",
                "penalize_boundaries": False,
                "min_uncertainty": 0.0,
                "strategy": "uncertainty",
            }
        ],
    },
    "Constrainer": {
        "objectives": [
            {"type": "Minimizer"},
            {"type": "Constrainer", "variable": "v", "lower_bound": -1, "upper_bound": None},
        ],
    },
    "parameter distribution": {
        "parameter_distribution": {
            "distributions": [
                {"type": "normal", "parameter": "x", "mean": 0.5, "stddev": 0.1},
                {"type": "uniform", "parameter": "y", "domain": [0, 1]},
            ],
            "constraints": ["x + y <= 1.5"],
        }
    },
    "several at once": {
        "parameter_distribution": {
            "distributions": [
                {"type": "mvn", "parameters": ["x", "y"], "mean": [0.5, 0.5], "covariance": [[1, 0], [0, 1]]}
            ]
        }
    },
}
SPACE = [
    {"name": "x", "type": "continuous", "domain": (0, 1)},
    {"name": "y", "type": "continuous", "domain": (0, 1)},
    {"name": "n", "type": "discrete", "domain": [1, 2]},
]


def test_the_whole_default_configuration_is_accepted() -> None:
    study = create_study(SPACE)
    study.configure(**TOP)
    assert study.configuration["vary_scaling"] is True
    assert study.configuration["surrogates"][0]["kernel"]["type"] == "Matern"
    assert study.configuration["surrogates"][0]["horizon"] is None


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_defaults_of_every_entry_are_accepted(entry: str) -> None:
    keys = ENTRIES[entry]
    outputs = {"surrogates": VECTOR} if "variables" in keys else {}
    several = entry in ("MultiSelector", "Collector", "Interpolation", "Scan", "Fit")
    explore = {"objectives": [{"type": "Explorer"}]} if several else {}
    study = create_study(SPACE)
    study.configure(**{**TOP, **outputs, "variables": [{"name": "v"}], **explore, **keys})
    assert study.driver.describe()["members"]
