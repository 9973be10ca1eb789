"""The centred L2 discrepancy of points of which some are fixed: its value, its gradient, and what one more point does.

With z = x - 1/2, the kernel K(x, y) = Π_k [1 + |z_k|/2 + |z'_k|/2 - |x_k - y_k|/2] and its mean over the cube
L(x) = Π_k [1 + |z_k|/2 - z_k²/2],

    CD² = (13/12)^d - 2/N Σ_i L(x_i) + 1/N² Σ_ij K(x_i, x_j).

A column of labels without an order has the kernel 5/4 for equal labels and 1 for others, which is what the centred kernel
gives for two levels at 1/4 and 3/4; then labels are counted as evenly as numbers are spread.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from assay.numerics.spread import AbstractSpread

__all__ = ["CentredDiscrepancy", "column_kernel", "column_mean"]

Array = np.ndarray

EQUAL_LABELS = 1.25
# The most numbers of one array of pairs: 16 MB.
MOST_PAIRS = 2**21


@final
@dataclass(frozen=True)
class CentredDiscrepancy(AbstractSpread):
    """The squared centred discrepancy of `fixed` points together with others.

    Use it to spread points evenly over a box, beside those that are there already: the smaller, the more alike the
    share of points and the share of volume in boxes that begin at the centre's planes.

    Arguments:
        fixed: (fixed, dimension) in [0, 1]; a column of labels holds their indices.
        labels: (dimension,), the number of labels of a column without an order, 0 for a column of numbers.

    Example:
        >>> discrepancy = CentredDiscrepancy(np.empty((0, 1)), np.zeros(1, dtype=int))
        >>> round(discrepancy.value(np.array([[0.25], [0.75]])), 6)
        0.020833

    Source: F. J. Hickernell, "A generalized discrepancy and quadrature error bound", Math. Comp. 67, 299 (1998), eq. 5.3c;
    for labels F. J. Hickernell, M.-Q. Liu, Biometrika 89, 893 (2002).
    """

    fixed: Array
    labels: Array

    def value(self, points: Array) -> float:
        """CD² of the fixed points and these (points, dimension)."""
        return self._joined(
            self._mean(points).sum(), sum(block.sum() for _, block in self._blocks(points)), points
        )

    def value_gradient(self, points: Array) -> tuple[float, Array]:
        """CD² and its derivative by the points (points, dimension), 0 for columns of labels.

        At a kink, where two points share a coordinate, it is the mean of both sides. O(N n d) for n of N points.
        """
        count, total = len(points), len(points) + len(self.fixed)
        means, mean_slopes = self._mean(points), np.zeros(points.shape)
        gradient, kernel_sum = np.zeros(points.shape), 0.0
        everything = np.concatenate([points, self.fixed])
        for rows in self._row_blocks(count, total):
            factors = [
                column_kernel(points[rows, k], everything[:, k], self.labels[k])
                for k in range(points.shape[1])
            ]
            products = factors[0].copy()
            for factor in factors[1:]:
                products *= factor
            kernel_sum += products.sum() + products[:, count:].sum()
            for k in np.flatnonzero(self.labels == 0):
                rest = np.divide(products, factors[k], out=factors[k])
                side = np.sign(points[rows, k] - 0.5)
                apart = np.sign(points[rows, k, None] - everything[:, k])
                gradient[rows, k] = side * rest.sum(axis=1) - np.einsum("ij,ij->i", rest, apart)
        for k in np.flatnonzero(self.labels == 0):
            z = points[:, k] - 0.5
            mean_slopes[:, k] = means / column_mean(points[:, k], 0) * (0.5 * np.sign(z) - z)
        return self._joined(means.sum(), kernel_sum, points), gradient / total**2 - 2.0 / total * mean_slopes

    def with_each(self, points: Array) -> tuple[Array, Array]:
        """CD² of the fixed points and one more, for each of many: (points,), with its derivative (points, dimension)."""
        total = len(self.fixed) + 1
        values, gradient = np.empty(len(points)), np.zeros(points.shape)
        for rows in self._row_blocks(len(points), total):
            part = points[rows]
            factors = [
                column_kernel(part[:, k], self.fixed[:, k], self.labels[k]) for k in range(part.shape[1])
            ]
            own = [_own_kernel(part[:, k], self.labels[k]) for k in range(part.shape[1])]
            products, self_product = np.prod(factors, axis=0), np.prod(own, axis=0)
            means = self._mean(part)
            kernel_sum = self._fixed_kernel + 2.0 * products.sum(axis=1) + self_product
            values[rows] = self._constant - 2.0 / total * (self._fixed_mean + means) + kernel_sum / total**2
            for k in np.flatnonzero(self.labels == 0):
                z = part[:, k] - 0.5
                side, rest = np.sign(z), products / factors[k]
                pulled = side * rest.sum(axis=1) - (rest * np.sign(part[:, k, None] - self.fixed[:, k])).sum(
                    axis=1
                )
                own_slope = self_product / own[k] * side
                mean_slope = means / column_mean(part[:, k], 0) * (0.5 * side - z)
                gradient[rows, k] = (pulled + own_slope) / total**2 - 2.0 / total * mean_slope
        return values, gradient

    def _joined(self, mean_sum: float, kernel_sum: float, points: Array) -> float:
        """From Σ L over the points, and Σ K over their pairs with the fixed ones counted twice."""
        total = len(points) + len(self.fixed)
        return float(
            self._constant
            - 2.0 / total * (mean_sum + self._fixed_mean)
            + (kernel_sum + self._fixed_kernel) / total**2
        )

    def _blocks(self, points: Array) -> Iterator[tuple[slice, Array]]:
        """Kernels of a few points at a time, with the others once and with the fixed ones twice."""
        everything = np.concatenate([points, self.fixed])
        for rows in self._row_blocks(len(points), len(everything)):
            products = np.ones((rows.stop - rows.start, len(everything)))
            for k, labels in enumerate(self.labels):
                products *= column_kernel(points[rows, k], everything[:, k], labels)
            products[:, len(points) :] *= 2.0
            yield rows, products

    def _row_blocks(self, count: int, width: int) -> Iterator[slice]:
        at_once = max(MOST_PAIRS // max(width * len(self.labels), 1), 1)
        for start in range(0, count, at_once):
            yield slice(start, min(start + at_once, count))

    def _mean(self, points: Array) -> Array:
        product = np.ones(len(points))
        for k, labels in enumerate(self.labels):
            product = product * column_mean(points[:, k], labels)
        return product

    @cached_property
    def _constant(self) -> float:
        """The mean of the kernel over both its points."""
        return float(np.prod([13.0 / 12.0 if n == 0 else (EQUAL_LABELS + n - 1) / n for n in self.labels]))

    @cached_property
    def _fixed_mean(self) -> float:
        return float(self._mean(self.fixed).sum())

    @cached_property
    def _fixed_kernel(self) -> float:
        alone = CentredDiscrepancy(self.fixed[:0], self.labels)
        return float(sum(block.sum() for _, block in alone._blocks(self.fixed)))


def column_kernel(left: Array, right: Array, labels: int) -> Array:
    """The factor of the kernel that one column gives: (left, right)."""
    if labels:
        return np.where(left[:, None] == right, EQUAL_LABELS, 1.0)
    kernel = np.abs(left[:, None] - right)
    kernel *= -0.5
    kernel += 1.0 + 0.5 * np.abs(left - 0.5)[:, None]
    kernel += 0.5 * np.abs(right - 0.5)
    return kernel


def column_mean(values: Array, labels: int) -> Array:
    """The mean of that factor over one of its sides: (values,)."""
    if labels:
        return np.full(len(values), (EQUAL_LABELS + labels - 1) / labels)
    z = values - 0.5
    return 1.0 + 0.5 * np.abs(z) - 0.5 * z**2


def _own_kernel(values: Array, labels: int) -> Array:
    return np.full(len(values), EQUAL_LABELS) if labels else 1.0 + np.abs(values - 0.5)
