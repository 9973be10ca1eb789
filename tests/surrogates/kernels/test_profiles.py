"""Radial profiles: independent values, derivatives, coincident points, both array namespaces."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.gaussian_process.kernels import RBF, Matern

from assay.errors import UsageError
from assay.numerics.compile import float64
from assay.surrogates.kernels.profiles import AbstractRadialProfile, radial_profile

NAMES = ["matern12", "matern32", "matern52", "squared_exponential"]
THEIRS = {
    "matern12": Matern(nu=0.5),
    "matern32": Matern(nu=1.5),
    "matern52": Matern(nu=2.5),
    "squared_exponential": RBF(),
}


@pytest.fixture(params=NAMES)
def profile(request: pytest.FixtureRequest) -> AbstractRadialProfile:
    return radial_profile(request.param)


def test_values_equal_scikit_learns(profile: AbstractRadialProfile) -> None:
    r = np.linspace(0.0, 4.0, 50)
    ours = profile.derivatives(np, r**2, 0)[0]
    np.testing.assert_allclose(ours, THEIRS[profile.name](np.zeros((1, 1)), r[:, None])[0], atol=1e-15)


def test_each_order_is_the_derivative_of_the_one_before(profile: AbstractRadialProfile) -> None:
    s = np.geomspace(0.05, 20.0, 40)
    step = 1e-3 * s
    orders = profile.derivatives(np, s, profile.highest_order)
    for order in range(profile.highest_order):
        # A fourth-order difference; its error is (step/s)^4 relative.
        at = [profile.derivatives(np, s + k * step, order)[order] for k in (-2, -1, 1, 2)]
        difference = (at[0] - 8.0 * at[1] + 8.0 * at[2] - at[3]) / (12.0 * step)
        np.testing.assert_allclose(orders[order + 1], difference, rtol=1e-8, atol=1e-11)


def test_lower_orders_do_not_depend_on_the_highest(profile: AbstractRadialProfile) -> None:
    s = np.array([0.0, 0.3, 2.0])
    whole = profile.derivatives(np, s, profile.highest_order)
    for order in range(profile.highest_order + 1):
        for mine, theirs in zip(profile.derivatives(np, s, order), whole, strict=False):
            np.testing.assert_array_equal(mine, theirs)


def test_coincident_points_stay_finite(profile: AbstractRadialProfile) -> None:
    orders = profile.derivatives(np, np.zeros(2), profile.highest_order)
    assert orders[0].tolist() == [1.0, 1.0]
    assert all(np.isfinite(values).all() for values in orders)
    assert all((values * 0.0 == 0.0).all() for values in orders)


def test_both_array_namespaces_agree(profile: AbstractRadialProfile) -> None:
    s = np.concatenate([[0.0], np.geomspace(1e-8, 1e3, 60)])
    ours = profile.derivatives(np, s, profile.highest_order)
    with float64():
        theirs = profile.derivatives(jnp, jnp.asarray(s), profile.highest_order)
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine, np.asarray(other), rtol=1e-12, atol=1e-300)


def test_an_unknown_kernel_is_refused() -> None:
    with pytest.raises(UsageError, match="got 'cosine'"):
        radial_profile("cosine")
