"""Laws that are a product of simple factors, or a sum of a few such products; still by linear algebra alone.

A product is linear in its exponents once logarithms are taken, whatever the factors; the terms of a sum are columns of a
library of monomials, each times one factor.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Sequence
from functools import reduce

import numpy as np

from assay.discovery.canonical import number
from assay.discovery.factors import factors_of_exponentials, factors_of_products, factors_of_sums
from assay.discovery.problem import Back, Feature, Problem
from assay.discovery.subsets import best_subsets
from assay.space.syntax import Binary, Call, Node, Number

__all__ = ["products_of_factors", "sums_of_products"]

Array = np.ndarray

FACTORS_AT_ONCE = 2
LARGEST_EXPONENTIAL = 750
LARGEST_LIBRARY = 12000
MANY_FACTORS = 120
MOST_TERMS = 3
LARGEST_SHIFT = 300.0  # of the logarithm of C, which must be a number
_ENTRIES = (
    (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0),
    (-1.0, -0.5, 0.0, 0.5, 1.0),
    (-1.0, 0.0, 1.0, 2.0),
    (-1.0, 0.0, 1.0),
)


def products_of_factors(problem: Problem, permitted: Collection[str]) -> Iterator[Node]:
    """y = C Π x^a Π F^p exp(c m), with up to two of the factors F and exponentials of monomials m.

    log |y| is linear in the logarithms of columns and factors; rows count by the square of the response, as they would in a
    fit to the response itself. What a sign forbids shows when the equation is fitted.
    """
    used = problem.target != 0
    bases = [
        feature for feature in problem.features if not feature.is_complement and (feature.values != 0).all()
    ]
    if np.count_nonzero(used) <= len(bases) + FACTORS_AT_ONCE + 1:
        return
    exponentials = _monomials(problem.features) if "exp" in permitted else []
    factors = factors_of_products(problem.features, permitted) + factors_of_exponentials(
        exponentials, permitted
    )
    target = np.log(np.abs(problem.target[used]))
    root = (np.sqrt(problem.weights) * np.abs(problem.target))[used]
    always = np.column_stack([np.ones(len(target)), *(np.log(np.abs(base.values[used])) for base in bases)])
    columns = (
        np.column_stack(
            [
                np.empty((len(target), 0)),
                *(np.log(np.abs(factor.values[used])) for factor in factors),
                *(monomial.values[used] for monomial in exponentials),
            ]
        )
        * root[:, None]
    )
    basis = np.linalg.qr(always * root[:, None])[0]
    values = target * root
    rest = columns - basis @ (basis.T @ columns)
    # What the powers explain on their own is no column.
    rest[:, np.linalg.norm(rest, axis=0) <= 1e-7 * np.linalg.norm(columns, axis=0)] = 0.0
    for subset in best_subsets(rest, values - basis @ (basis.T @ values), FACTORS_AT_ONCE):
        left = values - columns[:, list(subset.members)] @ np.array(subset.coefficients)
        shift, *powers = np.linalg.lstsq(always * root[:, None], left, rcond=None)[0].tolist()
        raised = list(zip([base.node for base in bases], powers, strict=True))
        inside: list[Node] = []
        for index, coefficient in zip(subset.members, subset.coefficients, strict=True):
            if index < len(factors):
                raised.append((factors[index].node, coefficient))
            else:
                inside.append(Binary("*", number(coefficient), exponentials[index - len(factors)].node))
        yield from _products(problem, raised, inside, shift)


def _products(
    problem: Problem, raised: Sequence[tuple[Node, float]], inside: Sequence[Node], shift: float
) -> Iterator[Node]:
    """With exponents that are multiples of a half, then with those found; each with either sign."""
    if abs(shift) > LARGEST_SHIFT:
        return
    exponential = [Call("exp", (reduce(_plus, inside),))] if inside else []
    halves = [(node, round(2 * power) / 2) for node, power in raised]
    for powers in (halves, raised):
        factors = [Binary("^", node, number(power)) for node, power in powers if power]
        for sign in (1.0, -1.0):
            yield problem.back(reduce(_times, [*factors, *exponential], number(sign * math.exp(shift))))


def sums_of_products(problem: Problem, permitted: Collection[str]) -> Iterator[Node]:
    """y, 1/y or y² as a sum of up to three monomials, each times one factor."""
    factors = factors_of_sums(problem.features, permitted)
    plain = [feature for feature in problem.features if not feature.is_complement]
    # Many powers with few factors, then few powers with many.
    few = 2 * len(plain) + 1
    yield from _sums(problem, plain, factors[:few], permitted)
    if len(factors) > few:
        yield from _sums(problem, plain, factors[:MANY_FACTORS], permitted)


def _sums(
    problem: Problem, plain: Sequence[Feature], factors: Sequence[Feature], permitted: Collection[str]
) -> Iterator[Node]:
    exponents = _exponents(len(plain), len(factors))
    powers = _values(plain, exponents)
    columns = (
        powers[:, :, None] * np.column_stack([factor.values for factor in factors])[:, None, :]
    ).reshape(len(powers), -1)
    columns[:, ~np.isfinite(columns).all(axis=0)] = 0.0
    for values, weights, back in _transformed(problem, permitted):
        root = np.sqrt(weights)
        for subset in best_subsets(columns * root[:, None], values * root, MOST_TERMS):
            terms = []
            for index, coefficient in zip(subset.members, subset.coefficients, strict=True):
                row, factor = divmod(index, len(factors))
                terms.append(
                    _times(
                        _times(number(coefficient), _monomial(plain, exponents[row])), factors[factor].node
                    )
                )
            yield back(reduce(_plus, terms))


def _transformed(problem: Problem, permitted: Collection[str]) -> Iterator[tuple[Array, Array, Back]]:
    """What is a sum, with the weights that the response's have become, and the way back."""
    target, weights, back = problem.target, problem.weights, problem.back
    yield target, weights, back
    if (target != 0).all():
        yield 1 / target, weights * target**4, lambda node: back(Binary("/", Number(1.0), node))
    if "sqrt" in permitted and (target > 0).all():
        yield target**2, weights / target**2, lambda node: back(Call("sqrt", (node,)))
    if "asin" in permitted and (np.abs(target) < np.pi / 2).all():
        yield np.sin(target), weights / np.cos(target) ** 2, lambda node: back(Call("asin", (node,)))


