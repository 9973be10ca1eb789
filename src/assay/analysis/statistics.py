"""Mean, variance and quantiles of a quantity over uncertain parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.analysis.replicates import REPLICATES, Budget, Replicates, Stopped, evaluated, spread
from assay.errors import NumericalError, UsageError
from assay.numerics.distributions import ParameterMeasure

__all__ = ["Statistics", "statistics"]

Array = np.ndarray

FIRST_ROUND = 32 * REPLICATES
EMPTY_LIMIT = 1 << 20  # points outside the support before it is called empty


@final
@dataclass(frozen=True)
class Statistics:
    """Moments and quantiles of each output, each with its standard error.

    Arguments:
        mean, variance: (outputs,).
        quantiles: (probabilities, outputs).
        probabilities: (probabilities,), of the quantiles.
        mean_error, variance_error, quantiles_error: of the same shapes; one standard deviation.
        num_samples: points at which the quantity was evaluated.
        stopped: "precision" where the wanted one was met, else the budget that ran out.
    """

    mean: Array
    variance: Array
    quantiles: Array
    probabilities: Array
    mean_error: Array
    variance_error: Array
    quantiles_error: Array
    num_samples: int
    stopped: Stopped

    def to_dict(self) -> dict[str, Any]:
        """Plain data: name to list or number."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
        }


def statistics(
    sample: Callable[[Array], Array],
    measure: ParameterMeasure,
    *,
    quantiles: Sequence[float] = (0.16, 0.5, 0.84),
    rel_precision: float = 1e-3,
    abs_precision: float = 1e-9,
    max_time: float = math.inf,
    max_samples: float = 1e6,
    generator: np.random.Generator,
) -> Statistics:
    """The distribution of a quantity when its parameters are uncertain.

    Use it for tolerances: what a process with known scatter does to the result. A `sample` that is the mean of a model
    answers for the model's best guess. One that returns draws of the model's belief at each point answers for what will
    be observed: with the law of total variance Var y = Var_x E[y|x] + E_x Var[y|x], the model's own uncertainty is in
    the variance and in the quantiles, which are those of the mixture over all points and draws.

    The points are scrambled Sobol' sequences in eight independent scramblings, which double until, for every output, the
    standard error of the mean, of the standard deviation and of each quantile is at most
    max(abs_precision, rel_precision * max(|estimate|, standard deviation)).

    Arguments:
        sample: maps unit coordinates (p, dimension) to (p,), (p, outputs) or draws (draws, p, outputs).
        measure: of the parameters.
        quantiles: probabilities between 0 and 1.
        rel_precision, abs_precision: as above; abs_precision has the unit of the output.
        max_time: seconds.
        max_samples: the most points.
        generator: fixes the scramblings.

    Raises:
        UsageError: for a bad shape or budget.
        NumericalError: when the quantity is not finite, or the support is practically empty.

    Example:
        >>> from assay.numerics.coordinates import Coordinates
        >>> from assay.space.space import Space
        >>> space = Space.from_data([{"name": "x", "domain": [0, 1]}])
        >>> measure = ParameterMeasure.of(space, Coordinates.of(space))
        >>> found = statistics(lambda units: units[:, 0] ** 2, measure, generator=np.random.default_rng(0))
        >>> found.mean.round(3).tolist(), found.quantiles.round(2).ravel().tolist(), found.stopped
        ([0.333], [0.03, 0.25, 0.7], 'precision')

    Source: A. B. Owen, "Scrambled net variance for integrals of smooth functions", Ann. Statist. 25, 1541 (1997).
    """
    probabilities = np.asarray(quantiles, dtype=float)
    if probabilities.ndim != 1 or not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise UsageError(f"quantiles must be a list of probabilities between 0 and 1, got {quantiles!r}")
    budget = Budget.begin(max_samples, max_time, FIRST_ROUND)
    replicates = Replicates(measure.cube_dimension, generator)
    return _sampled(sample, measure, probabilities, (rel_precision, abs_precision), budget, replicates)


def _sampled(
    sample: Callable[[Array], Array],
    measure: ParameterMeasure,
    probabilities: Array,
    precision: tuple[float, float],
    budget: Budget,
    replicates: Replicates,
) -> Statistics:
    values: list[list[Array]] = [[] for _ in range(REPLICATES)]
    tried = evaluations = 0
    while True:
        for kept, cube in zip(values, replicates.next(), strict=True):
            units = measure.from_cube(cube)
            units = units[measure.contains(units)]
            tried, evaluations = tried + len(cube), evaluations + len(units)
            if len(units):
                kept.append(evaluated(sample, units))
        if not all(values):
            if tried > EMPTY_LIMIT:
                raise NumericalError(
                    f"the parameter distribution has almost no weight where its constraints hold: {evaluations} of "
                    f"{tried} points; widen the constraints or move the distributions"
                )
            continue
        found = _summary([np.concatenate(kept, axis=1) for kept in values], probabilities)
        if _is_met(found, *precision):
            return Statistics(**found, num_samples=evaluations, stopped="precision")
        stopped = budget.ends(tried)
        if stopped is not None:
            return Statistics(**found, num_samples=evaluations, stopped=stopped)


def _summary(values: list[Array], probabilities: Array) -> dict[str, Array]:
    """Everything of the pooled values, with errors from the spread between replicates (draws, points, outputs)."""
    flat = [part.reshape(-1, part.shape[2]) for part in values]
    pooled = np.concatenate(flat)
    if not np.isfinite(pooled).all():
        raise NumericalError(
            f"statistics need a finite quantity, got {int((~np.isfinite(pooled)).sum())} values that are not; "
            "cut the parameter distribution to where the quantity is defined"
        )
    mean = pooled.mean(axis=0)
    means = np.array([part.mean(axis=0) for part in flat])
    variances = np.array([((part - mean) ** 2).mean(axis=0) for part in flat])
    parts = np.array([np.quantile(part, probabilities, axis=0) for part in flat])
    return {
        "mean": mean,
        "variance": pooled.var(axis=0),
        "quantiles": np.quantile(pooled, probabilities, axis=0),
        "probabilities": probabilities,
        "mean_error": spread(means),
        "variance_error": spread(variances),
        "quantiles_error": spread(parts),
    }


def _is_met(found: dict[str, Array], relative: float, absolute: float) -> bool:
    deviation = np.sqrt(found["variance"])

    def meets(error: Array, estimate: Array) -> bool:
        scale = np.maximum(np.abs(estimate), deviation)
        return bool(np.all(error <= np.maximum(absolute, relative * scale)))

    # The error of a standard deviation s is that of the variance over 2 s.
    deviation_error = found["variance_error"] / (2.0 * np.where(deviation > 0, deviation, 1.0))
    return (
        meets(found["mean_error"], found["mean"])
        and meets(deviation_error, deviation)
        and meets(found["quantiles_error"], found["quantiles"])
    )
