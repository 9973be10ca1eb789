"""What changes with many rows, no inverse and covariances in tiles, changes no answer; a subset fits nearly as well."""

from __future__ import annotations

import numpy as np
import pytest
from tests.surrogates.surrogate_cases import CASES, case, points_for

from assay.surrogates import process
from assay.surrogates.averaged_gaussian_process import AveragedGaussianProcess
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.kernels import cross


@pytest.mark.parametrize("name", CASES)
def test_the_answers_of_many_rows_are_those_of_few(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, data = case(name)
    state = recipe.fit(data, None, np.random.default_rng(0)).state
    points = points_for(name, 12, np.random.default_rng(1))
    groups = points.reshape(4, 3, 3)
    bars = np.random.default_rng(2).random((4, 3, 2)), np.random.default_rng(3).random((4, 2, 3, 3))

    def answers() -> list[np.ndarray]:
        posterior = recipe.posterior(data, state)
        mean, covariance, pullback = posterior.grouped_pullback(groups)
        return [
            *posterior.mean_variance(points),
            *posterior.mean_variance_gradient(points),
            *posterior.joint(points),
            *posterior.latent_leave_one_out(),
            *posterior.condition(data.rows(np.arange(2))).mean_variance(points),
            mean,
            covariance,
            pullback(*bars),
        ]

    few = answers()
    monkeypatch.setattr(process, "_MANY_ROWS", 0)
    monkeypatch.setattr(process, "_MOST_PAIRS", 3 * len(data))
    monkeypatch.setattr(cross, "_MANY_PAIRS", 20)
    for one, other in zip(few, answers(), strict=True):
        assert np.allclose(one, other, rtol=1e-6, atol=1e-8 * np.abs(one).max())


def test_a_thousand_rows_keep_no_inverse() -> None:
    points = np.random.default_rng(0).random((1000, 2))
    data = Dataset.of(points, np.sin(3.0 * points[:, 0]))
    posterior = GaussianProcess().posterior(data, GaussianProcess.state(np.array([0.5, 0.9]), 1e-3))
    assert posterior.blocks[0][1].inverse_lower is None
    assert np.abs(posterior.mean_variance(points)[0] - data.values).max() < 0.01


def test_a_subset_finds_nearly_the_hyperparameters_of_all() -> None:
    generator = np.random.default_rng(2)
    points = generator.random((360, 2))
    values = np.sin(8.0 * points[:, 0]) + points[:, 1] + 0.1 * generator.standard_normal(360)
    data = Dataset.of(points, values)
    whole = GaussianProcess().fit(data, None, np.random.default_rng(0))
    recipe = GaussianProcess(fit_rows=180)
    few = recipe.fit(data, None, np.random.default_rng(0))
    new = generator.random((300, 2))
    truth = np.sin(8.0 * new[:, 0]) + new[:, 1]
    errors = [np.std(fit.posterior.mean_variance(new)[0][:, 0] - truth) for fit in (few, whole)]
    assert errors[0] < 1.2 * errors[1]
    assert len(few.posterior.blocks[0][1].points) == 360
    noise = few.posterior.latent_noise_variance * few.posterior.scaling.unit**2
    assert noise[0] == pytest.approx(0.1**2, rel=0.25)
    again = recipe.posterior(data, few.state)
    assert np.array_equal(again.mean_variance(new)[0], few.posterior.mean_variance(new)[0])
    averaged = AveragedGaussianProcess(recipe).fit(data, None, np.random.default_rng(0))
    assert averaged.info["members"] == 1
    assert np.array_equal(averaged.posterior.mean_variance(new)[1], few.posterior.mean_variance(new)[1])


def test_a_subset_keeps_what_the_data_have() -> None:
    """Known noise in few rows, labels and outliers, of which the subset may hold none."""
    generator = np.random.default_rng(3)
    points = np.column_stack([generator.random(60), generator.integers(0, 3, 60)])
    noise = np.zeros(60)
    noise[:2] = 0.01
    values = np.sin(5.0 * points[:, 0]) + points[:, 1]
    recipe = GaussianProcess(fit_rows=20, categories=(1,), warping="auto")
    fitted = recipe.fit(Dataset.of(points, values, noise), None, np.random.default_rng(0))
    assert np.isfinite(fitted.posterior.mean_variance(points)[0]).all()
    assert np.abs(fitted.posterior.mean_variance(points)[0][:, 0] - values).max() < 0.2
