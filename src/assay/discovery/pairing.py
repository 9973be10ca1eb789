"""One or two products of a monomial and a factor, the best of millions: all pairs are weighed by two matrix products.

Unlike a fit to logarithms this counts errors of the response as they are, so that noise in small values does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.discovery.canonical import number, size
from assay.discovery.problem import Feature
from assay.space.syntax import Binary, Node

__all__ = ["best_products"]

Array = np.ndarray

WEIGHED = 60  # of the pairs that explain most, those whose length is looked at
YIELDED = 8
SEEDS = 2  # to which a second product is looked for
NATS_PER_NODE = 1.5
FLOOR = 1e-20  # beside the square of the target: rounding
SAME_DIRECTION = 1e-4


def best_products(
    monomials: Array,
    node_of: Callable[[int], Node],
    factors: Sequence[Feature],
    target: Array,
    weights: Array,
) -> Iterator[Node]:
    """Equations c m F, then c m F + d m' F', those first that describe the target shortest.

    Arguments:
        monomials: (n, p); columns that are not finite are taken by nothing.
        node_of: the equation of a monomial, by its number.
        factors: of which one is in each product; 1 may be among them.
        target, weights: (n,).
    """
    search = _Pairs.of(monomials, node_of, factors, target, weights)
    singles = search.best(target, None)
    for one in singles[:YIELDED]:
        yield _term(one)
    for one in singles[:SEEDS]:
        rest = target - one.coefficient * one.values
        for other in search.best(rest, one.values)[: YIELDED // 2]:
            both = np.column_stack([one.values, other.values]) * np.sqrt(weights)[:, None]
            first, second = np.linalg.lstsq(both, target * np.sqrt(weights), rcond=None)[0].tolist()
            left = Binary("*", number(first), one.node)
            yield Binary("+", left, Binary("*", number(second), other.node))


@final
@dataclass(frozen=True)
class _Product:
    node: Node
    values: Array
    coefficient: float


def _term(product: _Product) -> Node:
    return Binary("*", number(product.coefficient), product.node)


@final
@dataclass(frozen=True)
class _Pairs:
    """All pairs of a monomial and a factor; in single precision, since the best are weighed again."""

    exact: Array
    monomials: Array
    node_of: Callable[[int], Node]
    factors: Sequence[Feature]
    columns: Array
    weights: Array
    squares: Array

    @staticmethod
    def of(
        monomials: Array,
        node_of: Callable[[int], Node],
        factors: Sequence[Feature],
        target: Array,
        weights: Array,
    ) -> _Pairs:
        def scaled(columns: Array) -> Array:
            columns = np.where(np.isfinite(columns).all(axis=0), columns, 0.0)
            sizes = np.sqrt(np.mean(columns**2, axis=0))
            usable = np.isfinite(sizes) & (sizes > 0)
            return (np.where(usable, columns, 0.0) / np.where(usable, sizes, 1.0)).astype(np.float32)

        with np.errstate(all="ignore"):
            rows, columns = scaled(monomials), scaled(np.column_stack([factor.values for factor in factors]))
        weights = weights * len(target) / weights.sum()
        squares = (rows**2 * weights[:, None].astype(np.float32)).T @ columns**2
        return _Pairs(monomials, rows, node_of, factors, columns, weights, squares)

    def best(self, target: Array, beside: Array | None) -> list[_Product]:
        """The products that describe a target shortest, beside one that is there already; the best first."""
        products = self._products(target)
        room = self.squares
        if beside is not None:
            length = float(self.weights @ beside**2)
            room = room - self._products(beside) ** 2 / np.float32(length)
        good = room > SAME_DIRECTION * np.maximum(self.squares, 1e-12)
        explained = np.where(good, products**2 / np.where(good, room, 1.0), -1.0)
        count = min(WEIGHED, explained.size)
        found = []
        for place in np.argpartition(-explained, count - 1, axis=None)[:count].tolist():
            row, column = divmod(place, explained.shape[1])
            if explained[row, column] > 0:
                found.append(self._weighed(row, column, target, beside))
        found.sort(key=lambda entry: entry[0])
        return [product for _, product in found]

    def _products(self, target: Array) -> Array:
        return (self.monomials * (self.weights * target).astype(np.float32)[:, None]).T @ self.columns

    def _weighed(self, row: int, column: int, target: Array, beside: Array | None) -> tuple[float, _Product]:
        """The length of the description with a product, and the product."""
        factor = self.factors[column]
        values = self.exact[:, row] * factor.values
        free = (
            values
            if beside is None
            else values - beside * ((self.weights * beside) @ values) / (self.weights @ beside**2)
        )
        coefficient = float((self.weights * target) @ free / (self.weights @ free**2))
        rest = self.weights @ (target - coefficient * free) ** 2
        node = Binary("*", self.node_of(row), factor.node)
        floor = FLOOR * float(self.weights @ target**2)
        length = 0.5 * len(target) * float(np.log(max(rest, floor))) + NATS_PER_NODE * size(node)
        return length, _Product(node, values, coefficient)
