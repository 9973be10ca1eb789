"""Acquisitions on draws: against closed forms, far from any hope, and their slopes there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import qmc
from tests.quantities.worlds import POINTS, differences, graph

from assay.acquisition.improvement import LogExpectedImprovement, LogProbabilityBelow, LogUncertainty
from assay.acquisition.sampled import (
    SampledConfidenceBound,
    SampledImprovement,
    SampledProbabilityBelow,
    SampledProbabilityInside,
    SampledUncertainty,
)
from assay.quantities.chi_squared import ChiSquaredValue
from assay.quantities.quantity import GaussianScalar, Quantity

Array = np.ndarray

GAUSSIAN = Quantity(graph({}, {"a": 1}), "a")
# Where an improvement upon the mean is not hopeless.
HOPEFUL = POINTS[:1]
TARGET = np.array([1.0, 0.5, 2.0])
CHI_SQUARED = Quantity(graph({"chi2": ChiSquaredValue("chi2", "a", TARGET, np.ones(3))}, {"a": 3}), "chi2")


def _normal(count: int, dimension: int) -> Array:
    return ndtri(qmc.Sobol(dimension, rng=np.random.default_rng(1)).random(count))


def test_of_a_gaussian_they_tend_to_the_closed_forms() -> None:
    mean, variance = GAUSSIAN.mean_variance(HOPEFUL)
    incumbent, normal = float(mean[0, 0] - np.sqrt(variance[0, 0])), _normal(1 << 14, 1)
    scalar, smoothing = GaussianScalar(GAUSSIAN), 1e-4
    pairs = [
        (
            LogExpectedImprovement(scalar, incumbent),
            SampledImprovement(GAUSSIAN, incumbent, normal, smoothing),
        ),
        (
            LogProbabilityBelow(scalar, incumbent),
            SampledProbabilityBelow(GAUSSIAN, incumbent, normal, smoothing),
        ),
        (LogUncertainty(scalar), SampledUncertainty(GAUSSIAN, normal)),
    ]
    for exact, sampled in pairs:
        np.testing.assert_allclose(sampled.value(HOPEFUL), exact.value(HOPEFUL), atol=0.01)


def test_the_probability_of_a_narrow_band_is_not_a_product() -> None:
    mean, variance = GAUSSIAN.mean_variance(HOPEFUL)
    deviation = float(np.sqrt(variance[0, 0]))
    band = (float(mean[0, 0]) - 0.3 * deviation, float(mean[0, 0]) + 0.1 * deviation)
    sampled = SampledProbabilityInside(GAUSSIAN, band, _normal(1 << 14, 1), 1e-4 * deviation, 3.0)
    exact = 3.0 * np.log(ndtr(0.1) - ndtr(-0.3))
    np.testing.assert_allclose(sampled.value(HOPEFUL), exact, atol=0.01)
    one_sided = SampledProbabilityInside(GAUSSIAN, (-np.inf, band[1]), _normal(64, 1), 0.1 * deviation)
    below = SampledProbabilityBelow(GAUSSIAN, band[1], _normal(64, 1), 0.1 * deviation)
    np.testing.assert_allclose(one_sided.value(POINTS), below.value(POINTS), rtol=1e-12)


def test_the_confidence_bound_of_a_gaussian_is_the_mean_less_standard_deviations() -> None:
    mean, variance = GAUSSIAN.mean_variance(POINTS)
    # Far below the incumbent the softplus is a straight line.
    bound = SampledConfidenceBound(GAUSSIAN, 1e3, _normal(1 << 14, 1), 1.0, 1.5)
    found = 1e3 - np.exp(bound.value(POINTS))
    np.testing.assert_allclose(found, (mean - 1.5 * np.sqrt(variance))[:, 0], atol=0.01)


def test_the_sampling_error_falls_with_the_number_of_draws() -> None:
    incumbent = float(CHI_SQUARED.mean_variance(HOPEFUL)[0][0, 0])

    def value(bits: int) -> Array:
        return SampledImprovement(CHI_SQUARED, incumbent, _normal(1 << bits, 3), 1e-3).value(HOPEFUL)

    errors = [np.abs(value(bits) - value(15)).max() for bits in (4, 8, 12)]
    assert errors[1] < 0.3 * errors[0]
    assert errors[2] < 0.3 * errors[1]


@pytest.mark.parametrize("incumbent", [-1e3, 0.0, 0.5, 1e3])
def test_gradients_hold_without_any_hope_and_with_all(incumbent: float) -> None:
    normal = _normal(64, 3)
    acquisitions = [
        SampledImprovement(CHI_SQUARED, incumbent, normal, 1e-2),
        SampledProbabilityBelow(CHI_SQUARED, incumbent, normal, 1e-2, 2.0),
        SampledProbabilityInside(CHI_SQUARED, (0.8 * incumbent, 1.2 * incumbent), normal, 1e-2, 2.0),
        SampledConfidenceBound(CHI_SQUARED, incumbent, normal, 1e-2, 1.0),
        SampledUncertainty(CHI_SQUARED, normal),
    ]
    for acquisition in acquisitions:
        value, gradient = acquisition.value_gradient(POINTS)
        assert np.isfinite(value).all()
        np.testing.assert_allclose(value, acquisition.value(POINTS), rtol=1e-12)
        slopes = differences(lambda at, one=acquisition: one.value(at)[:, None], POINTS, 1e-6)[:, 0]
        np.testing.assert_allclose(gradient, slopes, rtol=1e-4, atol=1e-6 * np.abs(slopes).max() + 1e-8)


def test_where_all_draws_are_worse_the_improvement_still_has_a_slope() -> None:
    acquisition = SampledImprovement(CHI_SQUARED, -1e4, _normal(64, 3), 1e-2)
    value, gradient = acquisition.value_gradient(POINTS)
    assert (value < -1e5).all()
    assert (np.abs(gradient).max(axis=1) > 1.0).all()


def test_they_do_not_change_with_the_unit_of_the_quantity() -> None:
    """The improvement's logarithm shifts by that of the unit; all else stays."""
    scaled = Quantity(
        graph({"chi2": ChiSquaredValue("chi2", "a", TARGET, np.full(3, 0.01))}, {"a": 3}), "chi2"
    )
    normal = _normal(64, 3)
    one = SampledImprovement(CHI_SQUARED, 0.5, normal, 1e-2).value(POINTS)
    hundred = SampledImprovement(scaled, 50.0, normal, 1.0).value(POINTS)
    np.testing.assert_allclose(hundred - one, np.log(100.0), rtol=1e-9)
    np.testing.assert_allclose(
        SampledProbabilityBelow(scaled, 50.0, normal, 1.0).value(POINTS),
        SampledProbabilityBelow(CHI_SQUARED, 0.5, normal, 1e-2).value(POINTS),
        rtol=1e-9,
    )
