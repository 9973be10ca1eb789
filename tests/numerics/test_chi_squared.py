"""The generalised chi-squared distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from assay.numerics.chi_squared import GeneralisedChiSquared

Array = np.ndarray
PROBABILITIES = np.array([1e-6, 1e-3, 0.05, 0.3, 0.5, 0.7, 0.95, 0.999, 1.0 - 1e-6])


def _random(count: int, terms: int, seed: int = 0) -> GeneralisedChiSquared:
    rng = np.random.default_rng(seed)
    mean = rng.standard_normal((count, terms)) * 10.0 ** rng.uniform(-2, 1, (count, 1))
    return GeneralisedChiSquared(mean, 10.0 ** rng.uniform(-4, 1, (count, terms)))


def _imhof(mean: Array, variance: Array, value: float) -> float:
    """P(Q < value) by Imhof's integral along the imaginary axis, which converges slowly and is another formula."""

    def integrand(u: float) -> float:
        square = 1.0 + (variance * u) ** 2
        angle = 0.5 * (np.arctan(variance * u) + mean**2 * u / square).sum() - 0.5 * value * u
        log_size = (0.25 * np.log(square) + 0.5 * mean**2 * variance * u**2 / square).sum()
        return float(np.sin(angle) / u * np.exp(-log_size))

    return 0.5 - integrate.quad(integrand, 0.0, np.inf, limit=5000, epsabs=1e-10)[0] / np.pi


@pytest.mark.parametrize("degrees", [1, 2, 3, 33, 80])
@pytest.mark.parametrize("noncentrality", [0.0, 0.1, 10.0, 1e4])
def test_equal_variances_give_the_noncentral_chi_squared(degrees: int, noncentrality: float) -> None:
    mean = np.zeros((1, degrees))
    mean[0, 0] = np.sqrt(noncentrality)
    law = GeneralisedChiSquared(mean, np.ones((1, degrees)))
    known, shape = (stats.ncx2, (degrees, noncentrality)) if noncentrality else (stats.chi2, (degrees,))
    quantiles = known.ppf(PROBABILITIES, *shape)
    # SciPy's own quantiles are good to about 1e-10.
    np.testing.assert_allclose(law.quantiles(PROBABILITIES)[:, 0], quantiles, rtol=1e-8)
    np.testing.assert_allclose(
        law.probability_below(quantiles[:, None])[:, 0], known.cdf(quantiles, *shape), rtol=0.0, atol=1e-9
    )
    np.testing.assert_allclose(law.density(quantiles[:, None])[:, 0], known.pdf(quantiles, *shape), rtol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_it_agrees_with_the_integral_of_imhof(seed: int) -> None:
    law = _random(1, 5 + seed, seed)
    for value in law.quantiles(np.array([0.05, 0.5, 0.95]))[:, 0]:
        expected = _imhof(law.mean[0], law.variance[0], value)
        assert law.probability_below(np.array([value]))[0] == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("terms", [2, 5, 20])
def test_quantiles_invert_the_distribution_and_rise(terms: int) -> None:
    """Also where the terms differ by ten orders of magnitude, and where all of Q is nearly a constant."""
    rng = np.random.default_rng(terms)
    mean = rng.standard_normal((100, terms)) * 10.0 ** rng.uniform(-3, 2, (100, terms))
    law = GeneralisedChiSquared(mean, 10.0 ** rng.uniform(-8, 2, (100, terms)))
    probabilities = np.array([0.001, 0.16, 0.5, 0.84, 0.999])
    values = law.quantiles(probabilities)
    np.testing.assert_allclose(
        law.probability_below(values), np.broadcast_to(probabilities[:, None], values.shape), atol=1e-9
    )
    assert (np.diff(values, axis=0) > 0).all()


def test_the_density_is_the_derivative() -> None:
    law = _random(20, 4)
    values = law.quantiles(np.array([0.2, 0.6]))
    step = 1e-4 * 0.2 / law.density(values)
    slope = (law.probability_below(values + step) - law.probability_below(values - step)) / (2.0 * step)
    np.testing.assert_allclose(law.density(values), slope, rtol=1e-4)


def test_it_is_invariant_under_scale_and_order() -> None:
    law = _random(8, 6)
    scaled = GeneralisedChiSquared(1e5 * law.mean[:, ::-1], 1e10 * law.variance[:, ::-1])
    probabilities = np.array([0.1, 0.9])
    np.testing.assert_allclose(
        scaled.quantiles(probabilities), 1e10 * law.quantiles(probabilities), rtol=1e-9
    )


def test_a_term_without_variance_is_a_constant() -> None:
    law = _random(3, 4)
    constant = np.array([[2.0], [0.0], [5.0]])
    more = GeneralisedChiSquared(
        np.concatenate([law.mean, constant], axis=1), np.concatenate([law.variance, np.zeros((3, 1))], axis=1)
    )
    probabilities = np.array([0.1, 0.9])
    expected = law.quantiles(probabilities) + constant[:, 0] ** 2
    np.testing.assert_allclose(more.quantiles(probabilities), expected, rtol=1e-9)
    assert (more.probability_below(0.99 * constant[:, 0] ** 2) == 0.0).all()


def test_no_variance_at_all_is_a_step() -> None:
    law = GeneralisedChiSquared(np.array([[1.0, 2.0]]), np.zeros((1, 2)))
    assert law.quantiles(np.array([0.1, 0.9])).tolist() == [[5.0], [5.0]]
    assert law.probability_below(np.array([[4.9], [5.1]])).tolist() == [[0.0], [1.0]]


def test_moments_are_those_of_draws() -> None:
    law = _random(2, 3, 4)
    normal = np.random.default_rng(1).standard_normal((400_000, 2, 3))
    draws = ((law.mean + np.sqrt(law.variance) * normal) ** 2).sum(axis=2)
    mean, variance = law.mean_variance()
    assert (np.abs(draws.mean(axis=0) - mean) < 5.0 * np.sqrt(variance / len(draws))).all()
    np.testing.assert_allclose(draws.var(axis=0), variance, rtol=0.03)
