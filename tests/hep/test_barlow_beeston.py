"""Factors of one bin at their best: the formula, the derivatives of what is left, and the fits that search over that alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq
from tests.hep.references import model

from assay.hep.barlow_beeston import best_factor, bin_factors, with_best_factors
from assay.hep.build import build_model
from assay.hep.derivatives import discrepancy_derivatives, profiled_derivatives
from assay.hep.likelihood import discrepancy, least_discrepancy
from assay.hep.model import Data
from assay.hep.parameters import parameter_names
from assay.hep.simple import workspace
from assay.numerics.compile import CompiledFunction, float64, jax_module
from assay.numerics.implicit_minimum import bounded_minimum

jax = jax_module()
jnp = jax.numpy

MODELS = ("kitchen_sink_all_modifiers", "uncorr_2bin_docs", "statistics")


def _given(name):
    """A reference, or statistical errors of all bins that two of three samples share, and a shape."""
    if name != "statistics":
        return model(name)
    counts = np.array([40.0, 20.0, 9.0, 3.0, 0.4])
    error = ("staterror", "stat")
    shape = ("histosys", "shape", {"hi_data": (counts * 1.2).tolist(), "lo_data": (counts * 0.9).tolist()})
    return build_model(
        workspace(
            {
                "SR": {
                    "signal": ((counts[::-1] / 10).tolist(), [("normfactor", "mu")]),
                    "one": (counts.tolist(), [(*error, (0.1 * counts).tolist()), shape]),
                    "two": (
                        (counts / 2).tolist(),
                        [(*error, (0.2 * counts).tolist()), ("normsys", "scale", {"hi": 1.1, "lo": 0.8})],
                    ),
                }
            },
            {"SR": [50.0, 35.0, 15.0, 0.0, 1.0]},
        )
    )


def _starts(layout, count=5):
    generator = np.random.default_rng(1)
    spread = np.where(layout.start == 0, 1.0, 0.2)
    points = layout.start + spread * generator.normal(size=(count, layout.size))
    return np.clip(points, layout.lower + 1e-3, layout.upper)


def test_what_has_a_formula_acts_on_one_bin_and_is_constrained():
    given = model("kitchen_sink_all_modifiers")
    names = np.array(parameter_names(given.layout.sets))
    found = bin_factors(given.layout)
    assert set(names[found.parameter]) | set(names[found.others]) == set(names)
    kinds = {item.name: item.types[0] for item in given.layout.sets}
    assert {kinds[name.split("[")[0]] for name in names[found.parameter]} == {"staterror", "shapesys"}
    assert len(set(found.bin)) == len(found.bin)
    for number, parameter in enumerate(found.parameter):
        cells = np.flatnonzero((given.layout.factors == parameter).any(axis=1))
        assert cells.tolist() == np.flatnonzero(found.of_cell == number).tolist()
        assert set(given.layout.cell_bin[cells]) == {found.bin[number]}


def test_the_parameter_of_interest_has_none_even_where_it_could():
    given = _given("uncorr_2bin_docs")
    names = parameter_names(given.layout.sets)
    other = replace(given, layout=replace(given.layout, interest=names.index("uncorr_bkguncrt[0]")))
    assert [names[place] for place in bin_factors(other.layout).parameter] == ["uncorr_bkguncrt[1]"]


@pytest.mark.parametrize("poisson", [False, True])
@pytest.mark.parametrize("count", [0.0, 0.3, 7.0, 5e4])
@pytest.mark.parametrize("others", [0.0, 3.0, 200.0])
@pytest.mark.parametrize("relative", [1e-4, 0.1, 3.0])
def test_the_formula_is_the_root_of_the_slope(poisson, count, others, relative):
    modifier = ("shapesys" if poisson else "staterror", "error", [relative * 11.0])
    rest = {"rest": ([max(others, 1e-9)], [])}
    given = build_model(
        workspace(
            {"SR": {"signal": ([1.0], [("normfactor", "mu")]), "some": ([11.0], [modifier])} | rest},
            {"SR": [count]},
        )
    )
    rest = max(others, 1e-9)
    for measured in (1.0, 0.2, 1.7):
        width = relative**-2 if poisson else relative
        auxiliary = measured * width if poisson else measured

        def slope(factor, width=width, auxiliary=auxiliary):
            constraint = width - auxiliary / factor if poisson else (factor - auxiliary) / width**2
            return 11.0 - count * 11.0 / (11.0 * factor + rest) + constraint

        lowest = 1e-13 if poisson else -rest / 11.0 * (1 - 1e-12)
        data = Data(np.array([count]), np.array([auxiliary]))
        with float64():
            found = float(best_factor(given, data, np.array([11.0]), np.array([rest]))[0])
        if (
            slope(lowest) > 0
        ):  # nothing observed, and a width that would make the bin negative: a bound decides
            assert found <= max(lowest, 0.0) + 1e-9 or slope(found) == pytest.approx(0.0, abs=1e-6)
            continue
        wanted = brentq(slope, lowest, 1e6, xtol=1e-15, rtol=np.float64(1e-15))
        assert found == pytest.approx(wanted, rel=1e-10, abs=1e-12)


def test_a_bin_that_does_not_depend_on_it_leaves_it_at_its_measurement():
    given = model("kitchen_sink_all_modifiers")
    with float64():
        data = given.observed_data()
        none = np.zeros(len(bin_factors(given.layout).parameter))
        found = np.asarray(best_factor(given, data, none, none))
    np.testing.assert_allclose(found, 1.0, rtol=1e-12)


def _profiled(point, given, data, whole, lower, upper, free):
    return profiled_derivatives(point, (given, data, whole, lower, upper, free))


def _automatic(point, given, data, whole, lower, upper, free):
    others = bin_factors(given.layout).others

    def value(some):
        return discrepancy(
            with_best_factors(given, data, jnp.asarray(whole).at[others].set(some), lower, upper, free),
            (given, data),
        )

    return value(point), jax.grad(value)(point), jax.hessian(value)(point)


_formulas = CompiledFunction(_profiled)
_differentiated = CompiledFunction(_automatic)


@pytest.mark.parametrize("name", MODELS)
def test_the_derivatives_are_those_of_automatic_differentiation_through_the_formula(name):
    given = _given(name)
    layout, factors = given.layout, bin_factors(given.layout)
    with float64():
        data = given.observed_data()
    tight = layout.upper.copy()
    tight[factors.parameter[0]] = 1.0 + 1e-9  # for one of the points a bound may hold it
    stands = ~layout.fixed
    stands[factors.parameter[-1]] = False
    for point in _starts(layout):
        for upper, free in ((layout.upper, ~layout.fixed), (tight, ~layout.fixed), (layout.upper, stands)):
            arguments = (point[factors.others], given, data, point, layout.lower, upper, free)
            found, wanted = _formulas(*arguments), _differentiated(*arguments)
            for one, two in zip(map(np.asarray, found[:3]), map(np.asarray, wanted), strict=True):
                scale = np.abs(two).max()
                np.testing.assert_allclose(one / scale, two / scale, rtol=0, atol=2e-12)


@pytest.mark.parametrize("name", MODELS)
def test_the_positive_part_is_the_schur_complement_of_that_of_all(name):
    given = _given(name)
    layout, factors = given.layout, bin_factors(given.layout)
    free, others, inner = ~layout.fixed, factors.others, factors.parameter[~layout.fixed[factors.parameter]]
    with float64():
        data = given.observed_data()
    bounds = np.full(layout.size, -np.inf), np.full(layout.size, np.inf)

    def both(point):
        whole = with_best_factors(given, data, point, *bounds, free)
        found = profiled_derivatives(point[others], (given, data, whole, *bounds, free))
        return found.convex, discrepancy_derivatives(whole, (given, data)).convex

    program = CompiledFunction(both)
    for point in _starts(layout):
        found, convex = (np.asarray(part) for part in program(point))
        cross = convex[np.ix_(others, inner)]
        wanted = convex[np.ix_(others, others)] - cross @ np.linalg.solve(
            convex[np.ix_(inner, inner)], cross.T
        )
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-11 * np.abs(wanted).max())


@pytest.mark.parametrize("name", MODELS)
def test_a_fit_ends_where_a_search_over_all_parameters_does(name):
    given = _given(name)
    layout, free = given.layout, ~given.layout.fixed
    bounds = layout.lower, layout.upper
    with float64():
        data = given.observed_data()
    profiled = CompiledFunction(
        lambda start: least_discrepancy((given, data), start, layout.start, *bounds, free)
    )
    searched = CompiledFunction(
        lambda start: bounded_minimum(
            discrepancy, (given, data), start, *bounds, free, derivatives=discrepancy_derivatives
        )
    )
    starts = np.where(free, _starts(layout, 20), layout.start)
    for start in starts:
        found, whole = profiled(start), searched(start)
        np.testing.assert_allclose(found.point, whole.point, rtol=1e-7, atol=1e-8)
        assert float(found.value) == pytest.approx(float(whole.value), rel=1e-10, abs=1e-12)
        assert float(found.decrement) <= 1e-9
        assert float(found.curvature) > 0


def test_a_factor_pressed_against_its_bound_stays_there():
    given = _given("uncorr_2bin_docs")
    place = bin_factors(given.layout).parameter[0]
    upper = given.layout.upper.copy()
    upper[place] = 1.0 - 0.05
    bounds, free = (given.layout.lower, upper), ~given.layout.fixed
    start = np.minimum(given.layout.start, upper)
    with float64():
        data = given.observed_data()
        found = least_discrepancy((given, data), start, start, *bounds, free)
        whole = bounded_minimum(
            discrepancy, (given, data), start, *bounds, free, derivatives=discrepancy_derivatives
        )
    assert float(found.point[place]) == upper[place]
    np.testing.assert_allclose(found.point, whole.point, rtol=1e-8)
