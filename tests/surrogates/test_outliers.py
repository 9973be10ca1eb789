"""Outliers cost a Gaussian process little, and without outliers it is the one that does not look for them."""

from __future__ import annotations

import numpy as np
import pytest

from assay.errors import UsageError
from assay.surrogates.averaged_gaussian_process import AveragedGaussianProcess
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.outliers import OutlierDetector

PLAIN = GaussianProcess()
ROBUST = GaussianProcess(outlier_detector=OutlierDetector())


def smooth(points: np.ndarray) -> np.ndarray:
    return np.sin(5.0 * points[:, 0]) + points[:, 1] ** 2 * np.cos(3.0 * points[:, 0])


def spoiled(seed: int) -> tuple[Dataset, Dataset, np.ndarray]:
    """Sixty values with noise; the same with six of them far off; the numbers of those."""
    generator = np.random.default_rng(seed)
    points = generator.random((60, 2))
    values = smooth(points) + 0.05 * generator.standard_normal(60)
    bad = generator.choice(60, 6, replace=False)
    wrong = values.copy()
    wrong[bad] += generator.choice([-1.0, 1.0], 6) * (5.0 + 5.0 * generator.random(6))
    return Dataset.of(points, values), Dataset.of(points, wrong), np.sort(bad)


def error(recipe: GaussianProcess, data: Dataset) -> tuple[float, list[int]]:
    fitted = recipe.fit(data, None, np.random.default_rng(0))
    points = np.random.default_rng(99).random((400, 2))
    residual = fitted.posterior.mean_variance(points)[0][:, 0] - smooth(points)
    return float(np.sqrt(np.mean(residual**2))), list(fitted.info.get("outliers", []))


def test_a_tenth_of_gross_outliers_costs_half_as_much_again_at_most() -> None:
    ratios, unaware = [], []
    for seed in range(3):
        clean, wrong, bad = spoiled(seed)
        reference = error(PLAIN, clean)[0]
        robust, found = error(ROBUST, wrong)
        assert set(bad.tolist()) <= set(found)
        ratios.append(robust / reference)
        unaware.append(error(PLAIN, wrong)[0] / reference)
    assert np.median(ratios) < 1.5
    assert np.median(unaware) > 5.0


def test_without_outliers_nothing_changes() -> None:
    points = np.random.default_rng(0).random((25, 2))
    data = Dataset.of(points, smooth(points))
    fits = [recipe.fit(data, None, np.random.default_rng(1)) for recipe in (PLAIN, ROBUST)]
    assert fits[1].info["outliers"] == []
    assert dict(fits[0].state) == dict(fits[1].state)


def test_the_order_of_the_rows_and_the_unit_of_the_values_do_not_matter() -> None:
    _, wrong, bad = spoiled(1)
    fitted = ROBUST.fit(wrong, None, np.random.default_rng(0))
    order = np.random.default_rng(3).permutation(len(wrong))
    points = np.random.default_rng(4).random((20, 2))
    shuffled = ROBUST.posterior(wrong.rows(order), fitted.state)
    for one, other in zip(
        fitted.posterior.mean_variance(points), shuffled.mean_variance(points), strict=True
    ):
        assert np.allclose(one, other, rtol=1e-5, atol=1e-9)
    scaled = ROBUST.fit(Dataset.of(wrong.points, 1e6 * wrong.values), None, np.random.default_rng(0))
    assert scaled.info["outliers"] == fitted.info["outliers"]
    assert set(bad.tolist()) <= set(fitted.info["outliers"])


def test_a_second_fit_begins_without_the_outliers_of_the_first() -> None:
    _, wrong, bad = spoiled(2)
    first = ROBUST.fit(wrong, None, np.random.default_rng(0))
    second = ROBUST.fit(wrong, first.state, np.random.default_rng(1))
    assert set(bad.tolist()) <= set(second.info["outliers"])
    assert second.info["log_posterior"] >= first.info["log_posterior"] - 0.5
    assert second.info["evaluations"] < first.info["evaluations"]


def test_the_outputs_of_a_row_are_outliers_together_or_alone() -> None:
    clean, wrong, bad = spoiled(3)
    both = Dataset.of(clean.points, np.concatenate([wrong.values, clean.values], axis=1))
    together = ROBUST.fit(both, None, np.random.default_rng(0))
    assert set(bad.tolist()) <= set(together.info["outliers"])
    alone = GaussianProcess(outlier_detector=OutlierDetector(), joint_hyperparameters=False)
    found = alone.fit(both, None, np.random.default_rng(0)).info["outliers"]
    assert set(bad.tolist()) <= set(found[0])
    assert len(set(bad.tolist()) & set(found[1])) <= 1


def test_an_average_over_hyperparameters_is_robust_too() -> None:
    _, wrong, _ = spoiled(0)
    points = np.random.default_rng(99).random((400, 2))
    errors = []
    for recipe in (ROBUST, PLAIN):
        averaged = AveragedGaussianProcess(recipe, pairs=2)
        fitted = averaged.fit(wrong, None, np.random.default_rng(0))
        again = averaged.posterior(wrong, fitted.state).mean_variance(points)[0]
        assert np.array_equal(again, fitted.posterior.mean_variance(points)[0])
        errors.append(np.sqrt(np.mean((again[:, 0] - smooth(points)) ** 2)))
    assert errors[0] < 0.2 * errors[1]


def test_wrong_use_is_refused() -> None:
    with pytest.raises(UsageError, match="needs noise='fit'"):
        GaussianProcess(noise="none", outlier_detector=OutlierDetector())
    with pytest.raises(UsageError, match="degrees_of_freedom"):
        OutlierDetector(degrees_of_freedom=0.0)
