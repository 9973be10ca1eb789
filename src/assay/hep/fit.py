"""A fit for people: values with uncertainties, correlations, pulls, goodness, and impacts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import nan
from typing import Any, NamedTuple, final

import numpy as np

from assay.errors import UsageError
from assay.hep.asymptotic import check_interest
from assay.hep.derivatives import discrepancy_derivatives
from assay.hep.likelihood import maximum_likelihood, prefit_std
from assay.hep.model import Data, Model, check_data
from assay.hep.parameters import parameter_names, place
from assay.hep.status import fit_status
from assay.numerics.compile import jax_module
from assay.numerics.decompositions import symmetric_inverse
from assay.numerics.implicit_minimum import Minimum, is_held, scaled_hessian
from assay.numerics.packing import PackedFunction

__all__ = ["Fit", "Impacts", "fit", "impacts"]

jax = jax_module()
jnp = jax.numpy

Array = np.ndarray

CHUNK = 16  # refits of one call
FLAT = 1e-9  # of the scaled curvature: below, a minimum is a valley whose bottom has no end


@final
@dataclass(frozen=True)
class Fit:
    """A maximum of the likelihood.

    Arguments:
        names: (parameters,), of the parameters.
        values: (parameters,), where the likelihood is largest.
        covariance: (parameters, parameters), the inverse of the Hessian of -log L; zero for what was held.
        is_held: (parameters,), True for what was fixed or is pressed against a bound.
        twice_nll: -2 log L.
        goodness: 2 (log L saturated - log L), to be compared with the bins less the free parameters without constraint.
        degrees_of_freedom: that number.
        pulls: (parameters,), (value - prefit)/prefit uncertainty, NaN where nothing constrains a parameter.
        constraints: (parameters,), uncertainty after over before the fit, NaN likewise.
        status: "" at a minimum, else a sentence.
        iterations: evaluations of the likelihood with its derivatives.
    """

    names: tuple[str, ...]
    values: Array
    covariance: Array
    is_held: Array
    twice_nll: float
    goodness: float
    degrees_of_freedom: int
    pulls: Array
    constraints: Array
    status: str
    iterations: int

    @property
    def p_value(self) -> float:
        """The chance of a worse goodness, were the model true and the counts many; NaN without degrees of freedom."""
        from scipy.special import gammaincc

        return (
            float(gammaincc(self.degrees_of_freedom / 2, self.goodness / 2))
            if self.degrees_of_freedom > 0
            else nan
        )

    @property
    def uncertainties(self) -> Array:
        """(parameters,), standard deviations."""
        return np.sqrt(np.diagonal(self.covariance))

    @property
    def correlation(self) -> Array:
        """(parameters, parameters), zero for what was held."""
        std = self.uncertainties
        scale = np.where(std > 0, std, 1.0)
        return self.covariance / scale[:, None] / scale[None, :]

    def value(self, name: str) -> tuple[float, float]:
        """A parameter's value and uncertainty.

        Raises:
            UsageError: when there is no parameter of that name.
        """
        if name not in self.names:
            raise UsageError(f"the fit has no parameter {name!r}; it has {', '.join(self.names[:8])}")
        index = self.names.index(name)
        return float(self.values[index]), float(self.uncertainties[index])


@final
@dataclass(frozen=True)
class Impacts:
    """How much each parameter's uncertainty moves the parameter of interest.

    Arguments:
        names: (nuisances,), the largest first.
        up, down: (nuisances,), the shift when the parameter is held one fitted uncertainty above or below its best value.
        linear: (nuisances,), covariance over uncertainty: what `up` would be if all were linear.
        pulls, constraints: (nuisances,), as in `Fit`.
        status: "" where every fit ended at a minimum, else a sentence.
    """

    names: tuple[str, ...]
    up: Array
    down: Array
    linear: Array
    pulls: Array
    constraints: Array
    status: str


class _Fitted(NamedTuple):
    minimum: Minimum
    covariance: Any
    held: Any
    log_density: Any
    before: Any


def _fitted(model: Model, data: Data | None, start: Any, free: Any) -> _Fitted:
    used = model.observed_data() if data is None else data
    layout = model.layout
    found = maximum_likelihood(model, used, start=start, free=free)
    near = discrepancy_derivatives(found.point, (model, used))
    held = is_held(found.point, near.gradient, layout.lower, layout.upper, free)
    covariance = _inverse(near.hessian, held)
    return _Fitted(found, covariance, held, model.log_density(found.point, used), prefit_std(model))


def _inverse(hessian: Any, held: Any) -> Any:
    """The inverse of the free block, scaled first; zero elsewhere."""
    scaled, scale = scaled_hessian(hessian, held)
    inverse = symmetric_inverse(scaled) * scale[:, None] * scale[None, :]
    return jnp.where(held[:, None] | held[None, :], 0.0, inverse)


def _many(model: Model, data: Data | None, starts: Any, frees: Any) -> Minimum:
    used = model.observed_data() if data is None else data
    # One after another: in a map the tables of derivatives of all of them do not stay in the processor's cache.
    return jax.lax.map(
        lambda row: maximum_likelihood(model, used, start=row[0], free=row[1]), (starts, frees)
    )


_one_program = PackedFunction(_fitted)
_many_program = PackedFunction(_many)


def fit(
    model: Model,
    *,
    data: Data | None = None,
    held: Mapping[str, float] | None = None,
    start: Mapping[str, float] | None = None,
) -> Fit:
    """Fit a model.

    Arguments:
        model: from `build_model`.
        data: other data than the observed ones.
        held: parameters that stand still, at these values.
        start: where other parameters begin.

    Raises:
        UsageError: for a name that does not exist or a value outside its bounds.

    Example:
        >>> from assay.hep.build import build_model
        >>> from assay.hep.simple import uncorrelated_background
        >>> model = build_model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [60.0, 65.0]))
        >>> found = fit(model)
        >>> [round(number, 4) for number in found.value("mu")]
        [0.9524, 0.5695]
    """
    check_data(model, data)
    begin, free = _begin(model, held or {}, start or {})
    parts = _one_program(model.unnamed(), data, begin, free)
    return _result(model, parts)


def impacts(
    model: Model, *, data: Data | None = None, progress: Callable[[int, int], None] | None = None
) -> Impacts:
    """The impacts of all nuisance parameters on the parameter of interest, by refits in one program.

    Arguments:
        model: from `build_model`.
        data: other data than the observed ones.
        progress: called with the number of refits done and their whole number.

    Raises:
        UsageError: when the parameter of interest is fixed, or no other one is free.
    """
    check_interest(model, "q")
    best = fit(model, data=data)
    layout = model.layout
    moving = [index for index in range(layout.size) if not best.is_held[index] and index != layout.interest]
    if not moving:
        raise UsageError("impacts need a free parameter besides the one of interest, got none")
    std = best.uncertainties
    jobs = [(index, sign) for sign in (1.0, -1.0) for index in moving]
    starts, frees = np.tile(best.values, (len(jobs), 1)), np.tile(~layout.fixed, (len(jobs), 1))
    for row, (index, sign) in enumerate(jobs):
        # The others begin where they would end if all were linear.
        along = sign * best.covariance[index] / std[index]
        starts[row] += np.where(np.isfinite(along), along, 0.0)
        starts[row, index] = best.values[index] + sign * std[index]
        frees[row, index] = False
    starts = np.clip(starts, layout.lower, layout.upper)
    found = _refitted(model, data, starts, frees, progress)
    shifts = found.point[:, layout.interest] - best.values[layout.interest]
    up, down = shifts[: len(moving)], shifts[len(moving) :]
    order = np.argsort(-np.maximum(np.abs(up), np.abs(down)), kind="stable")
    chosen = np.array(moving)[order]
    status = fit_status(model, found.point, found.decrement, found.curvature)
    linear = best.covariance[layout.interest, chosen] / std[chosen]
    return Impacts(
        tuple(best.names[index] for index in chosen), up[order], down[order], linear, best.pulls[chosen],
        best.constraints[chosen], best.status or status,
    )  # fmt: skip


def _refitted(
    model: Model, data: Data | None, starts: Array, frees: Array, progress: Callable[[int, int], None] | None
) -> Minimum:
    """Fits from many starts, some at a time."""
    total, size = len(starts), min(CHUNK, len(starts))
    found = []
    for first in range(0, total, size):
        rows = np.minimum(np.arange(first, first + size), total - 1)  # the last call is filled up
        found.append(_many_program(model.unnamed(), data, starts[rows], frees[rows]))
        if progress is not None:
            progress(min(first + size, total), total)
    return Minimum(*(np.concatenate(parts)[:total] for parts in zip(*found, strict=True)))


def _loose(point: Array, covariance: Array, held: Array) -> Array:
    """(parameters,): True for what moves along a flat direction, where the inverse of the Hessian is noise."""
    variance = np.diagonal(covariance)
    loose = ~held & ~((variance > 0) & (variance < (1 + point**2) / FLAT**0.5))
    return loose if loose.any() else ~held & (variance == variance[~held].max())


def _begin(model: Model, held: Mapping[str, float], start: Mapping[str, float]) -> tuple[Array, Array]:
    layout = model.layout
    begin, free = layout.start.copy(), ~layout.fixed
    for given, stands in ((start, False), (held, True)):
        for name, value in given.items():
            index = place(layout.sets, name)
            if not np.isfinite(value) or not layout.lower[index] <= value <= layout.upper[index]:
                raise UsageError(
                    f"parameter {name!r} must lie within its bounds {layout.lower[index]} to {layout.upper[index]}, got {value}"
                )
            begin[index] = value
            free[index] &= not stands
    return begin, free


def _result(model: Model, parts: _Fitted) -> Fit:
    layout = model.layout
    minimum = Minimum(*(np.asarray(part) for part in parts.minimum))
    before = np.asarray(parts.before)
    held, covariance = np.asarray(parts.held), np.asarray(parts.covariance)
    status = fit_status(model, minimum.point[None], minimum.decrement[None], minimum.curvature[None])
    if not status and minimum.curvature < FLAT:
        loose = _loose(minimum.point, covariance, held)
        covariance = np.where(loose[:, None] | loose[None, :], np.nan, covariance)
        names = np.array(parameter_names(layout.sets))[loose]
        status = f"the data cannot tell {', '.join(names)} apart, whose uncertainties are not known; fix some of them"
    std = np.sqrt(np.diagonal(covariance))
    with np.errstate(invalid="ignore"):
        pulls = np.where(np.isfinite(before), (minimum.point - layout.start) / before, np.nan)
        constraints = np.where(np.isfinite(before), std / before, np.nan)
    free = int((~held & ~np.isfinite(before)).sum())
    return Fit(
        parameter_names(layout.sets), minimum.point, covariance, held, -2 * float(parts.log_density),
        2 * float(minimum.value), layout.bins - free, pulls, constraints, status,
        int(minimum.iterations),
    )  # fmt: skip
