"""Expressions as functions of arrays: in NumPy with gradients by forward differentiation, and in JAX.

A comparison becomes its slack (positive where it holds), a chain the smallest slack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, final

import numpy as np

from assay.errors import missing_extra
from assay.numerics.elementary import SPECIAL_FUNCTIONS, applied, derivative
from assay.space.expressions import Expression, evaluate
from assay.space.syntax import CONSTANTS, Binary, Call, Comparison, Constant, Name, Node, Number, Unary

__all__ = ["CompiledExpression", "compile_jax", "compile_numpy"]

Array = np.ndarray
Derivatives = dict[str, Any]  # by name; what is left out is zero


@final
@dataclass(frozen=True)
class CompiledExpression:
    """An expression over NumPy arrays. Outside a function's domain values are NaN or infinite, without warnings."""

    expression: Expression

    def value(self, columns: Mapping[str, Array | float]) -> Array:
        """The value at arrays that broadcast together; of a comparison the slack."""
        tree = self.expression.tree
        with np.errstate(all="ignore"):
            value = _value(tree, self._engine, columns)
        return np.broadcast_to(np.asarray(value, dtype=float), _shape(columns, self.expression.names))

    def value_gradient(
        self, columns: Mapping[str, Array | float], wrt: Sequence[str]
    ) -> tuple[Array, dict[str, Array]]:
        """The value, and its derivative by each name in `wrt`, all of the broadcast shape.

        Where `max`, `min` or a chain ties, the derivative is the mean of those that tie.
        """
        tree = self.expression.tree
        shape = _shape(columns, (*self.expression.names, *wrt))
        with np.errstate(all="ignore"):
            value, derivatives = _dual(tree, self._engine, columns, frozenset(wrt))
        gradient = {
            name: np.broadcast_to(np.asarray(derivatives.get(name, 0.0), float), shape) for name in wrt
        }
        return np.broadcast_to(np.asarray(value, dtype=float), shape), gradient

    @property
    def _engine(self) -> _Engine:
        if not self._uses_special:
            return _Engine(np, None)
        import scipy.special  # a quarter of a second, for two functions

        return _Engine(np, scipy.special)

    @cached_property
    def _uses_special(self) -> bool:
        return _uses_special(self.expression.tree)


def compile_numpy(expression: Expression) -> CompiledExpression:
    """The expression as a function of NumPy arrays, with gradients.

    Example:
        >>> from assay.space.expressions import parse
        >>> compiled = compile_numpy(parse("x^2*y", ["x", "y"]))
        >>> value, gradient = compiled.value_gradient({"x": np.array([-3.0, 0.0]), "y": 2.0}, ["x", "y"])
        >>> value.tolist(), gradient["x"].tolist(), gradient["y"].tolist()
        ([18.0, 0.0], [-12.0, 0.0], [9.0, 0.0])
    """
    return CompiledExpression(expression)


def compile_jax(expression: Expression) -> Callable[[Mapping[str, Any]], Any]:
    """The expression as a JAX function of a mapping from names to arrays; it can be differentiated and mapped.

    Raises:
        MissingExtraError: without JAX.
    """
    try:
        import jax.numpy as jnp
        from jax.scipy import special
    except ImportError:
        raise missing_extra("jax", "jax") from None
    engine = _Engine(jnp, special)
    return lambda columns: _value(expression.tree, engine, columns)


@final
@dataclass(frozen=True)
class _Engine:
    xp: Any
    special: Any


def _uses_special(node: Node) -> bool:
    match node:
        case Call(function, arguments):
            return function in SPECIAL_FUNCTIONS or any(map(_uses_special, arguments))
        case Comparison(_, operands):
            return any(map(_uses_special, operands))
        case Binary(_, left, right):
            return _uses_special(left) or _uses_special(right)
        case Unary(operand):
            return _uses_special(operand)
        case _:
            return False


def _shape(columns: Mapping[str, Array | float], names: Sequence[str]) -> tuple[int, ...]:
    return np.broadcast_shapes(*(np.shape(columns[name]) for name in names if name in columns))


def _exponent(node: Node) -> int | None:
    """The exponent when it is one whole number: then the power has no branch point and finite derivatives."""
    if isinstance(node, Number):
        number = node.value
    elif isinstance(node, Name) or (expression := Expression(node)).names:
        return None
    else:
        number = evaluate(expression, {})
    return int(number) if number.is_integer() and abs(number) <= 1024 else None


def _slacks(operators: Sequence[str], sides: Sequence[Any], minus: Callable[[Any, Any], Any]) -> list[Any]:
    pairs = zip(operators, sides, sides[1:], strict=False)
    return [
        minus(right, left) if operator in ("<=", "<") else minus(left, right)
        for operator, left, right in pairs
    ]


# -- values: NumPy and JAX ---------------------------------------------------------------------------------


