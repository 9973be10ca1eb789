"""Leaving out one datum, of an average of Gaussian processes: the moments of the mixture."""

from __future__ import annotations

import numpy as np
import pytest

from assay.surrogates.averaged_gaussian_process import AveragedGaussianProcess
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess


def test_the_average_leaves_out_as_its_members_do() -> None:
    points = np.random.default_rng(5).uniform(size=(12, 2))
    data = Dataset.of(points, np.sin(5 * points[:, 0]) + points[:, 1])
    averaged = AveragedGaussianProcess(GaussianProcess(noise="none", warping="identity"))
    state = averaged.fit(data, None, np.random.default_rng(0)).state
    posterior = averaged.posterior(data, state)
    observed, mean, variance = posterior.latent_leave_one_out()
    for member in posterior.members:
        np.testing.assert_allclose(member.latent_leave_one_out()[0], observed, atol=1e-12)
    means = np.array([member.latent_leave_one_out()[1] for member in posterior.members])
    variances = np.array([member.latent_leave_one_out()[2] for member in posterior.members])
    weights = posterior.weights[:, None, None]
    # the second moment of a mixture is the mixture of the second moments
    np.testing.assert_allclose(mean, (weights * means).sum(0))
    np.testing.assert_allclose(variance + mean**2, (weights * (variances + means**2)).sum(0))
    assert np.all(np.abs(observed - mean) < 6 * np.sqrt(variance))


def test_an_average_of_one_kind_is_that_kind() -> None:
    data = Dataset.of(np.linspace(0, 1, 6)[:, None], np.linspace(0, 1, 6) ** 2)
    recipe = GaussianProcess(noise="none", warping="identity")
    averaged = AveragedGaussianProcess(recipe, pairs=1)
    state = averaged.fit(data, None, np.random.default_rng(0)).state
    first = {**state, "members": state["members"][:1], "weights": [1.0]}
    posterior = averaged.posterior(data, first)
    for left, right in zip(
        posterior.latent_leave_one_out(), posterior.members[0].latent_leave_one_out(), strict=True
    ):
        assert left == pytest.approx(right)
