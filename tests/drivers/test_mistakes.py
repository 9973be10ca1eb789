"""A hundred mistakes that people make in a configuration: each is refused with one sentence of path, rule and value."""

from __future__ import annotations

import math
from typing import Any

import pytest

from assay.errors import UsageError
from assay.space.space import Space
from assay.study.catalog import load

SPACE = Space.from_data(
    [
        {"name": "x", "domain": [0, 1]},
        {"name": "rate", "domain": [0.1, 10], "log": True},
        {"name": "layers", "type": "integer", "domain": [1, 4]},
        {"name": "metal", "type": "categorical", "domain": ["gold", "silver"]},
    ],
    environment=[{"name": "t", "scale": 2.0}],
)
VECTOR = [{"output_dim": 3}]
NORMAL = {"type": "normal", "parameter": "x", "mean": 0.5, "stddev": 0.1}
CURVE = {
    "expression": "a + b*s",
    "model_variables": ["s"],
    "variable_values": [[0.0], [1.0], [2.0]],
    "initial_parameters": [1.0, 1.0],
}


def gp(**keys: Any) -> dict[str, Any]:
    return {"surrogates": [keys]}


def variable(kind: str, **keys: Any) -> dict[str, Any]:
    return {"surrogates": VECTOR, "variables": [{"type": kind, **keys}]}


def curve(**keys: Any) -> dict[str, Any]:
    return {
        **variable("Fit", **{**CURVE, **keys}),
        "objectives": [{"variable": "v0"}],
    }


def objective(kind: str, **keys: Any) -> dict[str, Any]:
    return {"objectives": [{"type": kind, **keys}]}


def front(**keys: Any) -> dict[str, Any]:
    two = {"lower_reference": [0.0, 0.0], "upper_reference": [1.0, 1.0], "variables": ["a", "b"]}
    names = {"variables": [{"name": "a"}, {"name": "b"}], "surrogates": VECTOR}
    return {**names, "objectives": [{"type": "MultiMinimizer", **two, **keys}]}


def seen(**keys: Any) -> dict[str, Any]:
    part = {"type": "expression", "name": "u", "expression": "x^2", "bounds": [0.0, 1.0]}
    return {"transformations": [{"name": "t2", "parameters": [{**part, **keys}]}]}


def mapped(**keys: Any) -> dict[str, Any]:
    part = {"type": "mapping", "name": "u", "discrete_parameter": "metal", "values": [0.2, 0.1]}
    return {"transformations": [{"name": "t2", "parameters": [{**part, **keys}]}]}


def prior(**keys: Any) -> dict[str, Any]:
    return {"parameter_distribution": {"distributions": [{**NORMAL, **keys}]}}


def errors(**keys: Any) -> dict[str, Any]:
    own = {"distributions": [{"type": "uniform", "parameter": "c", "domain": [0.1, 1.0]}]}
    model = {"expression": "c*err", "parameter_distribution": own}
    return variable("NegLogProbability", target_vector=[1.0, 2.0, 3.0], error_model={**model, **keys})


