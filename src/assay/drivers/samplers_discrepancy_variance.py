"""The default sampler: points spread evenly beside those that are there, where the models know least."""

from __future__ import annotations

from collections.abc import Callable
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
from assay.surrogates.configuration import Entry

__all__ = ["DiscrepancyVariance"]

Array = np.ndarray

# Work of a descent, in entries of arrays; and calls.
DESCENT_WORK, FEWEST_CALLS, MOST_CALLS = 1e8, 10, 200
# Of the joint descents: how many begin, where they cost little.
JOINT_STARTS_WORK, MOST_JOINT_STARTS = 2e5, 6
# The sample of a constrained space that stands for it, and of any space that stands for a model's own variance.
LEAST_REFERENCES, MOST_REFERENCES = 256, 2048
CANDIDATES = 512


@final
class DiscrepancyVariance(Entry, AbstractSampler):
    """A batch that is spread evenly and lies where the models know least, all of it chosen together.

    Use it for nearly everything. It minimises, over a batch B of n points, by analytic gradients

        log D²(placed, B) - w mean_k 1/n log det(Σ_k(B | placed)/s_k² + ε I)

    with D² the squared centred discrepancy, or on a constrained space the energy distance from a feasible Sobol' sample;
    Σ_k the covariance of response k's model and s_k² its prior variance. Placed are all evaluated and all open points.
    Without models it is the spread alone. Labels are counted evenly; levels are snapped to.

    Example:
        >>> DiscrepancyVariance(weight=0.5).configuration()
        {'type': 'DiscrepancyVariance', 'weight': 0.5, 'nugget': 1e-06}

    Source: the objective is that of A. L. Nicusan, C. R. K. Windows-Yule, M2E3D (2022), with the determinant of the batch in place
    of the mean variance; for D² see `CentredDiscrepancy` and `EnergyDistance`.
    """

    type: Literal["DiscrepancyVariance"] = "DiscrepancyVariance"
    weight: float = Field(
        default=1.0, ge=0, allow_inf_nan=False, description="w, of what the models do not know"
    )
    nugget: float = Field(
        default=1e-6, gt=0, le=1, description="least ε: what noise-to-signal ratio is at least reckoned with"
    )

    @property
    def uses_models(self) -> bool:
        return self.weight > 0

    def configuration(self) -> dict[str, Any]:
        return self.model_dump()

    def propose(self, task: SamplingTask, count: int) -> Array:
        region = _Region(task, count)
        uncertainty = None
        if task.posteriors and self.weight:
            references = sobol(
                task.coordinates,
                task.feasible,
                LEAST_REFERENCES,
                task.generator("variance"),
                task.environment,
            )
            uncertainty = BatchUncertainty.of(task.posteriors, references, self.nugget)
        objective = SpreadVariance(region.spread, task.coordinates.design_dimension, uncertainty, self.weight)
        if uncertainty is None:
            return exact_points(task, region.spread_out("design", MOST_STARTS), count)
        if count == 1:
            return exact_points(task, _next(task, objective, region.spread_out("design", 1)), 1)
        work = count * (count + len(task.placed)) * task.coordinates.dimension
        starts = max(1, min(MOST_JOINT_STARTS, int(JOINT_STARTS_WORK / work)))
        ends = [
            descended(
                objective.value_gradient,
                task.coordinates,
                task.feasible,
                region.spread_out(f"design {start}", 1),
                region.calls,
            )
            for start in range(starts)
        ]
        return exact_points(task, min(ends, key=lambda end: end[1])[0], count)


@final
class _Region:
    """The space of a task as its spread sees it: a box with lattices and labels, or a sample of a constrained one."""

    def __init__(self, task: SamplingTask, count: int) -> None:
        coordinates = task.coordinates
        design = coordinates.design_dimension
        self.task, self.count = task, count
        self.labels = coordinates.category_counts[:design]
        fixed = task.placed[:, :design]
        self.is_box = not task.feasible.count
        self.spread: AbstractSpread
        if self.is_box:
            self.spread = CentredDiscrepancy(fixed, self.labels)
        else:
            size = int(np.clip(8 * (count + len(fixed)), LEAST_REFERENCES, MOST_REFERENCES))
            reference = sobol(coordinates, task.feasible, size, task.generator("reference"), task.environment)
            self.spread = EnergyDistance(reference[:, :design], fixed, self.labels)
        work = count * (count + len(fixed)) * design
        self.calls = int(np.clip(DESCENT_WORK / work, FEWEST_CALLS, MOST_CALLS))

    def spread_out(self, purpose: str, most_starts: int) -> Array:
        """Points (count, dimension) that are spread evenly, whatever the models say."""
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
        for column in np.flatnonzero(self.labels):
            points[:, column] = spread_values(
                task.placed[:, column], None, int(self.labels[column]), self.count, randomness
            )
        alone: Callable[[Array], tuple[float, Array]] = SpreadVariance(self.spread, design).value_gradient
        return descended(alone, task.coordinates, task.feasible, points, self.calls)[0]


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
