"""What a term of a physical law holds beside powers of its columns: waves, differences, sums, squares of both.

They are simple functions of one or two features, the simplest first, each with its values.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np

from assay.discovery.problem import Feature
from assay.space.syntax import Binary, Call, Node, Number, Unary

__all__ = ["factors_of_exponentials", "factors_of_products", "factors_of_sums", "powers_of_factors"]

Array = np.ndarray

ONE, TWO = Number(1.0), Number(2.0)
WAVES = ("sin", "cos")
MOST_FOR_TRIPLES = 6  # features, since there are many of three among more
_SCALES = (1.0, 0.5, 2.0, 0.5 / np.pi)  # the last one turns Planck's constant into the reduced one
_LEAST = 1e-12  # beside the largest value: a factor that is zero somewhere has no logarithm


def factors_of_products(features: Sequence[Feature], permitted: Collection[str]) -> list[Feature]:
    """Factors of which a law is a product, to any power; none is zero in a row, none is constant.

    One that is negative everywhere is turned round, so that it may have any power.

    Arguments:
        features: of which they are made.
        permitted: the operators that they may hold.
    """
    found = map(_positive, _distinct(_of_products(_plain(features), permitted)))
    return [one for one in found if np.abs(one.values).min() > _LEAST * np.abs(one.values).max()]


def factors_of_sums(features: Sequence[Feature], permitted: Collection[str]) -> list[Feature]:
    """Factors that one term of a sum may hold once, 1 among them; all are finite."""
    plain = _plain(features)
    constant = Feature(ONE, np.ones(len(plain[0].values)))
    return [constant, *_distinct(_of_sums(plain, permitted))]


def factors_of_exponentials(monomials: Sequence[Feature], permitted: Collection[str]) -> list[Feature]:
    """exp(c m) ± 1 of monomials, with few values of c, from which a fit finds the right one."""
    found = []
    for scale in _SCALES if "exp" in permitted else ():
        for monomial in monomials:
            exponential = _call("exp", _combined("*", Number(scale), monomial))
            found.append(_combined("-", exponential, ONE))
            if scale >= 1:
                found.append(_combined("+", exponential, ONE))
    return [one for one in _distinct(found) if np.abs(one.values).min() > _LEAST * np.abs(one.values).max()]


def powers_of_factors(
    factors: Sequence[Feature], monomials: Sequence[Feature], permitted: Collection[str]
) -> list[Feature]:
    """Factors to the powers that laws hold, and exponentials of monomials."""
    found: list[Feature] = []
    for factor in factors:
        is_wave = isinstance(factor.node, Call)
        powers = (1.0, 2.0, -1.0) if is_wave else (1.0, -1.0, 2.0, -2.0)
        found += [factor if power == 1 else _raised(factor, power) for power in powers]
        if not is_wave and (factor.values > 0).all():
            found += [_raised(factor, 0.5), _raised(factor, -0.5)]
    for monomial in monomials if "exp" in permitted else ():
        growing, falling = _call("exp", monomial), _call("exp", _negated(monomial))
        found += [growing, falling]
        for factor in (
            *(_combined(sign, growing, ONE) for sign in ("-", "+")),
            *(_combined(sign, growing, falling) for sign in ("-", "+")),
        ):
            found += [factor, _inverse(factor)]
    return list(_distinct(found))


def _raised(feature: Feature, power: float) -> Feature:
    with np.errstate(all="ignore"):
        return Feature(_power(feature.node, power), feature.values**power)


def _plain(features: Sequence[Feature]) -> list[Feature]:
    return [feature for feature in features if not feature.is_complement]


def _of_products(features: list[Feature], permitted: Collection[str]) -> Iterator[Feature]:
    pairs = list(itertools.combinations(features, 2))
    arguments = _arguments(features)
    if len(features) <= MOST_FOR_TRIPLES:
        for one, other in pairs:
            arguments += [_combined("*", _combined("-", one, other), third) for third in features]
        for three in itertools.combinations(features, 3):
            arguments += _products_of_three(three)
            yield _combined("+", _combined("+", *map(_squared, three[:2])), _squared(three[2]))
            yield _combined("+", _combined("+", *three[:2]), three[2])
    for argument in arguments:
        yield from _applied(WAVES, argument, permitted)
        yield from _applied(WAVES, _combined("/", argument, TWO), permitted)
    for one in features:
        for term in (one, _squared(one)):
            yield _combined("+", ONE, term)
            yield _combined("-", ONE, term)
        yield from _applied(("tanh", "log"), one, permitted)
    for one, other in pairs:
        for left, right in ((one, other), (_squared(one), _squared(other))):
            yield _combined("-", left, right)
            yield _combined("+", left, right)
        yield _combined("+", ONE, _combined("*", one, other))
        yield _combined("-", ONE, _combined("*", one, other))
        for argument in (_combined("*", one, other), _combined("/", one, other), _combined("/", other, one)):
            yield from _applied(("tanh", "log"), argument, permitted)


def _of_sums(features: list[Feature], permitted: Collection[str]) -> Iterator[Feature]:
    waves = [wave for argument in _arguments(features) for wave in _applied(WAVES, argument, permitted)]
    yield from waves
    pairs = list(itertools.combinations(features, 2))
    for one, other in pairs:
        for sign in ("-", "+"):
            yield _inverse(_combined(sign, one, other))
        difference = _positive(_combined("-", _squared(one), _squared(other)))
        yield _inverse(difference)
        yield _inverse(_call("sqrt", difference))
        yield _squared(_combined("-", one, other))
    for one in features:
        for sign in ("-", "+"):
            yield _inverse(_combined(sign, ONE, one))
        yield from _applied(("log",), one, permitted)
        yield from _applied(("exp",), _negated(one), permitted)
    for one, other in pairs:
        yield from _applied(("log",), _combined("/", one, other), permitted)
    yield from map(_squared, waves)


def _arguments(features: list[Feature]) -> list[Feature]:
    """What a wave is of: features, then differences, products, sums and ratios of two."""
    pairs = list(itertools.combinations(features, 2))
    found = list(features)
    for operator in ("-", "*", "+", "/"):
        found += [_combined(operator, one, other) for one, other in pairs]
    return [*found, *(_combined("/", other, one) for one, other in pairs)]


def _products_of_three(three: Sequence[Feature]) -> Iterator[Feature]:
    """x y z, and those with one or two of them below the line."""
    for signs in itertools.product(("*", "/"), repeat=2):
        for place in range(3):
            first, *others = (*three[place:], *three[:place])
            yield _combined(signs[1], _combined(signs[0], first, others[0]), others[1])
            if signs[0] == signs[1]:
                break


def _applied(functions: Sequence[str], argument: Feature, permitted: Collection[str]) -> Iterator[Feature]:
    for function in functions:
        if function in permitted:
            yield _call(function, argument)


def _call(function: str, argument: Feature) -> Feature:
    with np.errstate(all="ignore"):
        return Feature(Call(function, (argument.node,)), getattr(np, function)(argument.values))


def _combined(operator: str, left: Feature | Number, right: Feature | Number) -> Feature:
    (one, a), (other, b) = (
        (side, side.value) if isinstance(side, Number) else (side.node, side.values) for side in (left, right)
    )
    with np.errstate(all="ignore"):
        values = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}[operator](a, b)
    return Feature(Binary(operator, one, other), values)


def _negated(feature: Feature) -> Feature:
    return Feature(Unary(feature.node), -feature.values)


def _squared(feature: Feature) -> Feature:
    return Feature(_power(feature.node, 2.0), feature.values**2)


def _inverse(feature: Feature) -> Feature:
    with np.errstate(all="ignore"):
        return Feature(Binary("/", ONE, feature.node), 1.0 / feature.values)


def _positive(feature: Feature) -> Feature:
    """It, or its opposite where it is negative everywhere."""
    if not (feature.values < 0).all():
        return feature
    match feature.node:
        case Binary("-", left, right):
            node: Node = Binary("-", right, left)
        case other:
            node = Unary(other)
    return Feature(node, -feature.values)


def _power(node: Node, exponent: float) -> Node:
    return Binary("^", node, Number(exponent))


def _distinct(candidates: Iterable[Feature]) -> Iterator[Feature]:
    """Those that are finite and vary."""
    for one in candidates:
        if np.isfinite(one.values).all() and np.ptp(one.values) > 0:
            yield one
