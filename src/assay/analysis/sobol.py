"""Sobol' indices: how much of the variance of a quantity each parameter causes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.analysis.replicates import REPLICATES, Budget, Replicates, Stopped, evaluated
from assay.errors import NumericalError, UsageError
from assay.numerics.distributions import ParameterMeasure

__all__ = ["SobolIndices", "sobol_indices"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class SobolIndices:
    """First-order and total indices of each parameter for each output, with their standard errors.

    Arguments:
        names: (parameters,).
        first_order, total_order, first_order_error, total_order_error: (parameters, outputs); NaN for an output that
            does not vary, zero for a parameter that does not.
        mean, variance: (outputs,).
        num_samples: evaluations of the quantity.
        stopped: "precision" where max_uncertainty was met, else the budget that ran out.
    """

    names: tuple[str, ...]
    first_order: Array
    total_order: Array
    first_order_error: Array
    total_order_error: Array
    mean: Array
    variance: Array
    num_samples: int
    stopped: Stopped

    def to_dict(self) -> dict[str, Any]:
        """Plain data: name to list or number."""
        data = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
        }
        return {**data, "names": list(self.names)}


def sobol_indices(
    function: Callable[[Array], Array],
    measure: ParameterMeasure,
    *,
    max_uncertainty: float = 1e-3,
    max_time: float = math.inf,
    max_samples: float = 1e6,
    generator: np.random.Generator,
) -> SobolIndices:
    """Which parameters cause the variance of a quantity, alone and together with others.

    Use it to see what to control and what to leave. The first-order index is S_i = Var E[y | x_i] / Var y, the total one
    T_i = E Var[y | all but x_i] / Var y; T_i - S_i is what x_i does only together with others. From two independent
    points a and b, with a_i the point a whose parameter i is that of b, and b_i the reverse,

        S_i = 2 E[(f(b_i) - f(b)) (f(a) - f(a_i))] / E[(f(a) - f(b))^2 + (f(b_i) - f(a_i))^2]
        T_i = E[(f(b) - f(b_i))^2 + (f(a) - f(a_i))^2] / E[(f(a) - f(b))^2 + (f(b_i) - f(a_i))^2]

    over scrambled Sobol' points in eight scramblings, which double until the standard error (the jackknife over the
    scramblings) of every index is at most max_uncertainty. Of the usual estimators these have the least variance.

    Arguments:
        function: maps unit coordinates (p, dimension) to (p,) or (p, outputs).
        measure: of the parameters, which must be independent.
        max_uncertainty: the wanted standard error of each index.
        max_time: seconds.
        max_samples: the most evaluations.
        generator: fixes the scramblings.

    Raises:
        UsageError: when parameters depend on one another, none varies, or the budget is too small.
        NumericalError: when the quantity is not finite.

    Example:
        >>> from assay.numerics.coordinates import Coordinates
        >>> from assay.space.space import Space
        >>> space = Space.from_data([{"name": "x", "domain": [0, 1]}, {"name": "y", "domain": [0, 1]}])
        >>> measure = ParameterMeasure.of(space, Coordinates.of(space))
        >>> found = sobol_indices(lambda u: u[:, 0] + 2 * u[:, 1], measure, generator=np.random.default_rng(0))
        >>> found.first_order.round(2).tolist()
        [[0.2], [0.8]]

    Source: I. Azzini, T. A. Mara, R. Rosati, Environ. Model. Softw. 144, 105167 (2021), eqs. 15 and 16.
    """
    _refuse_dependence(measure)
    varying = np.flatnonzero(measure.varies)
    per_point = 2 * len(varying) + 2
    budget = Budget.begin(max_samples, max_time, 32 * REPLICATES * per_point)
    return _sampled(
        function, measure, varying, max_uncertainty, budget, Replicates(2 * len(varying), generator)
    )


def _sampled(
    function: Callable[[Array], Array],
    measure: ParameterMeasure,
    varying: Array,
    max_uncertainty: float,
    budget: Budget,
    replicates: Replicates,
) -> SobolIndices:
    per_point = 2 * len(varying) + 2
    sums, total, points = np.zeros(()), np.zeros(()), 0
    while True:
        cubes = replicates.next()
        tallies = [_tally(function, measure, cube) for cube in cubes]
        sums = sums + np.stack([tally for tally, _ in tallies])
        total = total + np.sum([part for _, part in tallies], axis=0)
        points += sum(map(len, cubes))
        errors = _jackknife(sums)
        stopped = "precision" if not (errors > max_uncertainty).any() else budget.ends(points * per_point)
        if stopped is not None:
            break
    first, total_order, variance = _ratios(sums.sum(axis=0) / points)
    shape = (measure.dimension, first.shape[1])

    def of_all(values: Array) -> Array:
        """With the parameters that do not vary, whose indices are zero."""
        whole = np.zeros(shape)
        whole[:, np.isnan(values).any(axis=0)] = np.nan
        whole[varying] = values
        return whole

    return SobolIndices(
        measure.names,
        of_all(first),
        of_all(total_order),
        of_all(errors[0]),
        of_all(errors[1]),
        mean=np.divide(total, 2 * points),
        variance=variance,
        num_samples=points * per_point,
        stopped=stopped,
    )


def _refuse_dependence(measure: ParameterMeasure) -> None:
    if measure.dependent:
        raise UsageError(
            "Sobol' indices need independent parameters, but a multivariate normal or a constraint of the parameter "
            f"distribution ties {', '.join(measure.dependent)}; give them independent distributions without constraints"
        )
    if not measure.varies.any():
        raise UsageError(
            "Sobol' indices need a parameter that varies, but the parameter distribution fixes all"
        )


def _tally(function: Callable[[Array], Array], measure: ParameterMeasure, cube: Array) -> tuple[Array, Array]:
    """The sums of the two numerators and of the denominator (3, parameters, outputs), and of the function (outputs,)."""
    dimension = cube.shape[1] // 2
    first, second = cube[:, :dimension], cube[:, dimension:]

    def at(points: Array) -> Array:
        values = evaluated(function, measure.from_cube(points))
        if len(values) > 1:
            raise UsageError(
                f"Sobol' indices need a function without draws, got {len(values)} draws at each point"
            )
        if not np.isfinite(values).all():
            raise NumericalError(
                "Sobol' indices need a quantity that is finite everywhere; cut the parameter distribution to where it is"
            )
        return values[0]

    f_a, f_b = at(first), at(second)
    rows = np.empty((3, dimension, f_a.shape[1]))
    for index in range(dimension):
        a_i, b_i = first.copy(), second.copy()
        a_i[:, index], b_i[:, index] = second[:, index], first[:, index]
        f_ai, f_bi = at(a_i), at(b_i)
        rows[0, index] = 2.0 * ((f_bi - f_b) * (f_a - f_ai)).sum(axis=0)
        rows[1, index] = ((f_b - f_bi) ** 2 + (f_a - f_ai) ** 2).sum(axis=0)
        rows[2, index] = ((f_a - f_b) ** 2 + (f_bi - f_ai) ** 2).sum(axis=0)
    return rows, (f_a + f_b).sum(axis=0)


def _ratios(means: Array) -> tuple[Array, Array, Array]:
    """First-order and total indices (parameters, outputs) and the variance (outputs,), a quarter of the denominator."""
    with np.errstate(invalid="ignore"):
        return means[0] / means[2], means[1] / means[2], means[2].mean(axis=0) / 4.0


def _jackknife(sums: Array) -> Array:
    """The standard errors of both indices (2, parameters, outputs), by leaving out one replicate at a time."""
    without = sums.sum(axis=0) - sums
    with np.errstate(invalid="ignore"):
        estimates = without[:, :2] / without[:, 2:]
    count = len(sums)
    return np.sqrt((count - 1) / count * ((estimates - estimates.mean(axis=0)) ** 2).sum(axis=0))
