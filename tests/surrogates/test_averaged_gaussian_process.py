"""The tempered average over hyperparameters: how far its members stand from the fit, and what that does to predictions."""

from __future__ import annotations

import numpy as np
import pytest

from assay.errors import UsageError
from assay.surrogates.averaged_gaussian_process import AveragedGaussianProcess
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
