"""Products of simple factors, and sums of two of them, are found by linear algebra: exactly, and through noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from assay.discovery.factors import factors_of_products, factors_of_sums
from assay.discovery.operators import UNARY_OPERATORS, Operators
from assay.discovery.pairing import best_products
from assay.discovery.problem import Feature, Problem
from assay.discovery.separable import Pool, pairs_of_products, products_of_factors
from assay.numerics.expressions import compile_numpy
from assay.space.expressions import Expression
from assay.space.syntax import Name, Node

Array = np.ndarray

PERMITTED = Operators.of(["+", "-", "*", "/", "^"], UNARY_OPERATORS).permitted


def drawn(seed: int, **ranges: tuple[float, float]) -> dict[str, Array]:
    generator = np.random.default_rng(seed)
    return {name: generator.uniform(low, high, 60) for name, (low, high) in ranges.items()}


def problem(columns: dict[str, Array], target: Array) -> Problem:
    features = tuple(Feature(Name(name), values) for name, values in columns.items())
    return Problem(features, target, lambda node: node, np.ones(len(target)))


def least_error(nodes: list[Node], columns: dict[str, Array], target: Array) -> float:
    """The smallest largest error of some equations, beside the largest target."""
    with np.errstate(all="ignore"):
        errors = [np.abs(compile_numpy(Expression(node)).value(columns) - target).max() for node in nodes]
    return float(np.nanmin(errors) / np.abs(target).max())


@pytest.mark.parametrize(
    ("law", "ranges"),
    [
        (lambda m, v, c: m * v / np.sqrt(1 - v**2 / c**2), {"m": (1, 5), "v": (1, 2), "c": (3, 9)}),
        (lambda p, r, t: p * np.sin(t) * np.cos(t) / r**3, {"p": (1, 3), "r": (1, 3), "t": (1, 3)}),
        (lambda n, b, k: 0.3 * n / (b**2.5) * np.exp(-0.7 * b / k), {"n": (1, 5), "b": (1, 5), "k": (1, 5)}),
    ],
    ids=["Lorentz factor", "two waves", "exponential"],
)
def test_products_are_exact_without_noise(
    law: Callable[..., Array], ranges: dict[str, tuple[float, float]]
) -> None:
    columns = drawn(0, **ranges)
    target = law(**columns)
    case = problem(columns, target)
    nodes = list(products_of_factors(case, Pool.of(case, PERMITTED)))
    assert least_error(nodes, columns, target) < 1e-10


def test_one_product_is_the_first_through_noise() -> None:
    # The logarithm of what noise makes of the small values would mislead a fit to logarithms.
    columns = drawn(1, **dict.fromkeys(["n", "m", "x", "T"], (1.0, 5.0)))
    truth = columns["n"] * np.exp(-columns["m"] * columns["x"] / columns["T"])
    noise = 0.05 * np.sqrt(np.mean(truth**2)) * np.random.default_rng(2).standard_normal(60)
    case = problem(columns, truth + noise)
    first = next(pairs_of_products(case, Pool.of(case, PERMITTED)))
    assert least_error([first], columns, truth) < 0.05
    assert Expression(first).text.count("exp") == 1


def test_a_second_product_is_fitted_together_with_the_first() -> None:
    x = np.linspace(1.0, 3.0, 40)
    monomials = np.column_stack([x**power for power in (0, 1, 2)])
    factors = [Feature(Name(f"f{index}"), values) for index, values in enumerate([np.sin(x), np.exp(x)])]
    target = 2.0 * x**2 * np.exp(x) - 3.0 * np.sin(x)
    nodes = list(best_products(monomials, lambda index: Name(f"x{index}"), factors, target, np.ones(40)))
    values = {"x0": x**0, "x1": x, "x2": x**2, "f0": np.sin(x), "f1": np.exp(x)}
    assert least_error(nodes, values, target) < 1e-12


def test_factors_hold_only_what_is_permitted_and_have_powers() -> None:
    columns = drawn(3, a=(1.0, 2.0), b=(3.0, 4.0))
    features = [Feature(Name(name), values) for name, values in columns.items()]
    arithmetic = factors_of_products(features, {"+", "-", "*", "/", "^", "square"})
    assert {Expression(factor.node).text for factor in arithmetic} >= {"b - a", "a + b", "b^2 - a^2"}
    assert not any("(" in Expression(factor.node).text for factor in factors_of_sums(features, {"+"})[:1])
    for factor in (*arithmetic, *factors_of_products(features, PERMITTED)):
        assert np.isfinite(factor.values).all()
        value = compile_numpy(Expression(factor.node)).value(columns)
        np.testing.assert_allclose(factor.values, value, rtol=1e-12)
    assert not any("sin" in Expression(factor.node).text for factor in arithmetic)
