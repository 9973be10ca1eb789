"""Expressions as sums of products: like terms merged, constants folded, so that equal laws look equal.

    sum = Σ coefficient · Π factor^exponent

A factor is a name, a function of a sum, a sum of its own (kept as one where multiplying it out would need more
coefficients than it has), or a sum to a power that is not a number. Rewriting takes bases of powers as positive: what is
wrong elsewhere shows at the next fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from typing import final

from assay.space.syntax import CONSTANTS, Binary, Call, Constant, Name, Node, Number, Unary

__all__ = ["Applied", "Group", "Power", "Sum", "canonical", "number", "rebuilt", "size"]

Leaf = Callable[[float], Node]


@final
@dataclass(frozen=True)
class Applied:
    """A function of a sum."""

    function: str
    argument: Sum


@final
@dataclass(frozen=True)
class Group:
    """A sum of several terms, the first with the coefficient 1."""

    inside: Sum


@final
@dataclass(frozen=True)
class Power:
    """A sum to a power that varies."""

    base: Sum
    exponent: Sum


Factor = str | Applied | Group | Power
Product = tuple[tuple[Factor, float], ...]


@final
@dataclass(frozen=True)
class Sum:
    """Products with coefficients, in an order of their own; without terms it is zero."""

    terms: tuple[tuple[Product, float], ...]

    @property
    def constant(self) -> float | None:
        """Its value when nothing in it varies."""
        if not self.terms:
            return 0.0
        (product, coefficient), *others = self.terms
        return coefficient if not product and not others else None


def canonical(node: Node, *, multiply_out: bool = False) -> Sum:
    """The expression as a sum of products.

    Arguments:
        node: of + - * / ^ and functions of one argument.
        multiply_out: whether products of sums are, rather than kept as factors.

    Example:
        >>> from assay.space.expressions import parse
        >>> one, other = parse("x*(2*y + x) + 3*x*y", None), parse("5*x*y + x^2", None)
        >>> canonical(one.tree, multiply_out=True) == canonical(other.tree)
        True
    """
    match node:
        case Number(value):
            return _sum([((), value)])
        case Constant(name):
            return _sum([((), CONSTANTS[name])])
        case Name(name):
            return _factor(name)
        case Unary(operand):
            return _scaled(canonical(operand, multiply_out=multiply_out), -1.0)
        case Binary(operator, left, right):
            one, other = (canonical(side, multiply_out=multiply_out) for side in (left, right))
            return _combined(operator, one, other, multiply_out)
        case Call(function, (argument,)):
            return _applied(function, canonical(argument, multiply_out=multiply_out))
        case _:
            raise TypeError(f"an equation holds + - * / ^ and functions of one argument, got {node!r}")


def rebuilt(whole: Sum, leaf: Leaf) -> Node:
    """The tree of a sum, with `leaf(value)` for each coefficient that may be fitted, always in the same order.

    Exponents that are multiples of a half, and the ones in front of a group's first term, are part of the form; a leaf that
    is the number 1 is left out of its product.
    """
    if not whole.terms:
        return Number(0.0)
    tree: Node | None = None
    for product, coefficient in whole.terms:
        term, is_negative = _term(product, leaf(coefficient), leaf)
        if tree is None:
            tree = Unary(term) if is_negative else term
        else:
            tree = Binary("-" if is_negative else "+", tree, term)
    assert tree is not None
    return tree


def number(value: float) -> Node:
    """A literal, with its sign beside it."""
    return (
        Unary(Number(-value)) if value < 0 or (value == 0 and math.copysign(1, value) < 0) else Number(value)
    )


def size(node: Node) -> int:
    """The number of nodes; a sign in front of a number is part of it.

    Example:
        >>> from assay.space.expressions import parse
        >>> size(parse("a + 2*b", None).tree)
        5
    """
    match node:
        case Unary(operand):
            return size(operand) + (0 if isinstance(operand, Number) else 1)
        case Binary(_, left, right):
            return 1 + size(left) + size(right)
        case Call(_, arguments):
            return 1 + sum(map(size, arguments))
        case _:
            return 1


# -- to a sum ----------------------------------------------------------------------------------------------


def _sum(terms: Iterable[tuple[Product, float]]) -> Sum:
    merged: dict[Product, float] = {}
    for product, coefficient in terms:
        merged[product] = merged.get(product, 0.0) + coefficient
    kept = [(product, value) for product, value in merged.items() if value != 0.0]
    return Sum(tuple(sorted(kept, key=lambda term: (bool(term[0]), repr(term[0])))))


def _factor(factor: Factor, exponent: float = 1.0) -> Sum:
    return _sum([(((factor, exponent),), 1.0)])


def _scaled(whole: Sum, by: float) -> Sum:
    return _sum((product, by * value) for product, value in whole.terms)


def _added(left: Sum, right: Sum) -> Sum:
    return _sum([*left.terms, *right.terms])


def _combined(operator: str, left: Sum, right: Sum, multiply_out: bool) -> Sum:
    if operator == "+":
        return _added(left, right)
    if operator == "-":
        return _added(left, _scaled(right, -1.0))
    if operator == "*":
        return _multiplied(left, right, multiply_out)
    if operator == "/":
        return _multiplied(left, _to_power(right, -1.0), multiply_out)
    exponent = right.constant
    if exponent is not None:
        return _to_power(left, exponent)
    base = left.constant
    if base is not None and base > 0:
        return _applied("exp", _scaled(right, math.log(base)))
    return _factor(Power(left, right))


def _multiplied(left: Sum, right: Sum, multiply_out: bool) -> Sum:
    if not multiply_out and left.constant is None and right.constant is None:
        left, right = (_to_power(side, 1.0, keep=len(side.terms) > 1) for side in (left, right))
    return _sum((_joined(one, other), a * b) for one, a in left.terms for other, b in right.terms)


def _joined(one: Product, other: Product) -> Product:
    exponents: dict[Factor, float] = dict(one)
    for factor, exponent in other:
        exponents[factor] = exponents.get(factor, 0.0) + exponent
    kept = [(factor, exponent) for factor, exponent in exponents.items() if abs(exponent) > 1e-12]
    return tuple(sorted(kept, key=repr))


def _to_power(whole: Sum, exponent: float, *, keep: bool = False) -> Sum:
    if exponent == 0:
        return _sum([((), 1.0)])
    if exponent == 1 and not keep:
        return whole
    if not whole.terms:
        return _sum([((), 0.0 if exponent > 0 else math.inf)])
    (first, leading), *others = whole.terms
    is_whole = float(exponent).is_integer()
    if not others:
        factor = (leading if is_whole else abs(leading)) ** exponent
        return _sum([(tuple((one, power * exponent) for one, power in first), factor)])
    scale = leading if is_whole else abs(leading)
    inside = _scaled(whole, 1.0 / scale)
    return _sum([(((Group(inside), exponent),), scale**exponent)])


def _applied(function: str, argument: Sum) -> Sum:
    value = argument.constant
    if function == "sqrt":
        return _to_power(argument, 0.5)
    if function == "exp":
        shift = dict(argument.terms).get((), 0.0)
        rest = _sum(term for term in argument.terms if term[0])
        scale = math.exp(shift) if shift < 700 else math.inf
        return _scaled(_factor(Applied("exp", rest)), scale) if rest.terms else _sum([((), scale)])
    if function == "log" and len(argument.terms) == 1:
        ((product, coefficient),) = argument.terms
        logarithms = (
            _scaled(_factor(Applied("log", _factor(factor))), exponent) for factor, exponent in product
        )
        # What multiplying and dividing has left of 1 is no term.
        shift = math.log(abs(coefficient))
        start = _sum([((), shift if abs(shift) > 1e-14 else 0.0)])
        return reduce(lambda one, other: _added(one, other), logarithms, start)
    if value is not None and hasattr(math, function):
        try:
            return _sum([((), getattr(math, function)(value))])
        except ValueError:
            return _sum([((), math.nan)])
    return _factor(Applied(function, argument))


# -- to a tree ---------------------------------------------------------------------------------------------


def _term(product: Product, coefficient: Node, leaf: Leaf) -> tuple[Node, bool]:
    """A product without the sign of its coefficient, and whether that is negative."""
    is_negative = isinstance(coefficient, Unary)
    if isinstance(coefficient, Unary):
        coefficient = coefficient.operand
    above = [_raised(factor, exponent, leaf) for factor, exponent in product if exponent > 0]
    below = [_raised(factor, -exponent, leaf) for factor, exponent in product if exponent < 0]
    if coefficient != Number(1.0) or not above:
        above.insert(0, coefficient)
    tree = reduce(lambda left, right: Binary("*", left, right), above)
    if below:
        tree = Binary("/", tree, reduce(lambda left, right: Binary("*", left, right), below))
    return tree, is_negative


def _raised(factor: Factor, exponent: float, leaf: Leaf) -> Node:
    base = _base(factor, leaf)
    if exponent == 1:
        return base
    if exponent == 0.5:
        return Call("sqrt", (base,))
    fixed = float(2 * exponent).is_integer()
    return Binary("^", base, Number(exponent) if fixed else leaf(exponent))


def _base(factor: Factor, leaf: Leaf) -> Node:
    match factor:
        case str():
            return Name(factor)
        case Applied(function, argument):
            return Call(function, (rebuilt(argument, leaf),))
        case Group(inside):
            (first, sign), *others = inside.terms
            head, _ = _term(first, number(abs(sign)), leaf)
            tree = Unary(head) if sign < 0 else head
            for product, coefficient in others:
                term, is_negative = _term(product, leaf(coefficient), leaf)
                tree = Binary("-" if is_negative else "+", tree, term)
            return tree
        case Power(base, exponent):
            return Binary("^", rebuilt(base, leaf), rebuilt(exponent, leaf))
