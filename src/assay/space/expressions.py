"""Expressions that a user types: parsed by a whitelist to a tree of our own, never evaluated by Python.

`assay.numerics.expressions` compiles the tree to functions of arrays with gradients; what is here needs no
arrays: the value at one point, the names used, the text and the LaTeX.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import final

from assay.space.parser import parse_tree
from assay.space.printing import to_latex, to_text
from assay.space.syntax import CONSTANTS, Binary, Call, Comparison, Constant, Name, Node, Number, Unary

__all__ = ["Expression", "evaluate", "is_satisfied", "parse"]


@final
@dataclass(frozen=True)
class Expression:
    """A parsed expression. Two are equal when their trees are."""

    tree: Node

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names it uses, sorted."""
        return tuple(sorted(_names(self.tree)))

    @cached_property
    def text(self) -> str:
        """The canonical text; it parses to the same tree."""
        return to_text(self.tree)

    @property
    def is_comparison(self) -> bool:
        """Whether it is a comparison; its value is then the slack, positive inside."""
        return isinstance(self.tree, Comparison)

    def latex(self) -> str:
        """LaTeX for the mathematical mode."""
        return to_latex(self.tree)


def parse(
    text: str, names: Collection[str] | None, allow_comparison: bool = False, *, owner: str = "the expression"
) -> Expression:
    """Parse the text of an expression.

    The language: + - * / ^ (or **), parentheses, numbers, PI, E, the functions sqrt sin cos tan asin acos atan sinh
    cosh tanh asinh acosh atanh exp log log10 erf erfinv abs trunc round sign, max and min of one or more, and names.
    A power binds tighter than a sign on its left: -x^2 is -(x^2).

    Arguments:
        text: at most 2000 characters, 500 nodes, 60 levels of nesting.
        names: the names that may occur ("log_prob" too where it is defined); None allows any that is not reserved.
        allow_comparison: whether a comparison such as `a <= b < c` may stand at the root.
        owner: whose it is, for the error.

    Raises:
        ExpressionError: when the text is not in the language; one sentence with the column.

    Example:
        >>> parse("2*x**2 - y", ["x", "y"]).text
        '2*x^2 - y'
    """
    return Expression(parse_tree(text, names, allow_comparison, owner))


def evaluate(expression: Expression, values: Mapping[str, float]) -> float:
    """The value at one point; of a comparison the slack, of a chain the smallest.

    Nothing is raised for a number outside a function's domain: as in IEEE arithmetic the answer is infinite or NaN.

    Example:
        >>> evaluate(parse("x^2 + y^2 <= 1", ["x", "y"], allow_comparison=True), {"x": 0.5, "y": 0.5})
        0.5
    """
    return _value(expression.tree, values)


def is_satisfied(expression: Expression, values: Mapping[str, float]) -> bool:
    """Whether a comparison holds at one point, exactly; one that gives NaN does not.

    Example:
        >>> is_satisfied(parse("x < 1", ["x"], allow_comparison=True), {"x": 1.0})
        False
    """
    tree = expression.tree
    if not isinstance(tree, Comparison):
        raise TypeError(f"only a comparison can be satisfied, got {expression.text!r}")
    for operator, slack in zip(tree.operators, _slacks(tree, values), strict=True):
        if not (slack > 0 if operator in ("<", ">") else slack >= 0):
            return False
    return True


def _names(node: Node) -> set[str]:
    match node:
        case Name(name):
            return {name}
        case Unary(operand):
            return _names(operand)
        case Binary(_, left, right):
            return _names(left) | _names(right)
        case Call(_, children) | Comparison(_, children):
            found: set[str] = set()
            for child in children:
                found |= _names(child)
            return found
        case _:
            return set()


def _value(node: Node, values: Mapping[str, float]) -> float:
    match node:
        case Number(value):
            return value
        case Constant(name):
            return CONSTANTS[name]
        case Name(name):
            return float(values[name])
        case Unary(operand):
            return -_value(operand, values)
        case Binary(operator, left, right):
            return _OPERATORS[operator](_value(left, values), _value(right, values))
        case Call("max" | "min" as function, arguments):
            result = math.nan
            for index, argument in enumerate(arguments):
                value = _value(argument, values)
                if (
                    index == 0
                    or math.isnan(value)
                    or (value > result if function == "max" else value < result)
                ):
                    result = value
                if math.isnan(result):
                    return result
            return result
        case Call(function, (argument,)):
            return _applied(function, _value(argument, values))
        case Comparison():
            slacks = _slacks(node, values)
            return math.nan if any(map(math.isnan, slacks)) else min(slacks)
        case _:
            raise TypeError(f"not a node of an expression: {node!r}")


def _slacks(tree: Comparison, values: Mapping[str, float]) -> list[float]:
    sides = []
    for operand in tree.operands:
        sides.append(_value(operand, values))
    return [
        right - left if operator in ("<=", "<") else left - right
        for operator, left, right in zip(tree.operators, sides, sides[1:], strict=False)
    ]


# -- IEEE arithmetic on plain floats: Python's own raises where the standard has infinity or NaN --------------


def _divide(left: float, right: float) -> float:
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left) or math.isnan(right):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _power(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and exponent % 2 == 1 else math.inf
    except ValueError:  # a negative base with a broken exponent, or zero to a negative power
        if base != 0:
            return math.nan
        return math.copysign(math.inf, base) if exponent % 2 == 1 else math.inf


_OPERATORS: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divide,
    "^": _power,
}


def _inverse_error_function(x: float) -> float:
    if not -1 < x < 1:
        return math.copysign(math.inf, x) if abs(x) == 1 else math.nan
    size = abs(x)
    if size == 0:
        return x
    guess = (
        -NormalDist().inv_cdf((1 - size) / 2) / math.sqrt(2) if size > 1e-8 else size * math.sqrt(math.pi) / 2
    )
    for _ in range(2):  # Halley; the complement keeps its digits in the tail
        error = (1 - size) - math.erfc(guess) if size > 0.5 else math.erf(guess) - size
        step = error * math.sqrt(math.pi) / 2 * math.exp(guess * guess)
        guess -= step / (1 + guess * step)
    return math.copysign(guess, x)


def _sign(x: float) -> float:
    return x if math.isnan(x) else float((x > 0) - (x < 0))


def _logarithm(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda x: -math.inf if x == 0 else function(x)


def _inverse_hyperbolic_tangent(x: float) -> float:
    return math.copysign(math.inf, x) if abs(x) == 1 else math.atanh(x)


_FUNCTIONS: Mapping[str, Callable[[float], float]] = {
    **{
        name: getattr(math, name)
        for name in [
            "sqrt",
            "sin",
            "cos",
            "tan",
            "asin",
            "acos",
            "atan",
            "tanh",
            "asinh",
            "acosh",
            "exp",
            "erf",
        ]
    },
    "sinh": math.sinh,
    "cosh": math.cosh,
    "atanh": _inverse_hyperbolic_tangent,
    "log": _logarithm(math.log),
    "log10": _logarithm(math.log10),
    "erfinv": _inverse_error_function,
    "abs": abs,
    "trunc": lambda x: math.copysign(math.trunc(x), x) if math.isfinite(x) else x,
    "round": lambda x: round(x, 0),
    "sign": _sign,
}


def _applied(function: str, argument: float) -> float:
    try:
        return _FUNCTIONS[function](argument)
    except OverflowError:  # exp, sinh, cosh
        return math.copysign(math.inf, argument) if function == "sinh" else math.inf
    except ValueError:  # outside the domain
        return math.nan
