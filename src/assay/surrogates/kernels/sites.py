"""Where a kernel is evaluated, and what it is there: a value or a derivative along a direction, at each side of a pair.

A row of data is a value f(x), or v · ∇f(x) along a direction v. A kernel answers for a pair of sites with a jet:

    k(x, x'),   v · ∂k,   v' · ∂'k,   v · ∂ ∂'k · v'

Sums and products of kernels, and maps of their inputs, are sums and products of jets and maps of points and directions:
no kernel but the elementary ones differentiates anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Jet", "Sites", "sites_of", "with_directions"]

Array = np.ndarray


@dataclass(frozen=True)
class Sites:
    """Points, and the directions along which the function is differentiated there.

    Two sides of a pair need shapes that broadcast together but for the last axis.

    Arguments:
        points: (..., dimension).
        directions: (..., dimension), or None where all sites are values; what it says at a value is not used.
        is_value: (...,), whether the site is a value; None where all are.
    """

    points: Array
    directions: Array | None = None
    is_value: Array | None = None

    def rows(self, index: slice | Array) -> Sites:
        """Some of the sites, by the first axis."""
        directions = None if self.directions is None else self.directions[index]
        is_value = None if self.is_value is None else self.is_value[index]
        return Sites(self.points[index], directions, is_value)

    def expanded(self, axis: int) -> Sites:
        """The same with a further axis, counted without that of the dimension from the end: -1 is the last."""
        place = axis - 1
        directions = None if self.directions is None else np.expand_dims(self.directions, place)
        is_value = None if self.is_value is None else np.expand_dims(self.is_value, axis)
        return Sites(np.expand_dims(self.points, place), directions, is_value)


@dataclass(frozen=True)
class Jet:
    """A kernel at pairs of sites, and its derivatives along the directions of the left site, the right one, and both;
    None where that side has no directions."""

    value: Array
    left: Array | None = None
    right: Array | None = None
    both: Array | None = None

    def plus(self, other: Jet) -> Jet:
        """The jet of a sum."""
        return Jet(
            self.value + other.value,
            _sum(self.left, other.left),
            _sum(self.right, other.right),
            _sum(self.both, other.both),
        )

    def scaled(self, factor: float) -> Jet:
        """The jet of a multiple."""
        parts = (self.left, self.right, self.both)
        return Jet(factor * self.value, *(None if part is None else factor * part for part in parts))

    def times(self, other: Jet) -> Jet:
        """The jet of a product, by the product rule."""
        both = None
        if self.left is not None and self.right is not None and other.left is not None:
            both = _product(self, other) + self.left * other.right + self.right * other.left
        return Jet(
            self.value * other.value,
            None if self.left is None else self.left * other.value + self.value * other.left,
            None if self.right is None else self.right * other.value + self.value * other.right,
            both,
        )

    def chosen(self, left: Sites, right: Sites) -> Array:
        """The entry that each pair stands for."""
        result = self.value
        if self.left is not None and left.is_value is not None:
            result = np.where(left.is_value, result, self.left)
        if self.right is None or right.is_value is None:
            return result
        other = self.right
        if self.both is not None and left.is_value is not None:
            other = np.where(left.is_value, other, self.both)
        return np.where(right.is_value, result, other)


def sites_of(points: Array, derivative: Array) -> Sites:
    """The sites of rows: points (rows, dimension) and derivative (rows,), a column or -1 for a value."""
    if (derivative < 0).all():
        return Sites(points)
    directions = (derivative[:, None] == np.arange(points.shape[1])).astype(float)
    return Sites(points, directions, derivative < 0)


def with_directions(points: Array, column: int) -> Sites:
    """Derivatives by one column at all points (..., dimension)."""
    direction = (np.arange(points.shape[-1]) == column).astype(float)
    return Sites(points, np.broadcast_to(direction, points.shape), np.zeros(points.shape[:-1], dtype=bool))


def _sum(one: Array | None, other: Array | None) -> Array | None:
    return None if one is None or other is None else one + other


def _product(one: Jet, other: Jet) -> Array:
    assert one.both is not None
    assert other.both is not None
    return one.both * other.value + one.value * other.both
