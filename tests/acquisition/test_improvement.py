import numpy as np
import pytest
from scipy import integrate, stats
from tests.acquisition.gaussian import Affine, WavyBelief

from assay.acquisition.improvement import (
    LogConfidenceBound,
    LogExpectedImprovement,
    LogProbabilityBelow,
    LogUncertainty,
)
from assay.acquisition.product import LogProduct

BELIEF = WavyBelief()
POINTS = np.random.default_rng(3).random((12, 2))
ALL = [
    LogExpectedImprovement(BELIEF, 0.2),
    LogExpectedImprovement(BELIEF, -40.0, 0.1),
    LogProbabilityBelow(BELIEF, 0.1),
    LogProbabilityBelow(BELIEF, -3.0, 2.0, 0.5),
    LogConfidenceBound(BELIEF, 0.2, 2.0),
    LogUncertainty(BELIEF),
    LogProduct((LogExpectedImprovement(BELIEF, 0.2), LogProbabilityBelow(BELIEF, 0.5))),
]


@pytest.mark.parametrize("acquisition", ALL)
def test_gradient_equals_central_differences(acquisition):
    value, gradient = acquisition.value_gradient(POINTS)
    np.testing.assert_allclose(value, acquisition.value(POINTS), rtol=1e-13)
    step = 1e-5
    for column in range(2):
        ahead, behind = POINTS.copy(), POINTS.copy()
        ahead[:, column] += step
        behind[:, column] -= step
        numeric = (acquisition.value(ahead) - acquisition.value(behind)) / (2 * step)
        np.testing.assert_allclose(gradient[:, column], numeric, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("scaling", [0.1, 1.0, 10.0])
def test_expected_improvement_equals_its_integral(scaling):
    mean, variance = BELIEF.mean_variance(POINTS[:3])
    for index in range(3):
        spread = scaling * np.sqrt(variance[index])
        target = mean[index] + 0.5 * spread
        integral, _ = integrate.quad(
            lambda y, m=mean[index], s=spread, t=target: (t - y) * stats.norm.pdf(y, m, s),
            mean[index] - 12 * spread,
            target,
            epsabs=0,
            epsrel=1e-11,
        )
        value = LogExpectedImprovement(BELIEF, target, scaling).value(POINTS[[index]])[0]
        np.testing.assert_allclose(value, np.log(integral), rtol=1e-9, atol=1e-9)


def test_probability_below_equals_the_normal_distribution():
    mean, variance = BELIEF.mean_variance(POINTS)
    expected = stats.norm.logcdf(0.1, mean, np.sqrt(variance + 0.3))
    np.testing.assert_allclose(LogProbabilityBelow(BELIEF, 0.1, 1.0, 0.3).value(POINTS), expected, rtol=1e-12)


def test_confidence_bound_ranks_as_the_bound_itself():
    mean, variance = BELIEF.mean_variance(POINTS)
    ranked = np.argsort(mean - 2 * np.sqrt(variance))
    assert np.argsort(-LogConfidenceBound(BELIEF, 0.2, 2.0).value(POINTS)).tolist() == ranked.tolist()


def test_scaling_multiplies_the_standard_deviation():
    scaled = LogExpectedImprovement(BELIEF, 0.2, 3.0).value(POINTS)
    np.testing.assert_allclose(
        scaled, LogExpectedImprovement(Affine(BELIEF, 1.0, 0.0, 9.0), 0.2).value(POINTS)
    )


def test_expected_improvement_shifts_and_scales_with_the_quantity():
    """The improvement of a f + b upon a t + b is a times as large."""
    plain = LogExpectedImprovement(BELIEF, 0.2).value(POINTS)
    moved = LogExpectedImprovement(Affine(BELIEF, 3.0, 5.0, 9.0), 3 * 0.2 + 5).value(POINTS)
    np.testing.assert_allclose(moved, plain + np.log(3), rtol=1e-12, atol=1e-12)
