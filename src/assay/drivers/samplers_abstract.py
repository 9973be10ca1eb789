"""What a sampler is: a rule for where to look next in a space, for any number of looks at once.

A driver or a study asks it; it knows the points that are taken and, where it wants to, what the models believe.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.numerics.random import generator
from assay.surrogates.abstract import AbstractPosterior

__all__ = ["AbstractSampler", "SamplingTask"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class SamplingTask:
    """What is known when points are asked for.

    Arguments:
        coordinates, feasible: of the space.
        environment: (environment columns,), where the environment's columns of the new points stand.
        placed: (placed, dimension), every point that was evaluated, failed, or is open, in unit coordinates.
        seed: the study's.
        number: of the first new point in the study; with the seed it fixes all randomness.
        posteriors: one for each model; they know every placed point, the open ones without results. Empty where
            the sampler uses no models, or as long as there are too few data.
    """

    coordinates: Coordinates
    feasible: FeasibleSet
    environment: Array
    placed: Array
    seed: int
    number: int
    posteriors: Sequence[AbstractPosterior] = ()

    def generator(self, purpose: str) -> np.random.Generator:
        """The randomness of these points, for one purpose."""
        return generator(self.seed, self.number, purpose)


class AbstractSampler(ABC):
    """A rule for where to look next: it holds its configuration, never data."""

    @property
    @abstractmethod
    def uses_models(self) -> bool:
        """Whether `propose` reads the posteriors; if not, none need be fitted."""

    @abstractmethod
    def configuration(self) -> dict[str, Any]:
        """The configuration as plain data, with the sampler's name as `type`; giving it back builds the same sampler."""

    @abstractmethod
    def propose(self, task: SamplingTask, count: int) -> Array:
        """New points, chosen together.

        Arguments:
            count: how many, at least 1.

        Returns:
            (count, dimension) in unit coordinates: exactly `count` rows, on the levels and labels of the space,
            feasible after rounding. No row is another one or a placed one, unless the space has no more points.

        Raises:
            NumericalError: when no feasible point is found.
        """
