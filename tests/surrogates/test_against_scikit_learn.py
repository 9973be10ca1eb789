"""The same numbers as scikit-learn's Gaussian process, for equal hyperparameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, Matern, WhiteKernel

from assay.surrogates.dataset import Dataset
from assay.surrogates.fit import NoisePrior
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.hyperpriors import FlatPrior

LENGTH_SCALES: Any = np.array([0.3, 0.9, 2.5])
SIGNAL = 1.7
THEIRS: dict[str, Any] = {
    "matern12": Matern(LENGTH_SCALES, nu=0.5),
    "matern32": Matern(LENGTH_SCALES, nu=1.5),
    "matern52": Matern(LENGTH_SCALES, nu=2.5),
    "squared_exponential": RBF(LENGTH_SCALES),
}


def regressor(kernel: Any, alpha: Any) -> Any:
    """Theirs, with the hyperparameters as they are."""
    fixed: Any = None
    return GaussianProcessRegressor(kernel, alpha=alpha, optimizer=fixed)


def sample(outputs: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    points = generator.random((25, 3))
    values = np.stack(
        [np.sin(5.0 * points[:, 0] + k) + points[:, 1] * points[:, 2] for k in range(outputs)], axis=1
    )
    return points, values, generator.random((40, 3))


@pytest.mark.parametrize("kernel", THEIRS)
@pytest.mark.parametrize("noise_variance", [1e-8, 1e-3, 0.2])
def test_mean_variance_and_evidence(kernel: str, noise_variance: float) -> None:
    points, values, new = sample()
    theirs = regressor(ConstantKernel(SIGNAL) * THEIRS[kernel], noise_variance)
    theirs.fit(points, values[:, 0])
    state = GaussianProcess.state(LENGTH_SCALES, noise_variance / SIGNAL, SIGNAL)
    ours = GaussianProcess(kernel=kernel, mean="zero").posterior(Dataset.of(points, values), state)
    mean, covariance = theirs.predict(new, return_cov=True)
    np.testing.assert_allclose(ours.mean_variance(new)[0][:, 0], mean, atol=1e-8)
    np.testing.assert_allclose(ours.mean_variance(new)[1][:, 0], np.diag(covariance), atol=1e-8)
    np.testing.assert_allclose(ours.joint(new)[1][0], covariance, atol=1e-8)
    assert ours.log_marginal_likelihood() == pytest.approx(theirs.log_marginal_likelihood_value_, abs=1e-8)


def test_known_noise_of_each_row() -> None:
    points, values, new = sample()
    noise = np.random.default_rng(1).random(25) * 0.1
    theirs = regressor(ConstantKernel(SIGNAL) * THEIRS["matern52"], noise + 1e-3)
    theirs.fit(points, values[:, 0])
    state = GaussianProcess.state(LENGTH_SCALES, 1e-3 / SIGNAL, SIGNAL)
    ours = GaussianProcess(mean="zero").posterior(Dataset.of(points, values, noise), state)
    mean, deviation = theirs.predict(new, return_std=True)
    np.testing.assert_allclose(ours.mean_variance(new)[0][:, 0], mean, atol=1e-8)
    np.testing.assert_allclose(ours.mean_variance(new)[1][:, 0], deviation**2, atol=1e-8)
    assert ours.log_marginal_likelihood() == pytest.approx(theirs.log_marginal_likelihood_value_, abs=1e-8)


def test_several_outputs_are_several_processes_with_one_factor() -> None:
    points, values, new = sample(outputs=3)
    theirs = regressor(ConstantKernel(SIGNAL) * THEIRS["matern52"], 0.01)
    theirs.fit(points, values)
    state = GaussianProcess.state(LENGTH_SCALES, 0.01 / SIGNAL, SIGNAL, outputs=3)
    ours = GaussianProcess(mean="zero").posterior(Dataset.of(points, values), state)
    mean, deviation = theirs.predict(new, return_std=True)
    np.testing.assert_allclose(ours.mean_variance(new)[0], mean, atol=1e-8)
    np.testing.assert_allclose(ours.mean_variance(new)[1], deviation**2, atol=1e-8)
    assert ours.log_marginal_likelihood() == pytest.approx(theirs.log_marginal_likelihood_value_, abs=1e-7)


def test_a_linear_trend_is_a_dot_product_kernel() -> None:
    points, values, new = sample()
    # b² (1 + x·x') about the middle of the box is their DotProduct with sigma_0 = 1, scaled.
    kernel = ConstantKernel(SIGNAL) * THEIRS["matern52"] + ConstantKernel(SIGNAL * 10.0) * DotProduct(1.0)
    theirs = regressor(kernel, 1e-2).fit(points - 0.5, values[:, 0])
    state = GaussianProcess.state(LENGTH_SCALES, 1e-2 / SIGNAL, SIGNAL)
    ours = GaussianProcess(mean="linear", trend_variance=10.0).posterior(Dataset.of(points, values), state)
    mean, deviation = theirs.predict(new - 0.5, return_std=True)
    np.testing.assert_allclose(ours.mean_variance(new)[0][:, 0], mean, atol=1e-8)
    np.testing.assert_allclose(ours.mean_variance(new)[1][:, 0], deviation**2, atol=1e-8)
    assert ours.log_marginal_likelihood() == pytest.approx(theirs.log_marginal_likelihood_value_, abs=1e-8)


def test_the_fit_finds_their_maximum_of_the_likelihood() -> None:
    points, values, _ = sample()
    values = values + 0.1 * np.random.default_rng(2).standard_normal(values.shape)
    scales: Any = np.ones(3)
    ard = Matern(scales, (1e-2, 1e2), nu=2.5)
    kernel = ConstantKernel(1.0, (1e-6, 1e6)) * ard + WhiteKernel(0.01, (1e-6, 10.0))
    theirs = GaussianProcessRegressor(kernel, alpha=0.0, n_restarts_optimizer=3, random_state=0)
    theirs.fit(points, values[:, 0])
    flat = GaussianProcess(
        mean="zero",
        length_scale_prior=FlatPrior(),
        noise_prior=NoisePrior(scale=1e6),
        signal_weight=0.0,
        restarts=3,
    )
    ours = flat.fit(Dataset.of(points, values), None, np.random.default_rng(0)).posterior
    assert ours.log_marginal_likelihood() == pytest.approx(theirs.log_marginal_likelihood_value_, abs=1e-4)
