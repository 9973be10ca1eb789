"""Equations in other languages: rounded for reading, SymPy, source for NumPy."""

from __future__ import annotations

from typing import Any

from assay.errors import missing_extra
from assay.space.syntax import CONSTANTS, Binary, Call, Constant, Name, Node, Number, Unary

__all__ = ["rounded", "to_numpy", "to_sympy"]

DIGITS = 10
_NUMPY = {
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
}


def rounded(node: Node) -> Node:
    """The tree with its numbers to ten digits.

    Example:
        >>> from assay.space.expressions import Expression, parse
        >>> Expression(rounded(parse("0.30000000000000004*x", None).tree)).text
        '0.3*x'
    """
    match node:
        case Number(value):
            return Number(float(f"{value:.{DIGITS}g}"))
        case Unary(operand):
            return Unary(rounded(operand))
        case Binary("*", Number() as factor, right) if rounded(factor) == Number(1.0):
            return rounded(right)
        case Binary(operator, left, right):
            return Binary(operator, rounded(left), rounded(right))
        case Call(function, arguments):
            return Call(function, tuple(map(rounded, arguments)))
        case _:
            return node


def to_numpy(node: Node) -> str:
    """Python source with `np` for NumPy.

    Example:
        >>> from assay.space.expressions import parse
        >>> to_numpy(parse("2*sin(x)^2", None).tree)
        '(2.0 * (np.sin(x) ** 2.0))'
    """
    match node:
        case Number(value):
            return repr(value)
        case Constant(name):
            return "np.pi" if name == "PI" else "np.e"
        case Name(name):
            return name
        case Unary(operand):
            return f"(-{to_numpy(operand)})"
        case Binary(operator, left, right):
            return f"({to_numpy(left)} {'**' if operator == '^' else operator} {to_numpy(right)})"
        case Call(function, arguments):
            return f"np.{_NUMPY.get(function, function)}({', '.join(map(to_numpy, arguments))})"
        case _:
            raise TypeError(f"not a node of an equation: {node!r}")


def to_sympy(node: Node) -> Any:
    """An expression of SymPy, built without its parser, with positive symbols.

    Raises:
        MissingExtraError: without SymPy.
    """
    try:
        import sympy
    except ImportError:
        raise missing_extra("sympy", "discovery") from None
    match node:
        case Number(value):
            return sympy.Integer(int(value)) if value.is_integer() else sympy.Float(value)
        case Constant(name):
            return sympy.Float(CONSTANTS[name])
        case Name(name):
            return sympy.Symbol(name, real=True)
        case Unary(operand):
            return -to_sympy(operand)
        case Binary(operator, left, right):
            a, b = to_sympy(left), to_sympy(right)
            return {
                "+": lambda: a + b,
                "-": lambda: a - b,
                "*": lambda: a * b,
                "/": lambda: a / b,
                "^": lambda: a**b,
            }[operator]()
        case Call(function, (argument,)):
            return getattr(sympy, {"abs": "Abs"}.get(function, function))(to_sympy(argument))
        case _:
            raise TypeError(f"not a node of an equation: {node!r}")