# What was written, and what the sentence must name: the key, and what was got.
MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    # the top level
    ({"surrogats": []}, "surrogats", "[]"),
    ({"Scaling": 1.0}, "Scaling", "1.0"),
    ({"scaling": 0.0}, "scaling", "0.0"),
    ({"scaling": -1.0}, "scaling", "-1.0"),
    ({"scaling": "1"}, "scaling", "'1'"),
    ({"scaling": None}, "scaling", "None"),
    ({"scaling": math.nan}, "scaling", "nan"),
    ({"scaling": math.inf}, "scaling", "inf"),
    ({"scaling": True}, "scaling", "True"),
    ({"vary_scaling": 1}, "vary_scaling", "1"),
    ({"num_initial": 0}, "num_initial", "0"),
    ({"num_initial": 2.5}, "num_initial", "2.5"),
    ({"deterministic": "yes"}, "deterministic", "'yes'"),
    ({"surrogates": {}}, "surrogates", "{}"),
    ({"surrogates": []}, "surrogates", "[]"),
    ({"variables": []}, "variables", "[]"),
    ({"objectives": []}, "objectives", "[]"),
    ({"objectives": None}, "objectives", "None"),
    # surrogates
    (gp(type="RandomForest"), "surrogates.0.type", "'RandomForest'"),
    (gp(nam="loss"), "surrogates.0.nam", "'loss'"),
    (gp(name=""), "surrogates.0.name", "''"),
    (gp(name=3), "surrogates.0.name", "3"),
    (gp(output_dim=0), "surrogates.0.output_dim", "0"),
    (gp(output_dim=1.5), "surrogates.0.output_dim", "1.5"),
    (gp(output_dim=2, output_names=["a"]), "surrogates.0", "['a']"),
    (gp(output_dim=2, output_names=["a", "a"]), "surrogates.0", "['a', 'a']"),
    (gp(input="nowhere"), "surrogates.0.input", "'nowhere'"),
    (gp(horizon=0), "surrogates.0.horizon", "0"),
    (gp(prior_mean="2*z"), "surrogates.0", "'z'"),
    (gp(prior_mean="x +"), "surrogates.0", "x +"),
    (gp(min_dist=-0.1), "surrogates.0.min_dist", "-0.1"),
    (gp(kernel={"type": "RBF"}), "surrogates.0.kernel.type", "'RBF'"),
    (gp(kernel={"matern_order": 4}), "surrogates.0.kernel.matern_order", "4"),
    (gp(kernel={"length_scale_prior": "flat"}), "surrogates.0.kernel.length_scale_prior", "'flat'"),
    (gp(kernel={"target_ls_blocks": 0}), "surrogates.0.kernel.target_ls_blocks", "0"),
    (gp(mean_function="cubic"), "surrogates.0.mean_function", "'cubic'"),
    (gp(warping_function="sqrt"), "surrogates.0.warping_function", "'sqrt'"),
    (gp(detect_noise="no"), "surrogates.0.detect_noise", "'no'"),
    (gp(num_restarts=-1), "surrogates.0.num_restarts", "-1"),
    (gp(optimization_level=2.0), "surrogates.0.optimization_level", "2.0"),
    (gp(min_optimization_interval=30), "surrogates.0", "20 and 30"),
    (gp(correlate_outputs=True, joint_hyperparameters=False), "surrogates.0", "joint_hyperparameters"),
    (gp(outlier_detector={"dof": 0}), "surrogates.0.outlier_detector.dof", "0"),
    (gp(outlier_detector={}, detect_noise=False), "surrogates.0", "'none'"),
    ({"surrogates": [{"name": "a"}, {"name": "a"}]}, "surrogates", "'a'"),
    (gp(type="NN", num_NNs=1), "surrogates.0.num_NNs", "1"),
    (gp(type="NN", hidden_layers_arch=[]), "surrogates.0.hidden_layers_arch", "[]"),
    (gp(type="NN", hidden_layers_arch=[0]), "surrogates.0.hidden_layers_arch.0", "0"),
    (gp(type="NN", activation="step"), "surrogates.0.activation", "'step'"),
    (gp(type="NN", learning_rate=0), "surrogates.0.learning_rate", "0"),
    (gp(type="Linear", degree=-1), "surrogates.0.degree", "-1"),
    (gp(type="Linear", features="splines"), "surrogates.0.features", "'splines'"),
    (gp(type="Linear", expressions=["x*q"]), "surrogates.0", "'q'"),
    # transformations
    (seen(name=""), "transformations.0.parameters.0.name", "''"),
    (seen(expression="x*q"), "transformations.0", "'q'"),
    (seen(bounds=[1.0, 0.0]), "transformations.0", "[1.0, 0.0]"),
    (seen(bounds=[0.0]), "transformations.0.parameters.0.bounds", "[0.0]"),
    (seen(type="spline"), "transformations.0.parameters.0.type", "'spline'"),
    (mapped(discrete_parameter="x"), "transformations.0", "'x'"),
    (mapped(discrete_parameter="q"), "transformations.0", "'q'"),
    (mapped(values=[0.1, 0.2, 0.3]), "transformations.0", "3"),
    (mapped(values=[0.1, 0.1]), "transformations.0", "[0.1, 0.1]"),
    # variables
    (variable("Selector"), "variables.0.type", "'Selector'"),
    (variable("SingleSelector", input="x"), "variables.0.input", "'x'"),
    (variable("SingleSelector", select_by_name="loss9"), "variables.0.select_by_name", "'loss9'"),
    (variable("SingleSelector", name="loss"), "surrogates and variables", "'loss'"),
    (variable("MultiSelector", select_range=[0, 3]), "variables.0.select_range", "[0, 3]"),
    (variable("MultiSelector", select_range=[2]), "variables.0.select_range", "[2]"),
    (variable("MultiSelector", select_by_names=["a"]), "variables.0.select_by_names", "'a'"),
    (variable("MultiSelector", output_dim=2), "variables.0.output_dim", "2"),
    (variable("MultiSelector"), "objectives.0.variable", "'v'"),
    (variable("Collector", inputs=[]), "variables.0.inputs", "[]"),
    (variable("Collector", inputs=["later"]), "variables.0.inputs", "'later'"),
    (variable("LinearCombination", inputs=["loss"], coefficients=[1.0]), "variables.0", "1"),
    (variable("LinearCombination", inputs=["loss0"], coefficients=[0, "q"]), "variables.0", "'q'"),
    (variable("ChiSquaredValue", target_vector=[1.0]), "variables.0.target_vector", "got 1"),
    (variable("ChiSquaredValue", uncertainty_vector=[1.0, 0.0, 1.0]), "variables.0", "0.0"),
    (variable("ChiSquaredValue", covariance_matrix=[[1.0, 2.0], [2.0, 1.0, 3.0]]), "variables.0", "2 rows"),
    (variable("ChiSquaredValue", covariance_matrix=[[1, 2, 0], [2, 1, 0], [0, 0, 1]]), "variables.0", "-1"),
    (variable("ChiSquaredValue", target_vector=[1.0, math.nan, 1.0]), "variables.0", "nan"),
    (errors(expression="q*err"), "variables.0", "'q'"),
    (errors(initial_parameters=[1.0, 2.0]), "variables.0.error_model", "[1.0, 2.0]"),
    (errors(parameter_distribution={"distributions": [{"type": "odd"}]}), "variables.0.error_model", "'odd'"),
    (variable("Expression", expression="loss0 + q"), "variables.0", "'q'"),
    (variable("Expression", expression="loss"), "variables.0", "'loss'"),
    (variable("Expression", expression="__import__('os')"), "variables.0", "__import__"),
    (variable("Interpolation", input_positions=[0.0, 1.0], output_positions=[0.5]), "variables.0", "2"),
    (variable("Interpolation", input_positions=[0.0, 1.0, 1.0], output_positions=[0.5]), "variables.0", "twice"),
    (variable("Scan", scan_parameters=["q"], scan_values=[[1.0]]), "variables.0", "'q'"),
    (variable("Scan", scan_parameters=["t"], scan_values=[[1.0, 2.0]]), "variables.0", "got 2"),
    (curve(initial_parameters=[1.0]), "variables.0", "1"),
    (curve(variable_values=[[0.0], [1.0]]), "variables.0", "2"),
    (curve(bounds=[[1.0, 0.0], [0.0, 1.0]]), "variables.0", "1"),
    # objectives
    (objective("Maximizer"), "objectives.0.type", "'Maximizer'"),
    (objective("Minimizer", variable="w"), "objectives.0.variable", "'w'"),
    (objective("Minimizer", strategy="UCB"), "objectives.0.strategy", "'UCB'"),
    (objective("Minimizer", min_PoI=2.0), "objectives.0.min_PoI", "2.0"),
    (objective("Minimizer", min_val=math.nan), "objectives.0.min_val", "nan"),
    (objective("Explorer", strategy="entropy"), "objectives.0.strategy", "'entropy'"),
    (objective("Constrainer"), "objectives.0", "neither"),
    (objective("Constrainer", lower_bound=1.0, upper_bound=0.0), "objectives.0", "1.0 and 0.0"),
    (objective("Constrainer", lower_bound=1.0), "objectives", "[]"),
    ({"objectives": [{"name": "a"}, {"name": "b"}]}, "objectives", "['a', 'b']"),
    (front(lower_reference=[0.0]), "objectives.0", "1 and 2"),
    (front(lower_reference=[2.0, 0.0]), "objectives.0", "[2.0, 0.0]"),
    (front(variables=["a"]), "objectives.0.variables", "['a']"),
    (front(variables=["a", "c"]), "objectives.0.variables", "'c'"),
    # the rest
    (prior(type="cauchy"), "parameter_distribution", "'cauchy'"),
    (prior(parameter="q"), "parameter_distribution", "'q'"),
    (prior(stddev=0.0), "parameter_distribution", "0.0"),
    (prior(mean=None), "parameter_distribution", "None"),
    ({"parameter_distribution": {"constraints": ["x <= q"]}}, "parameter_distribution", "'q'"),
    ({"acquisition_function": {"num_samples": 0}}, "acquisition_function.num_samples", "0"),
    (
        {"acquisition_function": {"parameter_uncertainties": [{"name": "q", "uncertainty": 0.1}]}},
        "acquisition_function.parameter_uncertainties.0.name",
        "'q'",
    ),
    (
        {"acquisition_function": {"parameter_uncertainties": [{"name": "x", "uncertainty": 0.0}]}},
        "acquisition_function.parameter_uncertainties.0.uncertainty",
        "0.0",
    ),
    ({"acquisition_optimizer": {"num_starts": 0}}, "acquisition_optimizer.num_starts", "0"),
    ({"acquisition_optimizer": {"adaptive_local_search": "on"}}, "acquisition_optimizer", "'on'"),
    ({"overrides": {"surrogates.0.kernel.scales": [1.0]}}, "overrides", "'surrogates.0.kernel.scales'"),
    ({"overrides": {"surrogates.0.noise_variance": -1.0}}, "overrides.surrogates.0.noise_variance", "-1.0"),
    ({"overrides": {"surrogates.0.kernel.design_length_scales": [1.0]}}, "design_length_scales", "[1.0]"),
    ({"overrides": {"scaling": "much"}}, "scaling", "'much'"),
]  # fmt: skip

