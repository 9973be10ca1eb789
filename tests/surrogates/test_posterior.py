"""What a posterior answers, for every kind of data: gradients, updates, joint moments, draws, quantiles."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.surrogates.surrogate_cases import CASES, case, function, points_for

from assay.errors import UsageError
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior


def fitted(name: str) -> tuple[GaussianProcessPosterior, np.ndarray]:
    recipe, data = case(name)
    points = points_for(name, 9, np.random.default_rng(5))
    return recipe.fit(data, None, np.random.default_rng(1)).posterior, points


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_limits_of_differences(name: str) -> None:
    posterior, points = fitted(name)
    mean, variance, by_mean, by_variance = posterior.mean_variance_gradient(points)
    plain = posterior.mean_variance(points)
    np.testing.assert_allclose(mean, plain[0], atol=1e-12)
    np.testing.assert_allclose(variance, plain[1], atol=1e-12)
    for column in range(3):
        if column in CASES[name][0].categories:
            assert (by_mean[:, :, column] == 0.0).all()
            continue
        step = 1e-5 * np.eye(3)[column]
        up, down = posterior.mean_variance(points + step), posterior.mean_variance(points - step)
        np.testing.assert_allclose(by_mean[:, :, column], (up[0] - down[0]) / 2e-5, atol=2e-6)
        np.testing.assert_allclose(by_variance[:, :, column], (up[1] - down[1]) / 2e-5, atol=2e-6)


@pytest.mark.parametrize("name", CASES)
def test_a_rank_update_equals_a_new_posterior(name: str) -> None:
    recipe, data = case(name, count=18)
    first, second = _split(data, 12)
    state = recipe.fit(first, None, np.random.default_rng(1)).state
    points = points_for(name, 9, np.random.default_rng(5))
    updated, whole = recipe.posterior(first, state).condition(second), recipe.posterior(data, state)
    for mine, theirs in zip(updated.mean_variance(points), whole.mean_variance(points), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9)
    assert updated.log_marginal_likelihood() == pytest.approx(whole.log_marginal_likelihood(), abs=1e-8)


@pytest.mark.parametrize("name", CASES)
def test_a_state_gives_the_same_posterior_to_the_bit(name: str) -> None:
    recipe, data = case(name)
    fit = recipe.fit(data, None, np.random.default_rng(1))
    again = recipe.posterior(data, json.loads(json.dumps(fit.state)))
    points = points_for(name, 9, np.random.default_rng(5))
    for mine, theirs in zip(
        fit.posterior.mean_variance_gradient(points), again.mean_variance_gradient(points), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("name", CASES)
def test_looks_without_results_shrink_the_variance_as_results_would(name: str) -> None:
    posterior, points = fitted(name)
    looks = points[:3]
    blind = posterior.condition_on_inputs(looks)
    seen = posterior.condition(Dataset.of(looks, function(looks)))
    np.testing.assert_allclose(
        blind.latent_mean_variance(points)[0], posterior.latent_mean_variance(points)[0], atol=1e-8
    )
    np.testing.assert_allclose(
        blind.latent_mean_variance(points)[1], seen.latent_mean_variance(points)[1], atol=1e-12
    )
    assert (blind.latent_mean_variance(looks)[1] < posterior.latent_mean_variance(looks)[1]).all()


@pytest.mark.parametrize("name", CASES)
def test_joint_moments_have_the_marginals_and_draws_have_the_moments(name: str) -> None:
    posterior, points = fitted(name)
    mean, variance = posterior.mean_variance(points)
    joint_mean, covariance = posterior.joint(points)
    np.testing.assert_allclose(joint_mean, mean, atol=1e-10)
    np.testing.assert_allclose(np.einsum("kpp->pk", covariance), variance, rtol=1e-6, atol=1e-10)
    draws = posterior.draw(points, 20_000, np.random.default_rng(2))
    assert draws.shape == (20_000, 9, 2)
    centred = draws - mean
    for k in range(2):
        sampled = centred[:, :, k].T @ centred[:, :, k] / len(draws)
        scale = np.sqrt(np.outer(variance[:, k], variance[:, k]))
        assert np.abs(sampled - covariance[k]).max() < 0.06 * scale.max()
    # Five standard errors of the mean.
    assert (np.abs(draws.mean(axis=0) - mean) <= 5.0 * np.sqrt(variance / len(draws)) + 1e-9).all()


@pytest.mark.parametrize("name", ["values", "warped", "prior mean"])
def test_quantiles_are_those_of_draws(name: str) -> None:
    posterior, points = fitted(name)
    probabilities = np.array([0.16, 0.5, 0.84])
    quantiles = posterior.quantiles(points, probabilities)
    draws = posterior.draw(points, 20_000, np.random.default_rng(3))
    below = (draws[None] < quantiles[:, None]).mean(axis=1)
    np.testing.assert_allclose(below, np.broadcast_to(probabilities[:, None, None], below.shape), atol=0.02)


@pytest.mark.parametrize("name", CASES)
def test_leave_one_out_is_the_posterior_without_the_row(name: str) -> None:
    recipe, data = case(name)
    state = recipe.fit(data, None, np.random.default_rng(1)).state
    posterior = recipe.posterior(data, state)
    observed, mean, variance = posterior.latent_leave_one_out()
    row = 3
    assert data.derivative[row] == -1
    rest = np.arange(len(data)) != row
    without = recipe.posterior(_rows(data, rest), state)
    prior = posterior.to_latent(data.values)[row] - observed[row]
    expected, spread = without.latent_mean_variance(data.points[[row]])
    slope = posterior.scaling.to_latent_slope(data.values)[1][row]
    noise = posterior.latent_noise_variance + data.noise_variance[row] * slope**2
    if recipe.prior_mean is None:
        np.testing.assert_allclose(mean[row], expected[0], atol=1e-7)
        np.testing.assert_allclose(prior, 0.0, atol=1e-12)
    np.testing.assert_allclose(variance[row], spread[0] + noise, rtol=1e-6)


def test_latent_units_are_monotone_and_invertible() -> None:
    posterior, _ = fitted("warped")
    values = np.stack([np.linspace(-3.0, 6.0, 50)] * 2, axis=1)
    latent = posterior.to_latent(values)
    assert (np.diff(latent, axis=0) > 0.0).all()
    np.testing.assert_allclose(posterior.from_latent(latent), values, atol=1e-12)


def test_wrong_use_is_one_sentence() -> None:
    data = Dataset.of(np.random.default_rng(0).random((4, 2)), np.arange(4.0), 0.0, np.array([-1, -1, 0, 1]))
    generator = np.random.default_rng(0)
    with pytest.raises(UsageError, match=r"matern12.*has no derivatives"):
        GaussianProcess(kernel="matern12").fit(data, None, generator)
    with pytest.raises(UsageError, match="derivative by a category"):
        GaussianProcess(categories=(1,)).fit(data, None, generator)
    with pytest.raises(UsageError, match="warping 'sinh'"):
        GaussianProcess(warping="sinh").fit(data, None, generator)
    with pytest.raises(UsageError, match="at least one row"):
        GaussianProcess().fit(Dataset.of(np.empty((0, 2)), np.empty(0)), None, generator)
    with pytest.raises(UsageError, match="got 'cosine'"):
        GaussianProcess(warping="cosine").fit(data, None, generator)


def _rows(data: Dataset, keep: np.ndarray) -> Dataset:
    return Dataset(data.points[keep], data.values[keep], data.noise_variance[keep], data.derivative[keep])


def _split(data: Dataset, at: int) -> tuple[Dataset, Dataset]:
    rows = np.arange(len(data))
    return _rows(data, rows < at), _rows(data, rows >= at)
