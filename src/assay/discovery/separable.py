"""Laws that are a product of simple factors, or a sum of a few such products; still by linear algebra alone.

A product is linear in its exponents once logarithms are taken, whatever the factors; the terms of a sum are columns of a
library of monomials, each times one factor.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import final

import numpy as np

from assay.discovery.canonical import number
from assay.discovery.factors import (
    factors_of_exponentials,
    factors_of_products,
    factors_of_sums,
    powers_of_factors,
)
from assay.discovery.pairing import best_products
from assay.discovery.problem import Back, Feature, Problem
from assay.discovery.subsets import best_subsets
from assay.space.syntax import Binary, Call, Node, Number

__all__ = ["Pool", "pairs_of_products", "products_of_factors", "sums_of_products"]

Array = np.ndarray

FACTORS_AT_ONCE = 2  # beside powers of all columns
SPARSE = 4  # powers and factors, where not all columns need be there
LARGEST_EXPONENTIAL = 750
LARGEST_LIBRARY = 12000
MANY_FACTORS = 120
MANY_MONOMIALS = 800
MOST_TERMS = 3
LARGEST_POWER = 8.0  # and coefficient of an exponential
LARGEST_SHIFT = 300.0  # of the logarithm of C, which must be a number
_ENTRIES = (
    (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0),
    (-1.0, -0.5, 0.0, 0.5, 1.0),
    (-1.0, 0.0, 1.0, 2.0),
    (-1.0, 0.0, 1.0),
)


@final
@dataclass(frozen=True)
class Pool:
    """What products are made of, besides powers of the features themselves.

    Arguments:
        factors: simple functions of one or two features.
        monomials: the insides of exponentials; none where those are not permitted.
    """

    factors: Sequence[Feature]
    monomials: Sequence[Feature]
    permitted: Collection[str]

    @staticmethod
    def of(problem: Problem, permitted: Collection[str]) -> Pool:
        """Of the features of a problem."""
        monomials = _monomials(problem.features) if "exp" in permitted else []
        return Pool(factors_of_products(problem.features, permitted), monomials, permitted)


def products_of_factors(problem: Problem, pool: Pool) -> Iterator[Node]:
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
    exponentials = pool.monomials
    factors = [*pool.factors, *factors_of_exponentials(exponentials, pool.permitted)]
    parts = [*((base.node, False) for base in bases), *((factor.node, False) for factor in factors)]
    parts += [(monomial.node, True) for monomial in exponentials]
    columns = np.stack(
        [
            *(np.log(np.abs(one.values[used])) for one in (*bases, *factors)),
            *(monomial.values[used] for monomial in exponentials),
        ],
        axis=1,
    )
    root = (np.sqrt(problem.weights) * np.abs(problem.target))[used]
    logarithms = _Logarithms(
        parts, columns * root[:, None], root, np.log(np.abs(problem.target[used])) * root
    )
    yield from logarithms.products(problem, tuple(range(len(bases))), FACTORS_AT_ONCE)
    yield from logarithms.products(problem, (), SPARSE)


@final
@dataclass(frozen=True)
class _Logarithms:
    """The logarithm of the response as a sum of those of factors.

    Arguments:
        parts: of each column: what it is of, and whether it is an exponential, whose logarithm is the node itself.
        columns: (n, parts), weighted.
        one: (n,), the weighted column of the logarithm of C.
        values: (n,), weighted.
    """

    parts: Sequence[tuple[Node, bool]]
    columns: Array
    one: Array
    values: Array

    def products(self, problem: Problem, always: tuple[int, ...], most: int) -> Iterator[Node]:
        """The best products of some parts, and of up to so many others."""
        design = np.column_stack([self.one, self.columns[:, list(always)]])
        basis = np.linalg.qr(design)[0]
        rest = self.columns - basis @ (basis.T @ self.columns)
        # What those explain on their own is no column.
        rest[:, np.linalg.norm(rest, axis=0) <= 1e-7 * np.linalg.norm(self.columns, axis=0)] = 0.0
        for subset in best_subsets(rest, self.values - basis @ (basis.T @ self.values), most):
            yield from self._product(problem, (*always, *subset.members))

    def _product(self, problem: Problem, members: tuple[int, ...]) -> Iterator[Node]:
        """With exponents rounded to multiples of a half, then with those found; each with either sign."""
        for fixed in (self._rounded(members), {}):
            shift, powers = self._fitted(members, fixed)
            if abs(shift) > LARGEST_SHIFT or any(abs(power) > LARGEST_POWER for power in powers):
                continue
            raised, inside = [], []
            for index, power in zip(members, powers, strict=True):
                node, is_exponential = self.parts[index]
                if is_exponential:
                    inside.append(_times(number(power), node))
                elif power:
                    raised.append(Binary("^", node, number(power)))
            if inside:
                raised.append(Call("exp", (reduce(_plus, inside),)))
            for sign in (1.0, -1.0):
                yield problem.back(reduce(_times, raised, number(sign * math.exp(shift))))

    def _rounded(self, members: tuple[int, ...]) -> dict[int, float]:
        """Exponents at multiples of a half: the one that is nearest to such a number first, the others fitted anew."""
        fixed: dict[int, float] = {}
        open_ones = [index for index in members if not self.parts[index][1]]
        while open_ones:
            powers = dict(zip(members, self._fitted(members, fixed)[1], strict=True))
            nearest = min(open_ones, key=lambda index: abs(2 * powers[index] - round(2 * powers[index])))
            fixed[nearest] = round(2 * powers[nearest]) / 2
            open_ones.remove(nearest)
        return fixed

    def _fitted(self, members: tuple[int, ...], fixed: Mapping[int, float]) -> tuple[float, list[float]]:
        """The logarithm of C, and the coefficient of each member; some are given."""
        held = [index for index in members if index in fixed]
        loose = [index for index in members if index not in fixed]
        left = self.values - self.columns[:, held] @ np.array([fixed[index] for index in held])
        design = np.column_stack([self.one, self.columns[:, loose]])
        shift, *found = np.linalg.lstsq(design, left, rcond=None)[0].tolist()
        coefficients = dict(zip(loose, found, strict=True))
        return shift, [fixed[index] if index in fixed else coefficients[index] for index in members]


def pairs_of_products(problem: Problem, pool: Pool) -> Iterator[Node]:
    """y as one or two products of a monomial and one factor to a small power; sin(y) as well, where y may be an angle."""
    plain = [feature for feature in problem.features if not feature.is_complement]
    exponents = _exponents(len(plain), LARGEST_LIBRARY // MANY_MONOMIALS)
    powers = _values(plain, exponents)
    factors = powers_of_factors(pool.factors, pool.monomials, pool.permitted)
    factors.insert(0, Feature(Number(1.0), np.ones(len(powers))))
    for values, weights, back in _transformed(problem, pool.permitted, ("as it is", "angle")):
        for node in best_products(
            powers, lambda index: _monomial(plain, exponents[index]), factors, values, weights
        ):
            yield back(node)


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
    values_of_factors = np.column_stack([factor.values for factor in factors])
    with np.errstate(all="ignore"):  # 0 times infinity, where a column has a zero
        columns = (powers[:, :, None] * values_of_factors[:, None, :]).reshape(len(powers), -1)
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


def _transformed(
    problem: Problem,
    permitted: Collection[str],
    forms: Collection[str] = ("as it is", "inverse", "square", "angle"),
) -> Iterator[tuple[Array, Array, Back]]:
    """What is a sum, with the weights that the response's have become, and the way back."""
    target, weights, back = problem.target, problem.weights, problem.back
    yield target, weights, back
    if "inverse" in forms and (target != 0).all():
        yield 1 / target, weights * target**4, lambda node: back(Binary("/", Number(1.0), node))
    if "square" in forms and "sqrt" in permitted and (target > 0).all():
        yield target**2, weights / target**2, lambda node: back(Call("sqrt", (node,)))
    if "angle" in forms and "asin" in permitted and (np.abs(target) < np.pi / 2).all():
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
        feature.node if power == 1 else Binary("^", feature.node, number(power))
        for feature, power in zip(features, exponents, strict=True)
        if power
    ]
    return reduce(_times, raised) if raised else Number(1.0)


def _times(left: Node, right: Node) -> Node:
    return Binary("*", left, right)


def _plus(left: Node, right: Node) -> Node:
    return Binary("+", left, right)
