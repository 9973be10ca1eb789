"""Densities, quantiles and draws of parameter distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats

from assay.errors import NumericalError, SpaceError
from assay.numerics.coordinates import Coordinates
from assay.numerics.distributions import ParameterMeasure
from assay.numerics.marginals import NormalFamily, truncated_quantile
from assay.space.distributions import ParameterDistribution
from assay.space.space import Space

BOUNDS = (0.5, 6.0)
SINGLE: list[tuple[dict[str, Any], Any]] = [
    ({"type": "uniform", "domain": [1.0, 3.0]}, stats.uniform(1.0, 2.0)),
    ({"type": "uniform"}, stats.uniform(0.5, 5.5)),
    ({"type": "normal", "mean": 2.0, "stddev": 1.5}, stats.norm(2.0, 1.5)),
    (
        {"type": "truncated_normal", "mean": 0.0, "stddev": 1.0, "domain": [1.0, 3.0]},
        stats.truncnorm(1.0, 3.0),
    ),
    ({"type": "lognormal", "mean": 0.3, "stddev": 0.6}, stats.lognorm(0.6, scale=np.exp(0.3))),
    ({"type": "gamma", "alpha": 2.5, "beta": 1.2}, stats.gamma(2.5, scale=1 / 1.2)),
    ({"type": "beta", "alpha": 2.0, "beta": 3.5}, stats.beta(2.0, 3.5, loc=0.5, scale=5.5)),
]


def measure_of(
    entries: list[dict[str, Any]],
    parameters: list[dict[str, Any]],
    cuts: Sequence[str] = (),
    **others: Any,
) -> ParameterMeasure:
    space = Space.from_data(parameters, **others)
    data = {
        "distributions": entries,
        "constraints": [{"name": f"c{i}", "expression": text} for i, text in enumerate(cuts)],
    }
    return ParameterMeasure.of(space, Coordinates.of(space), ParameterDistribution.from_data(data))


def single(entry: dict[str, Any], **key: Any) -> ParameterMeasure:
    return measure_of([{"parameter": "x", **entry}], [{"name": "x", "domain": BOUNDS, **key}])


@pytest.mark.parametrize(
    ("entry", "law"), SINGLE, ids=lambda value: value["type"] if isinstance(value, dict) else ""
)
@pytest.mark.parametrize("log", [False, True])
def test_quantiles_and_densities_are_those_of_scipy_cut_to_the_domain(
    entry: dict[str, Any], law: Any, log: bool
) -> None:
    measure = single(entry, log=log)
    cube = np.linspace(0.01, 0.99, 41)
    numbers = measure.columns[0].natural(measure.from_cube(cube[:, None])[:, 0])
    low, high = law.cdf(BOUNDS)
    np.testing.assert_allclose(numbers, law.ppf(low + cube * (high - low)), rtol=1e-10)
    difference = measure.log_prob(measure.columns[0].encode(numbers.tolist())[:, None]) - law.logpdf(numbers)
    assert np.ptp(difference) < 1e-10


@pytest.mark.parametrize("entry", [entry for entry, _ in SINGLE], ids=lambda entry: entry["type"])
def test_gradients_are_those_of_the_log_density(entry: dict[str, Any]) -> None:
    measure = single(entry, log=True)
    units = measure.from_cube(np.array([[0.2], [0.5], [0.9]]))
    step = 1e-6
    for method in (measure.log_prob_gradient, measure.log_volume):
        slope = (method(units + step)[0] - method(units - step)[0]) / (2 * step)
        np.testing.assert_allclose(method(units)[1][:, 0], slope, rtol=1e-7, atol=1e-8)


def test_the_density_of_the_coordinates_integrates_to_the_same_law() -> None:
    """log_prob + log_volume is the density by unit volume: its mean of x is that of the draws."""
    measure = single({"type": "gamma", "alpha": 2.5, "beta": 1.2}, log=True)
    units = (np.arange(20_000) + 0.5)[:, None] / 20_000
    weights = np.exp(measure.log_prob(units) + measure.log_volume(units)[0])
    by_density = np.average(measure.columns[0].natural(units[:, 0]), weights=weights)
    by_quantiles = measure.columns[0].natural(measure.from_cube(units)[:, 0]).mean()
    assert by_density == pytest.approx(by_quantiles, rel=1e-4)


def test_quantiles_far_out_in_a_tail_are_exact() -> None:
    interval = (20.0, np.inf)
    median = truncated_quantile(NormalFamily(0.0, 1.0), interval, np.array([0.5]))[0]
    assert stats.norm.logsf(median) - stats.norm.logsf(20.0) == pytest.approx(np.log(0.5), abs=1e-9)
    mirrored = truncated_quantile(NormalFamily(0.0, 1.0), (-np.inf, -20.0), np.array([0.5]))[0]
    assert mirrored == pytest.approx(-median, rel=1e-14)


PAIR = [{"name": "x", "domain": [-9, 9]}, {"name": "y", "domain": [-9, 9]}]
JOINT = {"type": "mvn", "parameters": ["y", "x"], "mean": [1, -1], "covariance": [[2, 0.8], [0.8, 1]]}


def test_joint_normal_parameters_have_their_moments_and_density() -> None:
    measure = measure_of([JOINT], PAIR)
    units = measure.sample(40_000, np.random.default_rng(0))
    numbers = -9 + 18 * units
    np.testing.assert_allclose(numbers.mean(axis=0), [-1, 1], atol=0.03)
    np.testing.assert_allclose(np.cov(numbers.T), [[1, 0.8], [0.8, 2]], atol=0.05)
    offset = numbers[:50] - [-1, 1]
    expected = -0.5 * np.einsum("pi,ij,pj->p", offset, np.linalg.inv([[1, 0.8], [0.8, 2]]), offset)
    np.testing.assert_allclose(measure.log_prob(units[:50]), expected, atol=1e-12)
    assert measure.dependent == ("x", "y")
    value, gradient = measure.log_prob_gradient(units[:1])
    for index in range(2):
        step = 1e-6 * np.eye(2)[index]
        slope = (measure.log_prob(units[:1] + step) - measure.log_prob(units[:1] - step)) / 2e-6
        assert gradient[0, index] == pytest.approx(slope[0], rel=1e-6)
    assert np.isfinite(value).all()


def test_a_joint_normal_without_correlation_is_cut_exactly_and_independent() -> None:
    entry = {**JOINT, "covariance": [[2, 0], [0, 1]]}
    measure = measure_of([entry], [{"name": "x", "domain": [-1, 9]}, PAIR[1]])
    assert measure.dependent == ()
    assert measure.contains(measure.from_cube(np.random.default_rng(0).random((500, 2)))).all()


def test_levels_carry_the_density_at_their_value_and_labels_are_equally_likely() -> None:
    measure = measure_of(
        [{"type": "normal", "parameter": "n", "mean": 2, "stddev": 1}],
        [
            {"name": "n", "type": "integer", "domain": [1, 4]},
            {"name": "s", "type": "categorical", "domain": ["a", "b", "c"]},
        ],
    )
    units = measure.from_cube((np.stack(np.meshgrid(*[np.arange(600)] * 2), -1).reshape(-1, 2) + 0.5) / 600)
    shares = np.array([(units[:, 0] == place).mean() for place in (0, 1 / 3, 2 / 3, 1)])
    expected = stats.norm.pdf([1, 2, 3, 4], 2, 1)
    np.testing.assert_allclose(shares, expected / expected.sum(), atol=2e-3)
    np.testing.assert_allclose([(units[:, 1] == index).mean() for index in range(3)], 1 / 3, atol=2e-3)
    difference = measure.log_prob(np.array([[0.0, 1], [1 / 3, 1]]))
    assert difference[1] - difference[0] == pytest.approx(0.5)


def test_constraints_cut_the_support() -> None:
    measure = measure_of([], PAIR, ["x + y <= -9"], constraints=[{"name": "k", "expression": "x >= y"}])
    assert measure.contains(np.array([[0.3, 0.1], [0.1, 0.3], [0.9, 0.1]])).tolist() == [True, False, False]
    value, gradient = measure.log_prob_gradient(np.array([[0.3, 0.1], [0.9, 0.1]]))
    assert value.tolist() == [0.0, -np.inf]
    assert not gradient.any()
    assert measure.contains(measure.sample(1000, np.random.default_rng(1))).all()
    assert measure.dependent == ("x", "y")


def test_a_support_without_weight_is_an_error() -> None:
    with pytest.raises(NumericalError, match="almost no weight"):
        measure_of([], PAIR, ["x + y >= 17.9999999"]).sample(3, np.random.default_rng(0))


def test_fixed_and_held_parameters_take_no_part_of_the_cube() -> None:
    space = Space.from_data(PAIR, [{"name": "t", "type": "variable", "scale": 2.0}])
    coordinates = Coordinates.of(space)
    fixed = ParameterDistribution.from_data(
        {"distributions": [{"type": "fixed", "parameter": "x", "value": 0.0}]}
    )
    measure = ParameterMeasure.of(space, coordinates, fixed, held={"t": 3.0})
    assert (measure.cube_dimension, measure.varies.tolist()) == (1, [False, True, False])
    assert measure.from_cube(np.array([[0.25]])).tolist() == [[0.5, 0.25, 1.5]]
    flat = ParameterMeasure.of(space, coordinates, fixed)
    assert flat.log_prob(np.array([[0.5, 0.1, 1e6]])).tolist() == [0.0]
    with pytest.raises(SpaceError, match="'t' has no domain"):
        flat.from_cube(np.array([[0.25, 0.5]]))


def test_parameters_that_only_their_distribution_defines() -> None:
    measure = ParameterMeasure.of_distribution(
        ParameterDistribution.from_data(
            {
                "distributions": [
                    {"type": "gamma", "parameter": "c1", "alpha": 2, "beta": 3},
                    {"type": "normal", "parameter": "c2", "mean": 5, "stddev": 2},
                ]
            }
        )
    )
    units = measure.sample(20_000, np.random.default_rng(0))
    np.testing.assert_allclose(units.mean(axis=0), [2 / 3, 5], atol=0.05)
    assert measure.log_prob(np.array([[-1.0, 5.0]])).tolist() == [-np.inf]


@pytest.mark.parametrize(
    ("entry", "match"),
    [
        ({"type": "normal", "parameter": "z", "mean": 0, "stddev": 1}, r"vary \(x, s\), got 'z'"),
        ({"type": "normal", "parameter": "s", "mean": 0, "stddev": 1}, "numeric parameter, got 's'"),
        ({"type": "uniform", "parameter": "x", "domain": [7, 8]}, "must have weight inside"),
        ({"type": "normal", "parameter": "x", "mean": -99, "stddev": 0.1}, "must have weight inside"),
        ({"type": "fixed", "parameter": "x", "value": 9}, "must lie in its domain, got 9"),
    ],
)
def test_wrong_entries_are_refused_with_a_sentence(entry: dict[str, Any], match: str) -> None:
    with pytest.raises(SpaceError, match=match):
        measure_of(
            [entry],
            [{"name": "x", "domain": BOUNDS}, {"name": "s", "type": "categorical", "domain": ["a", "b"]}],
        )
