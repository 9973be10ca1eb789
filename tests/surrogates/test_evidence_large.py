"""The evidence of many rows, in tiles, against that of few, pair by pair."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from assay.errors import NumericalError
from assay.numerics.linalg import LapackLinearAlgebra
from assay.surrogates.dataset import Dataset
from assay.surrogates.evidence import (
    Hyperparameters,
    evidence_gradient,
    evidence_table,
    evidence_value,
    factorised,
)
from assay.surrogates.evidence_large import (
    large_evidence_gradient,
    large_evidence_value,
    large_factor,
    large_table,
)
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.kernels.profiles import Matern52, radial_profile
from assay.surrogates.trend import Trend

# Tile edges lie at multiples of 32 rows, and of 1024 columns from there.
CASES: Mapping[str, dict] = {
    "one tile": {"rows": 20},
    "some bands": {"rows": 101},
    "wide tiles": {"rows": 1100, "outputs": 1},
    "matern12": {"rows": 70, "kernel": "matern12"},
    "squared exponential": {"rows": 70, "kernel": "squared_exponential"},
    "linear trend": {"rows": 70, "trend": "linear"},
    "no trend": {"rows": 70, "trend": "zero"},
    "labels": {"rows": 70, "labels": True},
    "known noise": {"rows": 70, "known": True},
    "noise factors": {"rows": 70, "factors": True},
    "correlated": {"rows": 70, "correlated": True},
    "all": {"rows": 70, "labels": True, "known": True, "factors": True, "correlated": True},
}


def both(
    rows: int,
    kernel: str = "matern52",
    trend: str = "constant",
    outputs: int = 3,
    labels: bool = False,
    known: bool = False,
    factors: bool = False,
    correlated: bool = False,
) -> tuple:
    generator = np.random.default_rng(rows)
    points = generator.random((rows, 3))
    categories = np.array([False, False, labels])
    if labels:
        points[:, 2] = generator.integers(0, 4, rows)
    data = Dataset.of(points, generator.standard_normal((rows, outputs)))
    noise = 0.1 * generator.random(rows) if known else None
    parts = data, categories, Trend(trend, 10.0, (0, 1)), noise  # type: ignore[arg-type]
    small, large = evidence_table(*parts), large_table(*parts)
    if factors:
        scale = 1.0 + 5.0 * generator.random(rows)
        small, large = (type(table)(**{**vars(table), "noise_factor": scale}) for table in (small, large))
    hyperparameters = Hyperparameters(
        np.array([4.0, 0.7, 1.5]), 0.03, np.full(outputs, 1.7) if known else None
    )
    return small, large, radial_profile(kernel), hyperparameters, data.values, correlated


@pytest.mark.parametrize("name", CASES)
def test_it_is_the_evidence_of_all_pairs(name: str) -> None:
    small, large, profile, hyperparameters, latent, correlated = both(**CASES[name])
    rest = profile, hyperparameters, latent, 1.0
    expected = evidence_gradient(LapackLinearAlgebra(), small, *rest, correlated=correlated)
    found = large_evidence_gradient(large, *rest, correlated=correlated)
    for key, value in vars(expected).items():
        scale = np.abs(value).max()
        assert np.allclose(getattr(found, key), value, rtol=1e-10, atol=1e-11 * scale), key
    alone = large_evidence_value(large, *rest, correlated=correlated)
    few = evidence_value(LapackLinearAlgebra(), small, *rest, correlated=correlated).value
    assert alone == pytest.approx(few, rel=1e-12)


def test_its_factor_is_that_of_the_covariance() -> None:
    small, large, profile, hyperparameters, _, _ = both(101, labels=True)
    expected = factorised(LapackLinearAlgebra(), small, profile, hyperparameters).factor
    found = large_factor(large, profile, hyperparameters)
    assert np.allclose(found.lower, expected.lower, rtol=0, atol=1e-13)
    assert found.jitter == expected.jitter == 0.0


def test_a_singular_covariance_gets_the_same_jitter() -> None:
    points = np.repeat(np.random.default_rng(0).random((30, 2)), 2, axis=0)
    parts = Dataset.of(points, np.ones(60)), np.zeros(2, dtype=bool), Trend("constant", 10.0, (0, 1)), None
    hyperparameters = Hyperparameters(np.ones(2), 0.0, None)
    small = factorised(LapackLinearAlgebra(), evidence_table(*parts), Matern52(), hyperparameters).factor
    large = large_factor(large_table(*parts), Matern52(), hyperparameters)
    assert large.jitter == pytest.approx(small.jitter, rel=1e-12)
    assert large.jitter > 0.0
    with pytest.raises(NumericalError, match="positive definite"):
        large_factor(large_table(*parts), Matern52(), Hyperparameters(np.ones(2), -2.0, None))


def test_coordinates_far_from_zero_keep_the_gradient() -> None:
    generator = np.random.default_rng(0)
    points, values = generator.random((80, 1)), generator.standard_normal((80, 1))
    rest = Matern52(), Hyperparameters(np.array([9.0]), 0.01, None), values, 1.0
    trend, labels = Trend("constant", 10.0, (0,)), np.zeros(1, dtype=bool)
    near, far = (
        large_evidence_gradient(large_table(Dataset.of(x, values), labels, trend, None), *rest)
        for x in (points, points + 2.0**20)
    )
    assert far.by_weights == pytest.approx(near.by_weights, rel=1e-6)


def test_a_fit_to_many_rows_is_that_to_all_pairs() -> None:
    generator = np.random.default_rng(1)
    points = generator.random((1000, 2))
    data = Dataset.of(points, np.sin(6.0 * points[:, 0]) + 0.1 * generator.standard_normal(1000))
    recipe = GaussianProcess(restarts=0)
    objective = recipe.objective(data)
    table = objective.tables[0][1]
    pairs = evidence_table(data, np.zeros(2, dtype=bool), recipe.trend(2), None)
    assert type(table) is not type(pairs)
    vector = objective.start(None)
    by_pairs = type(objective)(**{**vars(objective), "tables": ((np.array([0]), pairs),)})
    value, gradient = objective(vector)
    expected, slope = by_pairs(vector)
    assert value == pytest.approx(expected, rel=1e-12)
    assert np.allclose(gradient, slope, rtol=1e-9)
    assert objective.value(vector) == pytest.approx(expected, rel=1e-12)
