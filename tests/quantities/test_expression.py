"""Expressions of outputs, variables and parameters."""

from __future__ import annotations

import numpy as np
import pytest
from tests.quantities.worlds import (
    BRUTE_POINT,
    POINTS,
    brute_values,
    check_against_brute_force,
    check_draw_gradient,
    check_moment_gradients,
    graph,
    log_density,
)

from assay.errors import UsageError
from assay.quantities.chi_squared import ChiSquaredValue
from assay.quantities.expression import expression_variable
from assay.quantities.quantity import Quantity
from assay.space.expressions import parse

NAMES = {"a": ["a0", "a1"], "b": ["b0"], "chi2": ["chi2"]}
PARAMETERS = ["x", "y", "z", "log_prob"]
KNOWN = [*PARAMETERS, "a", "a0", "a1", "b", "b0", "chi2"]


def _quantity(text: str, samples: int = 512) -> Quantity:
    chi2 = ChiSquaredValue("chi2", "a", np.array([0.5, 1.0]), np.array([1.0, 0.2]))
    variable = expression_variable("v", parse(text, KNOWN), NAMES, PARAMETERS)
    return Quantity(graph({"chi2": chi2, "v": variable}, {"a": 2, "b": 1}, samples=samples), "v")


def test_moments_and_quantiles_are_those_of_brute_force() -> None:
    samples = 4096
    quantity = _quantity("a0*exp(b/4)/z + x*a1^2 - log_prob + sqrt(chi2)", samples)
    a, b = (brute_values(quantity.graph, name) for name in "ab")
    chi2 = (a[:, :, 0] - 0.5) ** 2 + (a[:, :, 1] - 1.0) ** 2 / 0.2
    x = 4.0 * BRUTE_POINT[:, 0] - 1.0
    draws = a[:, :, 0] * np.exp(b[:, :, 0] / 4.0) / 2.0 + x * a[:, :, 1] ** 2 + np.sqrt(chi2)
    check_against_brute_force(quantity, draws - log_density(BRUTE_POINT)[0], count=samples)


@pytest.mark.parametrize("text", ["a0*exp(b/4)/z + x*a1^2 - log_prob*y", "sqrt(chi2) + a0", "x*y + log_prob"])
def test_gradients(text: str) -> None:
    quantity = _quantity(text, 32)
    check_moment_gradients(quantity)
    check_draw_gradient(quantity)


def test_draws_are_joint_with_what_they_come_from() -> None:
    """The expression of a draw is the draw of the expression."""
    quantity = _quantity("2*chi2 - 2*a0^2")
    normal = np.random.default_rng(0).standard_normal((9, quantity.normal_dimension))
    chi2, a = (Quantity(quantity.graph, name).draw(POINTS, normal) for name in ("chi2", "a"))
    expected = 2.0 * chi2[:, :, 0] - 2.0 * a[:, :, 0] ** 2
    np.testing.assert_allclose(quantity.draw(POINTS, normal)[:, :, 0], expected, rtol=1e-9, atol=1e-9)


def test_names_that_stand_for_nothing_or_for_several_things_are_refused() -> None:
    with pytest.raises(UsageError, match="got 'a', which nothing has"):
        expression_variable("v", parse("a + 1", KNOWN), NAMES, PARAMETERS)
    with pytest.raises(UsageError, match="got 'x', which 2 things have"):
        expression_variable("v", parse("x", KNOWN), {"x": ["x0"]}, PARAMETERS)
