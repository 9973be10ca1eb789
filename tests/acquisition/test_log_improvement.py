import mpmath
import numpy as np
import pytest

from assay.acquisition.log_improvement import log_h, log_normal_cdf, log_softplus

POINTS = [
    -1e8,
    -1e5,
    -1000.0,
    -100.0,
    -60.001,
    -59.999,
    -38.0,
    -10.0,
    -1.001,
    -0.999,
    0.0,
    0.3,
    5.0,
    40.0,
    1e4,
]


def exact_log_h(z):
    return mpmath.log(mpmath.npdf(z) + z * mpmath.ncdf(z))


def exact_log_softplus(x):
    return mpmath.log(mpmath.log1p(mpmath.exp(x)))


@pytest.mark.parametrize(
    ("function", "exact"),
    [
        (log_h, exact_log_h),
        (log_normal_cdf, lambda z: mpmath.log(mpmath.ncdf(z))),
        (log_softplus, exact_log_softplus),
    ],
    ids=["log_h", "log_normal_cdf", "log_softplus"],
)
@pytest.mark.parametrize("z", [z for z in POINTS if abs(z) <= 1000])
def test_value_and_slope_equal_exact_arithmetic(function, exact, z):
    with mpmath.workdps(60):  # far more than the digits that φ + zΦ loses to cancellation
        reference = float(exact(mpmath.mpf(z)))
        slope = float(mpmath.diff(exact, mpmath.mpf(z), h=mpmath.mpf(10) ** -20))
    value, derivative = function(np.array([z]))
    np.testing.assert_allclose(value[0], reference, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(derivative[0], slope, rtol=2e-11, atol=1e-300)


@pytest.mark.parametrize("function", [log_h, log_normal_cdf, log_softplus])
def test_finite_increasing_and_alike_alone_or_in_a_batch(function):
    value, slope = function(np.array(POINTS))
    assert np.isfinite(value).all()
    assert np.isfinite(slope).all()
    assert (np.diff(value) >= 0).all()
    assert (slope >= 0).all()
    alone = [function(np.array([z]))[0][0] for z in POINTS]
    assert value.tolist() == alone
