"""Several outputs: with shared hyperparameters, with their own, and with a learned correlation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from tests.surrogates.surrogate_cases import case, function

from assay.errors import UsageError
from assay.surrogates.averaged_gaussian_process import AveragedGaussianProcess
from assay.surrogates.correlation import learned_correlation
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.prior_mean import CallablePriorMean

ALONE = GaussianProcess(joint_hyperparameters=False)
CORRELATED = GaussianProcess(correlate_outputs=True)


def scales_apart(count: int = 40, seed: int = 0) -> Dataset:
    """One output that varies fast along the first column, one that varies slowly along the second."""
    points = np.random.default_rng(seed).random((count, 2))
    values = np.stack([np.sin(14.0 * points[:, 0]), 0.5 * points[:, 1] ** 2], axis=1)
    return Dataset.of(points, values)


def correlated_data(correlation: np.ndarray, count: int = 60, seed: int = 0) -> tuple[Dataset, np.ndarray]:
    """Draws of processes with that correlation."""
    generator = np.random.default_rng(seed)
    points = generator.random((count, 2))
    prior = GaussianProcess(mean="zero").posterior(
        Dataset.of(np.array([[50.0, 50.0]]), np.array([0.0])), GaussianProcess.state(np.array([0.4, 0.6]))
    )
    draws = prior.draw(points, len(correlation), generator)[:, :, 0].T
    return Dataset.of(points, draws @ np.linalg.cholesky(correlation).T), points


def test_outputs_alone_are_fits_to_each_output() -> None:
    data = scales_apart()
    fitted = ALONE.fit(data, None, np.random.default_rng(0))
    generator = np.random.default_rng(0)
    points = np.random.default_rng(1).random((7, 2))
    mean, variance = fitted.posterior.mean_variance(points)
    for place in range(2):
        single = GaussianProcess().fit(data.output(place), None, generator)
        assert fitted.state["outputs"][place] == dict(single.state)
        one_mean, one_variance = single.posterior.mean_variance(points)
        assert np.allclose(mean[:, place], one_mean[:, 0], rtol=1e-12)
        assert np.allclose(variance[:, place], one_variance[:, 0], rtol=1e-12)


def test_outputs_with_different_scales_are_predicted_better_alone() -> None:
    data, held_out = scales_apart(), scales_apart(300, seed=5)
    errors = []
    for recipe in (ALONE, GaussianProcess()):
        posterior = recipe.fit(data, None, np.random.default_rng(0)).posterior
        errors.append(np.abs(posterior.mean_variance(held_out.points)[0] - held_out.values).mean(axis=0))
    assert (errors[0] < 0.5 * errors[1]).all()


@pytest.mark.parametrize("name", ["derivatives with known noise", "own noise of each output", "warped"])
def test_outputs_alone_learn_from_everything(name: str) -> None:
    recipe, data = case(name)
    alone = GaussianProcess(kernel=recipe.kernel, warping=recipe.warping, joint_hyperparameters=False)
    fitted = alone.fit(data, None, np.random.default_rng(0))
    again = alone.posterior(data, fitted.state)
    points = np.random.default_rng(2).random((6, 3))
    for one, other in zip(fitted.posterior.joint(points), again.joint(points), strict=True):
        assert np.array_equal(one, other)
    more = fitted.posterior.condition(data.rows(np.arange(3)))
    assert (more.mean_variance(points)[1] <= fitted.posterior.mean_variance(points)[1] * (1 + 1e-6)).all()
    assert np.allclose(
        fitted.posterior.latent_noise_variance,
        [state["noise_ratio"] * state["signal_variance"][0] for state in fitted.state["outputs"]],
    )


def test_outputs_alone_have_their_part_of_a_prior_mean() -> None:
    points = np.random.default_rng(0).random((8, 3))
    data = Dataset.of(points, 2.0 * function(points))
    alone = GaussianProcess(
        joint_hyperparameters=False, prior_mean=CallablePriorMean(lambda x: 2.0 * function(x))
    )
    far = np.random.default_rng(1).random((5, 3))
    mean = alone.fit(data, None, np.random.default_rng(0)).posterior.mean_variance(far)[0]
    assert np.allclose(mean, 2.0 * function(far), rtol=0, atol=1e-6)


def test_an_average_of_outputs_alone_is_the_average_of_each() -> None:
    data = scales_apart(20)
    averaged = AveragedGaussianProcess(ALONE, pairs=2)
    fitted = averaged.fit(data, None, np.random.default_rng(0))
    points = np.random.default_rng(1).random((5, 2))
    mean, variance = fitted.posterior.mean_variance(points)
    joint_mean, covariance = fitted.posterior.joint(points)
    for place in range(2):
        single = AveragedGaussianProcess(GaussianProcess(), pairs=2)
        spread = single.spread(data.output(place), fitted.state["outputs"][place])
        own = single.posterior(data.output(place), spread)
        assert np.allclose(mean[:, [place]], own.mean_variance(points)[0], rtol=1e-10)
        assert np.allclose(variance[:, [place]], own.mean_variance(points)[1], rtol=1e-10)
        assert np.allclose(covariance[place], own.joint(points)[1][0], rtol=1e-8, atol=1e-14)
    assert np.allclose(joint_mean, mean, rtol=1e-10)
    groups = np.random.default_rng(2).random((4, 3, 2))
    _, grouped, pullback = fitted.posterior.grouped_pullback(groups)
    bar = np.random.default_rng(3).standard_normal(grouped.shape)
    slope = pullback(np.zeros((4, 3, 2)), bar)
    step = 1e-6 * np.random.default_rng(4).standard_normal(groups.shape)
    change = fitted.posterior.grouped(groups + step)[1] - fitted.posterior.grouped(groups - step)[1]
    assert 0.5 * (bar * change).sum() == pytest.approx((slope * step).sum(), rel=1e-4)


def test_the_correlation_of_outputs_is_found() -> None:
    truth = np.array([[1.0, 0.9, -0.5], [0.9, 1.0, -0.3], [-0.5, -0.3, 1.0]])
    data, _ = correlated_data(truth, 80)
    found = CORRELATED.fit(data, None, np.random.default_rng(0)).posterior.output_correlation
    assert found is not None
    assert np.abs(found - truth).max() < 0.2
    assert np.array_equal(np.diag(found), np.ones(3))


def test_the_correlation_shrinks_towards_none_as_rows_become_few() -> None:
    quadratic = np.array([[1.0, 0.9], [0.9, 1.0]])
    many, few = (learned_correlation(count * quadratic, count).matrix[0, 1] for count in (1e6, 2.0))
    assert many == pytest.approx(0.9, rel=1e-5)
    assert few == pytest.approx(0.45)
    # fewer rows than outputs: singular without the prior
    residuals = np.random.default_rng(0).standard_normal((3, 12))
    matrix = learned_correlation(residuals.T @ residuals, 3.0).matrix
    assert np.linalg.eigvalsh(matrix).min() > 0.0


def test_the_density_of_correlated_data_is_that_of_a_kronecker_product() -> None:
    data, _ = correlated_data(np.array([[1.0, 0.8], [0.8, 1.0]]), 20)
    posterior = CORRELATED.fit(data, None, np.random.default_rng(0)).posterior
    prior, correlation = posterior.blocks[0][1].prior, posterior.output_correlation
    assert correlation is not None
    side = (data.points, data.derivative)
    rows = prior.covariance(side, side) + np.diag(prior.noise(data.derivative))
    size = np.sqrt(posterior.signal_variance) * posterior.scaling.unit
    covariance: Any = np.kron(size[:, None] * size * correlation, rows)
    expected = multivariate_normal(np.repeat(posterior.scaling.offset, len(data)), covariance)
    assert posterior.log_marginal_likelihood() == pytest.approx(
        expected.logpdf(data.values.T.ravel()), rel=1e-8
    )
    independent = GaussianProcess().posterior(
        data, CORRELATED.fit(data, None, np.random.default_rng(0)).state
    )
    assert posterior.log_marginal_likelihood() > independent.log_marginal_likelihood() + 1.0


def test_draws_of_correlated_outputs_are_correlated_everywhere() -> None:
    data, points = correlated_data(np.array([[1.0, 0.8], [0.8, 1.0]]), 30)
    posterior = CORRELATED.fit(data, None, np.random.default_rng(0)).posterior
    correlation = posterior.output_correlation
    assert correlation is not None
    new = np.concatenate([np.random.default_rng(5).random((3, 2)), points[:1]])
    draws = posterior.draw(new, 20000, np.random.default_rng(6))
    covariance = posterior.joint(new)[1]
    found = np.einsum("cp,cq->pq", *(draws - draws.mean(axis=0)).transpose(2, 0, 1)) / len(draws)
    expected = correlation[0, 1] * np.sqrt(covariance[0] * covariance[1]) * np.sign(covariance[0])
    assert np.allclose(found, expected, rtol=0, atol=0.04 * np.abs(expected).max())


def test_an_average_over_hyperparameters_keeps_the_correlation() -> None:
    data, _ = correlated_data(np.array([[1.0, 0.8], [0.8, 1.0]]), 20)
    fitted = AveragedGaussianProcess(CORRELATED, pairs=2).fit(data, None, np.random.default_rng(0))
    found = fitted.posterior.output_correlation
    assert found is not None
    assert found.tolist() == fitted.state["output_correlation"]


def test_a_common_factor_of_the_outputs_alters_no_correlation_and_their_order_only_its_order() -> None:
    data, points = correlated_data(np.array([[1.0, 0.7, 0.2], [0.7, 1.0, 0.0], [0.2, 0.0, 1.0]]), 25)
    order = [2, 0, 1]
    changed = Dataset.of(points, (data.values * np.array([1e3, 1.0, 1e-3]))[:, order])
    one, other = (
        CORRELATED.fit(each, None, np.random.default_rng(0)).posterior.output_correlation
        for each in (data, changed)
    )
    assert one is not None
    assert other is not None
    assert np.allclose(one[np.ix_(order, order)], other, rtol=0, atol=1e-6)


def test_known_noise_of_correlated_outputs_is_shared() -> None:
    data, points = correlated_data(np.array([[1.0, 0.8], [0.8, 1.0]]), 15)
    noise = np.random.default_rng(1).random((15, 2)) * 0.01
    own = Dataset.of(points, data.values, noise)
    fitted = CORRELATED.fit(own, None, np.random.default_rng(0))
    assert len(fitted.posterior.blocks) == 1
    new = np.random.default_rng(2).random((4, 2))
    more = Dataset.of(new, np.zeros((4, 2)), np.random.default_rng(3).random((4, 2)) * 0.01)
    conditioned = fitted.posterior.condition(more).mean_variance(points)
    together = CORRELATED.posterior(own.extended(more), fitted.state).mean_variance(points)
    assert np.allclose(conditioned[0], together[0], rtol=1e-6, atol=1e-8)
    assert np.allclose(conditioned[1], together[1], rtol=1e-4, atol=1e-10)


def test_correlated_outputs_cannot_be_fitted_alone() -> None:
    with pytest.raises(UsageError, match="joint_hyperparameters"):
        GaussianProcess(correlate_outputs=True, joint_hyperparameters=False)
