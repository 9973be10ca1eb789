"""Fits of a model as functions of JAX: the maximum of the likelihood, free or with the parameter of interest held.

Derivatives pass through them by the implicit function theorem, to the templates, the variations, the observations, the
data and the value that is held. Trace them in float64.
"""

from __future__ import annotations

from typing import Any

from assay.hep.barlow_beeston import bin_factors, with_best_factors
from assay.hep.derivatives import discrepancy_derivatives, profiled_derivatives
from assay.hep.model import Data, Model
from assay.numerics.compile import jax_module
from assay.numerics.implicit_minimum import Minimum, bounded_minimum, implicit_minimum

__all__ = ["discrepancy", "least_discrepancy", "maximum_likelihood", "prefit_std"]

jax = jax_module()
jnp = jax.numpy


def discrepancy(parameters: Any, given: tuple[Model, Data]) -> Any:
    """How far log L(parameters) of a model and data lies below that of the saturated model."""
    model, data = given
    return model.discrepancy(parameters, data)


def prefit_std(model: Model) -> Any:
    """(parameters,): the standard deviations that the constraints alone give, infinite without one."""
    layout, width = model.layout, model.constraint_width()
    deviation = jnp.where(layout.auxiliary_is_poisson, 1 / jnp.sqrt(width), width)
    return jnp.full(layout.size, jnp.inf).at[layout.auxiliary_parameter].set(deviation)


def least_discrepancy(
    given: tuple[Model, Data],
    start: Any,
    refuge: Any,
    lower: Any,
    upper: Any,
    free: Any,
    *,
    escapes: bool = True,
) -> Minimum:
    """Where the discrepancy is least, by a search over the parameters that have no formula; arguments as there."""
    model, data = given
    factors = bin_factors(model.layout)
    place, others = factors.parameter, factors.others
    if not place.size:
        return bounded_minimum(
            discrepancy, given, start, lower, upper, free,
            refuge=refuge, derivatives=discrepancy_derivatives, escapes=escapes,
        )  # fmt: skip

    def completed(point: Any) -> Any:
        return with_best_factors(model, data, factors.merged(point, start[place]), lower, upper, free)

    found = bounded_minimum(
        lambda point, _: discrepancy(completed(point), given),
        (model, data, start, lower, upper, free),
        start[others], lower[others], upper[others], free[others],
        refuge=refuge[others], derivatives=profiled_derivatives, escapes=escapes,
    )  # fmt: skip
    return found._replace(point=completed(found.point))


_minimum = implicit_minimum(discrepancy, least_discrepancy)


def maximum_likelihood(
    model: Model, data: Data, *, start: Any = None, free: Any = None, lower: Any = None, upper: Any = None
) -> Minimum:
    """The parameters that make the data most likely.

    Arguments:
        model: its leaves may be traced.
        data: observed, Asimov or a toy.
        start: (parameters,), where the fit begins and what it holds; the model's where it is left out. Where a yield is
            negative there, what is free begins at the model's.
        free: (parameters,), True where the fit may move; all that the model does not fix where it is left out.
        lower, upper: (parameters,), bounds; the model's where they are left out.

    Returns: `point` the parameters and `value` how far the maximum of log L lies below that of the
        saturated model, both differentiable; `decrement`, the length of the
        Newton step that is left in units of the uncertainties; `curvature`, negative where it ended on a saddle.

    Example:
        >>> from assay.hep.build import build_model
        >>> from assay.hep.simple import uncorrelated_background
        >>> from assay.numerics.compile import float64
        >>> model = build_model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [51.0, 48.0]))
        >>> with float64():
        ...     found = maximum_likelihood(model, model.observed_data())
        ...     log_density = model.log_density(found.point, model.observed_data())
        >>> round(-2.0 * float(log_density), 8)
        24.9839352
    """
    layout = model.layout
    return _minimum(
        (model, data),
        jnp.asarray(layout.start if start is None else start),
        jnp.asarray(layout.start),
        jnp.asarray(layout.lower if lower is None else lower),
        jnp.asarray(layout.upper if upper is None else upper),
        jnp.asarray(~layout.fixed if free is None else free),
    )
