"""Joint moments within groups of points: against the joint posterior of each group, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest
from tests.surrogates.surrogate_cases import CASES, case, points_for

from assay.surrogates.averaged_gaussian_process import AveragedGaussianProcess
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.latent_gaussian import AbstractLatentGaussian


def posterior_of(name: str) -> AbstractLatentGaussian:
    if name == "averaged":
        recipe, data = case("derivatives")
        return AveragedGaussianProcess(recipe, pairs=2).fit(data, None, np.random.default_rng(1)).posterior
    recipe, data = case(name)
    return recipe.fit(data, None, np.random.default_rng(1)).posterior


def groups_for(name: str) -> np.ndarray:
    points = points_for("values" if name == "averaged" else name, 12, np.random.default_rng(5))
    return points.reshape(4, 3, 3)


@pytest.mark.parametrize("name", [*CASES, "averaged"])
def test_each_group_has_its_joint_moments(name: str) -> None:
    posterior, groups = posterior_of(name), groups_for(name)
    mean, covariance = posterior.grouped(groups)
    for place, group in enumerate(groups):
        expected = posterior.latent_joint(group)
        np.testing.assert_allclose(mean[place], expected[0], rtol=0, atol=1e-11)
        np.testing.assert_allclose(covariance[place], expected[1], rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", [*CASES, "averaged"])
def test_the_pullback_is_the_limit_of_differences(name: str) -> None:
    posterior, groups = posterior_of(name), groups_for(name)
    mean, covariance, pullback = posterior.grouped_pullback(groups)
    np.testing.assert_array_equal(mean, posterior.grouped(groups)[0])
    generator = np.random.default_rng(0)
    bars = generator.normal(size=mean.shape), generator.normal(size=covariance.shape)

    def loss(at: np.ndarray) -> float:
        moments = posterior.grouped(at)
        return float((moments[0] * bars[0]).sum() + (moments[1] * bars[1]).sum())

    gradient = pullback(*bars)
    for index in np.ndindex(groups.shape):
        step = np.zeros(groups.shape)
        step[index] = 1e-5
        slope = (loss(groups + step) - loss(groups - step)) / 2e-5
        np.testing.assert_allclose(gradient[index], slope, rtol=1e-5, atol=1e-5)


def test_shifted_copies_are_recognised() -> None:
    """A scan along one column: the same groups, one of them bent, so that the short way and the long way meet."""
    posterior, scan = posterior_of("values"), np.random.default_rng(3).random((5, 1, 3)).repeat(4, axis=1)
    scan[:, :, 1] = np.linspace(0.0, 1.0, 4)
    bent = np.concatenate([scan, groups_for("values")[:1, [0, 1, 2, 0]]])
    for short, long in zip(posterior.grouped(scan), posterior.grouped(bent), strict=True):
        np.testing.assert_allclose(short, long[:5], rtol=0, atol=1e-14)


def test_one_member_is_the_marginal() -> None:
    generator = np.random.default_rng(0)
    points = generator.random((30, 4))
    values = np.sin(points @ generator.normal(size=(4, 20)))
    fit = GaussianProcess(noise="none").fit(Dataset.of(points, values), None, np.random.default_rng(1))
    posterior, at = fit.posterior, generator.random((50, 4))
    mean, variance, by_mean, by_variance = posterior.latent_mean_variance_gradient(at)
    grouped_mean, covariance, pullback = posterior.grouped_pullback(at[:, None])
    np.testing.assert_allclose(grouped_mean[:, 0], mean, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(covariance[:, :, 0, 0], variance, rtol=1e-9, atol=1e-14)
    bars = generator.normal(size=(2, *mean.shape))
    expected = np.einsum("pk,pkd->pd", bars[0], by_mean) + np.einsum("pk,pkd->pd", bars[1], by_variance)
    gradient = pullback(bars[0][:, None], bars[1][:, :, None, None])[:, 0]
    np.testing.assert_allclose(gradient, expected, rtol=1e-7, atol=1e-9)
