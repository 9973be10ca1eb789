"""Derivatives of p-values and limits against differences of tight fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.hep.references import model

from assay.hep.asymptotic import asymptotic_test
from assay.hep.limits import asymptotic_limit
from assay.numerics.compile import CompiledFunction, float64, jax_module

jax = jax_module()

QUANTITIES = ("log CLs", "its median", "log p0", "the limit")
LEAVES = (
    "nominal", "histosys_high", "histosys_low", "normsys_high", "normsys_low", "staterror", "shapesys", "observed",
)  # fmt: skip
SHIFTS = (2.0, 1.0, -1.0, -2.0)
WEIGHTS = np.array([-1.0, 8.0, -8.0, 1.0]) / 12.0  # of the differences of fourth order at those shifts


def _quantities(given):
    data = given.observed_data()
    tested = asymptotic_test(given, data, 0.8)
    return jax.numpy.stack(
        [
            tested.log_cls,
            tested.log_expected[2],
            asymptotic_test(given, data, statistic="q0").log_p,
            asymptotic_limit(given, data).point,
        ]
    )


@pytest.fixture(scope="module")
def derivatives():
    """By leaf, (quantities, entries): the derivatives, and differences of tight fits; each program is compiled once."""
    given = model("kitchen_sink_all_modifiers")
    moved, steps = [], {}
    for leaf in LEAVES:
        numbers = getattr(given, leaf)
        steps[leaf] = 1e-4 * np.maximum(np.abs(numbers), 1e-2)
        for place, step in enumerate(steps[leaf]):
            for shift in SHIFTS:
                changed = numbers.copy()
                changed[place] += shift * step
                moved.append(replace(given, **{leaf: changed}))
    stacked = jax.tree_util.tree_map(lambda *parts: np.stack(parts), *moved)
    values = np.asarray(CompiledFunction(lambda some: jax.lax.map(_quantities, some))(stacked))
    slopes = CompiledFunction(jax.jacrev(_quantities))(given)
    found, first = {}, 0
    for leaf in LEAVES:
        count = len(steps[leaf])
        part = values[first : first + 4 * count].reshape(count, 4, len(QUANTITIES))
        first += 4 * count
        differences = np.einsum("s,psq->qp", WEIGHTS, part) / steps[leaf]
        found[leaf] = np.asarray(getattr(slopes, leaf)), differences
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_yield_variation_and_count_has_its_derivative(quantity, derivatives):
    row = QUANTITIES.index(quantity)
    for leaf, (found, wanted) in derivatives.items():
        assert np.abs(wanted[row]).max() > 0
        tolerance = 1e-5 * np.abs(wanted[row]).max()
        np.testing.assert_allclose(found[row], wanted[row], rtol=1e-5, atol=tolerance, err_msg=leaf)


def test_the_derivative_of_cls_in_the_tested_value():
    given = model("uncorr_2bin_docs")

    def log_cls(value):
        return asymptotic_test(given, given.observed_data(), value).log_cls

    value, slope = CompiledFunction(log_cls), CompiledFunction(jax.grad(log_cls))
    difference = (float(value(1.001)) - float(value(0.999))) / 0.002
    assert float(slope(1.0)) == pytest.approx(difference, rel=1e-6)


def test_nothing_new_is_compiled_for_new_yields():
    from assay.hep.hypothesis import _one_program, hypothesis_test

    given = model("uncorr_2bin_docs")
    hypothesis_test(given)
    before = _one_program.compilations
    other = hypothesis_test(replace(given, nominal=1.1 * given.nominal, observed=given.observed + 3.0), 1.3)
    assert other.status == ""
    assert _one_program.compilations == before


def test_a_statistic_of_zero_has_no_nan_in_its_derivative():
    given = model("uncorr_2bin_docs")  # fewer events than expected: q0 is 0 and p0 exactly a half

    def log_p0(scale):
        return asymptotic_test(
            replace(given, nominal=scale * given.nominal), given.observed_data(), statistic="q0"
        ).log_p

    with float64():
        assert float(log_p0(1.0)) == pytest.approx(np.log(0.5), abs=1e-15)
        assert float(jax.grad(log_p0)(1.0)) == 0.0
