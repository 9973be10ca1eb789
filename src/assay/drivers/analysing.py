"""What can be computed from a belief: observed values, minima, statistics, sensitivities, Markov chains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from assay.analysis.chains import MarkovChains
from assay.analysis.log_density import LogDensity
from assay.analysis.mcmc import run_mcmc
from assay.analysis.sobol import SobolIndices, sobol_indices
from assay.analysis.statistics import Statistics, statistics
from assay.drivers.belief import Belief, ObjectType
from assay.errors import UsageError
from assay.numerics.distributions import ParameterMeasure
from assay.numerics.random import generator
from assay.quantities.configuration import VariableEntry
from assay.quantities.quantity import Quantity

__all__ = ["chains_of", "draws_of_posterior", "observed_values", "sobol_of", "statistics_of"]

Array = np.ndarray

# Points of the prior, and the best looks, from where the maxima of a posterior are looked for.
PRIOR_STARTS, BEST_STARTS = 32, 8
# Walkers of the ensemble: a model is asked for so many points in little more time than for one.
ENSEMBLE_WALKERS = 512
# Draws of the belief at each point, where statistics are to hold the model's own uncertainty.
DRAWS = 16


def observed_values(
    belief: Belief,
    object_type: ObjectType = "objective",
    name: str | None = None,
    num_samples: int | None = None,
) -> dict[str, Array]:
    """A quantity where evaluations succeeded, as the models see it now: smoothed where observations are noisy.

    Returns:
        `points` (looks, dimension) in natural units by name, `means` and `variance` (looks, outputs), and with
        `num_samples` also `samples` (samples, looks, outputs).
    """
    selection = belief.select(object_type, name)
    mean, variance = selection.mean_variance(belief.points)
    found: dict[str, Any] = {
        "points": belief.coordinates.natural(belief.points),
        "means": mean,
        "variance": variance,
    }
    if num_samples is not None:
        normal = np.random.default_rng(0).standard_normal((num_samples, selection.quantity.normal_dimension))
        found["samples"] = selection.quantity.draw(belief.points, normal)[:, :, selection.columns]
    return found


def statistics_of(
    belief: Belief,
    object_type: ObjectType = "objective",
    name: str | None = None,
    *,
    environment: Mapping[str, float] | None = None,
    quantiles: Sequence[float] = (0.16, 0.5, 0.84),
    rel_precision: float = 1e-3,
    abs_precision: float = 1e-9,
    max_time: float = math.inf,
    max_samples: float = 1e6,
    include_model_uncertainty: bool = False,
    seed: int = 0,
) -> Statistics:
    """The distribution of a quantity over the parameter distribution; see `assay.analysis.statistics`.

    Arguments:
        environment: values that are known; parameters of the environment that are left out vary too.
        include_model_uncertainty: whether the spread of the belief itself counts.
    """
    selection = belief.select(object_type, name)
    measure = belief.derivation.measure_of(belief.derivation.settings.parameter_distribution, environment)
    normal = np.random.default_rng(seed).standard_normal((DRAWS, selection.quantity.normal_dimension))

    def sample(units: Array) -> Array:
        if include_model_uncertainty:
            return selection.quantity.draw(units, normal)[:, :, selection.columns]
        return selection.mean_variance(units)[0]

    return statistics(
        sample,
        measure,
        quantiles=quantiles,
        rel_precision=rel_precision,
        abs_precision=abs_precision,
        max_time=max_time,
        max_samples=max_samples,
        generator=generator(seed, 0, "statistics"),
    )


def sobol_of(
    belief: Belief,
    object_type: ObjectType = "objective",
    name: str | None = None,
    *,
    environment: Mapping[str, float] | None = None,
    max_uncertainty: float = 1e-3,
    max_time: float = math.inf,
    max_samples: float = 1e6,
    seed: int = 0,
) -> SobolIndices:
    """Which parameters cause the variance of a quantity; see `assay.analysis.sobol`."""
    selection = belief.select(object_type, name)
    measure = belief.derivation.measure_of(belief.derivation.settings.parameter_distribution, environment)
    return sobol_indices(
        lambda units: selection.mean_variance(units)[0],
        measure,
        max_uncertainty=max_uncertainty,
        max_time=max_time,
        max_samples=max_samples,
        generator=generator(seed, 0, "sobol"),
    )


def chains_of(
    belief: Belief,
    name: str | None = None,
    *,
    environment: Mapping[str, float] | None = None,
    sampler: Literal["nuts", "ensemble"] = "ensemble",
    num_walkers: int | None = None,
    max_iter: int = 50_000,
    max_time: float = math.inf,
    rel_error: float = 0.05,
    thin_chains: bool = False,
    multi_modal: bool = False,
    append: MarkovChains | None = None,
    max_sigma_dist: float = math.inf,
    seed: int = 0,
) -> MarkovChains:
    """Draws of the parameters from exp(-χ²/2) times the parameter distribution, or from exp(-NLP), whose priors are in it.

    The model's means take the place of the function, and the study's constraints hold. Parameters of an error model are
    drawn too. In natural units, by `assay.analysis.mcmc`.

    Arguments:
        name: of the variable, a ChiSquaredValue or a NegLogProbability; none given: the objective's.
        environment: values of the environment's variable parameters.
        sampler: the ensemble asks the models for many points at once, and comes to the ends of a bent ridge; trajectories of
            "nuts" diverge there (docs/problems/mgh17_noise.md), but it is the one for many parameters.
        num_walkers: chains; none given: 8 of "nuts", 512 of the ensemble.

    Raises:
        UsageError: for another kind of variable, or a parameter that is not continuous.
    """
    if num_walkers is None and sampler == "ensemble":
        num_walkers = ENSEMBLE_WALKERS
    density, names, lower, upper = draws_of_posterior(belief, name, environment)
    starts = _starts(belief, lower, upper, len(names), seed)
    unit = run_mcmc(
        density,
        starts,
        lower,
        upper,
        names=names,
        sampler=sampler,
        num_walkers=num_walkers,
        max_iter=max_iter,
        max_time=max_time,
        rel_error=rel_error,
        thin_chains=thin_chains,
        multi_modal=multi_modal,
        append=append,
        max_sigma_dist=max_sigma_dist,
        generator=generator(seed, 0, "mcmc"),
    )
    natural = unit.mapped(lambda units: _natural(belief, units))
    return replace(natural, continuation=unit.continuation)


def draws_of_posterior(
    belief: Belief, name: str | None, environment: Mapping[str, float] | None
) -> tuple[LogDensity, list[str], Array, Array]:
    """The log density of the design's unit coordinates and the error parameters, their names, and the box."""
    coordinates, derivation = belief.coordinates, belief.derivation
    count = coordinates.design_dimension
    entry = _misfit(belief, name)
    errors = derivation.error_measure
    extra = () if errors is None or entry.type == "ChiSquaredValue" else errors.names
    whole = replace(derivation, extra=tuple(extra))
    quantity = Quantity(whole.graph(belief.posteriors), entry.name)
    factor = 0.5 if entry.type == "ChiSquaredValue" else 1.0
    place = np.array(
        [
            float(column.encode([(environment or {})[column.name]])[0])
            for column in coordinates.columns[count:]
        ]
    )
    at_mean = np.zeros((1, quantity.normal_dimension))
    measure = whole.measure

    def whole_points(points: Array) -> tuple[Array, Array]:
        """Points of the space, and error parameters."""
        design, own = points[:, :count], points[:, count:]
        return np.concatenate([design, np.broadcast_to(place, (len(points), len(place)))], axis=1), own

    def value(points: Array) -> Array:
        units, own = whole_points(points)
        total = -factor * quantity.draw(np.concatenate([units, own], axis=1), at_mean)[0, :, 0]
        total = total + measure.log_volume(units)[0]
        if entry.type == "ChiSquaredValue":
            total = total + measure.log_prob_gradient(units)[0]
        if extra and errors is not None:
            total = total + errors.log_prob_gradient(own)[0]
        return np.where(belief.feasible.contains(units) & np.isfinite(total), total, -np.inf)

    def value_gradient(points: Array) -> tuple[Array, Array]:
        units, own = whole_points(points)
        drawn, pullback = quantity.draw_pullback(np.concatenate([units, own], axis=1), at_mean)
        by_all = pullback(np.full_like(drawn, -factor))
        total, gradient = -factor * drawn[0, :, 0], np.zeros_like(points)
        gradient[:, :count], gradient[:, count:] = by_all[:, :count], by_all[:, coordinates.dimension :]
        volume, by_volume = measure.log_volume(units)
        parts = [(volume, by_volume)]
        if entry.type == "ChiSquaredValue":
            parts.append(measure.log_prob_gradient(units))
        for part, slope in parts:
            total = total + part
            gradient[:, :count] += slope[:, :count]
        if extra and errors is not None:
            part, slope = errors.log_prob_gradient(own)
            total, gradient[:, count:] = total + part, gradient[:, count:] + slope
        inside = belief.feasible.contains(units) & np.isfinite(total)
        return np.where(inside, total, -np.inf), np.where(inside[:, None], gradient, 0.0)

    lower, upper = _box(count, errors if extra else None)
    names = [*(column.name for column in coordinates.columns[:count]), *extra]
    return LogDensity(value=value, value_gradient=value_gradient), names, lower, upper


