"""The mixture fitted to draws: its density is that of its draws, in any units, and it covers a bent ridge."""

import numpy as np

from assay.analysis.mixture import fitted_mixture

BEND = 1.0


def ridge(points):
    """A normal density bent along a parabola: x is normal with unit width, y = BEND (x² - 1) within 0.05."""
    x, y = points.T
    return -0.5 * x**2 - 0.5 * ((y - BEND * (x**2 - 1.0)) / 0.05) ** 2


def draws_of_ridge(count, random):
    x, noise = random.standard_normal((2, count))
    return np.stack([x, BEND * (x**2 - 1.0) + 0.05 * noise], axis=1)


def test_the_density_is_that_of_the_draws():
    random = np.random.default_rng(0)
    mixture = fitted_mixture(random.standard_normal((300, 2)), random)
    draws = mixture.draw(60_000, random)
    # The mean of g / q over draws of q is the integral of g; densities are known up to a number: the ratio of two, 1/4.
    means = [
        np.exp(-0.5 * ((draws / width) ** 2).sum(axis=1) - mixture.log_density(draws)).mean()
        for width in (0.4, 0.8)
    ]
    assert abs(means[0] / means[1] - 0.25) < 0.01


def test_a_share_of_another_mixture():
    random = np.random.default_rng(1)
    one = fitted_mixture(random.standard_normal((500, 2)), random)
    other = fitted_mixture(5.0 + 2.0 * random.standard_normal((500, 2)), random)
    both, points = one.beside(other, 0.3), 4.0 * random.standard_normal((50, 2))
    # Densities are known up to the volume of the coordinates in which each mixture was fitted.
    volume = [np.log(np.linalg.det(mixture.scale)) for mixture in (one, other)]
    parts = [mixture.log_density(points) - log for mixture, log in zip((one, other), volume, strict=True)]
    expected = np.logaddexp(np.log(0.7) + parts[0], np.log(0.3) + parts[1]) + volume[0]
    np.testing.assert_allclose(both.log_density(points), expected, rtol=1e-9)


def test_proposals_do_not_depend_on_the_scale_of_a_parameter():
    draws = np.random.default_rng(1).standard_normal((600, 3))
    scale = np.array([1e-3, 1.0, 1e4])
    plain = fitted_mixture(draws, np.random.default_rng(2))
    scaled = fitted_mixture(draws * scale, np.random.default_rng(2))
    again = [mixture.draw(10, np.random.default_rng(3)) for mixture in (plain, scaled)]
    np.testing.assert_allclose(again[1], again[0] * scale, rtol=1e-6, atol=1e-9)


def test_a_bent_ridge_is_covered():
    """Half of the independent proposals would be accepted, and one draw in a hundred at most is fifty times too rare."""
    random = np.random.default_rng(4)
    mixture = fitted_mixture(draws_of_ridge(4000, random), random)
    at, proposed = draws_of_ridge(5000, random), mixture.draw(5000, random)
    ratio = [ridge(points) - mixture.log_density(points) for points in (at, proposed)]
    assert np.exp(np.minimum(0.0, ratio[1] - ratio[0])).mean() > 0.5
    assert np.quantile(ratio[0], 0.99) - np.median(ratio[0]) < np.log(50.0)
