"""The samplers by name: those that fill a space without a model; the one with models has its own file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, final

import numpy as np
from pydantic import Tag, TypeAdapter, ValidationError

from assay.acquisition.batch import descended
from assay.drivers.configuration import refusal
from assay.drivers.samplers_abstract import AbstractSampler, SamplingTask
from assay.drivers.samplers_discrepancy_variance import DiscrepancyVariance
from assay.drivers.samplers_exact import exact_points
from assay.numerics.designs import halton, latin_hypercube, sobol, uniform
from assay.numerics.grid_design import grid
from assay.numerics.maximin import Closeness, farthest
from assay.numerics.random import generator
from assay.surrogates.configuration import Entry, by_type

__all__ = [
    "Grid",
    "Halton",
    "LatinHypercube",
    "Maximin",
    "Random",
    "SamplerEntry",
    "Sobol",
    "sampler_of",
]

Array = np.ndarray

# Of Maximin: descents that begin where few points make them cheap, what they choose their starts from, and their length.
STARTS_WORK, MOST_STARTS, FEWEST_CANDIDATES, CALLS = 6e3, 8, 64, 200


@final
class Random(Entry, AbstractSampler):
    """Independent points, uniform in unit coordinates.

    Use it as the baseline.
    """

    type: Literal["Random"] = "Random"

    @property
    def uses_models(self) -> bool:
        return False

    def configuration(self) -> dict[str, Any]:
        return self.model_dump()

    def propose(self, task: SamplingTask, count: int) -> Array:
        draws = uniform(task.coordinates, task.feasible, count, task.generator("points"), task.environment)
        return exact_points(task, draws, count)


@final
class Sobol(Entry, AbstractSampler):
    """A scrambled Sobol' sequence, which goes on where it stopped.

    Use it where nobody knows how many points there will be; powers of two balance best. It costs next to nothing.
    """

    type: Literal["Sobol"] = "Sobol"

    @property
    def uses_models(self) -> bool:
        return False

    def configuration(self) -> dict[str, Any]:
        return self.model_dump()

    def propose(self, task: SamplingTask, count: int) -> Array:
        points = sobol(
            task.coordinates, task.feasible, count, _of_study(task), task.environment, skip=task.number
        )
        return exact_points(task, points, count)


@final
class Halton(Entry, AbstractSampler):
    """A scrambled Halton sequence, which goes on where it stopped.

    Use it as the Sobol' sequence, for numbers of points that are no powers of two, in up to about ten parameters.
    """

    type: Literal["Halton"] = "Halton"

    @property
    def uses_models(self) -> bool:
        return False

    def configuration(self) -> dict[str, Any]:
        return self.model_dump()

    def propose(self, task: SamplingTask, count: int) -> Array:
        points = halton(
            task.coordinates, task.feasible, count, _of_study(task), task.environment, skip=task.number
        )
        return exact_points(task, points, count)


@final
class LatinHypercube(Entry, AbstractSampler):
    """A Latin hypercube of all points together: new ones lie in the parts of each range that are still empty.

    Use it for a design whose size is known, when each parameter alone should be covered evenly.
    """

    type: Literal["LatinHypercube"] = "LatinHypercube"

    @property
    def uses_models(self) -> bool:
        return False

    def configuration(self) -> dict[str, Any]:
        return self.model_dump()

    def propose(self, task: SamplingTask, count: int) -> Array:
        points = latin_hypercube(
            task.coordinates, task.feasible, count, task.generator("points"), task.environment, task.placed
        )
        return exact_points(task, points, count)


@final
class Maximin(Entry, AbstractSampler):
    """Points whose least distance, from one another and from the placed ones, is as large as possible.

    Use it where no two points may tell the same; many of them lie on the rim.
    """

    type: Literal["Maximin"] = "Maximin"

    @property
    def uses_models(self) -> bool:
        return False

    def configuration(self) -> dict[str, Any]:
        return self.model_dump()

    def propose(self, task: SamplingTask, count: int) -> Array:
        design, randomness = task.coordinates.design_dimension, task.generator("points")
        is_label = task.coordinates.is_category[:design]
        closeness = Closeness(task.placed[:, :design], is_label)

        def objective(points: Array) -> tuple[float, Array]:
            value, gradient = closeness.value_gradient(points[:, :design])
            return value, np.pad(gradient, ((0, 0), (0, points.shape[1] - design)))

        work = count * (count + len(task.placed)) * design
        ends = []
        for _ in range(max(1, min(MOST_STARTS, int(STARTS_WORK / work)))):
            pool = uniform(
                task.coordinates,
                task.feasible,
                max(FEWEST_CANDIDATES, 8 * count),
                randomness,
                task.environment,
            )
            start = pool[farthest(pool[:, :design], closeness.fixed, count, is_label, 0)]
            ends.append(descended(objective, task.coordinates, task.feasible, start, CALLS))
        return exact_points(task, min(ends, key=lambda end: end[1])[0], count)


@final
class Grid(Entry, AbstractSampler):
    """Points of the coarsest grid that has enough of them beside those that are placed; exactly as many as are wanted.

    Use it for few parameters, or for levels and labels of which every combination counts.
    """

    type: Literal["Grid"] = "Grid"

    @property
    def uses_models(self) -> bool:
        return False

    def configuration(self) -> dict[str, Any]:
        return self.model_dump()

    def propose(self, task: SamplingTask, count: int) -> Array:
        points = grid(
            task.coordinates,
            task.feasible,
            count,
            task.generator("points"),
            task.environment,
            task.placed,
        )
        return exact_points(task, points, count)


SamplerEntry = Annotated[
    Annotated[DiscrepancyVariance, Tag("DiscrepancyVariance")]
    | Annotated[Sobol, Tag("Sobol")]
    | Annotated[Halton, Tag("Halton")]
    | Annotated[LatinHypercube, Tag("LatinHypercube")]
    | Annotated[Maximin, Tag("Maximin")]
    | Annotated[Grid, Tag("Grid")]
    | Annotated[Random, Tag("Random")],
    by_type("DiscrepancyVariance"),
]

_ENTRY: TypeAdapter[AbstractSampler] = TypeAdapter(SamplerEntry)


def sampler_of(given: AbstractSampler | str | Mapping[str, Any]) -> AbstractSampler:
    """A sampler from itself, its name, or its configuration as plain data.

    Raises:
        ConfigurationError: one sentence with the key, the rule, and what was got.

    Example:
        >>> sampler_of("Sobol").configuration()
        {'type': 'Sobol'}
    """
    if isinstance(given, AbstractSampler):
        return given
    try:
        return _ENTRY.validate_python({"type": given} if isinstance(given, str) else dict(given))
    except ValidationError as error:
        raise refusal(error) from None


def _of_study(task: SamplingTask) -> np.random.Generator:
    """The randomness of a sequence that goes on from one request to the next."""
    return generator(task.seed, 0, "sequence")
