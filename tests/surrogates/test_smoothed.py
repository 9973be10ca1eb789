"""The average of a Gaussian process over shifts: against brute force, quadrature, and what must not change."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from assay.errors import UsageError
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior
from assay.surrogates.kernels.mixtures import scale_mixture
from assay.surrogates.kernels.profiles import radial_profile
from assay.surrogates.kernels.smoothed import smoothed_kernel
from assay.surrogates.smoothed import smoothed
from assay.surrogates.trend import TrendName

Array = np.ndarray

DEVIATIONS = np.array([0.08, 0.0, 0.15])


def _data(rows: int = 25, outputs: int = 2) -> Dataset:
    points = np.random.default_rng(3).random((rows, 3))
    values = np.sin(6.0 * points[:, 0]) + points[:, 1] * points[:, 2] ** 2
    return Dataset.of(points, np.stack([values + place * points[:, 0] for place in range(outputs)], axis=1))


def _posterior(
    recipe: GaussianProcess | None = None, data: Dataset | None = None
) -> GaussianProcessPosterior:
    recipe = recipe or GaussianProcess(noise="none")
    return recipe.fit(data or _data(), None, np.random.default_rng(0)).posterior


def _shifted(points: Array, count: int, deviations: Array = DEVIATIONS) -> Array:
    shifts = np.random.default_rng(7).standard_normal((count, len(deviations))) * deviations
    return points[:, None, :] + shifts


@pytest.mark.parametrize(
    ("name", "error"),
    [("squared_exponential", 1e-15), ("matern52", 2e-5), ("matern32", 1e-4), ("matern12", 5e-3)],
)
def test_a_mixture_stands_for_each_profile(name: str, error: float) -> None:
    squared = np.linspace(0.0, 8.0, 2000) ** 2
    profile = radial_profile(name)
    found, exact = (kernel.derivatives(np, squared, 0)[0] for kernel in (scale_mixture(profile), profile))
    assert np.abs(found - exact).max() < error


def test_the_derivatives_of_a_mixture_are_those_of_its_values() -> None:
    mixture, s, step = scale_mixture(radial_profile("matern52")), np.linspace(0.1, 6.0, 50), 1e-4
    orders = mixture.derivatives(np, s, 3)
    after, before = mixture.derivatives(np, s + step, 2), mixture.derivatives(np, s - step, 2)
    for order in range(3):
        slope = (after[order] - before[order]) / (2.0 * step)
        assert np.abs(slope - orders[order + 1]).max() < 1e-6


@pytest.mark.parametrize("times", [1, 2])
def test_a_smoothed_kernel_is_the_average_by_quadrature(times: int) -> None:
    mixture, weights = scale_mixture(radial_profile("matern52")), np.array([9.0])
    variance = np.array([0.2**2])
    kernel = smoothed_kernel(mixture, weights, times * variance, np.array([False]))
    nodes = np.linspace(-9.0, 9.0, 361)  # the trapezoidal rule of a Gaussian is exact to rounding
    shares = np.exp(-0.5 * nodes**2)
    difference = np.linspace(-1.0, 1.0, 7)
    one = difference[:, None] + 0.2 * nodes
    spread = one if times == 1 else (one[:, :, None] + 0.2 * nodes).reshape(7, -1)
    share = shares if times == 1 else np.outer(shares, shares).ravel()
    exact = mixture.derivatives(np, 9.0 * spread**2, 0)[0] @ (share / share.sum())
    assert np.abs(kernel.covariance(difference[:, None]) - exact).max() < 1e-12


def test_moments_are_those_of_brute_force() -> None:
    average = smoothed(_posterior(), DEVIATIONS)
    points = np.random.default_rng(1).random((3, 3))
    mean, _ = average.mean_variance(points)
    shifted = _shifted(points, 30_000).reshape(-1, 3)
    values = average.sharp.mean_variance(shifted)[0].reshape(3, -1, 2)
    error = values.std(axis=1) / np.sqrt(30_000)
    assert (np.abs(mean - values.mean(axis=1)) < 4.0 * error + 1e-12).all()


def test_moments_are_those_of_quadrature() -> None:
    average = smoothed(_posterior(), DEVIATIONS)
    nodes, shares = np.polynomial.hermite_e.hermegauss(20)
    shifts = np.stack([np.repeat(nodes, 20), np.zeros(400), np.tile(nodes, 20)], axis=1) * DEVIATIONS
    weights = np.outer(shares, shares).ravel() / shares.sum() ** 2
    for point in np.random.default_rng(2).random((2, 3)):
        mean, variance = average.latent_mean_variance(point[None])
        joint_mean, joint = average.sharp.latent_joint(point + shifts)
        assert mean[0] == pytest.approx(weights @ joint_mean, rel=1e-6)
        assert variance[0] == pytest.approx(weights @ joint @ weights, rel=1e-5)


def test_no_shift_changes_nothing_but_the_mixture() -> None:
    posterior, points = _posterior(), np.random.default_rng(1).random((40, 3))
    average = smoothed(posterior, np.zeros(3))
    for found, exact in zip(average.mean_variance(points), average.sharp.mean_variance(points), strict=True):
        assert np.abs(found - exact).max() < 1e-10
    mean, variance = posterior.mean_variance(points)
    found = average.mean_variance(points)
    assert (np.abs(found[0] - mean) < 0.1 * np.sqrt(variance)).all()
    assert np.sqrt(found[1] / variance).min() > 0.9


def test_the_squared_exponential_is_exact() -> None:
    posterior = _posterior(GaussianProcess(kernel="squared_exponential", noise="none"))
    points = np.random.default_rng(1).random((40, 3))
    found, exact = smoothed(posterior, np.zeros(3)).mean_variance(points), posterior.mean_variance(points)
    assert np.abs(found[0] - exact[0]).max() < 1e-7
    assert np.abs(found[1] - exact[1]).max() < 1e-7


def test_the_average_of_a_parabola_gains_the_variance() -> None:
    points = np.random.default_rng(0).random((40, 3))
    values = ((points - 0.4) ** 2) @ np.array([1.0, 2.0, 3.0])
    posterior = _posterior(GaussianProcess(mean="quadratic", noise="none"), Dataset.of(points, values))
    inside = 0.3 + 0.4 * np.random.default_rng(5).random((10, 3))
    exact = ((inside - 0.4) ** 2 + DEVIATIONS**2) @ np.array([1.0, 2.0, 3.0])
    assert np.abs(smoothed(posterior, DEVIATIONS).mean_variance(inside)[0][:, 0] - exact).max() < 1e-4


@pytest.mark.parametrize("mean", ["constant", "quadratic"])
@pytest.mark.parametrize("with_derivatives", [False, True])
def test_gradients_are_differences(mean: TrendName, with_derivatives: bool) -> None:
    data = _data(outputs=1)
    if with_derivatives:
        derivative = np.where(np.arange(25) % 3 == 0, np.arange(25) % 2 * 2, -1)
        slopes = np.stack(
            [
                6.0 * np.cos(6.0 * data.points[:, 0]),
                data.points[:, 2] ** 2,
                2 * data.points[:, 1] * data.points[:, 2],
            ]
        )
        values = np.where(derivative < 0, data.values[:, 0], slopes[np.maximum(derivative, 0), np.arange(25)])
        data = Dataset.of(data.points, values, derivative=derivative)
    average = smoothed(_posterior(GaussianProcess(mean=mean, noise="none"), data), DEVIATIONS)
    points, step = np.random.default_rng(1).random((4, 3)), 1e-6
    _, _, by_mean, by_variance = average.mean_variance_gradient(points)
    for column, shift in enumerate(step * np.eye(3)):
        after, before = average.mean_variance(points + shift), average.mean_variance(points - shift)
        assert (after[0] - before[0]) / (2 * step) == pytest.approx(by_mean[..., column], rel=1e-4, abs=1e-5)
        assert (after[1] - before[1]) / (2 * step) == pytest.approx(
            by_variance[..., column], rel=1e-3, abs=1e-6
        )


def test_groups_agree_with_single_points_and_their_pullback_with_differences() -> None:
    average = smoothed(_posterior(GaussianProcess(mean="quadratic", noise="none")), DEVIATIONS)
    generator = np.random.default_rng(4)
    groups = generator.random((3, 2, 3))
    mean, covariance, pullback = average.grouped_pullback(groups)
    single = average.latent_mean_variance(groups.reshape(-1, 3))
    assert mean.reshape(-1, 2) == pytest.approx(single[0], abs=1e-12)
    assert np.einsum("gkii->gik", covariance).reshape(-1, 2) == pytest.approx(single[1], abs=1e-10)
    joint = average.latent_joint(groups[0])
    assert joint[1] == pytest.approx(covariance[0], abs=1e-12)
    bars = generator.standard_normal(mean.shape), generator.standard_normal(covariance.shape)

    def loss(at: Array) -> float:
        found = average.grouped(at)
        return float((found[0] * bars[0]).sum() + (found[1] * bars[1]).sum())

    gradient, step = pullback(*bars), 1e-6
    for index in np.ndindex(*groups.shape):
        shift = np.zeros(groups.shape)
        shift[index] = step
        slope = (loss(groups + shift) - loss(groups - shift)) / (2 * step)
        assert slope == pytest.approx(gradient[index], rel=1e-4, abs=1e-5)


def test_outputs_of_their_own_processes_are_averaged_each() -> None:
    recipe = GaussianProcess(noise="none", joint_hyperparameters=False)
    points = np.random.default_rng(1).random((5, 3))
    whole = smoothed(_posterior(recipe), DEVIATIONS).mean_variance(points)
    single = smoothed(_posterior(recipe, _data(outputs=1)), DEVIATIONS).mean_variance(points)
    assert whole[0][:, 0] == pytest.approx(single[0][:, 0], rel=1e-3, abs=1e-4)


def test_labels_are_not_shifted() -> None:
    points = np.random.default_rng(3).random((20, 2))
    points[:, 1] = np.arange(20) % 2
    values = np.sin(5.0 * points[:, 0]) * (1.0 + points[:, 1])
    recipe = GaussianProcess(noise="none", categories=(1,))
    average = smoothed(_posterior(recipe, Dataset.of(points, values)), np.array([0.1, 0.0]))
    shifted = _shifted(points[:2], 20_000, np.array([0.1, 0.0])).reshape(-1, 2)
    exact = average.sharp.mean_variance(shifted)[0].reshape(2, -1).mean(axis=1)
    found = average.mean_variance_gradient(points[:2])
    assert found[0][:, 0] == pytest.approx(exact, abs=0.01)
    assert (found[2][..., 1] == 0.0).all()


def test_a_look_makes_the_average_surer_and_an_open_one_leaves_the_mean() -> None:
    average, at = smoothed(_posterior(), DEVIATIONS), np.array([[0.5, 0.5, 0.95]])
    blind = average.condition_on_inputs(at)
    assert blind.mean_variance(at)[0] == pytest.approx(average.mean_variance(at)[0], rel=1e-6)
    assert (blind.mean_variance(at)[1] < average.mean_variance(at)[1]).all()
    told = average.condition(Dataset.of(at, np.array([[3.0, 3.0]])))
    assert told.mean_variance(at)[1] == pytest.approx(blind.mean_variance(at)[1], rel=1e-6)


@pytest.mark.parametrize("noise", ["none", "fit"])
def test_what_a_look_tells_is_what_it_takes_from_the_variance(noise: Literal["none", "fit"]) -> None:
    average = smoothed(_posterior(GaussianProcess(noise=noise, mean="quadratic")), DEVIATIONS)
    point, looks = np.array([0.5, 0.5, 0.9]), np.random.default_rng(6).random((6, 3))
    before = average.mean_variance(point[None])[1][0]
    after = [average.condition_on_inputs(look[None]).mean_variance(point[None])[1][0] for look in looks]
    assert average.told_by(point, looks) == pytest.approx(1.0 - np.array(after) / before, rel=1e-3, abs=1e-6)


def test_a_warped_process_is_refused() -> None:
    data = _data(outputs=1)
    positive = Dataset.of(data.points, np.exp(3.0 * data.values))
    posterior = _posterior(GaussianProcess(noise="none", warping="log"), positive)
    with pytest.raises(UsageError, match="without warping"):
        smoothed(posterior, DEVIATIONS)
