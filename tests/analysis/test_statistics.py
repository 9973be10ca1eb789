"""Statistics over parameter distributions against closed forms."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats
from tests.analysis.functions import ishigami, ishigami_indices, uniform_measure

from assay.analysis.statistics import statistics
from assay.errors import NumericalError, UsageError
from assay.numerics.coordinates import Coordinates
from assay.numerics.distributions import ParameterMeasure
from assay.space.distributions import ParameterDistribution
from assay.space.space import Space

Array = np.ndarray


def normal_measure(constraint: str | None = None) -> ParameterMeasure:
    """x is normal with mean 1 and standard deviation 2 on a wide domain."""
    space = Space.from_data([{"name": "x", "domain": [-39, 41]}, {"name": "y", "domain": [0, 1]}])
    data = {
        "distributions": [{"type": "normal", "parameter": "x", "mean": 1, "stddev": 2}],
        "constraints": [{"name": "c", "expression": constraint}] if constraint else [],
    }
    return ParameterMeasure.of(space, Coordinates.of(space), ParameterDistribution.from_data(data))


def x_of(units: Array) -> Array:
    return -39 + 80 * units[:, 0]


def test_a_linear_function_of_a_normal_parameter_is_normal() -> None:
    found = statistics(lambda units: 3 * x_of(units), normal_measure(), generator=np.random.default_rng(0))
    assert found.stopped == "precision"
    assert found.mean[0] == pytest.approx(3, abs=0.01)
    assert found.variance[0] == pytest.approx(36, rel=5e-3)
    law = stats.norm(3, 6)
    np.testing.assert_allclose(found.quantiles[:, 0], law.ppf([0.16, 0.5, 0.84]), atol=0.02)


def test_draws_add_the_uncertainty_of_the_model() -> None:
    """Normal draws of width 1.5 at each point: the variances add, and the quantiles are those of the sum."""
    noise = np.random.default_rng(1)

    def draws(units: Array) -> Array:
        return (x_of(units) + 1.5 * noise.standard_normal((16, len(units))))[..., None]

    found = statistics(draws, normal_measure(), rel_precision=4e-3, generator=np.random.default_rng(0))
    assert found.variance[0] == pytest.approx(4 + 2.25, rel=0.015)
    law = stats.norm(1, 2.5)
    np.testing.assert_allclose(found.quantiles[:, 0], law.ppf([0.16, 0.5, 0.84]), atol=0.03)


def test_errors_cover_the_truth_as_often_as_they_say() -> None:
    inside = []
    for seed in range(60):
        found = statistics(
            ishigami,
            uniform_measure(3),
            max_samples=1024,
            rel_precision=0,
            generator=np.random.default_rng(seed),
        )
        assert found.stopped == "max_samples"
        inside.append(abs(found.mean[0] - 3.5) <= 2.36 * found.mean_error[0])
        inside.append(abs(found.variance[0] - ishigami_indices()[2]) <= 2.36 * found.variance_error[0])
    assert np.mean(inside) >= 0.88


def test_the_error_falls_faster_than_by_plain_sampling() -> None:
    errors = [
        np.mean(
            [
                statistics(
                    ishigami,
                    uniform_measure(3),
                    max_samples=samples,
                    rel_precision=0,
                    abs_precision=0,
                    generator=np.random.default_rng(seed),
                ).mean_error[0]
                for seed in range(6)
            ]
        )
        for samples in (1024, 16384)
    ]
    assert errors[1] < errors[0] / 8  # 4 by plain sampling


def test_constraints_cut_the_average() -> None:
    found = statistics(x_of, normal_measure("x >= 1"), generator=np.random.default_rng(0))
    assert found.mean[0] == pytest.approx(1 + 2 * np.sqrt(2 / np.pi), abs=0.01)


def test_several_outputs_are_as_each_alone() -> None:
    def both(units: Array) -> Array:
        return np.stack([x_of(units), x_of(units) ** 2 * 1e-6], axis=1)

    found = statistics(both, normal_measure(), quantiles=[0.5], generator=np.random.default_rng(0))
    assert found.quantiles.shape == (1, 2)
    assert found.mean[1] == pytest.approx(5e-6, rel=5e-3)
    json.dumps(found.to_dict())


def test_it_says_why_it_stopped() -> None:
    found = statistics(
        x_of, normal_measure(), max_time=1e-9, rel_precision=0, generator=np.random.default_rng(0)
    )
    assert (found.stopped, found.num_samples) == ("max_time", 256)


def test_wrong_use_is_refused() -> None:
    generator = np.random.default_rng(0)
    with pytest.raises(UsageError, match="probabilities between 0 and 1"):
        statistics(x_of, normal_measure(), quantiles=[50], generator=generator)
    with pytest.raises(UsageError, match="max_time must be positive"):
        statistics(x_of, normal_measure(), max_time=0, generator=generator)
    with pytest.raises(NumericalError, match="values that are not"):
        statistics(lambda units: units[:, 0] * np.nan, normal_measure(), generator=generator)
    with pytest.raises(NumericalError, match="almost no weight"):
        statistics(x_of, normal_measure("x >= 39.999999"), generator=generator)
