"""Data at the edge: none to speak of, the same point twice, constants, and what rounding does."""

from __future__ import annotations

import numpy as np
import pytest

from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior

RECIPES = {
    f"{noise}, {warping}": GaussianProcess(noise=noise, warping=warping)
    for noise in ("fit", "none")
    for warping in ("identity", "sinh")
}


def fit(recipe: GaussianProcess, points: np.ndarray, values: np.ndarray) -> GaussianProcessPosterior:
    posterior = recipe.fit(Dataset.of(points, values), None, np.random.default_rng(0)).posterior
    new = np.random.default_rng(1).random((20, points.shape[1]))
    for answer in (*posterior.mean_variance_gradient(np.concatenate([points, new])), *posterior.joint(new)):
        assert np.isfinite(answer).all()
    assert (posterior.mean_variance(points)[1] >= 0.0).all()
    return posterior


@pytest.fixture(params=RECIPES)
def recipe(request: pytest.FixtureRequest) -> GaussianProcess:
    return RECIPES[request.param]


@pytest.mark.parametrize("value", [0.0, 3.0, -1e12, 1e-12])
def test_one_row(recipe: GaussianProcess, value: float) -> None:
    posterior = fit(recipe, np.array([[0.3, 0.4]]), np.array([value]))
    # A value of zero has no scale: the unit is then one.
    scale = abs(value) if value else 1.0
    assert posterior.mean_variance(np.array([[0.3, 0.4]]))[0][0, 0] == pytest.approx(value, abs=1e-3 * scale)


def test_two_rows(recipe: GaussianProcess) -> None:
    posterior = fit(recipe, np.array([[0.3, 0.4], [0.8, 0.1]]), np.array([1.0, 2.0]))
    far, near = posterior.mean_variance(np.array([[0.9, 0.9], [0.3, 0.4]]))[1][:, 0]
    assert far > near


@pytest.mark.parametrize("value", [0.0, 5.0, 1e12, -1e-12])
def test_a_constant(recipe: GaussianProcess, value: float) -> None:
    points = np.random.default_rng(2).random((10, 2))
    posterior = fit(recipe, points, np.full(10, value))
    mean, _ = posterior.mean_variance(np.random.default_rng(3).random((10, 2)))
    np.testing.assert_allclose(mean, value, rtol=1e-6, atol=1e-9)


def test_the_same_point_twice(recipe: GaussianProcess) -> None:
    points = np.random.default_rng(4).random((8, 2))
    values = np.sin(5.0 * points[:, 0])
    fit(recipe, np.concatenate([points, points]), np.concatenate([values, values]))
    fit(recipe, np.concatenate([points, points]), np.concatenate([values, values + 0.1]))


def test_the_same_look_again_is_absorbed_by_an_update(recipe: GaussianProcess) -> None:
    points = np.random.default_rng(5).random((8, 2))
    values = np.sin(5.0 * points[:, 0])
    posterior = fit(recipe, points, values)
    for _ in range(3):
        posterior = posterior.condition(Dataset.of(points[:2], values[:2]))
        posterior = posterior.condition_on_inputs(points[:2])
    mean, variance = posterior.mean_variance(points)
    assert np.isfinite(mean).all()
    assert (variance >= 0.0).all()


@pytest.mark.parametrize("scale", [1e-12, 1e12, 1e150])
def test_huge_and_tiny_outputs(recipe: GaussianProcess, scale: float) -> None:
    points = np.random.default_rng(6).random((12, 2))
    values = scale * np.sin(5.0 * points[:, 0])
    posterior = fit(recipe, points, values)
    assert np.abs(posterior.mean_variance(points)[0][:, 0] - values).max() < 0.2 * scale


def test_values_over_many_decades() -> None:
    points = np.random.default_rng(7).random((30, 2))
    values = 10.0 ** (12.0 * points[:, 0] - 6.0)
    posterior = fit(RECIPES["none, sinh"], points, values)
    new = np.random.default_rng(8).random((50, 2))
    median = posterior.quantiles(new, np.array([0.5]))[0, :, 0]
    plain = fit(RECIPES["none, identity"], points, values).mean_variance(new)[0][:, 0]
    truth = 10.0 ** (12.0 * new[:, 0] - 6.0)
    large = truth > 1e3
    assert np.abs(np.log10(median[large] / truth[large])).max() < 0.1
    assert np.abs(plain[large] / truth[large] - 1.0).max() > 1.0
