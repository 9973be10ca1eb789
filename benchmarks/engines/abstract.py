"""What an engine of the timing does: one whole suggestion in the unit cube, minimising."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

__all__ = ["RAW_SAMPLES", "RESTARTS", "AbstractEngine", "Hyperparameters"]

Array = np.ndarray

RAW_SAMPLES = 512
RESTARTS = 10


@dataclass(frozen=True)
class Hyperparameters:
    """Of a Matern-5/2 process of mean zero: what every engine can be given."""

    length_scales: tuple[float, ...]
    signal_variance: float
    noise_variance: float


class AbstractEngine(ABC):
    """Points are (n, dimension) in the unit cube, values (n,) of mean zero and variance one."""

    @abstractmethod
    def suggest(self, points: Array, values: Array, seed: int) -> Array:
        """The whole job: fit, factorise, 512 raw points, ascent of log expected improvement from 10 of them."""

    @abstractmethod
    def maximise(self, points: Array, values: Array, hyperparameters: Hyperparameters, seed: int) -> Array:
        """The job without the fit, with the hyperparameters given."""
