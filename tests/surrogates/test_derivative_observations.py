"""Learning from derivatives: against values on a fine stencil, and against what they are derivatives of."""

from __future__ import annotations

import numpy as np
import pytest
from tests.surrogates.surrogate_cases import function, gradient

from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.trend import TrendName

LENGTH_SCALES = np.array([0.6, 0.9, 1.4])


def with_derivatives(count: int, seed: int = 0) -> Dataset:
    """Values and the whole gradient at each point."""
    points = np.random.default_rng(seed).random((count, 3))
    derivative = np.concatenate([np.full(count, -1), np.repeat(np.arange(3), count)])
    slopes = gradient(points)
    values = np.concatenate([function(points), *(slopes[:, :, column] for column in range(3))])
    return Dataset.of(np.tile(points, (4, 1)), values, 0.0, derivative)


@pytest.mark.parametrize("kernel", ["matern52", "squared_exponential"])
@pytest.mark.parametrize("mean", ["constant", "quadratic"])
def test_a_derivative_row_is_the_limit_of_a_stencil(kernel: str, mean: TrendName) -> None:
    recipe = GaussianProcess(kernel=kernel, mean=mean)
    state = recipe.state(LENGTH_SCALES, 1e-12, 2.0, outputs=2)
    rows = with_derivatives(5)
    values = rows.is_value
    centre = Dataset.of(rows.points[values], function(rows.points[values]))
    # Two values about each point, so near that their noise hides the curvature and shows the slope.
    step = 1e-4
    arms = [centre.points + sign * step * np.eye(3)[column] for column in range(3) for sign in (1.0, -1.0)]
    stencil = Dataset.of(
        np.concatenate([centre.points, *arms]), function(np.concatenate([centre.points, *arms]))
    )
    new = np.random.default_rng(1).random((30, 3))
    exact, near = recipe.posterior(rows, state), recipe.posterior(stencil, state)
    plain = recipe.posterior(centre, state)
    mean_exact, variance_exact = exact.mean_variance(new)
    mean_near, variance_near = near.mean_variance(new)
    gain = np.abs(mean_exact - plain.mean_variance(new)[0]).max()
    assert np.abs(mean_exact - mean_near).max() < 1e-2 * gain
    np.testing.assert_allclose(variance_exact, variance_near, atol=1e-2 * plain.mean_variance(new)[1].max())


def test_the_posterior_has_the_observed_derivatives() -> None:
    recipe = GaussianProcess(noise="none")
    rows = with_derivatives(5)
    posterior = recipe.fit(rows, None, np.random.default_rng(0)).posterior
    points = rows.points[rows.is_value]
    _, _, by_mean, _ = posterior.mean_variance_gradient(points)
    np.testing.assert_allclose(by_mean, gradient(points), atol=1e-3)


def test_derivatives_replace_many_values() -> None:
    new = np.random.default_rng(2).random((200, 3))
    recipe = GaussianProcess(noise="none")

    def error(data: Dataset) -> float:
        posterior = recipe.fit(data, None, np.random.default_rng(0)).posterior
        return float(np.sqrt(((posterior.mean_variance(new)[0] - function(new)) ** 2).mean()))

    rows = with_derivatives(8)
    assert error(rows) < 0.3 * error(Dataset.of(rows.points[:8], rows.values[:8]))


def test_data_without_any_value_learn_the_shape() -> None:
    rows = with_derivatives(12)
    slopes = ~rows.is_value
    data = Dataset(
        *(getattr(rows, name)[slopes] for name in ("points", "values", "noise_variance", "derivative"))
    )
    posterior = GaussianProcess(noise="none").fit(data, None, np.random.default_rng(0)).posterior
    new = np.random.default_rng(3).random((50, 3))
    difference = posterior.mean_variance(new)[0] - function(new)
    assert (difference.std(axis=0) < 0.1 * function(new).std(axis=0)).all()
