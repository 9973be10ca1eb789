"""Linear combinations."""

from __future__ import annotations

import numpy as np
import pytest
from tests.quantities.worlds import (
    BRUTE,
    BRUTE_POINT,
    POINTS,
    brute_values,
    check_against_brute_force,
    check_draw_gradient,
    check_moment_gradients,
    graph,
)

from assay.errors import UsageError
from assay.quantities.combination import LinearCombination, summands
from assay.quantities.quantity import Quantity
from assay.space.expressions import parse

NAMES = {"a": ["a0", "a1", "a2"], "b": ["b0"]}
PARAMETERS = ["x", "y", "z", "log_prob"]


def _combination(*coefficients: float | str) -> LinearCombination:
    parsed = tuple(parse(part, PARAMETERS) if isinstance(part, str) else part for part in coefficients)
    return LinearCombination("v", *summands("v", ["a2", "b", "a0"], NAMES), parsed)


def test_moments_are_those_of_brute_force_with_coefficients_that_depend_on_the_point() -> None:
    whole = graph({"v": _combination("x*log_prob", "y/z", -2.0, "x + 1")}, {"a": 3, "b": 1})
    quantity = Quantity(whole, "v")
    assert quantity.is_gaussian
    a, b = brute_values(whole, "a"), brute_values(whole, "b")
    x, y = 4.0 * BRUTE_POINT[:, 0] - 1.0, 100.0 ** BRUTE_POINT[:, 1]
    log_prob = -2.0 * ((BRUTE_POINT - 0.4) ** 2).sum(axis=1)
    draws = x * log_prob + y / 2.0 * a[:, :, 2] - 2.0 * b[:, :, 0] + (x + 1.0) * a[:, :, 0]
    check_against_brute_force(quantity, draws, count=BRUTE)


def test_gradients_go_through_coefficients_and_through_chains() -> None:
    whole = graph(
        {
            "v": _combination("x*log_prob", "y/z", -2.0, "x + 1"),
            "w": LinearCombination(
                "w",
                ("v", "a"),
                (1, 3),
                np.array([[0, 0], [1, 0]]),
                (0.5, parse("x^2", None), parse("sin(x)", None)),
            ),
        },
        {"a": 3, "b": 1},
    )
    for name in ("v", "w"):
        check_moment_gradients(Quantity(whole, name))
        check_draw_gradient(Quantity(whole, name))


def test_the_default_is_the_average_and_the_order_of_inputs_does_not_matter() -> None:
    forwards = LinearCombination("v", *summands("v", ["a", "b"], NAMES))
    backwards = LinearCombination("v", *summands("v", ["b", "a2", "a1", "a0"], NAMES))
    sizes = {"a": 3, "b": 1}
    one = Quantity(graph({"v": forwards}, sizes), "v")
    other = Quantity(graph({"v": backwards}, sizes), "v")
    parts = [one.graph.sources[name].mean_variance(POINTS)[0] for name in "ab"]
    np.testing.assert_allclose(
        one.mean_variance(POINTS)[0][:, 0], np.concatenate(parts, axis=1).mean(axis=1), rtol=1e-12
    )
    for left, right in zip(
        one.mean_variance_gradient(POINTS), other.mean_variance_gradient(POINTS), strict=True
    ):
        np.testing.assert_allclose(left, right, rtol=1e-10, atol=1e-12)


def test_a_difference_of_a_vector_with_itself_is_certain() -> None:
    whole = graph(
        {"v": LinearCombination("v", *summands("v", ["a0", "a0"], NAMES), (3.0, 1.0, -1.0))}, {"a": 3}
    )
    mean, variance = Quantity(whole, "v").mean_variance(POINTS)
    assert np.array_equal(mean, np.full((3, 1), 3.0))
    assert np.array_equal(variance, np.zeros((3, 1)))


def test_a_wrong_number_of_coefficients_and_unclear_names_are_refused() -> None:
    with pytest.raises(UsageError, match="needs 4 coefficients"):
        _combination(1.0, 2.0)
    with pytest.raises(UsageError, match="'c', which 0 of them have"):
        summands("v", ["c"], NAMES)
    with pytest.raises(UsageError, match="'p', which 2 of them have"):
        summands("v", ["p"], {"a": ["p"], "b": ["p"]})
