"""The way from a known density to the wanted one."""

import numpy as np
import pytest

from assay.analysis.annealing import Reference, next_power, resampled
from assay.analysis.diagnostics import effective_sample_size, tail_effective_sample_size
from assay.analysis.ensemble import EnsembleSampler
from assay.analysis.modes import Mode
from assay.analysis.unconstrained import Unconstrained


def test_the_reference_has_the_moments_and_the_density_of_its_draws():
    reference = Reference(np.array([1.0, -2.0]), np.array([0.5, 3.0]))
    draws = reference.draw(100_000, np.random.default_rng(0))
    np.testing.assert_allclose(draws.mean(axis=0), [1.0, -2.0], atol=0.06)
    np.testing.assert_allclose(draws.std(axis=0), [0.5, 3.0], rtol=0.02)
    grid = np.linspace(-20.0, 22.0, 4001)
    heights = np.exp(reference.log_density(np.stack([grid, np.full_like(grid, -2.0)], axis=1)))
    step = grid[1] - grid[0]
    assert heights.sum() * step == pytest.approx(0.5 * np.sqrt(2.0 * np.pi), rel=1e-6)


def test_the_reference_narrows_until_some_draws_are_inside():
    def function(points):
        return np.where(np.abs(points - 0.3).max(axis=1) < 0.05, 0.0, -np.inf)

    wide = Reference(np.zeros(2), np.ones(2))
    narrow, draws, values = wide.inside(function, np.full(2, 0.3), 4000, np.random.default_rng(0))
    assert 0.02 <= np.isfinite(values).mean() < 0.3
    assert narrow.scale.max() < 0.3
    np.testing.assert_array_equal(values, function(draws))


def test_a_step_keeps_half_of_the_draws():
    """For N(0, 1) to N(0, 1/(1 + p)): weights exp(-p x²/2) have the effective share sqrt(1 + 2p) / (1 + p)."""
    draws = np.random.default_rng(0).standard_normal(200_000)
    gain = -0.5 * 100.0 * draws**2
    power = 100.0 * next_power(gain, 0.0)
    assert np.sqrt(1.0 + 2.0 * power) / (1.0 + power) == pytest.approx(0.5, rel=0.01)
    assert next_power(gain, 0.99) == 1.0
    assert 0.0 < next_power(np.append(gain, -np.inf), 0.0) < 1.0


def test_resampling_follows_the_weights():
    draws = np.arange(4.0)[:, None]
    weights = np.log(np.array([1.0, 2.0, 0.0 + 1e-300, 5.0]))
    found = resampled(draws, weights, 800, np.random.default_rng(0))[:, 0]
    np.testing.assert_allclose(np.bincount(found.astype(int), minlength=4), [100, 200, 0, 500], atol=1)


def test_a_bent_ridge_is_sampled_from_end_to_end_in_few_steps():
    def ridge(points):
        x, y = points.T
        return -0.5 * x**2 - 0.5 * ((y - x**2 + 1.0) / 0.02) ** 2

    # Walkers that start in the middle of the ridge; nothing bounds the parameters.
    sampler = EnsembleSampler(ridge, 2, 128, np.random.default_rng(4))
    mode = Mode(np.array([0.0, -1.0]), 0.0, np.diag([1.0, 0.02**2]))
    nowhere = np.full(2, np.inf)
    starts = sampler.settled(np.tile(mode.position, (128, 1)), Unconstrained(-nowhere, nowhere), mode)
    _, chains, _ = sampler.advance(starts, 400)
    worth = min(effective_sample_size(chains)[0], tail_effective_sample_size(chains)[0])
    assert worth > 300
    for limit, share in ((-1.960, 0.025), (-0.994, 0.16), (0.0, 0.5), (0.994, 0.84), (1.960, 0.975)):
        error = np.sqrt(share * (1.0 - share) / worth)
        assert abs((chains[..., 0] < limit).mean() - share) < 4.0 * error
