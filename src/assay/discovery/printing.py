"""Equations in other languages: rounded for reading, SymPy, source for NumPy, JAX and C."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assay.errors import UsageError, missing_extra
from assay.space.syntax import CONSTANTS, Binary, Call, Constant, Name, Node, Number, Unary

__all__ = ["rounded", "to_c", "to_jax", "to_numpy", "to_sympy"]

DIGITS = 10
_NUMPY = {
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
}
_C = {"abs": "fabs"}
_WITHOUT_C = frozenset({"erfinv", "sign"})
_C_WORDS = frozenset(
    [
        *(
            "auto",
            "break",
            "case",
            "char",
            "const",
            "continue",
            "default",
            "do",
            "double",
            "else",
            "enum",
            "extern",
        ),
        *(
            "float",
            "for",
            "goto",
            "if",
            "inline",
            "int",
            "long",
            "main",
            "register",
            "restrict",
            "return",
            "short",
        ),
        *(
            "signed",
            "sizeof",
            "static",
            "struct",
            "switch",
            "typedef",
            "union",
            "unsigned",
            "void",
            "volatile",
            "while",
        ),
    ]
)


def rounded(node: Node) -> Node:
    """The tree with its numbers to ten digits, and signs where one writes them.

    Example:
        >>> from assay.space.expressions import Expression, parse
        >>> Expression(rounded(parse("-(0.30000000000000004*x)", None).tree)).text
        '-0.3*x'
    """
    match node:
        case Number(value):
            return Number(float(f"{value:.{DIGITS}g}"))
        case Unary(operand):
            return _negative(rounded(operand))
        case Binary("*", Number() as factor, right) if rounded(factor) == Number(1.0):
            return rounded(right)
        case Binary(operator, left, right):
            return Binary(operator, rounded(left), rounded(right))
        case Call(function, arguments):
            return Call(function, tuple(map(rounded, arguments)))
        case _:
            return node


def _negative(node: Node) -> Node:
    """The negative of a tree, with the sign at the first factor of a product."""
    match node:
        case Binary("*" | "/" as operator, left, right):
            return Binary(operator, _negative(left), right)
        case _:
            return Unary(node)


def to_numpy(node: Node) -> str:
    """Python source with `np` for NumPy, and `special` for `scipy.special` where it needs that.

    Example:
        >>> from assay.space.expressions import parse
        >>> to_numpy(parse("2*sin(x)^2", None).tree)
        '(2.0 * (np.sin(x) ** 2.0))'
    """
    return _python(node, "np", "special")


def to_jax(node: Node) -> str:
    """Python source with `jnp` for `jax.numpy`, and `special` for `jax.scipy.special` where it needs that.

    Whole powers keep whole exponents, whose derivatives are finite at zero.

    Example:
        >>> from assay.space.expressions import parse
        >>> to_jax(parse("2*sin(x)^2", None).tree)
        '(2.0 * (jnp.sin(x) ** 2))'
    """
    return _python(node, "jnp", "special", whole=True)


def to_c(node: Node, function: str, arguments: Sequence[str]) -> str:
    """A function in C99 that takes and returns double.

    Arguments:
        function: its name.
        arguments: their names, in order.

    Raises:
        UsageError: for a name that C keeps for itself, and a function that its library does not have.

    Example:
        >>> from assay.space.expressions import parse
        >>> print(to_c(parse("2*sin(x)^2", None).tree, "law", ["x"]))
        #include <math.h>
        <BLANKLINE>
        double law(double x)
        {
            return (2.0 * pow(sin(x), 2.0));
        }
    """
    for word in (function, *arguments):
        if word in _C_WORDS or not word.isascii():
            raise UsageError(
                f"a name in C must be a word of ASCII letters that is none of its own, got {word!r}"
            )
    given = ", ".join(f"double {name}" for name in arguments) or "void"
    return f"#include <math.h>\n\ndouble {function}({given})\n{{\n    return {_c(node)};\n}}"


def to_sympy(node: Node) -> Any:
    """An expression of SymPy, built without its parser, with real symbols.

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
            return _SYMPY_OPERATORS[operator](to_sympy(left), to_sympy(right))
        case Call("log10", (argument,)):
            return sympy.log(to_sympy(argument), 10)
        case Call(function, (argument,)):
            return getattr(sympy, {"abs": "Abs"}.get(function, function))(to_sympy(argument))
        case _:
            raise TypeError(f"not a node of an equation: {node!r}")


_SYMPY_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: a**b,
}


def _python(node: Node, library: str, special: str, *, whole: bool = False) -> str:
    def written(part: Node) -> str:
        return _python(part, library, special, whole=whole)

    match node:
        case Number(value):
            return repr(value)
        case Constant(name):
            return f"{library}.{name.lower()}"
        case Name(name):
            return name
        case Unary(operand):
            return f"(-{written(operand)})"
        case Binary("^", left, Number(value)) if whole and value.is_integer():
            return f"({written(left)} ** {int(value)})"
        case Binary(operator, left, right):
            return f"({written(left)} {'**' if operator == '^' else operator} {written(right)})"
        case Call(function, arguments):
            home = special if function in ("erf", "erfinv") else library
            return f"{home}.{_NUMPY.get(function, function)}({', '.join(map(written, arguments))})"
        case _:
            raise TypeError(f"not a node of an equation: {node!r}")


def _c(node: Node) -> str:
    match node:
        case Number(value):
            return repr(value)
        case Constant(name):
            return repr(CONSTANTS[name])
        case Name(name):
            return name
        case Unary(operand):
            return f"(-{_c(operand)})"
        case Binary("^", left, right):
            return f"pow({_c(left)}, {_c(right)})"
        case Binary(operator, left, right):
            return f"({_c(left)} {operator} {_c(right)})"
        case Call(function, (argument,)) if function not in _WITHOUT_C:
            return f"{_C.get(function, function)}({_c(argument)})"
        case Call(function):
            raise UsageError(f"an equation in C may hold functions of its library, got {function!r}")
        case _:
            raise TypeError(f"not a node of an equation: {node!r}")
