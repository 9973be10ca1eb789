"""Sobol' indices against closed forms and against SALib."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.analysis.functions import g_function, g_indices, ishigami, ishigami_indices, uniform_measure

from assay.analysis.sobol import sobol_indices
from assay.errors import NumericalError, UsageError
from assay.numerics.coordinates import Coordinates
from assay.numerics.distributions import ParameterMeasure
from assay.space.distributions import ParameterDistribution
from assay.space.space import Space

Array = np.ndarray
CASES = [(ishigami, 3, ishigami_indices()), (g_function, 8, g_indices())]


@pytest.mark.parametrize(("function", "dimension", "exact"), CASES, ids=["ishigami", "g"])
def test_indices_are_those_of_the_closed_form(
    function: Callable[[Array], Array], dimension: int, exact: tuple[Array, Array, float]
) -> None:
    first, total, variance = exact
    found = sobol_indices(
        function, uniform_measure(dimension), max_uncertainty=2e-3, generator=np.random.default_rng(0)
    )
    assert found.stopped == "precision"
    assert np.abs(found.first_order[:, 0] - first).max() < 0.01
    assert np.abs(found.total_order[:, 0] - total).max() < 0.01
    assert found.variance[0] == pytest.approx(variance, rel=0.01)


def test_errors_cover_the_truth_as_often_as_they_say() -> None:
    """Over 40 seeds and 6 indices, about 95 % lie within two errors; with 7 degrees of freedom a little fewer."""
    first, total, _ = ishigami_indices()
    inside = []
    for seed in range(40):
        found = sobol_indices(
            ishigami,
            uniform_measure(3),
            max_samples=8_192,
            max_uncertainty=0,
            generator=np.random.default_rng(seed),
        )
        inside.append(np.abs(found.first_order[:, 0] - first) <= 2.36 * found.first_order_error[:, 0])
        inside.append(np.abs(found.total_order[:, 0] - total) <= 2.36 * found.total_order_error[:, 0])
    assert 0.90 <= np.mean(inside) <= 1.0


def test_the_error_falls_faster_than_by_plain_sampling() -> None:
    """16 times as many evaluations: 4 times smaller errors by plain sampling, about 16 times by Sobol' points."""
    errors = [
        np.mean(
            [
                sobol_indices(
                    g_function,
                    uniform_measure(8),
                    max_samples=samples,
                    max_uncertainty=0,
                    generator=np.random.default_rng(seed),
                ).first_order_error
                for seed in range(4)
            ]
        )
        for samples in (5_000, 80_000)
    ]
    assert errors[1] < errors[0] / 5


@pytest.mark.parametrize(("function", "dimension"), [case[:2] for case in CASES], ids=["ishigami", "g"])
def test_it_agrees_with_salib(function: Callable[[Array], Array], dimension: int) -> None:
    analyse = pytest.importorskip("SALib.analyze.sobol").analyze
    sample = pytest.importorskip("SALib.sample.sobol").sample
    problem: dict[str, Any] = {
        "num_vars": dimension,
        "names": [f"x{index}" for index in range(dimension)],
        "bounds": [[0, 1]] * dimension,
    }
    ours = sobol_indices(
        function,
        uniform_measure(dimension),
        max_samples=100_000,
        max_uncertainty=0,
        generator=np.random.default_rng(0),
    )
    points = sample(problem, 8192, calc_second_order=False, seed=0)
    theirs = analyse(problem, function(points), calc_second_order=False, seed=0, num_resamples=2)
    np.testing.assert_allclose(ours.first_order[:, 0], theirs["S1"], atol=0.005)
    np.testing.assert_allclose(ours.total_order[:, 0], theirs["ST"], atol=0.005)


def test_indices_do_not_change_with_shift_scale_or_order() -> None:
    def several(units: Array) -> Array:
        value = ishigami(units)
        return np.stack([value, 1e8 - 3 * value, np.full(len(units), 2.0)], axis=1)

    found = sobol_indices(
        several, uniform_measure(3), max_samples=5_000, max_uncertainty=0, generator=np.random.default_rng(0)
    )
    np.testing.assert_allclose(found.first_order[:, 1], found.first_order[:, 0], atol=1e-6)
    assert np.isnan(found.first_order[:, 2]).all()
    assert found.variance[2] == 0
    assert found.mean[1] == pytest.approx(1e8 - 3 * found.mean[0], rel=1e-12)
    json.dumps(found.to_dict())


def test_a_parameter_that_does_not_vary_has_indices_of_zero_and_lattices_have_theirs() -> None:
    space = Space.from_data(
        [
            {"name": "k", "domain": [0, 1]},
            {"name": "n", "type": "integer", "domain": [0, 1]},
            {"name": "s", "type": "categorical", "domain": ["a", "b"]},
        ]
    )
    fixed = ParameterDistribution.from_data(
        {"distributions": [{"type": "fixed", "parameter": "k", "value": 0.3}]}
    )
    measure = ParameterMeasure.of(space, Coordinates.of(space), fixed)
    found = sobol_indices(
        lambda units: units[:, 0] + units[:, 1] + 2 * units[:, 2],
        measure,
        max_uncertainty=1e-4,
        generator=np.random.default_rng(0),
    )
    np.testing.assert_allclose(found.first_order[:, 0], [0, 0.2, 0.8], atol=1e-3)
    assert found.first_order_error[0, 0] == 0


PAIR = Space.from_data([{"name": "x", "domain": [-9, 9]}, {"name": "y", "domain": [-9, 9]}])
JOINT = {"type": "mvn", "parameters": ["x", "y"], "mean": [0, 0], "covariance": [[2, 0.8], [0.8, 1]]}


def measure_of(data: dict[str, Any]) -> ParameterMeasure:
    return ParameterMeasure.of(PAIR, Coordinates.of(PAIR), ParameterDistribution.from_data(data))


@pytest.mark.parametrize(
    ("data", "match"),
    [
        ({"distributions": [JOINT]}, "ties x, y"),
        ({"constraints": [{"name": "c", "expression": "x <= y"}]}, "ties x, y"),
        ({"distributions": [{"type": "fixed", "parameter": name, "value": 0} for name in "xy"]}, "fixes all"),
    ],
)
def test_dependent_parameters_are_refused(data: dict[str, Any], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        sobol_indices(lambda units: units[:, 0], measure_of(data), generator=np.random.default_rng(0))


def test_wrong_functions_and_budgets_are_refused() -> None:
    measure, generator = uniform_measure(2), np.random.default_rng(0)
    with pytest.raises(UsageError, match="at least 1536, one round"):
        sobol_indices(lambda units: units[:, 0], measure, max_samples=100, generator=generator)
    with pytest.raises(UsageError, match=r"must return the shape .* got \(3,\)"):
        sobol_indices(lambda units: units[:3, 0], measure, generator=generator)
    with pytest.raises(NumericalError, match="finite everywhere"):
        sobol_indices(lambda units: np.full(len(units), np.nan), measure, generator=generator)