def _value(node: Node, engine: _Engine, columns: Mapping[str, Any]) -> Any:
    match node:
        case Number(value):
            return value
        case Constant(name):
            return CONSTANTS[name]
        case Name(name):
            return engine.xp.asarray(columns[name], dtype=float)
        case Unary(operand):
            return -_value(operand, engine, columns)
        case Binary("^", left, right) if (whole := _exponent(right)) is not None:
            return engine.xp.asarray(_value(left, engine, columns), dtype=float) ** whole
        case Binary(operator, left, right):
            return _combined(
                engine.xp, operator, _value(left, engine, columns), _value(right, engine, columns)
            )
        case Call("max" | "min" as function, arguments):
            choose = engine.xp.maximum if function == "max" else engine.xp.minimum
            return reduce(choose, [_value(argument, engine, columns) for argument in arguments])
        case Call(function, (argument,)):
            return applied(function, _value(argument, engine, columns), engine.xp, engine.special)
        case Comparison(operators, operands):
            sides = [_value(operand, engine, columns) for operand in operands]
            return reduce(engine.xp.minimum, _slacks(operators, sides, lambda a, b: a - b))
        case _:
            raise TypeError(f"not a node of an expression: {node!r}")


def _combined(xp: Any, operator: str, left: Any, right: Any) -> Any:
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    return xp.divide(left, right) if operator == "/" else xp.power(xp.asarray(left, dtype=float), right)


# -- values with derivatives: NumPy, forward mode ----------------------------------------------------------

_Dual = tuple[Any, Derivatives]


def _dual(node: Node, engine: _Engine, columns: Mapping[str, Any], wrt: frozenset[str]) -> _Dual:
    match node:
        case Name(name):
            return np.asarray(columns[name], dtype=float), {name: 1.0} if name in wrt else {}
        case Unary(operand):
            value, derivatives = _dual(operand, engine, columns, wrt)
            return -value, _scaled(derivatives, -1.0)
        case Binary("^", left, right) if (whole := _exponent(right)) is not None:
            value, derivatives = _dual(left, engine, columns, wrt)
            base = np.asarray(value, dtype=float)
            return base**whole, _scaled(derivatives, whole * base ** (whole - 1)) if whole else {}
        case Binary(operator, left, right):
            operands = _dual(left, engine, columns, wrt), _dual(right, engine, columns, wrt)
            return _binary_dual(operator, *operands)
        case Call("max" | "min" as function, arguments):
            return reduce(
                lambda one, other: _extreme(function, one, other),
                [_dual(argument, engine, columns, wrt) for argument in arguments],
            )
        case Call(function, (argument,)):
            inside, derivatives = _dual(argument, engine, columns, wrt)
            value = applied(function, inside, engine.xp, engine.special)
            return value, _scaled(
                derivatives, derivative(function, inside, value, engine.xp)
            ) if derivatives else {}
        case Comparison(operators, operands):
            sides = [_dual(operand, engine, columns, wrt) for operand in operands]
            slacks = _slacks(operators, sides, lambda a, b: (a[0] - b[0], _sum(a[1], _scaled(b[1], -1.0))))
            return reduce(lambda one, other: _extreme("min", one, other), slacks)
        case _:
            return _value(node, engine, columns), {}


def _binary_dual(operator: str, left: _Dual, right: _Dual) -> _Dual:
    (a, da), (b, db) = left, right
    value = _combined(np, operator, a, b)
    if operator == "+":
        return value, _sum(da, db)
    if operator == "-":
        return value, _sum(da, _scaled(db, -1.0))
    if operator == "*":
        return value, _sum(_scaled(da, b), _scaled(db, a))
    if operator == "/":
        return value, _sum(_scaled(da, np.divide(1.0, b)), _scaled(db, np.divide(-value, b)))
    by_base = _scaled(da, b * np.power(np.asarray(a, dtype=float), b - 1.0)) if da else {}
    # x^b log x tends to 0 with x for b > 0.
    by_exponent = _scaled(db, np.where((a == 0) & (b > 0), 0.0, value * np.log(a))) if db else {}
    return value, _sum(by_base, by_exponent)


def _extreme(function: str, left: _Dual, right: _Dual) -> _Dual:
    (a, da), (b, db) = left, right
    is_left = a > b if function == "max" else a < b
    weight = np.where(a == b, 0.5, np.where(np.isnan(a) | np.isnan(b), np.nan, is_left * 1.0))
    value = np.maximum(a, b) if function == "max" else np.minimum(a, b)
    return value, _sum(_picked(da, weight), _picked(db, 1.0 - weight))


def _picked(derivatives: Derivatives, weight: Array) -> Derivatives:
    """Weighted, where a weight of zero leaves nothing, not even of an infinite derivative."""
    return {name: np.where(weight == 0, 0.0, weight * entry) for name, entry in derivatives.items()}


def _scaled(derivatives: Derivatives, factor: Any) -> Derivatives:
    return {name: factor * entry for name, entry in derivatives.items()}


def _sum(left: Derivatives, right: Derivatives) -> Derivatives:
    both = {name: left[name] + right[name] for name in left if name in right}
    return {**left, **right, **both}
