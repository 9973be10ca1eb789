"""Quasi-Monte-Carlo in several independent scramblings: their spread is the error of their mean."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from assay.errors import UsageError

__all__ = ["REPLICATES", "Budget", "Replicates", "Stopped", "evaluated", "spread"]

Array = np.ndarray
Stopped = Literal["precision", "max_samples", "max_time"]

REPLICATES = (
    8  # enough for an error that is itself known to a quarter, few enough to keep the rate of the sequence
)
FIRST_EXPONENT = 5  # 32 points in each replicate to begin with
CHUNK = 4096  # points in one call of the function, so that its own matrices stay in the cache


@final
class Replicates:
    """Scrambled Sobol' sequences in the unit cube, each extended by doubling, so that it stays balanced.

    Arguments:
        dimension: of the cube.
        generator: fixes the scramblings.
    """

    def __init__(self, dimension: int, generator: np.random.Generator) -> None:
        from scipy.stats import qmc  # half a second

        self._sequences = [qmc.Sobol(dimension, rng=child) for child in generator.spawn(REPLICATES)]

    def next(self) -> list[Array]:
        """The next points of each replicate: 32 at first, then as many as there were."""
        return [
            sequence.random(sequence.num_generated)
            if sequence.num_generated
            else sequence.random_base2(FIRST_EXPONENT)
            for sequence in self._sequences
        ]


@final
@dataclass(frozen=True)
class Budget:
    """How long to go on; every round doubles what was done before.

    Arguments:
        max_samples: the most evaluations.
        max_time: seconds of wall time.
        start: the clock at the beginning.
    """

    max_samples: float
    max_time: float
    start: float

    @staticmethod
    def begin(max_samples: float, max_time: float, least: int) -> Budget:
        """A budget whose clock starts now.

        Raises:
            UsageError: when it does not allow the first round of `least` evaluations, or no time.
        """
        if not max_samples >= least:
            raise UsageError(
                f"max_samples must be at least {least}, one round of replicates, got {max_samples}"
            )
        if not max_time > 0:
            raise UsageError(f"max_time must be positive, in seconds, got {max_time}")
        return Budget(float(max_samples), float(max_time), time.monotonic())

    def ends(self, samples: int) -> Stopped | None:
        """Why another round, as long as all before, does not fit; None where it does."""
        if 2 * samples > self.max_samples:
            return "max_samples"
        return "max_time" if 2 * (time.monotonic() - self.start) > self.max_time else None


def evaluated(function: Callable[[Array], Array], units: Array) -> Array:
    """The function at points (p, dimension), in chunks: draws (S, p, k); a plain function gives one draw."""
    parts = [
        _three_axes(np.asarray(function(chunk), dtype=float), len(chunk))
        for chunk in np.array_split(units, max(1, math.ceil(len(units) / CHUNK)))
    ]
    return np.concatenate(parts, axis=1)


def _three_axes(values: Array, points: int) -> Array:
    if values.ndim not in (1, 2, 3) or values.shape[values.ndim == 3] != points:
        raise UsageError(
            f"a function of {points} points must return the shape (points,), (points, outputs) or "
            f"(draws, points, outputs), got {values.shape}"
        )
    if values.ndim == 3:
        return values
    return values.reshape(1, points, -1)


def spread(estimates: Array) -> Array:
    """The standard error of the mean over the first axis, that of the replicates."""
    return estimates.std(axis=0, ddof=1) / math.sqrt(len(estimates))
