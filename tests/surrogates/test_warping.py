"""Output warpings: their derivatives, their inverses, and what they are for."""

from __future__ import annotations

import numpy as np
import pytest

from assay.errors import UsageError
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.posterior_jax import mean_variance_jax
from assay.surrogates.warping import AbstractWarping, IdentityWarping, LogWarping, SinhWarping

WARPINGS: dict[str, tuple[AbstractWarping, np.ndarray]] = {
    "identity": (IdentityWarping(), np.empty(0)),
    "log": (LogWarping(), np.array([-3.0])),
    "sinh": (SinhWarping(), np.array([-0.4, -1.0])),
}
VALUES = np.array([1e-6, 0.02, 0.4, 1.0, 3.0, 50.0])


@pytest.mark.parametrize("name", WARPINGS)
def test_derivatives_are_the_limits_of_differences(name: str) -> None:
    warping, parameters = WARPINGS[name]
    step = 1e-6
    _, log_slope = warping.forward(VALUES, parameters)
    relative = step * (VALUES + 0.05)
    above, below = (warping.forward(VALUES + sign * relative, parameters)[0] for sign in (1.0, -1.0))
    assert np.allclose((above - below) / (2.0 * relative), np.exp(log_slope), rtol=1e-7)
    by_warped, by_log_slope = warping.forward_gradient(VALUES, parameters)
    _, by_prior = warping.log_prior(parameters)
    for place in range(warping.parameter_count):
        change = step * np.eye(warping.parameter_count)[place]
        more, less = (warping.forward(VALUES, parameters + sign * change) for sign in (1.0, -1.0))
        assert np.allclose((more[0] - less[0]) / (2 * step), by_warped[place], rtol=1e-6, atol=1e-8)
        assert np.allclose((more[1] - less[1]) / (2 * step), by_log_slope[place], rtol=1e-6, atol=1e-8)
        priors = [warping.log_prior(parameters + sign * change)[0] for sign in (1.0, -1.0)]
        assert (priors[0] - priors[1]) / (2 * step) == pytest.approx(by_prior[place], abs=1e-8)


@pytest.mark.parametrize("name", WARPINGS)
def test_the_inverse_undoes_it(name: str) -> None:
    warping, parameters = WARPINGS[name]
    warped, log_slope = warping.forward(VALUES, parameters)
    back, slope = warping.inverse(warped, parameters)
    assert np.allclose(back, VALUES, rtol=1e-9, atol=1e-12)
    assert np.allclose(slope, np.exp(-log_slope), rtol=1e-9)


def decades(count: int, seed: int) -> Dataset:
    points = np.random.default_rng(seed).random((count, 2))
    return Dataset.of(points, np.exp(9.0 * np.sin(3.0 * points[:, 0]) * points[:, 1]))


def test_positive_values_over_decades_are_learned_in_the_logarithm() -> None:
    data, held_out = decades(40, 0), decades(200, 1)
    log_errors = []
    for name in ("log", "identity"):
        posterior = GaussianProcess(warping=name).fit(data, None, np.random.default_rng(0)).posterior
        median = posterior.quantiles(held_out.points, np.array([0.5]))[0]
        log_errors.append(np.median(np.abs(np.log(np.maximum(median, 1e-9) / held_out.values))))
    assert log_errors[0] < 0.05
    assert log_errors[1] > 10.0 * log_errors[0]


def test_the_gradient_of_a_logarithmic_objective_and_its_jax_posterior() -> None:
    data = decades(20, 2)
    recipe = GaussianProcess(warping="log")
    objective = recipe.objective(data)
    vector = objective.draw(np.random.default_rng(0))
    _, gradient = objective(vector)
    for place in range(len(vector)):
        step = 1e-6 * np.eye(len(vector))[place]
        difference = (objective(vector + step)[0] - objective(vector - step)[0]) / 2e-6
        assert gradient[place] == pytest.approx(difference, abs=1e-6 * np.abs(gradient).max())
    posterior = recipe.fit(data, None, np.random.default_rng(0)).posterior
    points = np.random.default_rng(3).random((5, 2))
    for one, other in zip(posterior.mean_variance(points), mean_variance_jax(posterior, points), strict=True):
        assert np.allclose(one, other, rtol=1e-9)


def test_a_unit_of_the_values_is_a_factor_of_the_answer() -> None:
    data = decades(25, 4)
    recipe, points = GaussianProcess(warping="log"), np.random.default_rng(5).random((6, 2))
    answers = [
        recipe.fit(
            Dataset.of(data.points, unit * data.values), None, np.random.default_rng(0)
        ).posterior.quantiles(points, np.array([0.1, 0.5]))
        / unit
        for unit in (1.0, 1e9)
    ]
    assert np.allclose(*answers, rtol=1e-5)


def test_values_that_are_not_positive_have_no_logarithm() -> None:
    data = Dataset.of(np.array([[0.1], [0.9]]), np.array([1.0, 0.0]))
    with pytest.raises(UsageError, match="needs positive values, got 0"):
        GaussianProcess(warping="log").fit(data, None, np.random.default_rng(0))
