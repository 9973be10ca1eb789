"""The mixture along the walkers of an ensemble: its density is that of its draws, and a bent ridge is sampled by it."""

import numpy as np

from assay.analysis.ensemble import EnsembleSampler
from assay.analysis.local_mixture import local_mixture

BEND = 1.0


def ridge(points):
    """A normal density bent along a parabola: x is normal with unit width, y = BEND (x² - 1) within 0.05."""
    x, y = points.T
    return -0.5 * x**2 - 0.5 * ((y - BEND * (x**2 - 1.0)) / 0.05) ** 2


def test_the_density_is_that_of_the_draws():
    random = np.random.RandomState(0)
    mixture = local_mixture(random.standard_normal((300, 2)), random)
    draws = mixture.draw(40_000, random)
    # The mean of g / q over draws of q is the integral of g: that of a normal density here.
    target = -0.5 * ((draws / 0.7) ** 2).sum(axis=1)
    weights = np.exp(target - mixture.log_density(draws))
    components = len(mixture.means)
    found = weights.mean() * components  # densities are known up to the number of components and 2 pi
    assert abs(found / 0.7**2 - 1.0) < 0.03


def test_proposals_do_not_depend_on_the_scale_of_a_parameter():
    walkers = np.random.RandomState(1).standard_normal((200, 3))
    scale = np.array([1e-3, 1.0, 1e4])
    plain = local_mixture(walkers, np.random.RandomState(2)).draw(10, np.random.RandomState(3))
    scaled = local_mixture(walkers * scale, np.random.RandomState(2)).draw(10, np.random.RandomState(3))
    np.testing.assert_allclose(scaled, plain * scale, rtol=1e-6)


def test_a_bent_ridge_is_sampled_from_end_to_end_in_few_steps():
    generator = np.random.default_rng(4)
    starts = np.array([0.0, -BEND]) + np.array([0.1, 0.05]) * generator.standard_normal((256, 2))
    sampler = EnsembleSampler(ridge, 2, 256, generator)
    _, chains, _ = sampler.advance(starts, 150)
    # Quantiles: a walker that the flattened density has left far out stays there for long, and counts in a variance.
    found = np.quantile(chains[..., 0], [0.025, 0.16, 0.5, 0.84, 0.975])
    np.testing.assert_allclose(found, [-1.960, -0.994, 0.0, 0.994, 1.960], atol=0.15)
