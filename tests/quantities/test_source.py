"""A surrogate as a random vector: moments of its draws, their gradients, and what replacing columns means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from assay.numerics.roots import root, root_pullback
from assay.quantities.source import Source
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior

SCAN = ({}, {1: 0.1}, {1: 0.7, 0: 0.3})
CORRELATION = np.array([[1.0, -0.7], [-0.7, 1.0]])


def posterior(warping: str = "identity", count: int = 8) -> GaussianProcessPosterior:
    points = np.random.default_rng(0).random((count, 3))
    values = np.stack(
        [np.sin(5.0 * points[:, 0]) + points[:, 1], np.exp(points[:, 1] - points[:, 2])], axis=1
    )
    recipe = GaussianProcess(noise="none", warping=warping, mean="linear")
    return recipe.fit(Dataset.of(points, values), None, np.random.default_rng(1)).posterior


def source(kind: str) -> Source:
    if kind == "single":
        return Source(posterior(), names=("a", "b"))
    if kind == "warped":
        return Source(posterior("sinh"), SCAN)
    if kind == "correlated":
        return Source(replace(posterior(), correlation=CORRELATION), SCAN)
    plain = Source(posterior(), SCAN)
    return replace(plain, correlated=(True, False, True)) if kind == "partly independent" else plain


KINDS = ("single", "scan", "partly independent", "warped")
POINTS = np.random.default_rng(4).random((3, 3))


@pytest.mark.parametrize("kind", KINDS)
def test_draws_have_the_stated_moments(kind: str) -> None:
    vector, count = source(kind), 200_000
    normal = np.random.default_rng(2).standard_normal((count, vector.normal_dimension))
    draws = vector.draw(POINTS, normal)
    mean, covariance = vector.mean_covariance(POINTS)
    variance = np.einsum("pkk->pk", covariance)
    np.testing.assert_allclose(vector.mean_variance(POINTS)[0], mean, rtol=1e-9)
    np.testing.assert_allclose(vector.mean_variance(POINTS)[1], variance, rtol=1e-6)
    error = np.sqrt(variance / count)
    assert (np.abs(draws.mean(axis=0) - mean) < 5.0 * error).all()
    for place in range(len(POINTS)):
        scale = np.sqrt(variance[place])
        difference = np.cov(draws[:, place].T) - covariance[place]
        assert np.abs(difference / (scale[:, None] * scale)).max() < 5.0 * np.sqrt(3.0 / count)


def test_output_correlation_is_that_of_the_draws() -> None:
    plain = Source(posterior(), SCAN).block_moments(POINTS)[1]
    vector = source("correlated")
    mean, blocks = vector.block_moments(POINTS)
    assert mean.shape == (3, 6)
    assert blocks.shape == (3, 1, 6, 6)
    # Both outputs share a kernel: the covariance is a product of one by placement and one by output.
    expected = CORRELATION[0, 1] * plain[:, 0] * np.sqrt(plain[:, 1, :1, :1] / plain[:, 0, :1, :1])
    np.testing.assert_allclose(blocks[:, 0, :3, 3:], expected, rtol=1e-6, atol=1e-12)
    normal = np.random.default_rng(2).standard_normal((200_000, 6))
    draws = vector.draw(POINTS, normal)
    scale = np.sqrt(np.einsum("pii->pi", blocks[:, 0]))
    for place in range(3):
        difference = (np.cov(draws[:, place].T) - blocks[place, 0]) / (scale[place][:, None] * scale[place])
        assert np.abs(difference).max() < 5.0 * np.sqrt(2.0 / 200_000)


@pytest.mark.parametrize("kind", [*KINDS, "correlated"])
def test_gradients_of_draws_and_moments_are_limits_of_differences(kind: str) -> None:
    vector = source(kind)
    generator = np.random.default_rng(3)
    normal = generator.standard_normal((5, vector.normal_dimension))
    draws, pullback = vector.draw_pullback(POINTS, normal)
    np.testing.assert_array_equal(draws, vector.draw(POINTS, normal))
    bar = generator.normal(size=draws.shape)
    check_slope(lambda at: float((vector.draw(at, normal) * bar).sum()), pullback(bar))
    if not vector.is_gaussian:
        return
    mean, blocks, pullback = vector.block_moments_pullback(POINTS)
    bars = generator.normal(size=mean.shape), generator.normal(size=blocks.shape)

    def loss(at: np.ndarray) -> float:
        moments = vector.block_moments(at)
        return float((moments[0] * bars[0]).sum() + (moments[1] * bars[1]).sum())

    check_slope(loss, pullback(*bars))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_the_marginals(kind: str) -> None:
    vector = source(kind)
    mean, variance, by_mean, by_variance = vector.mean_variance_gradient(POINTS)
    np.testing.assert_allclose(mean, vector.mean_variance(POINTS)[0], rtol=1e-12)
    np.testing.assert_allclose(variance, vector.mean_variance(POINTS)[1], rtol=1e-9)
    check_slope(lambda at: float(vector.mean_variance(at)[0].sum()), by_mean.sum(axis=1))
    check_slope(lambda at: float(vector.mean_variance(at)[1].sum()), by_variance.sum(axis=1))


def test_a_placement_is_the_surrogate_at_the_replaced_point() -> None:
    belief, moved = posterior(), POINTS.copy()
    moved[:, 1] = 0.25
    scanned, plain = Source(belief, ({}, {1: 0.25})), Source(belief)
    for one, other in zip(scanned.mean_variance(POINTS), plain.mean_variance(moved), strict=True):
        np.testing.assert_allclose(one[:, [1, 3]], other, rtol=1e-12)
    probabilities = np.array([0.1, 0.5])
    np.testing.assert_allclose(
        scanned.quantiles(POINTS, probabilities)[..., [1, 3]],
        plain.quantiles(moved, probabilities),
        rtol=1e-12,
    )
    assert scanned.output_names == ("0@0", "0@1", "1@0", "1@1")


def test_placements_that_meet_and_points_that_were_measured() -> None:
    belief = posterior()
    vector = Source(belief, ({}, {}, {0: 0.5}))
    normal = np.random.default_rng(0).standard_normal((4, vector.normal_dimension))
    draws, pullback = vector.draw_pullback(POINTS, normal)
    np.testing.assert_allclose(draws[..., 0], draws[..., 1], atol=1e-3)
    bar = np.ones_like(draws)
    check_slope(lambda at: float(vector.draw(at, normal).sum()), pullback(bar))
    for measured in (Source(belief, ({}, {0: 0.5})), Source(belief)):
        normal = np.ones((1, measured.normal_dimension))
        draws, pullback = measured.draw_pullback(belief.blocks[0][1].points, normal)
        assert np.isfinite(pullback(np.ones_like(draws))).all()


def test_roots_of_matrices_that_are_singular_or_zero() -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 4, 2))
    matrices = np.concatenate([vectors @ vectors.swapaxes(1, 2), np.zeros((1, 4, 4))])
    matrices[0] -= 1e-6 * np.eye(4)  # rounding may leave such a matrix indefinite
    lower = root(matrices)
    np.testing.assert_allclose(lower @ lower.swapaxes(1, 2), matrices, atol=1e-5)
    assert np.isfinite(root_pullback(lower, np.ones_like(lower))).all()
    assert (root_pullback(lower, np.ones_like(lower))[-1] == 0.0).all()


def check_slope(loss: Callable[[np.ndarray], float], gradient: np.ndarray) -> None:
    for index in np.ndindex(POINTS.shape):
        step = np.zeros(POINTS.shape)
        step[index] = 1e-5
        slope = (loss(POINTS + step) - loss(POINTS - step)) / 2e-5
        np.testing.assert_allclose(gradient[index], slope, rtol=2e-5, atol=2e-5)
