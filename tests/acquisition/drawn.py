"""Beliefs with a closed form as draws, for tests of sampled acquisitions."""

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.special import ndtri
from tests.acquisition.gaussian import Affine, WavyBelief

from assay.quantities.abstract import AbstractQuantity


@final
@dataclass(frozen=True)
class DrawnBeliefs(AbstractQuantity):
    """Several independent beliefs as draws; a draw takes one normal for each, from the column `first` on."""

    beliefs: tuple[WavyBelief | Affine, ...]
    first: int = 0

    @property
    def is_gaussian(self) -> bool:
        return True

    @property
    def output_names(self) -> tuple[str, ...]:
        return tuple(f"f{k}" for k in range(len(self.beliefs)))

    @property
    def normal_dimension(self) -> int:
        return self.first + len(self.beliefs)

    def draw(self, points, normal):
        return self.draw_pullback(points, normal)[0]

    def draw_pullback(self, points, normal):
        mean, variance, *slopes = self.mean_variance_gradient(points)
        spread, normal = np.sqrt(variance), normal[:, self.first : self.first + len(self.beliefs)]

        def pullback(bars):
            by_variance = (bars * normal[:, None]).sum(axis=0) * 0.5 / spread
            return np.einsum("pk,pkd->pd", bars.sum(axis=0), slopes[0]) + np.einsum(
                "pk,pkd->pd", by_variance, slopes[1]
            )

        return mean + spread * normal[:, None], pullback

    def mean_variance(self, points):
        mean, variance, _, _ = self.mean_variance_gradient(points)
        return mean, variance

    def mean_covariance(self, points):
        mean, variance = self.mean_variance(points)
        return mean, variance[:, :, None] * np.eye(len(self.beliefs))

    def mean_variance_gradient(self, points):
        moments = [belief.mean_variance_gradient(points) for belief in self.beliefs]
        mean, variance, *slopes = (np.stack(parts, axis=1) for parts in zip(*moments, strict=True))
        return mean, variance, slopes[0], slopes[1]

    def quantiles(self, points, probabilities):
        mean, variance = self.mean_variance(points)
        return mean + np.sqrt(variance) * ndtri(probabilities)[:, None, None]
