"""The bounded minimum: where it lies, how it escapes, and its derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from assay.numerics.compile import float64, jax_module
from assay.numerics.implicit_minimum import Expansion, bounded_minimum, implicit_minimum

jax = jax_module()
jnp = jax.numpy

ALL = np.array([True, True])
START = np.array([0.2, 0.5])


def _valley(point, data):
    """Rosenbrock's function, its bend moved by `data`."""
    return (1.0 - point[0]) ** 2 + 20.0 * (point[1] - data * point[0] ** 2) ** 2


@pytest.mark.parametrize("upper", [9.0, 0.5])
def test_it_ends_where_an_independent_optimiser_does(upper):
    lower, high = np.full(2, -9.0), np.array([upper, 9.0])
    wanted = minimize(
        lambda x: float((1 - x[0]) ** 2 + 20 * (x[1] - x[0] ** 2) ** 2), [-1.0, 0.5], method="L-BFGS-B",
        jac=lambda x: np.array([-2 * (1 - x[0]) - 80 * x[0] * (x[1] - x[0] ** 2), 40 * (x[1] - x[0] ** 2)]),
        bounds=list(zip(lower, high, strict=True)), options={"ftol": 1e-15, "gtol": 1e-12},
    )  # fmt: skip
    with float64():
        found = bounded_minimum(_valley, 1.0, np.array([-1.0, 0.5]), lower, high, ALL)
    np.testing.assert_allclose(found.point, wanted.x, atol=1e-6)
    assert float(found.decrement) <= 1e-9
    assert float(found.curvature) > 0


def test_a_saddle_is_left_for_the_deeper_valley():
    def double_well(point, data):
        return (point[0] ** 2 - 1.0) ** 2 + data * point[0] + point[1] ** 2

    with float64():
        found = bounded_minimum(double_well, 0.0, np.zeros(2), np.full(2, -5.0), np.full(2, 5.0), ALL)
    assert abs(abs(float(found.point[0])) - 1.0) < 1e-9
    assert float(found.curvature) > 0


def test_no_search_without_a_saddle_decomposes_its_hessian():
    # A compiler that moves the decomposition out of the escape's loop makes every fit pay for it.
    def search(start):
        return bounded_minimum(_valley, 1.0, start, np.full(2, -9.0), np.full(2, 9.0), ALL).point

    with float64():
        alone = jax.jit(search).lower(np.zeros(2))
        mapped = jax.jit(jax.vmap(search)).lower(np.zeros((3, 2)))
        for program in (alone, mapped):
            bodies = [part for part in program.compile().as_text().split("\n\n") if "syevd" in part]
            assert bodies
            for body in bodies:
                assert " while(" not in body  # it stands in the innermost loop


def test_the_shift_of_the_function_and_the_scale_of_its_arguments_change_nothing():
    def scaled(point, data):
        return _valley(point * data, 1.0) + 1e3

    with float64():
        plain = bounded_minimum(_valley, 1.0, np.array([-1.0, 0.5]), np.full(2, -9.0), np.full(2, 9.0), ALL)
        data = np.array([1e3, 1e-2])
        other = bounded_minimum(
            scaled, data, np.array([-1.0, 0.5]) / data, np.full(2, -9.0) / data, np.full(2, 9.0) / data, ALL
        )
    np.testing.assert_allclose(np.asarray(other.point) * data, plain.point, atol=1e-6)


@pytest.mark.parametrize("upper", [9.0, 0.5])
def test_first_and_second_derivatives_are_those_of_differences_also_at_a_bound(upper):
    minimum = implicit_minimum(_valley)

    def second(data):
        return minimum(data, START, START, np.full(2, -9.0), jnp.array([upper, 9.0]), ALL).point[1]

    step = 1e-3
    with float64():
        values = [float(second(1.0 + k * step)) for k in (-1, 0, 1)]
        slope, bend = float(jax.grad(second)(1.0)), float(jax.grad(jax.grad(second))(1.0))
    assert slope == pytest.approx((values[2] - values[0]) / (2 * step), rel=1e-5, abs=1e-8)
    assert bend == pytest.approx((values[2] - 2 * values[1] + values[0]) / step**2, rel=1e-3, abs=1e-4)


