"""The default sampler: points spread evenly beside those that are there, where the models know least."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np
from pydantic import Field

from assay.acquisition.batch import descended
from assay.acquisition.search import Search, search
from assay.acquisition.spread_variance import BatchUncertainty, LogSpreadVariance, SpreadVariance
from assay.drivers.samplers_abstract import AbstractSampler, SamplingTask
from assay.drivers.samplers_exact import exact_points
from assay.numerics.designs import sobol
from assay.numerics.discrepancy import CentredDiscrepancy
from assay.numerics.discrepancy_design import MOST_STARTS, low_discrepancy, spread_values
from assay.numerics.energy_distance import EnergyDistance
from assay.numerics.spread import AbstractSpread
from assay.surrogates.abstract import AbstractPosterior
from assay.surrogates.averaged_gaussian_process import AveragedPosterior
from assay.surrogates.configuration import Entry

__all__ = ["DiscrepancyVariance"]

Array = np.ndarray

# Work of all descents of a batch, in entries of arrays: a second or less up to so many coordinates, more for more of them.
WORK, COORDINATES = 3e7, 500
MOST_STARTS_OF_BATCH, CALLS_OF_START, FEWEST_CALLS, MOST_CALLS = 6, 100, 3, 200
# Of one call, beyond which a posterior that is an average over many is represented by the heaviest of them.
MOST_AVERAGED_WORK = 2e6
# The sample of a constrained space that stands for it, and of any space that stands for a model's own variance.
LEAST_REFERENCES, MOST_REFERENCES = 256, 2048
CANDIDATES = 512


@final
class DiscrepancyVariance(Entry, AbstractSampler):
    """A batch that is spread evenly and lies where the models know least, all of it chosen together.

    Use it for nearly everything. It minimises, over a batch B of n points, by analytic gradients

        log D²(placed, B) - w (n+1)/2 mean_k 1/n log det(Σ_k(B | placed)/s_k² + ε I)

    with D² the squared centred discrepancy, or on a constrained space the energy distance from a feasible Sobol' sample;
    Σ_k the covariance of response k's model and s_k² its prior variance. Placed are all evaluated and all open points.
    Without models it is the spread alone. Labels are counted evenly; levels are snapped to.

    With (n+1)/2 a point weighs what the models do not know about as much in a batch as alone: points that are chosen one by
    one sum up log det of the first 1, 2, … n of them, of which the mean is nearly (n+1)/2 times 1/n log det of all.

    Example:
        >>> DiscrepancyVariance(weight=0.5).configuration()
        {'type': 'DiscrepancyVariance', 'weight': 0.5, 'nugget': 1e-06}

    Source: the objective is that of A. L. Nicusan, C. R. K. Windows-Yule, M2E3D (2022), with the determinant of the batch in place
    of the mean variance; for D² see `CentredDiscrepancy` and `EnergyDistance`.
    """

    type: Literal["DiscrepancyVariance"] = "DiscrepancyVariance"
    weight: float = Field(
        default=1.0,
        ge=0,
        allow_inf_nan=False,
        description="w, of what the models do not know; 0: evenness alone",
    )
    nugget: float = Field(
        default=1e-6, gt=0, le=1, description="ε, which bounds what two points at one place cost"
    )

    @property
    def uses_models(self) -> bool:
        return self.weight > 0

    def configuration(self) -> dict[str, Any]:
        return self.model_dump()

    def propose(self, task: SamplingTask, count: int) -> Array:
        region = _Region.of(task, count)
        if not task.posteriors or not self.weight:
            return exact_points(task, region.spread_out("design", MOST_STARTS), count)
        references = sobol(
            task.coordinates, task.feasible, LEAST_REFERENCES, task.generator("variance"), task.environment
        )
        posteriors, effort = _affordable(task.posteriors, region.work, count, task.coordinates.dimension)
        uncertainty = BatchUncertainty.of(posteriors, references, self.nugget)
        weight = self.weight * (count + 1) / 2
        objective = SpreadVariance(region.spread, task.coordinates.design_dimension, uncertainty, weight)
        if count == 1:
            return exact_points(task, _next(task, objective, region.spread_out("design", 1)), 1)
        ends = [
            descended(
                objective.value_gradient,
                task.coordinates,
                task.feasible,
                region.spread_out(f"design {start}", 1),
                effort.calls,
            )
            for start in range(effort.starts)
        ]
        return exact_points(task, min(ends, key=lambda end: end[1])[0], count)


@dataclass(frozen=True)
class _Effort:
    """How many descents of a batch, and the most calls of each."""

    starts: int
    calls: int


def _affordable(
    posteriors: Sequence[AbstractPosterior], work: float, count: int, dimension: int
) -> tuple[list[AbstractPosterior], _Effort]:
    """The posteriors, averages only where their work is small, and the effort that the rest allows."""
    members = sum(len(one.members) if isinstance(one, AveragedPosterior) else 1 for one in posteriors)
    chosen = list(posteriors)
    if work * members > MOST_AVERAGED_WORK:
        chosen = [_heaviest(one) if isinstance(one, AveragedPosterior) else one for one in posteriors]
        members = len(chosen)
    # A determinant is count³ multiplications, of which one takes far less than an entry of an array.
    call = work * (1 + members) + count**3 / 64 * len(chosen)
    calls = WORK * max(1.0, count * dimension / COORDINATES) / call
    starts = int(np.clip(calls / CALLS_OF_START, 1, MOST_STARTS_OF_BATCH))
    return chosen, _Effort(starts, int(np.clip(calls / starts, FEWEST_CALLS, MOST_CALLS)))


def _heaviest(posterior: AveragedPosterior) -> AbstractPosterior:
    weights = posterior.weights if posterior.weights.ndim == 1 else posterior.weights.sum(axis=1)
    return posterior.members[int(np.argmax(weights))]


@final
@dataclass(frozen=True)
class _Region:
    """The space of a task as a batch sees it.

    Arguments:
        task: what is known.
        count: of the new points.
        spread: of a box with levels and labels, or by a sample of a constrained space; it knows the placed points.
    """

    task: SamplingTask
    count: int
    spread: AbstractSpread

    @staticmethod
    def of(task: SamplingTask, count: int) -> _Region:
        """The region that a batch of so many points is for."""
        design = task.coordinates.design_dimension
        fixed, labels = task.placed[:, :design], task.coordinates.category_counts[:design]
        if not task.feasible.count:
            return _Region(task, count, CentredDiscrepancy(fixed, labels))
        size = int(np.clip(8 * (count + len(fixed)), LEAST_REFERENCES, MOST_REFERENCES))
        randomness = task.generator("reference")
        reference = sobol(task.coordinates, task.feasible, size, randomness, task.environment)
        return _Region(task, count, EnergyDistance(reference[:, :design], fixed, labels))

    @property
    def work(self) -> float:
        """Entries of arrays that a value of the spread with its gradient takes."""
        others = len(self.spread.reference) if isinstance(self.spread, EnergyDistance) else 0
        pairs = self.count * (self.count + len(self.task.placed) + others)
        return float(pairs * self.task.coordinates.design_dimension)

    def spread_out(self, purpose: str, most_starts: int) -> Array:
        """Points (count, dimension) that are spread evenly, whatever the models say.

        Arguments:
            purpose: of the randomness.
            most_starts: in a box.
        """
        task, randomness = self.task, self.task.generator(purpose)
        design = task.coordinates.design_dimension
        if isinstance(self.spread, CentredDiscrepancy):
            columns = task.coordinates.columns[:design]
            levels = [None if column.levels is None else np.asarray(column.levels) for column in columns]
            found = low_discrepancy(self.spread, levels, self.count, randomness, most_starts)
            return task.coordinates.snap(
                np.concatenate([found, np.tile(task.environment, (self.count, 1))], axis=1)
            )
        points = sobol(task.coordinates, task.feasible, self.count, randomness, task.environment)
        labels = task.coordinates.category_counts
        for column in np.flatnonzero(labels):
            points[:, column] = spread_values(
                task.placed[:, column], None, int(labels[column]), self.count, randomness
            )
        alone: Callable[[Array], tuple[float, Array]] = SpreadVariance(self.spread, design).value_gradient
        calls = int(np.clip(WORK / self.work, FEWEST_CALLS, MOST_CALLS))
        return descended(alone, task.coordinates, task.feasible, points, calls)[0]


def _next(task: SamplingTask, objective: SpreadVariance, spread_out: Array) -> Array:
    """The points that are best for a single look, the best first; its labels are those that were met least."""
    coordinates = task.coordinates
    labels = np.flatnonzero(coordinates.category_counts)
    allowed = {int(column): spread_out[:, column] for column in labels}
    candidates = sobol(coordinates, task.feasible, CANDIDATES, task.generator("candidates"), task.environment)
    candidates[:, labels] = spread_out[0, labels]
    worth = LogSpreadVariance(objective, allowed)
    return search(
        worth, coordinates, task.feasible, np.concatenate([spread_out, candidates]), Search(starts=16)
    ).points
