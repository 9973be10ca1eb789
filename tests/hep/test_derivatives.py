"""The formulas that fits step by against automatic differentiation of the likelihood."""

from __future__ import annotations

import numpy as np
import pytest
from tests.hep.references import model, workspaces

from assay.hep.build import build_model
from assay.hep.derivatives import discrepancy_derivatives
from assay.hep.likelihood import discrepancy
from assay.hep.simple import workspace
from assay.numerics.compile import CompiledFunction, jax_module

jax = jax_module()

MODELS = ("kitchen_sink_all_modifiers", "corr_2bin_docs", "big_10bins_5samples_20np")

_formulas = CompiledFunction(
    jax.vmap(lambda point, model, data: discrepancy_derivatives(point, (model, data)), (0, None, None))
)


def _automatic(point, model, data):
    value = lambda where: discrepancy(where, (model, data))  # noqa: E731
    expected, linear = jax.linearize(model.expected_main, point)

    def with_linear_yields(step):
        return model.discrepancy_of(expected + linear(step), point + step, data)

    convex = jax.hessian(with_linear_yields)(jax.numpy.zeros_like(point))
    return value(point), jax.grad(value)(point), jax.hessian(value)(point), convex


_differentiated = CompiledFunction(jax.vmap(_automatic, (0, None, None)))


def _points(layout, count=6):
    """Inside the bounds, on both sides of the knots of interpolation; the last ones without any signal."""
    generator = np.random.default_rng(0)
    spread = np.where(layout.start == 0, 1.5, 0.3)
    points = layout.start + spread * generator.normal(size=(count, layout.size))
    points = np.clip(points, layout.lower + 1e-3, layout.upper)
    points[count // 2 :, layout.interest] = 0.0
    return points


def _compare(given):
    from assay.numerics.compile import float64

    with float64():
        data = given.observed_data()
    points = _points(given.layout)
    for found, wanted in zip(
        _formulas(points, given, data), _differentiated(points, given, data), strict=True
    ):
        found, wanted = np.asarray(found), np.asarray(wanted)
        assert np.isfinite(wanted).all()
        axes = tuple(range(1, wanted.ndim))
        scale = np.abs(wanted).max(axis=axes, keepdims=True)
        np.testing.assert_allclose(found / scale, wanted / scale, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", MODELS)
def test_value_gradient_and_hessian_are_those_of_automatic_differentiation(name):
    _compare(model(name))


@pytest.mark.parametrize(("histosys", "normsys"), [("code0", "code1"), ("code2", "code1")])
def test_so_they_are_with_the_other_interpolations(histosys, normsys):
    given = workspaces()["kitchen_sink_all_modifiers"]
    _compare(build_model(given, histosys=histosys, normsys=normsys))


def test_two_free_factors_of_zero_and_a_bin_without_counts_have_finite_derivatives():
    modifiers = [("normfactor", "mu"), ("normfactor", "nu")]
    given = build_model(
        workspace(
            {"SR": {"signal": ([5.0, 6.0], modifiers), "background": ([50.0, 40.0], [])}}, {"SR": [55.0, 0.0]}
        )
    )
    from assay.numerics.compile import float64

    with float64():
        data = given.observed_data()
    value, gradient, hessian, _ = (np.asarray(part)[0] for part in _formulas(np.zeros((1, 2)), given, data))
    slope = 5.0 * (1 - 55.0 / 50.0) + 6.0
    assert value == pytest.approx(50.0 - 55.0 - 55.0 * np.log(50.0 / 55.0) + 40.0, rel=1e-14)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-50)
    np.testing.assert_allclose(hessian, [[0.0, slope], [slope, 0.0]], rtol=1e-14, atol=1e-50)
