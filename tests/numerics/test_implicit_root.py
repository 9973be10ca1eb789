"""The root search: against closed forms, with its derivatives, mapped."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from assay.numerics.compile import float64, jax_module
from assay.numerics.implicit_root import implicit_root

jax = jax_module()
jnp = jax.numpy

root = implicit_root(lambda point, data: jnp.exp(-point) - data * point)


@pytest.mark.parametrize("data", [1e-6, 0.3, 1.0, 1e4])
@pytest.mark.parametrize("step", [1e-3, 1.0, 50.0])
def test_the_root_is_that_of_an_independent_method(data, step):
    wanted = brentq(lambda point: np.exp(-point) - data * point, 0.0, 50.0, xtol=1e-15)
    with float64():
        found = root(data, 0.0, 1.0, step)
    assert bool(found.found)
    assert float(found.point) == pytest.approx(wanted, rel=1e-12)
    assert int(found.evaluations) < 60


def test_derivatives_follow_the_implicit_function():
    with float64():
        slope = float(jax.grad(lambda data: root(data, 0.0, 1.0, 1.0).point)(0.3))
        point = float(root(0.3, 0.0, 1.0, 1.0).point)
    assert slope == pytest.approx(-point / (np.exp(-point) + 0.3), rel=1e-12)


def test_lanes_of_a_map_do_not_disturb_one_another():
    data = jnp.array([1e-3, 0.3, 20.0])
    with float64():
        many = jax.vmap(lambda each: root(each, 0.0, 1.0, 1.0).point)(data)
        single = [float(root(each, 0.0, 1.0, 1.0).point) for each in data]
    np.testing.assert_allclose(many, single, rtol=1e-13)


def test_a_function_that_never_changes_sign_is_reported():
    flat = implicit_root(lambda point, data: data + 0.0 * point)
    with float64():
        found = flat(1.0, 0.0, 1.0, 1.0)
    assert not bool(found.found)
    assert np.isnan(float(found.point))


def test_it_closes_in_faster_than_bisection():
    with float64():
        evaluations = int(root(0.3, 0.0, 1.0, 2.0).evaluations)
    assert evaluations < 15  # bisection to 1e-13 takes over 40
