"""The local minima of a quantity of a belief."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from assay.analysis.minima import Minima, minima
from assay.drivers.belief import Belief, ObjectType, Selection
from assay.errors import UsageError
from assay.numerics.random import generator

__all__ = ["minima_of"]

Array = np.ndarray

# Of a quantity without a Gaussian process below it, in unit coordinates.
USUAL_LENGTH_SCALE = 0.3


def minima_of(
    belief: Belief,
    object_type: ObjectType = "objective",
    name: str | None = None,
    *,
    environment_value: Mapping[str, float] | None = None,
    num_initial_samples: int | None = None,
    num_output: int = 10,
    epsilon: float = 0.1,
    delta: float = 0.1,
    ftol: float = 1e-9,
    seed: int = 0,
) -> Minima:
    """The local minima of a quantity of one output, inside the constraints, the lowest first.

    The width of a minimum is that of a Gaussian that tends to the quantity's mean over the space; see
    `assay.analysis.minima`.

    Arguments:
        object_type, name: what is asked about; none given: the objective.
        environment_value: values of the environment's variable parameters; None: it is searched too.
        num_initial_samples: None: 64 for each parameter.
        num_output: the most minima.
        epsilon: minima closer than so many length scales are one.
        delta: the step, in length scales, over which the widths are measured.
        ftol: the relative change of the value at which a climb ends.
        seed: of the initial samples.

    Raises:
        UsageError: for a quantity of several outputs, or a parameter of the environment without a value.
    """
    selection = belief.select(object_type, name)
    if len(selection.columns) != 1:
        raise UsageError(
            f"minima are those of one output, got {len(selection.columns)}: {', '.join(selection.names)}"
        )

    def value_gradient(points: Array) -> tuple[Array, Array]:
        mean, _, slope, _ = selection.mean_variance_gradient(points)
        return mean[:, 0], slope[:, 0]

    def uncertainty(points: Array) -> Array:
        return np.sqrt(np.maximum(selection.mean_variance(points)[1][:, 0], 0.0))

    return minima(
        value_gradient,
        belief.coordinates,
        belief.feasible,
        length_scales=_length_scales(belief, selection),
        uncertainty=uncertainty,
        environment_unit=_environment(belief, environment_value),
        count=num_output,
        epsilon=epsilon,
        delta=delta,
        ftol=ftol,
        num_initial_samples=num_initial_samples,
        generator=generator(seed, 0, "minima"),
    )


def _length_scales(belief: Belief, selection: Selection) -> Array:
    """Of the surrogates below, the shortest in each column."""
    found = np.full(belief.coordinates.dimension, np.inf)
    for name in belief.derivation.surrogates_of(selection.quantity.name):
        scales = getattr(belief.models.by_name[name].fitted.posterior, "length_scales", None)
        if scales is not None:
            own = np.atleast_2d(scales)
            found = np.minimum(found, own.min(axis=0))
    return np.where(np.isfinite(found), found, USUAL_LENGTH_SCALE)


def _environment(belief: Belief, values: Mapping[str, float] | None) -> Array | None:
    columns = belief.coordinates.columns[belief.coordinates.design_dimension :]
    if values is None or not columns:
        return None
    missing = [column.name for column in columns if column.name not in values]
    if missing:
        raise UsageError(f"minima at an environment need a value for {missing[0]!r}, got {dict(values)!r}")
    return np.array([float(column.encode([values[column.name]])[0]) for column in columns])