def _misfit(belief: Belief, name: str | None) -> VariableEntry:
    """The variable that chains are drawn for.

    Raises:
        UsageError: for another kind of variable, or a parameter that is not continuous.
    """
    coordinates, derivation = belief.coordinates, belief.derivation
    for column in coordinates.columns[: coordinates.design_dimension]:
        if column.kind != "continuous" or column.is_integer:
            raise UsageError(
                f"run_mcmc needs parameters that vary continuously, got {column.name!r}; ask with that one fixed"
            )
    wanted = name or derivation.objective_names[0]
    entry = derivation.settings.variable(wanted)
    if entry.type not in ("ChiSquaredValue", "NegLogProbability"):
        raise UsageError(
            f"run_mcmc needs a ChiSquaredValue or a NegLogProbability, got {wanted!r}, which is of type {entry.type}"
        )
    return entry


def _box(count: int, errors: ParameterMeasure | None) -> tuple[Array, Array]:
    """The limits of unit coordinates, and of the error parameters after them."""
    lower, upper = np.zeros(count), np.ones(count)
    if errors is None:
        return lower, upper
    ends = errors.from_cube(np.stack([np.zeros(errors.cube_dimension), np.ones(errors.cube_dimension)]))
    return np.concatenate([lower, ends.min(axis=0)]), np.concatenate([upper, ends.max(axis=0)])


def _starts(belief: Belief, lower: Array, upper: Array, dimension: int, seed: int) -> Array:
    """The best looks and draws of the prior, with likely error parameters."""
    derivation, count = belief.derivation, belief.coordinates.design_dimension
    order = np.argsort(belief.observed, kind="stable")[:BEST_STARTS]
    prior = derivation.measure.sample(PRIOR_STARTS, generator(seed, 0, "starts"))
    design = np.concatenate([belief.points[order], prior])[:, :count]
    if dimension == count:
        return design
    known = {**derivation.first_error_parameters, **derivation.error_parameters}
    errors = derivation.error_measure
    assert errors is not None
    own = np.array([known[name] for name in errors.names])
    inside = np.clip(own, lower[count:], upper[count:])
    return np.concatenate([design, np.broadcast_to(inside, (len(design), dimension - count))], axis=1)


def _natural(belief: Belief, units: Array) -> Array:
    """Unit coordinates of the design in natural units, what follows them as it is."""
    count = belief.coordinates.design_dimension
    columns = [
        column.natural(units[:, index]) for index, column in enumerate(belief.coordinates.columns[:count])
    ]
    return np.concatenate([np.stack(columns, axis=1), units[:, count:]], axis=1)
