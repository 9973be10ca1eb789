"""Uniform random points, where the constraint holds."""

from __future__ import annotations

from typing import final

import numpy as np

from assay.testing.problems import Problem
from benchmarks.methods.abstract import AbstractMethod

__all__ = ["RandomMethod", "uniform_feasible"]

Array = np.ndarray


def uniform_feasible(problem: Problem, count: int, generator: np.random.Generator) -> Array:
    """Uniform points of the box that meet the constraint, by rejection: (count, dimension)."""
    kept = np.empty((0, problem.dimension))
    while len(kept) < count:
        points = generator.uniform(problem.lower, problem.upper, (64 * count, problem.dimension))
        kept = np.concatenate([kept, points[problem.feasible(points)]])
    return kept[:count]


@final
class RandomMethod(AbstractMethod):
    """Looks anywhere, and recommends the best observation."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self._problem = problem
        self._generator = np.random.default_rng([seed, 1])
        self._best: tuple[float, Array] | None = None

    def suggest(self) -> Array:
        return uniform_feasible(self._problem, 1, self._generator)[0]

    def tell(self, point: Array, value: float) -> None:
        if self._best is None or value < self._best[0]:
            self._best = (value, point)

    def recommend(self) -> Array:
        assert self._best is not None
        return self._best[1]