# -- monomials ---------------------------------------------------------------------------------------------


def _exponents(count: int, factors: int) -> list[tuple[float, ...]]:
    """The widest list whose library with so many factors is small enough."""
    room = LARGEST_LIBRARY // factors
    for entries in _ENTRIES:
        if len(entries) ** count <= room:
            return list(itertools.product(entries, repeat=count))
    return _signs(
        count, max(order for order in range(count + 1) if order == 0 or _count(count, order) <= room)
    )


def _count(count: int, order: int) -> int:
    """How many rows `_signs` has."""
    return sum(math.comb(count, chosen) * 2**chosen for chosen in range(order + 1))


def _signs(count: int, order: int) -> list[tuple[float, ...]]:
    """Exponents of -1, 0, 1, of which so many at most are not 0."""
    found = []
    for chosen in range(order + 1):
        for places in itertools.combinations(range(count), chosen):
            for signs in itertools.product((1.0, -1.0), repeat=chosen):
                row = [0.0] * count
                for place, sign in zip(places, signs, strict=True):
                    row[place] = sign
                found.append(tuple(row))
    return found


def _monomials(features: Sequence[Feature]) -> list[Feature]:
    """Those of small whole exponents that vary and are finite, for the inside of an exponential."""
    plain = [feature for feature in features if not feature.is_complement]
    count = len(plain)
    if 5**count <= LARGEST_EXPONENTIAL:
        rows = list(itertools.product((-2.0, -1.0, 0.0, 1.0, 2.0), repeat=count))
    else:
        rows = _signs(
            count, max(order for order in range(count + 1) if _count(count, order) <= LARGEST_EXPONENTIAL)
        )
    values = _values(plain, rows)
    good = np.isfinite(values).all(axis=0) & (np.ptp(values, axis=0) > 0)
    return [Feature(_monomial(plain, rows[index]), values[:, index]) for index in np.flatnonzero(good)]


def _values(features: Sequence[Feature], exponents: Sequence[tuple[float, ...]]) -> Array:
    powers = np.array(exponents)
    found = np.ones((len(features[0].values), len(powers)))
    with np.errstate(all="ignore"):
        for feature, row in zip(features, powers.T, strict=True):
            distinct, place = np.unique(row, return_inverse=True)
            found *= (feature.values[:, None] ** distinct)[:, place]
    return found


def _monomial(features: Sequence[Feature], exponents: Sequence[float]) -> Node:
    raised = [
        Binary("^", feature.node, number(power))
        for feature, power in zip(features, exponents, strict=True)
        if power
    ]
    return reduce(_times, raised) if raised else Number(1.0)


def _times(left: Node, right: Node) -> Node:
    return Binary("*", left, right)


def _plus(left: Node, right: Node) -> Node:
    return Binary("+", left, right)
