"""Points that keep their distance from one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

__all__ = ["Closeness", "farthest"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class Closeness:
    """1/p log Σ d^-p over all distances between points, and between them and fixed ones: for large p the -log of the least.

    Arguments:
        fixed: (fixed, dimension).
        is_label: (dimension,), the columns of labels: different ones are at distance 1.
        power: p.

    Source: M. D. Morris, T. J. Mitchell, "Exploratory designs for computational experiments", J. Stat. Plan. Inference 43,
    381 (1995).
    """

    fixed: Array
    is_label: Array
    power: float = 30.0

    def value_gradient(self, points: Array) -> tuple[float, Array]:
        """Of a batch (points, dimension), with its derivative; 0 for labels."""
        count = len(points)
        if count + len(self.fixed) < 2:
            return 0.0, np.zeros(points.shape)
        squares, differences = _squares(points, np.concatenate([points, self.fixed]), self.is_label)
        squares[:, :count][np.diag_indices(count)] = np.inf
        logarithm = -0.5 * self.power * np.log(np.maximum(squares, 1e-24))
        top = logarithm.max()
        terms = np.exp(logarithm - top)
        # A pair of new points stands in both their rows.
        pairs = np.where(np.arange(terms.shape[1]) < count, 0.5, 1.0)
        total = float((terms * pairs).sum())
        shares = terms / np.maximum(squares, 1e-24) / total
        gradient = -np.einsum("ij,ijk->ik", np.where(np.isfinite(shares), shares, 0.0), differences)
        return float(top + np.log(total)) / self.power, gradient


def farthest(candidates: Array, fixed: Array, count: int, is_label: Array, first: int) -> Array:
    """Candidates chosen one by one, each the farthest from all before: (count,) indices.

    Arguments:
        candidates: (candidates, dimension), at least `count`.
        fixed: (fixed, dimension), points that count as chosen.
        first: the candidate to begin with where nothing is fixed.

    Source: T. F. Gonzalez, Theor. Comput. Sci. 38, 293 (1985).
    """
    nearest = np.full(len(candidates), np.inf)
    for point in fixed:
        np.minimum(nearest, _squares(candidates, point[None], is_label)[0][:, 0], out=nearest)
    chosen = np.empty(count, dtype=int)
    for place in range(count):
        chosen[place] = first if not place and not len(fixed) else int(np.argmax(nearest))
        one = candidates[chosen[place]][None]
        np.minimum(nearest, _squares(candidates, one, is_label)[0][:, 0], out=nearest)
        nearest[chosen[place]] = -1.0
    return chosen


def _squares(left: Array, right: Array, is_label: Array) -> tuple[Array, Array]:
    """Squared distances (left, right), and the differences of the columns of numbers."""
    differences = left[:, None, :] - right
    unlike = (differences[:, :, is_label] != 0.0).sum(axis=2)
    differences[:, :, is_label] = 0.0
    return np.einsum("ijk,ijk->ij", differences, differences) + unlike, differences
