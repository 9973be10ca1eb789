"""The samplers that fill a space without a model: one class, and a rule for each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, final

import numpy as np

from assay.acquisition.batch import descended
from assay.drivers.samplers_abstract import AbstractSampler, SamplingTask
from assay.drivers.samplers_exact import exact_points
from assay.numerics.designs import halton, latin_hypercube, sobol, uniform
from assay.numerics.grid_design import grid
from assay.numerics.maximin import Closeness, farthest
from assay.numerics.random import generator
from assay.surrogates.configuration import Entry

__all__ = ["RULES", "SpaceFilling"]

Array = np.ndarray
Rule = Callable[[SamplingTask, int], Array]

# Of Maximin: descents that begin where few points make them cheap, what they choose their starts from, and their length.
STARTS_WORK, MOST_STARTS, FEWEST_CANDIDATES, CALLS = 6e3, 8, 64, 200


@final
class SpaceFilling(Entry, AbstractSampler):
    """Points that fill the space without a model, by the rule that `type` names.

    Use Sobol where nobody knows how many points there will be (powers of two balance best), Halton for any other number of
    them in up to about ten parameters, LatinHypercube for a design whose size is known, Maximin where no two points may tell
    the same, Grid where every combination of levels and labels counts, Random as the baseline.

    Example:
        >>> SpaceFilling(type="Halton").configuration()
        {'type': 'Halton'}
    """

    type: Literal["Sobol", "Halton", "LatinHypercube", "Maximin", "Grid", "Random"]

    @property
    def uses_models(self) -> bool:
        return False

    def configuration(self) -> dict[str, Any]:
        return self.model_dump()

    def propose(self, task: SamplingTask, count: int) -> Array:
        return exact_points(task, RULES[self.type](task, count), count)


def _random(task: SamplingTask, count: int) -> Array:
    """Independent points, uniform in unit coordinates."""
    return uniform(task.coordinates, task.feasible, count, task.generator("points"), task.environment)


def _sobol(task: SamplingTask, count: int) -> Array:
    """A scrambled Sobol' sequence, which goes on where it stopped."""
    return sobol(task.coordinates, task.feasible, count, _of_study(task), task.environment, skip=task.number)


def _halton(task: SamplingTask, count: int) -> Array:
    """A scrambled Halton sequence, which goes on where it stopped."""
    return halton(task.coordinates, task.feasible, count, _of_study(task), task.environment, skip=task.number)


def _latin_hypercube(task: SamplingTask, count: int) -> Array:
    """A Latin hypercube of all points together: new ones lie in the parts of each range that are still empty."""
    randomness = task.generator("points")
    return latin_hypercube(task.coordinates, task.feasible, count, randomness, task.environment, task.placed)


def _grid(task: SamplingTask, count: int) -> Array:
    """Points of the coarsest grid that has enough of them beside those that are placed."""
    randomness = task.generator("points")
    return grid(task.coordinates, task.feasible, count, randomness, task.environment, task.placed)


def _maximin(task: SamplingTask, count: int) -> Array:
    """Points whose least distance, from one another and from the placed ones, is as large as possible; many lie on the rim."""
    design, randomness = task.coordinates.design_dimension, task.generator("points")
    is_label = task.coordinates.is_category[:design]
    closeness = Closeness(task.placed[:, :design], is_label)

    def objective(points: Array) -> tuple[float, Array]:
        value, gradient = closeness.value_gradient(points[:, :design])
        return value, np.pad(gradient, ((0, 0), (0, points.shape[1] - design)))

    work = count * (count + len(task.placed)) * design
    candidates = max(FEWEST_CANDIDATES, 8 * count)
    ends = []
    for _ in range(max(1, min(MOST_STARTS, int(STARTS_WORK / work)))):
        pool = uniform(task.coordinates, task.feasible, candidates, randomness, task.environment)
        start = pool[farthest(pool[:, :design], closeness.fixed, count, is_label, 0)]
        ends.append(descended(objective, task.coordinates, task.feasible, start, CALLS))
    return min(ends, key=lambda end: end[1])[0]


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "Sobol": _sobol,
        "Halton": _halton,
        "LatinHypercube": _latin_hypercube,
        "Maximin": _maximin,
        "Grid": _grid,
        "Random": _random,
    }
)
"""What each of them would like; `exact_points` sees to it that these are points of the space, and new."""


def _of_study(task: SamplingTask) -> np.random.Generator:
    """The randomness of a sequence that goes on from one request to the next."""
    return generator(task.seed, 0, "sequence")
