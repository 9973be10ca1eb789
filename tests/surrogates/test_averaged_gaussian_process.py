"""The tempered average over hyperparameters: how far its members stand from the fit, and what that does to predictions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.errors import UsageError
from assay.surrogates.averaged_gaussian_process import AveragedGaussianProcess, AveragedPosterior
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess

RECIPE = GaussianProcess(noise="none")


def waves(count: int = 40) -> Dataset:
    """Rows enough to know all length scales well."""
    points = np.random.default_rng(0).random((count, 2))
    return Dataset.of(points, np.sin(6.0 * points[:, 0]) * np.cos(5.0 * points[:, 1]))


def test_members_stand_from_the_fit_by_the_root_of_the_temperature() -> None:
    data = waves()
    state = RECIPE.fit(data, None, np.random.default_rng(0)).state

    def nodes(inverse_temperature: float) -> np.ndarray:
        spread = AveragedGaussianProcess(RECIPE, inverse_temperature=inverse_temperature).spread(data, state)
        return np.array([member["log_length_scales"] for member in spread["members"]])

    fitted = np.array(state["log_length_scales"])
    np.testing.assert_allclose(nodes(0.25) - fitted, 2.0 * (nodes(1.0) - fitted), rtol=1e-9)


def test_a_hotter_average_says_less() -> None:
    data = waves(15)
    state = RECIPE.fit(data, None, np.random.default_rng(0)).state
    fresh = np.random.default_rng(1).random((200, 2))
    deviations = []
    for inverse_temperature in (1.0, 0.5, 0.25):
        averaged = AveragedGaussianProcess(RECIPE, inverse_temperature=inverse_temperature)
        posterior = averaged.posterior(data, averaged.spread(data, state))
        deviations.append(np.sqrt(posterior.mean_variance(fresh)[1]).mean())
    assert deviations == sorted(deviations)
    assert deviations[1] > 1.02 * deviations[0]


@pytest.mark.parametrize("wrong", [0.0, -1.0, 1.5, float("nan")])
def test_an_inverse_temperature_is_above_zero_and_at_most_one(wrong: float) -> None:
    with pytest.raises(UsageError, match="above 0 and at most 1, got"):
        AveragedGaussianProcess(RECIPE, inverse_temperature=wrong)


def few() -> AveragedPosterior:
    """So few rows that the members disagree."""
    data = waves(8)
    return AveragedGaussianProcess(RECIPE).fit(data, None, np.random.default_rng(0)).posterior


LOOKS = np.array([[0.1, 0.9], [0.85, 0.15], [0.5, 0.5]])


def test_members_agree_at_open_looks_and_the_mean_stays() -> None:
    posterior = few()
    after = posterior.condition_on_inputs(LOOKS)
    everywhere = np.concatenate([np.random.default_rng(2).random((50, 2)), LOOKS])
    prior = posterior.latent_mean_variance(LOOKS)[1]
    assert (after.latent_mean_variance(LOOKS)[1] < 1e-4 * prior).all()
    # Not so where each member believes in itself, which leaves what they disagree about.
    alone = replace(
        posterior, members=tuple(member.condition_on_inputs(LOOKS) for member in posterior.members)
    )
    assert (alone.latent_mean_variance(LOOKS)[1] > 1e-2 * prior).any()
    mean, slope = posterior.latent_mean_variance(everywhere)[0], posterior.latent_mean_variance_gradient
    np.testing.assert_allclose(after.latent_mean_variance(everywhere)[0], mean, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(after.latent_joint(everywhere)[0], mean, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(after.grouped(everywhere[None])[0][0], mean, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(after.latent_mean_variance_gradient(everywhere)[2], slope(everywhere)[2])


def test_the_variance_after_open_looks_is_that_after_results_that_were_expected() -> None:
    posterior = few()
    fresh = np.random.default_rng(2).random((50, 2))
    expected = posterior.from_latent(posterior.latent_mean(LOOKS))
    told = posterior.condition(Dataset.of(LOOKS, expected))
    after = posterior.condition_on_inputs(LOOKS)
    np.testing.assert_allclose(after.mean_variance(fresh)[1], told.mean_variance(fresh)[1], rtol=1e-9)
    step = posterior.condition_on_inputs(LOOKS[:1]).condition_on_inputs(LOOKS[1:])
    np.testing.assert_allclose(step.mean_variance(fresh)[1], after.mean_variance(fresh)[1], rtol=1e-9)
    observed, predicted, spread = after.latent_leave_one_out()
    assert len(observed) == len(predicted) == len(spread) == 8  # nothing was observed at open looks


def test_results_that_come_take_the_place_of_open_looks() -> None:
    posterior = few()
    fresh = np.random.default_rng(2).random((50, 2))
    result = Dataset.of(LOOKS[:1], np.array([3.0]))
    come = posterior.condition_on_inputs(LOOKS[1:]).condition(result)
    direct = posterior.condition(result).condition_on_inputs(LOOKS[1:])
    for found, wanted in zip(come.mean_variance(fresh), direct.mean_variance(fresh), strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert come.mean_variance(LOOKS[:1])[0][0, 0] == pytest.approx(3.0, abs=1e-4)


def test_slopes_beside_open_looks_are_those_of_the_values() -> None:
    after = few().condition_on_inputs(LOOKS)
    points = np.random.default_rng(3).random((4, 2))
    _, _, by_mean, by_variance = after.latent_mean_variance_gradient(points)
    groups = points.reshape(2, 2, 2)
    mean, covariance, pullback = after.grouped_pullback(groups)
    generator = np.random.default_rng(4)
    bars = generator.normal(size=mean.shape), generator.normal(size=covariance.shape)
    slopes = pullback(*bars).reshape(4, 2)
    for column in range(2):
        step = 1e-5 * np.eye(2)[column]
        (high, wide), (low, narrow) = (after.latent_mean_variance(points + sign * step) for sign in (1, -1))
        np.testing.assert_allclose(by_mean[..., column], (high - low) / 2e-5, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(by_variance[..., column], (wide - narrow) / 2e-5, rtol=1e-4, atol=1e-6)
        for place in range(4):
            moved = [points.copy() for _ in range(2)]
            moved[0][place] += step
            moved[1][place] -= step
            values = [
                sum(
                    float((bar * part).sum())
                    for bar, part in zip(bars, after.grouped(one.reshape(2, 2, 2)), strict=True)
                )
                for one in moved
            ]
            assert slopes[place, column] == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-4, abs=1e-6)
