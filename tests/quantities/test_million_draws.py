"""Sources, selections, interpolations, scans and fits against 10^6 draws that are made and pushed on by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern
from tests.quantities.worlds import (
    BRUTE,
    BRUTE_POINT,
    brute_values,
    check_against_brute_force,
    graph,
    parameters,
    posterior,
)

from assay.numerics.coordinates import Coordinates
from assay.quantities.abstract import AbstractVariable
from assay.quantities.combination import LinearCombination, summands
from assay.quantities.fit import Fit
from assay.quantities.graph import Graph
from assay.quantities.interpolation import Interpolation
from assay.quantities.parameters import Parameters
from assay.quantities.quantity import Quantity
from assay.quantities.scan import Scan, plan_scans
from assay.quantities.selectors import collector, multi_selector, single_selector
from assay.quantities.source import Source
from assay.space.space import Space

NAMES = {"a": ["a0", "a1", "a2"]}
S = np.array([0.0, 1.0, 3.0])
SAMPLES = 8192


def _normal(count: int, seed: int = 11) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((BRUTE, count))


def _one(whole: Graph, of: str, output: str, names: dict[str, list[str]]) -> Quantity:
    """One output, through a selector."""
    selector = single_selector("one", of, output, names)
    return Quantity(
        Graph(whole.sources, {**whole.variables, "one": selector}, whole.parameters, whole.samples), "one"
    )


@pytest.mark.parametrize("output", ["a0", "a2"])
def test_an_output_of_a_process(output: str) -> None:
    whole = graph({}, {"a": 3})
    draws = brute_values(whole, "a")[:, :, NAMES["a"].index(output)]
    check_against_brute_force(_one(whole, "a", output, NAMES), draws, count=BRUTE)


@pytest.mark.parametrize("warping", ["sinh", "log"])
def test_an_output_of_a_warped_process(warping: str) -> None:
    """A Gaussian in latent units, taken back to the output's own by the warping draw by draw."""
    warped = posterior(2, warping=warping)
    mean, variance = warped.latent_mean_variance(BRUTE_POINT)
    draws = warped.scaling.from_latent(mean[0] + np.sqrt(variance[0]) * _normal(2))
    whole = Graph({"a": Source(warped, names=("a0", "a1"))}, {}, parameters())
    for column in range(2):
        quantity = _one(whole, "a", f"a{column}", {"a": ["a0", "a1"]})
        check_against_brute_force(quantity, draws[:, [column]], count=BRUTE)


def test_a_collection_has_the_covariance_of_its_draws() -> None:
    whole = graph({"all": collector("all", ["b", "a"], {"a": ["a0", "a1"], "b": ["b0"]})}, {"a": 2, "b": 1})
    drawn = np.concatenate([brute_values(whole, name)[:, 0] for name in ("b", "a")], axis=1)
    mean, covariance = Quantity(whole, "all").mean_covariance(BRUTE_POINT)
    scale = np.sqrt(np.diag(covariance[0]))
    assert (np.abs(mean[0] - drawn.mean(axis=0)) < 5.0 * scale / np.sqrt(BRUTE)).all()
    difference = (np.cov(drawn.T) - covariance[0]) / np.outer(scale, scale)
    assert np.abs(difference).max() < 5.0 * np.sqrt(2.0 / BRUTE)


def test_an_interpolation() -> None:
    """Each draw of the nodes is interpolated by the process of scikit-learn, with its own remaining scatter."""
    length, deviation, at = 1.5, 0.8, 1.7
    variable = Interpolation.of("v", "a", S.tolist(), [at], length_scales=[length], deviation=deviation)
    whole = graph({"v": variable}, {"a": 3})
    kernel = ConstantKernel(deviation**2) * Matern(length, nu=2.5) + ConstantKernel(1e4**2)
    weights, scatter = np.empty(3), 0.0
    for node in range(3):
        regressor = GaussianProcessRegressor(kernel, alpha=1e-12, optimizer=None)  # pyright: ignore[reportArgumentType]
        regressor.fit(S[:, None], np.eye(3)[node])
        value, remaining = map(np.asarray, regressor.predict(np.array([[at]]), return_cov=True))
        weights[node], scatter = value[0], float(remaining[0, 0])
    draws = brute_values(whole, "a")[:, 0] @ weights + np.sqrt(scatter) * _normal(1)[:, 0]
    check_against_brute_force(Quantity(whole, "v"), draws[:, None], count=BRUTE)


