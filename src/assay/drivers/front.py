"""The Pareto front of a study: the evaluations that no other dominates, and the hypervolume over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.acquisition.configuration import Constrainer, MultiMinimizer
from assay.drivers.belief import Belief
from assay.drivers.deriving import leading
from assay.errors import UsageError
from assay.numerics.hypervolume import hypervolume_history, non_dominated
from assay.records import Trial

__all__ = ["Front", "front_of"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class Front:
    """The compromises that were found, by rising first objective.

    Arguments:
        names: of the objectives, all minimised.
        numbers: of the trials on the front.
        values: their parameters.
        objectives: (front, objectives), what the models expect there: exact data themselves, noisy ones smoothed.
        std: (front, objectives), how sure the models are of that.
        lower, upper: (objectives,), the references.
        evaluated: (trials, objectives), all that succeeded, in order; NaN where constraints or bounds are broken.
        hypervolume: (trials,), what the first 1, 2, ... of them dominate.
    """

    names: tuple[str, ...]
    numbers: tuple[int, ...]
    values: tuple[Mapping[str, Any], ...]
    objectives: Array
    std: Array
    lower: Array
    upper: Array
    evaluated: Array
    hypervolume: Array

    def to_dict(self) -> dict[str, Any]:
        """As plain data: one entry for each trial on the front, and the hypervolume over time."""
        rows = [
            {"number": number, "values": dict(values), "objectives": row.tolist()}
            for number, values, row in zip(self.numbers, self.values, self.objectives, strict=True)
        ]
        return {"names": list(self.names), "front": rows, "hypervolume": self.hypervolume.tolist()}


def front_of(belief: Belief, trials: Sequence[Trial]) -> Front:
    """The front of the trials that succeeded, as the models see their objectives: exact data as they are, noisy ones smoothed.

    Raises:
        UsageError: when the driver has one objective only.
    """
    settings = belief.derivation.settings
    objective = leading(settings.objectives)
    if not isinstance(objective, MultiMinimizer):
        raise UsageError(f"a front needs the objective MultiMinimizer, and the driver has {objective.type}")
    names = belief.derivation.objective_names
    worth, variance = _moments(belief, names)
    kept = np.array([belief.coordinates.space.is_feasible(trial.suggestion.values) for trial in trials])
    for entry in settings.objectives:
        if isinstance(entry, Constrainer):
            bounded = _moments(belief, [entry.variable])[0][:, 0]
            kept &= entry.lower_bound is None or bounded >= entry.lower_bound
            kept &= entry.upper_bound is None or bounded <= entry.upper_bound
    evaluated = np.where(kept[:, None], worth, np.nan)
    chosen = np.flatnonzero(non_dominated(evaluated))
    chosen = chosen[np.argsort(evaluated[chosen, 0], kind="stable")]
    lower, upper = np.array(objective.lower_reference), np.array(objective.upper_reference)
    return Front(
        tuple(names),
        tuple(trials[index].number for index in chosen),
        tuple(trials[index].suggestion.values for index in chosen),
        evaluated[chosen],
        np.sqrt(np.maximum(variance[chosen], 0.0)),
        lower,
        upper,
        evaluated,
        hypervolume_history(evaluated, upper, lower),
    )


def _moments(belief: Belief, names: Sequence[str | None]) -> tuple[Array, Array]:
    """Mean and variance of variables, or their outputs, at the looks: (looks, names) each."""
    pairs = [belief.select("variable", name).mean_variance(belief.points) for name in names]
    mean, variance = (np.stack([pair[index][:, 0] for pair in pairs], axis=1) for index in (0, 1))
    return mean, variance
