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

QUANTITIES = {
    "log_cls": lambda given: asymptotic_test(given, given.observed_data(), 0.8).log_cls,
    "median": lambda given: asymptotic_test(given, given.observed_data(), 0.8).log_expected[2],
    "log_p0": lambda given: asymptotic_test(given, given.observed_data(), statistic="q0").log_p,
    "limit": lambda given: asymptotic_limit(given, given.observed_data()).point,
}
LEAVES = (
    "nominal", "histosys_high", "histosys_low", "normsys_high", "normsys_low", "staterror", "shapesys", "observed",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("quantity", list(QUANTITIES))
def test_every_yield_variation_and_count_has_its_derivative(quantity):
    given = model("kitchen_sink_all_modifiers")
    value = CompiledFunction(QUANTITIES[quantity])
    gradient = CompiledFunction(jax.grad(QUANTITIES[quantity]))(given)
    for leaf in LEAVES:
        numbers = getattr(given, leaf)
        found = np.asarray(getattr(gradient, leaf))
        wanted = np.zeros(len(numbers))
        for place, number in enumerate(numbers):
            step = 1e-4 * max(abs(number), 1e-2)
            sides = []
            for shift in (2 * step, step, -step, -2 * step):
                moved = numbers.copy()
                moved[place] += shift
                sides.append(float(value(replace(given, **{leaf: moved}))))
            wanted[place] = (-sides[0] + 8 * sides[1] - 8 * sides[2] + sides[3]) / (12 * step)
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max(), err_msg=leaf)


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