PRESETS: list[tuple[str, dict[str, Any], str, str]] = [
    ("BayesianOptimization", {"target_vector": [1.0]}, "target_vector", "[1.0]"),
    ("BayesianOptimization", {"strategy": "ei"}, "strategy", "'ei'"),
    ("BayesianLeastSquares", {"target_vector": []}, "target_vector", "[]"),
    ("BayesianLeastSquares", {"target_vector": "abc"}, "target_vector", "'abc'"),
    (
        "BayesianLeastSquares",
        {"target_vector": [1.0], "uncertainty_vector": [-1.0]},
        "uncertainty_vector",
        "-1.0",
    ),
    ("BayesianReconstruction", {"error_model": "err"}, "error_model", "'err'"),
    ("ScipyMinimizer", {"start_points": [{"x": 0.5}]}, "start_points.0", "rate"),
    ("RandomSearch", {"method": "grid"}, "method", "'grid'"),
]


def sentence_of(driver: str, data: dict[str, Any]) -> str:
    with pytest.raises(UsageError) as caught:
        load("drivers", driver).from_data(data).check_space(SPACE)
    return str(caught.value)


def test_there_are_a_hundred() -> None:
    assert len(MISTAKES) >= 100


@pytest.mark.parametrize(
    ("driver", "data", "path", "value"),
    [*(("ActiveLearning", *mistake) for mistake in MISTAKES), *PRESETS],
    ids=lambda item: str(item)[:60],
)
def test_a_mistake_is_one_sentence_with_path_rule_and_value(
    driver: str, data: dict[str, Any], path: str, value: str
) -> None:
    sentence = sentence_of(driver, data)
    assert path in sentence
    assert value in sentence
    assert sentence.isprintable()
    assert len(sentence) < 400