def test_the_value_has_its_first_and_second_derivatives_too():
    def function(point, data):
        return (point[0] - data**2) ** 2 + data * point[0] + (point[1] - point[0] * data) ** 2

    # At x = d^2 - d/2 and y = x d the value is d^2/4 + d x.
    value = implicit_minimum(function)
    start, far = np.zeros(2), np.full(2, 99.0)
    with float64():
        whole = lambda data: value(data, start, start, -far, far, ALL).value  # noqa: E731
        assert float(whole(2.0)) == pytest.approx(7.0, rel=1e-12)
        assert float(jax.grad(whole)(2.0)) == pytest.approx(3 * 2.0**2 - 2.0 / 2, rel=1e-12)
        assert float(jax.grad(jax.grad(whole))(2.0)) == pytest.approx(6 * 2.0 - 0.5, rel=1e-12)


def test_where_the_start_has_no_value_the_search_begins_at_the_refuge():
    def barrier(point, data):
        return point[0] - data * jnp.log(point[0]) + (point[1] - 1.0) ** 2

    start, far = np.array([-1.0, 0.3]), np.full(2, 9.0)
    with float64():
        found = bounded_minimum(barrier, 2.0, start, -far, far, ALL, refuge=np.array([3.0, 3.0]))
        lost = bounded_minimum(barrier, 2.0, start, -far, far, ALL)
        held = bounded_minimum(barrier, 2.0, start, -far, far, np.array([False, True]), refuge=far)
    np.testing.assert_allclose(found.point, [2.0, 1.0], atol=1e-9)
    assert not np.isfinite(lost.value)
    assert not np.isfinite(held.value)
    assert float(held.point[0]) == -1.0  # what is held stays


def test_the_bound_itself_moves_what_is_pressed_against_it():
    minimum = implicit_minimum(_valley)

    def second(upper):
        high = jnp.stack([upper, 9.0])
        return minimum(1.0, START, START, np.full(2, -9.0), high, ALL).point[1]

    with float64():
        assert float(jax.grad(second)(0.5)) == pytest.approx(1.0, rel=1e-9)  # y = x^2 at x = 0.5


def test_it_converges_quadratically():
    """From a start ten times nearer, one step less than a linear method would need."""
    with float64():
        counts = [
            int(
                bounded_minimum(
                    _valley, 1.0, np.array([1.0 + far, 1.0 + 2 * far]), np.full(2, -9.0), np.full(2, 9.0), ALL
                ).iterations
            )
            for far in (1e-1, 1e-3, 1e-5)
        ]
    assert counts[2] <= 4
    assert counts[0] <= counts[2] + 5


def test_a_positive_part_takes_the_place_of_a_hessian_that_is_not_definite():
    def function(point, centre):  # one valley, concave far from it
        return jnp.log1p((point - centre) ** 2).sum()

    def derivatives(point, centre):
        hessian = jax.hessian(function)(point, centre)
        convex = jnp.diag(2.0 / (1.0 + (point - centre) ** 2))
        return Expansion(function(point, centre), jax.grad(function)(point, centre), hessian, convex)

    start, far = np.array([4.0, -2.0]), np.full(2, 99.0)
    with float64():
        plain = bounded_minimum(function, 1.0, start, -far, far, ALL)
        helped = bounded_minimum(function, 1.0, start, -far, far, ALL, derivatives=derivatives)
    np.testing.assert_allclose(helped.point, 1.0, atol=1e-9)
    assert float(helped.decrement) <= 1e-9
    assert float(helped.curvature) > 0
    assert int(helped.iterations) < int(plain.iterations)
