"""Several demands at once: the product of what a look promises and the probabilities that it counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from assay.acquisition.abstract import AbstractAcquisition

__all__ = ["LogProduct"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class LogProduct(AbstractAcquisition):
    """The sum of log terms, hence the product of what they are logarithms of.

    Use it to weigh an improvement by the probability that constraints hold and that the evaluation succeeds.
    """

    factors: tuple[AbstractAcquisition, ...]

    def value(self, points: Array) -> Array:
        return np.sum([factor.value(points) for factor in self.factors], axis=0)

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        pairs = [factor.value_gradient(points) for factor in self.factors]
        return np.sum([pair[0] for pair in pairs], axis=0), np.sum([pair[1] for pair in pairs], axis=0)
