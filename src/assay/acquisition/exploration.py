"""Where to look to learn a quantity everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from assay.acquisition.abstract import AbstractAcquisition
from assay.quantities.abstract import AbstractQuantity

__all__ = ["LogTotalUncertainty"]

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
