"""Distributions of parameters as data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.errors import SpaceError
from assay.space.distributions import MultivariateNormal, ParameterDistribution, Uniform

DATA: dict[str, Any] = {
    "distributions": [
        {"type": "normal", "parameter": "p1", "mean": 1, "stddev": 2},
        {"type": "uniform", "parameter": "p2", "domain": [-1, 1]},
        {"type": "mvn", "parameters": ["p3", "p4"], "mean": [0, 1], "covariance": [[2, 0.5], [0.5, 1]]},
        {"type": "lognormal", "parameter": "p5", "mean": 0, "stddev": 1},
        {"type": "truncated_normal", "parameter": "p6", "mean": 0, "stddev": 1, "domain": [0, 3]},
        {"type": "gamma", "parameter": "p7", "alpha": 2, "beta": 3},
        {"type": "beta", "parameter": "p8", "alpha": 2, "beta": 3},
        {"type": "fixed", "parameter": "p9", "value": 4},
    ],
    "constraints": [{"name": "k", "expression": "p1 <= p2"}],
    "include_study_constraints": False,
}


def test_every_kind_round_trips_through_json() -> None:
    distribution = ParameterDistribution.from_data(DATA)
    assert len(distribution.distributions) == 8
    assert distribution.distributions[1] == Uniform("p2", (-1, 1))
    assert ParameterDistribution.from_data(json.loads(json.dumps(distribution.to_data()))) == distribution
    assert ParameterDistribution.from_data({}) == ParameterDistribution()


@pytest.mark.parametrize(
    ("item", "rule"),
    [
        ({"type": "normal", "parameter": "p", "mean": 0, "stddev": 0}, "must be positive"),
        ({"type": "normal", "parameter": "p", "mean": 0}, "needs the key 'stddev'"),
        ({"type": "cauchy", "parameter": "p"}, "distributions.0.type must be one of"),
        ({"parameter": "p"}, "distributions.0.type must be one of"),
        ({"type": "uniform", "parameter": "p", "domain": [1, 1]}, "lower number below"),
        ({"type": "gamma", "parameter": "p", "alpha": -1, "beta": 1}, "must be positive"),
        ({"type": "mvn", "parameters": ["p"], "mean": [0, 1], "covariance": [[1]]}, "one mean for each"),
        ({"type": "mvn", "parameters": ["p"], "mean": [0], "covariance": [1]}, "must be a square"),
        ({"type": "mvn", "parameters": ["p"], "mean": 0, "covariance": [[1]]}, "must be a list"),
    ],
)
def test_broken_data_are_refused(item: dict[str, Any], rule: str) -> None:
    with pytest.raises(SpaceError) as caught:
        ParameterDistribution.from_data({"distributions": [item]})
    assert rule in str(caught.value)


def test_a_parameter_has_one_distribution() -> None:
    with pytest.raises(SpaceError, match="got 'p' twice"):
        ParameterDistribution((Uniform("p"), Uniform("p")))
    with pytest.raises(SpaceError, match="has no key 'distribution'"):
        ParameterDistribution.from_data({"distribution": []})


@pytest.mark.parametrize("covariance", [[[1, 2], [2, 1]], [[1, 0.5], [0.4, 1]], [[0, 0], [0, 1]]])
def test_a_covariance_is_symmetric_and_positive_definite(covariance: list[list[float]]) -> None:
    with pytest.raises(SpaceError, match="symmetric and positive definite"):
        MultivariateNormal(["p", "q"], [0, 0], covariance)