@pytest.mark.parametrize("correlated", [True, False])
def test_the_sum_of_a_scan(correlated: bool) -> None:
    """Of joint draws of the process at the shifted points, or of independent ones."""
    coordinates = Coordinates.of(
        Space.from_data([{"name": "x", "domain": [-1, 3]}, {"name": "y", "domain": [1, 100], "log": True}])
    )
    belief, levels = posterior(1), (2.0, 5.0, 6.0)
    planned = plan_scans(
        {"a": ("a0",)},
        {"scan": Scan("a", ("y",), tuple((level,) for level in levels), correlated)},
        coordinates,
    )
    names = {"scan": list(planned.variables["scan"].output_names)}
    variables: dict[str, AbstractVariable] = {
        **planned.variables,
        "sum": LinearCombination("sum", *summands("sum", names["scan"], names), (0.0, 1.0, 1.0, 1.0)),
    }
    whole = Graph(planned.sources({"a": belief}), variables, Parameters(coordinates))
    shifted = np.repeat(BRUTE_POINT, 3, axis=0)
    shifted[:, 1] = np.log(levels) / np.log(100.0)
    mean, covariance = belief.joint(shifted)
    spread = covariance[0] if correlated else np.diag(np.diag(covariance[0]))
    draws = mean[:, 0] + _normal(3) @ np.linalg.cholesky(spread + 1e-12 * np.eye(3)).T
    check_against_brute_force(Quantity(whole, "sum"), draws.sum(axis=1)[:, None], count=BRUTE)


def _fitted(expression: str, start: list[float]) -> tuple[Graph, dict[str, list[str]]]:
    variable = Fit.of("v", "a", expression, ["s"], S[:, None].tolist(), start)
    return graph({"v": variable}, {"a": 3}, samples=SAMPLES), {"v": list(variable.output_names)}


def test_a_fitted_line() -> None:
    """Weighted linear regression of each draw, with its reduced chi-squared."""
    whole, names = _fitted("p + q*s", [0.0, 0.0])
    values = brute_values(whole, "a")[:, 0]
    deviation = np.sqrt(whole.sources["a"].mean_variance(BRUTE_POINT)[1][0])
    design = np.stack([np.ones(3), S], axis=1) / deviation[:, None]
    found = values / deviation @ np.linalg.pinv(design).T
    square = ((values / deviation - found @ design.T) ** 2).sum(axis=1)
    for output, draws in zip(names["v"], (*found.T, square), strict=True):
        check_against_brute_force(_one(whole, "v", output, names), draws[:, None], count=SAMPLES)


def test_a_fitted_curve_that_is_not_linear_in_its_parameter() -> None:
    """sinh p that fits all entries best is their weighted mean."""
    whole, names = _fitted("sinh(p) + 0*s", [0.1])
    values = brute_values(whole, "a")[:, 0]
    weights = 1.0 / whole.sources["a"].mean_variance(BRUTE_POINT)[1][0]
    centre = values @ weights / weights.sum()
    square = ((values - centre[:, None]) ** 2 @ weights) / 2.0
    for output, draws in zip(names["v"], (np.arcsinh(centre), square), strict=True):
        check_against_brute_force(_one(whole, "v", output, names), draws[:, None], count=SAMPLES)


def test_probabilities_of_a_scan_and_of_an_output_that_is_selected_twice_are_those_of_draws() -> None:
    warped = posterior(2, warping="sinh")
    source = Source(warped, ({}, {1: 0.9}), names=("p", "q"))
    names = list(source.output_names)
    twice = multi_selector("twice", "a", {"a": names}, select_by_names=[names[3], names[1], names[3]])
    quantity = Quantity(Graph({"a": source}, {"twice": twice}, parameters()), "twice")
    draws = quantity.draw(BRUTE_POINT, _normal(quantity.normal_dimension)[:200_000])[:, 0]
    thresholds = np.quantile(draws, [0.2, 0.5, 0.9], axis=0).diagonal()
    expected = (draws < thresholds).mean(axis=0)
    found = quantity.probability_below(BRUTE_POINT, thresholds)[0]
    assert (np.abs(found - expected) < 5.0 * np.sqrt(expected * (1.0 - expected) / 200_000)).all()
