"""Laws that linear algebra finds, in milliseconds and without chance: power laws, sums of monomials, rational forms.

A law is looked for among *features*, which are columns or dimensionless groups of them, for a *target*, the response or
what is left of it when its unit is divided out. What is found comes back as an equation in the columns.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from functools import reduce

import numpy as np

from assay.discovery.canonical import number
from assay.discovery.problem import Back, Feature, Problem
from assay.discovery.separable import Pool, pairs_of_products, products_of_factors, sums_of_products
from assay.discovery.subsets import best_subsets
from assay.space.syntax import Binary, Call, Node, Number

__all__ = ["deterministic_laws"]

Array = np.ndarray

EXPONENTS = (-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0)
LARGEST_LIBRARY = 2500
LARGEST_RATIONAL = 45
MOST_TERMS = 4


def deterministic_laws(problem: Problem, permitted: Collection[str]) -> Iterator[Node]:
    """Equations for the response, with numbers for their coefficients.

    Arguments:
        problem: what to explain by what.
        permitted: the operators that may be in them.
    """
    with_functions = "^" in permitted or bool({"sqrt", "exp", "log"} & set(permitted))
    if with_functions:
        yield from _power_laws(problem)
        pool = Pool.of(problem, permitted)
        yield from products_of_factors(problem, pool)
        yield from pairs_of_products(problem, pool)
    exponents = _exponents(len(problem.features), whole=not with_functions)
    monomials, columns = _library(problem.features, exponents)
    for values, weights, back in _transformed(problem, with_functions):
        yield from _sums(monomials, columns, values, weights, back)
    if with_functions:
        yield from sums_of_products(problem, permitted)
    yield from _rationals(problem)


def _power_laws(problem: Problem) -> Iterator[Node]:
    """y = C Π x^a, from a straight line through the logarithms."""
    if not (problem.target > 0).all() or any((feature.values <= 0).any() for feature in problem.features):
        return
    logarithms = [np.log(feature.values) for feature in problem.features]
    design = np.column_stack([np.ones_like(problem.target), *logarithms])
    if len(design) < design.shape[1]:
        return
    root = np.sqrt(problem.weights) * problem.target
    solution = np.linalg.lstsq(design * root[:, None], np.log(problem.target) * root, rcond=None)[0]
    plain = np.linalg.lstsq(design, np.log(problem.target), rcond=None)[0]
    for found in (solution, plain):
        factors = [
            Binary("^", feature.node, number(float(exponent)))
            for feature, exponent in zip(problem.features, found[1:], strict=True)
        ]
        yield problem.back(_product([number(float(np.exp(found[0]))), *factors]))


def _transformed(problem: Problem, with_functions: bool) -> Iterator[tuple[Array, Array, Back]]:
    """The target as it is, inverted, squared, both; with the weights that this gives it and the way back."""
    target, back = problem.target, problem.back
    yield target, problem.weights, back
    if (target != 0).all():
        yield 1 / target, problem.weights * target**4, lambda node: back(Binary("/", Number(1.0), node))
    if with_functions and (target > 0).all():
        yield target**2, problem.weights / target**2, lambda node: back(Call("sqrt", (node,)))
        inverse = lambda node: back(Binary("/", Number(1.0), Call("sqrt", (node,))))  # noqa: E731
        yield target**-2, problem.weights * target**6, inverse


def _sums(
    monomials: Sequence[Node], columns: Array, values: Array, weights: Array, back: Back
) -> Iterator[Node]:
    root = np.sqrt(weights)
    for subset in best_subsets(columns * root[:, None], values * root, MOST_TERMS):
        yield back(_weighted_sum([monomials[index] for index in subset.members], subset.coefficients))


def _rationals(problem: Problem) -> Iterator[Node]:
    """y = P / (1 - Q), from y = P + y Q, which is linear in the coefficients."""
    features = [feature for feature in problem.features if not feature.is_complement]
    count = len(features)
    exponents = [row for row in _ball(count, 2) if all(abs(entry) <= 2 for entry in row)]
    if len(exponents) > LARGEST_RATIONAL:
        exponents = [row for row in _ball(count, 2) if min(row) >= 0][:LARGEST_RATIONAL]
    monomials, columns = _library(features, exponents)
    below = [index for index, row in enumerate(exponents) if any(row)]
    below = [index for index in below if np.isfinite(columns[:, index]).all()]
    root = np.sqrt(problem.weights)[:, None]
    both = np.column_stack([columns, columns[:, below] * problem.target[:, None]]) * root
    for subset in best_subsets(both, problem.target * root[:, 0], MOST_TERMS):
        above, under = [], []
        for index, coefficient in zip(subset.members, subset.coefficients, strict=True):
            if index < len(monomials):
                above.append((monomials[index], coefficient))
            else:
                under.append((monomials[below[index - len(monomials)]], -coefficient))
        if above and under:
            denominator = Binary("+", Number(1.0), _weighted_sum(*zip(*under, strict=True)))
            yield problem.back(Binary("/", _weighted_sum(*zip(*above, strict=True)), denominator))


# -- monomials ---------------------------------------------------------------------------------------------


def _exponents(count: int, *, whole: bool) -> list[tuple[float, ...]]:
    """The exponents of the library: all of a list where that is few, otherwise those of low order and all of -1, 0, 1."""
    entries = tuple(entry for entry in EXPONENTS if float(entry).is_integer() or not whole)
    if len(entries) ** count <= LARGEST_LIBRARY:
        return list(itertools.product(entries, repeat=count))
    found: dict[tuple[float, ...], None] = {}
    if 3**count <= LARGEST_LIBRARY:
        found.update(dict.fromkeys(itertools.product((-1.0, 0.0, 1.0), repeat=count)))
    for order in range(1, 8):
        ball = _ball(count, order)
        if len(found) and len(found | dict.fromkeys(ball)) > 1.4 * LARGEST_LIBRARY:
            break
        found |= dict.fromkeys(ball)
    return list(found)


def _ball(count: int, order: int) -> list[tuple[float, ...]]:
    """Whole exponents whose absolute values sum to `order` at most."""
    if count == 0:
        return [()]
    return [
        (float(first), *rest)
        for first in range(-order, order + 1)
        for rest in _ball(count - 1, order - abs(first))
    ]


def _library(features: Sequence[Feature], exponents: Sequence[tuple[float, ...]]) -> tuple[list[Node], Array]:
    """Monomials and their values (n, monomials); those with values that are not finite are zero, which nothing takes."""
    values = np.stack([feature.values for feature in features])
    powers = np.array(exponents)
    with np.errstate(all="ignore"):
        columns = np.ones((values.shape[1], len(powers)))
        for row, power in zip(values, powers.T, strict=True):
            columns *= row[:, None] ** power
    columns[:, ~np.isfinite(columns).all(axis=0)] = 0.0
    nodes = [
        _product(
            [
                Binary("^", feature.node, number(power))
                for feature, power in zip(features, row, strict=True)
                if power
            ]
        )
        for row in exponents
    ]
    return nodes, columns


def _product(factors: Sequence[Node]) -> Node:
    return reduce(lambda one, other: Binary("*", one, other), factors) if factors else Number(1.0)


def _weighted_sum(nodes: Sequence[Node], coefficients: Sequence[float]) -> Node:
    terms = [Binary("*", number(float(value)), node) for node, value in zip(nodes, coefficients, strict=True)]
    return reduce(lambda one, other: Binary("+", one, other), terms)
