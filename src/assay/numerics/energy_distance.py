"""The energy distance between points of which some are fixed and a sample of where they should be.

With N points x and R reference points r,

    E = 2/(N R) Σ_ij |x_i - r_j| - 1/N² Σ_ij |x_i - x_j| - 1/R² Σ_ij |r_i - r_j|,

which is not negative, and zero only where both have the same distribution. Labels without an order are at distance 1 of one
another, on an axis of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from assay.numerics.spread import AbstractSpread

__all__ = ["EnergyDistance"]

Array = np.ndarray

# The most numbers of one array of differences: 16 MB.
MOST_DIFFERENCES = 2**21


@final
@dataclass(frozen=True)
class EnergyDistance(AbstractSpread):
    """The energy distance of `fixed` points together with others from a reference sample.

    Use it to spread points evenly over a region that is no box: the reference is a low-discrepancy sample of it.

    Arguments:
        reference: (references, dimension), where points should be.
        fixed: (fixed, dimension); a column of labels holds their indices.
        labels: (dimension,), the number of labels of a column without an order, 0 for a column of numbers.

    Example:
        >>> reference = np.linspace(0.0, 1.0, 101)[:, None]
        >>> distance = EnergyDistance(reference, np.empty((0, 1)), np.zeros(1, dtype=int))
        >>> bool(distance.value(np.array([[0.25], [0.75]])) < distance.value(np.array([[0.1], [0.75]])))
        True

    Source: G. J. Székely, M. L. Rizzo, J. Stat. Plan. Inference 143, 1249 (2013); as a design S. Mak, V. R. Joseph, "Support
    points", Ann. Stat. 46, 2562 (2018).
    """

    reference: Array
    fixed: Array
    labels: Array

    def value(self, points: Array) -> float:
        """E of the fixed points and these (points, dimension)."""
        to_reference = sum(distances.sum() for _, distances, _ in self._pairs(points, self.reference))
        among = sum(distances.sum() for _, distances, _ in self._pairs(points, points))
        to_fixed = sum(distances.sum() for _, distances, _ in self._pairs(points, self.fixed))
        return self._joined(len(points), to_reference, among + 2.0 * to_fixed)

    def value_gradient(self, points: Array) -> tuple[float, Array]:
        """E and its derivative by the points (points, dimension)."""
        total = len(points) + len(self.fixed)
        pulled, outward = self._sums(points, self.reference), self._sums(points, points)
        away = self._sums(points, self.fixed)
        value = self._joined(len(points), pulled[0].sum(), outward[0].sum() + 2.0 * away[0].sum())
        slope = 2.0 / (total * len(self.reference)) * pulled[1] - 2.0 / total**2 * (outward[1] + away[1])
        return value, slope

    def with_each(self, points: Array) -> tuple[Array, Array]:
        """E of the fixed points and one more, for each of many: (points,), with its derivative (points, dimension)."""
        total = len(self.fixed) + 1
        pulled, away = self._sums(points, self.reference), self._sums(points, self.fixed)
        values = np.array(
            [self._joined(1, near, 2.0 * far) for near, far in zip(pulled[0], away[0], strict=True)]
        )
        return values, 2.0 / (total * len(self.reference)) * pulled[1] - 2.0 / total**2 * away[1]

    def _joined(self, count: int, to_reference: float, among: float) -> float:
        """From Σ |x - r| of the points, and Σ |x - x'| of their pairs with those to fixed points counted twice."""
        total, references = count + len(self.fixed), len(self.reference)
        inward = 2.0 / (total * references) * (to_reference + self._fixed_to_reference)
        value = inward - (among + self._among_fixed) / total**2 - self._among_references
        return float(max(value, np.finfo(float).tiny))

    def _sums(self, points: Array, others: Array) -> tuple[Array, Array]:
        """For each point Σ_j |x - y_j|, and its derivative."""
        sums, slopes = np.zeros(len(points)), np.zeros(points.shape)
        for rows, distances, differences in self._pairs(points, others):
            sums[rows] = distances.sum(axis=1)
            inverse = np.divide(1.0, distances, out=np.zeros_like(distances), where=distances > 0.0)
            slopes[rows] = np.einsum("ij,ijk->ik", inverse, differences)
        return sums, slopes

    def _pairs(self, points: Array, others: Array) -> Iterator[tuple[slice, Array, Array]]:
        """A few points at a time: their distances to the others, and the differences, 0 for labels."""
        at_once = max(MOST_DIFFERENCES // max(len(others) * points.shape[1], 1), 1)
        for start in range(0, len(points), at_once):
            rows = slice(start, min(start + at_once, len(points)))
            differences = points[rows, None, :] - others
            squares = np.einsum(
                "ijk,ijk->ij", differences[:, :, self._is_number], differences[:, :, self._is_number]
            )
            squares += (differences[:, :, ~self._is_number] != 0.0).sum(axis=2)
            differences[:, :, ~self._is_number] = 0.0
            yield rows, np.sqrt(squares), differences

    @cached_property
    def _is_number(self) -> Array:
        return self.labels == 0

    @cached_property
    def _fixed_to_reference(self) -> float:
        return float(sum(distances.sum() for _, distances, _ in self._pairs(self.fixed, self.reference)))

    @cached_property
    def _among_fixed(self) -> float:
        return float(sum(distances.sum() for _, distances, _ in self._pairs(self.fixed, self.fixed)))

    @cached_property
    def _among_references(self) -> float:
        total = sum(distances.sum() for _, distances, _ in self._pairs(self.reference, self.reference))
        return float(total) / len(self.reference) ** 2
