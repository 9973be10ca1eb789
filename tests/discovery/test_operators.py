"""Operators that users name, limits on what stands below them, and own ones written out."""

from __future__ import annotations

import numpy as np
import pytest

from assay.discovery.allowed import Allowed, Constraints, depth
from assay.discovery.operators import Operators, OwnOperator
from assay.errors import ExpressionError, UsageError
from assay.numerics.expressions import compile_numpy
from assay.space.expressions import Expression, parse
from assay.space.syntax import Name, Node


def tree(text: str) -> Node:
    return parse(text, None).tree


def test_an_own_operator_is_its_body_with_its_arguments() -> None:
    operators = Operators.of(["+", "f(x, y) = x^2*y"], [])
    node = operators.parsed("f(a + 1, f(b, c))", ["a", "b", "c"], "it")
    values = {"a": np.array([2.0]), "b": np.array([3.0]), "c": np.array([5.0])}
    assert compile_numpy(Expression(node)).value(values) == pytest.approx([(2 + 1) ** 2 * (3**2 * 5)])


def test_arguments_that_share_names_with_the_definition_are_not_mixed_up() -> None:
    own = OwnOperator.of("f(x, y) = x - y")
    assert Expression(own.applied([Name("y"), Name("x")])).text == "y - x"


@pytest.mark.parametrize(
    ("text", "meant"),
    [("square(x)", "x^2"), ("cube(x)", "x^3"), ("inv(x)", "1/x"), ("neg(x)", "-x"), ("pow(x, 1.5)", "x^1.5")],
)
def test_shorthands_are_written_out(text: str, meant: str) -> None:
    assert Operators.of(["+"], []).parsed(text, ["x"], "it") == tree(meant)


@pytest.mark.parametrize(
    ("binary", "unary", "text", "permitted"),
    [
        (["+", "*"], [], "x*y + 2*x^2", True),
        (["+", "*"], [], "x/y", False),
        (["+"], ["square"], "x^2 + y", True),
        (["+"], ["square"], "x^3 + y", False),
        (["+"], ["inv"], "1/x + y", True),
        (["+"], ["inv"], "y/x", False),
        (["*", "^"], [], "x*sqrt(y)/z", True),
        (["+", "*"], ["log10"], "0.4342944819*log(x)", True),
        (["+", "f(x, y) = x*sin(y)"], [], "x*sin(y)", True),
        (["-"], [], "x + y", False),
    ],
)
def test_equations_hold_only_what_was_named(
    binary: list[str], unary: list[str], text: str, permitted: bool
) -> None:
    assert Operators.of(binary, unary).permit(tree(text)) is permitted


@pytest.mark.parametrize(
    ("constraints", "nested", "text", "permitted"),
    [
        ({"pow": (-1, 1)}, None, "(x + y)^2.5", True),
        ({"^": (1, -1)}, None, "(x + y)^2.5", False),
        ({"pow": (-1, 2)}, None, "x^(y + z)", False),
        ({"sin": 1}, None, "sin(x)", True),
        ({"sin": 1}, None, "y + sin(2*x)", False),
        (None, {"sin": {"cos": 0}}, "sin(x) + cos(x)", True),
        (None, {"sin": {"cos": 0}}, "sin(x + cos(x))", False),
        (None, {"exp": {"exp": 1}}, "exp(exp(x))", True),
        (None, {"exp": {"exp": 1}}, "exp(exp(exp(x)))", False),
        (None, {"exp": {"exp": -1}}, "exp(exp(exp(x)))", True),
        ({"square": 1}, None, "x^2 + (y + z)^3", True),
        ({"square": 1}, None, "(y + z)^2", False),
        (None, {"square": {"square": 0}}, "(x^2 + y)^2", False),
    ],
)
def test_limits_hold_below_operators(
    constraints: dict[str, object] | None,
    nested: dict[str, dict[str, int]] | None,
    text: str,
    permitted: bool,
) -> None:
    assert Constraints.of(constraints, nested).permit(tree(text)) is permitted


@pytest.mark.parametrize(
    ("text", "levels"), [("a", 1), ("a + b + c + d", 3), ("a*b*c*d*e", 4), ("sin(exp(a))", 3), ("a - 2", 2)]
)
def test_depth_is_that_of_the_flattest_tree(text: str, levels: int) -> None:
    assert depth(tree(text)) == levels
    assert Allowed(Operators.of(["+", "-", "*"], ["sin", "exp"]), 50, levels).permits(tree(text))
    assert levels == 1 or not Allowed(Operators.of(["+", "-", "*"], ["sin", "exp"]), 50, levels - 1).permits(
        tree(text)
    )


@pytest.mark.parametrize(
    ("binary", "unary", "message"),
    [
        (["%"], [], r"a binary operator must be one of \+ - \* / \^, or a definition .* got '%'"),
        (["+"], ["sinus"], "a unary operator must be one of .* got 'sinus'"),
        (["f(x) = y"], [], "the own operator 'f' 'y' may use only the names known here"),
        (["sin(x) = x"], [], "must have a name that is not taken, got 'sin'"),
        (["f(x, x) = x"], [], "must be different words"),
        (["f = x"], [], "must read like"),
        (["f(x) = x", "f(y) = 2*y"], [], "must have different names"),
        ("+", [], "must be a list of texts"),
    ],
)
def test_operators_that_cannot_be_are_refused(binary: list[str], unary: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Operators.of(binary, unary)


@pytest.mark.parametrize(
    ("constraints", "nested", "message"),
    [
        ({"pow": 2}, None, "must be 2 whole numbers"),
        ({"sin": (1, 2)}, None, "must be 1 whole number from -1 on"),
        ({"sinus": 1}, None, "must name operators"),
        (None, {"sin": 2}, "must be like"),
        (None, {"sin": {"cos": -2}}, "must be like"),
    ],
)
def test_limits_that_cannot_be_are_refused(
    constraints: dict[str, object] | None, nested: dict[str, dict[str, int]] | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Constraints.of(constraints, nested)


def test_a_wrong_number_of_arguments_is_refused() -> None:
    operators = Operators.of(["f(x, y) = x*y"], [])
    with pytest.raises(UsageError, match="takes 2 arguments, got 1"):
        operators.parsed("f(a)", ["a"], "it")
    with pytest.raises(ExpressionError, match="fixed number of arguments"):
        operators.parsed("square(a, a)", ["a"], "it")
