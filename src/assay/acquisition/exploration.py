"""Where to look to learn a quantity everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.special import ndtr

from assay.acquisition.abstract import AbstractAcquisition
from assay.quantities.abstract import AbstractQuantity
from assay.surrogates.variance_reduction import VarianceReduction

__all__ = ["LogInside", "LogTotalUncertainty", "LogVarianceReduction"]

Array = np.ndarray

SMALLEST_VARIANCE = 1e-300


@final
@dataclass(frozen=True)
class LogTotalUncertainty(AbstractAcquisition):
    """log sqrt(Σ_k w_k var q_k(x)): where a quantity, perhaps of many outputs, is least known.

    Use it to explore. Of a single output it is `LogUncertainty` in the quantity's own unit.

    Arguments:
        quantity: what is to be learned.
        columns: the outputs that count.
        weights: (columns,), for example one over each output's variance over the space.
    """

    quantity: AbstractQuantity
    columns: Array
    weights: Array

    def value(self, points: Array) -> Array:
        _, variance = self.quantity.mean_variance(points)
        return 0.5 * np.log(np.maximum(variance[:, self.columns] @ self.weights, SMALLEST_VARIANCE))

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        _, variance, _, slope = self.quantity.mean_variance_gradient(points)
        total = np.maximum(variance[:, self.columns] @ self.weights, SMALLEST_VARIANCE)
        gradient = np.einsum("pkd,k->pd", slope[:, self.columns], self.weights)
        return 0.5 * np.log(total), 0.5 * gradient / total[:, None]


@final
@dataclass(frozen=True)
class LogVarianceReduction(AbstractAcquisition):
    """log Σ_b w_b mean_r c_b(x, r)²/(v_b(x) + η_b): what a look is worth to the variance over all reference points r.

    Use it to learn a function on the whole: a look at the rim, where least is known, tells less than one inside. The
    outputs of one Gaussian process share c and v, so that fifty of them cost as much as one.

    Arguments:
        parts: what a look takes from the variance of each independent process.
        weights: (parts,), the sum of the signal variances of its outputs, each over the output's variance over the space.

    Source: D. A. Cohn, "Neural network exploration using optimal experiment design", Neural Networks 9, 1071 (1996).
    """

    parts: tuple[VarianceReduction, ...]
    weights: Array

    def value(self, points: Array) -> Array:
        total = np.sum(
            [weight * part.value(points) for part, weight in zip(self.parts, self.weights, strict=True)],
            axis=0,
        )
        return np.log(np.maximum(total, SMALLEST_VARIANCE))

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        pairs = [part.value_gradient(points) for part in self.parts]
        total = np.sum([w * value for w, (value, _) in zip(self.weights, pairs, strict=True)], axis=0)
        gradient = np.sum([w * slope for w, (_, slope) in zip(self.weights, pairs, strict=True)], axis=0)
        safe = np.maximum(total, SMALLEST_VARIANCE)
        return np.log(safe), gradient / safe[:, None]


@final
@dataclass(frozen=True)
class LogInside(AbstractAcquisition):
    """Σ_d log[Φ(x_d/l_d) + Φ((1 - x_d)/l_d) - 1]: the share of a look's neighbourhood that lies inside the box.

    Use it as a factor that keeps exploration from the rim: there a look tells about half as much space, in a corner of d
    parameters 2^-d as much.

    Arguments:
        widths: (columns,), of the neighbourhood, in box widths.
        columns: those with a rim.
    """

    widths: Array
    columns: Array

    def value(self, points: Array) -> Array:
        below, above = self._sides(points)
        return np.log(ndtr(below) + ndtr(above) - 1.0).sum(axis=1)

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        below, above = self._sides(points)
        share = ndtr(below) + ndtr(above) - 1.0
        density = (np.exp(-0.5 * below**2) - np.exp(-0.5 * above**2)) / np.sqrt(2.0 * np.pi)
        gradient = np.zeros_like(points)
        gradient[:, self.columns] = density / (self.widths * share)
        return np.log(share).sum(axis=1), gradient

    def _sides(self, points: Array) -> tuple[Array, Array]:
        inside = points[:, self.columns]
        return inside / self.widths, (1.0 - inside) / self.widths
