"""The local minima of a quantity, with their widths; inside the constraints.

Example:
    >>> from assay.space.space import Space
    >>> space = Space.from_data([{"name": "x", "domain": [-2, 2]}])
    >>> coordinates = Coordinates.of(space)
    >>> def double_well(units):
    ...     x = 4 * units - 2
    ...     return ((x**2 - 1) ** 2)[:, 0], 16 * x * (x**2 - 1)
    >>> found = minima(
    ...     double_well, coordinates, FeasibleSet.of(space, coordinates),
    ...     length_scales=np.array([0.2]), generator=np.random.default_rng(0),
    ... )
    >>> sorted(round(point["x"], 4) for point in found.positions)
    [-1.0, 1.0]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.analysis.descent import Descent
from assay.errors import NumericalError
from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.records import ParameterValue

__all__ = ["Minima", "minima"]

Array = np.ndarray
ValueGradient = Callable[[Array], tuple[Array, Array]]

STARTS_PER_DIMENSION = 64
CLIMBS_PER_MINIMUM = 8
STEEP = 1e-4  # of the quantity's spread per length scale; a gradient below it vanishes


@final
@dataclass(frozen=True)
class Minima:
    """Local minima, the lowest first.

    Arguments:
        names: (parameters,), of the columns.
        units: (minima, parameters), the positions in unit coordinates; decoded they satisfy every constraint.
        positions: for each minimum, name to exact value, fixed parameters included.
        values: (minima,).
        uncertainties: (minima,), standard deviations of the quantity there.
        widths: (minima, parameters), in the parameter's own unit; see `assay.analysis.descent.gaussian_width`. NaN where a parameter takes single
            values; infinite where the quantity does not rise.
        gradient_vanishes: (minima,), False for a minimum on a side of the domain or on a constraint.
    """

    names: tuple[str, ...]
    units: Array
    positions: tuple[Mapping[str, ParameterValue], ...]
    values: Array
    uncertainties: Array
    widths: Array
    gradient_vanishes: Array

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as the columns of a table: value, uncertainty, gradient_vanishes, each parameter and its width."""
        positions = {name: [point[name] for point in self.positions] for name in (self.positions or ({},))[0]}
        widths = {f"width.{name}": self.widths[:, index].tolist() for index, name in enumerate(self.names)}
        return {
            "value": self.values.tolist(),
            "uncertainty": self.uncertainties.tolist(),
            "gradient_vanishes": self.gradient_vanishes.tolist(),
            **{f"param.{name}": column for name, column in positions.items()},
            **widths,
        }


def minima(
    value_gradient: ValueGradient,
    coordinates: Coordinates,
    feasible: FeasibleSet,
    *,
    length_scales: Array,
    mean_level: float | None = None,
    uncertainty: Callable[[Array], Array] | None = None,
    environment_unit: Array | None = None,
    count: int = 10,
    epsilon: float = 0.1,
    delta: float = 0.1,
    ftol: float = 1e-9,
    num_initial_samples: int | None = None,
    generator: np.random.Generator,
) -> Minima:
    """The local minima of a quantity, the lowest first.

    Use it to see all good designs and how exactly each must be made. Scrambled Sobol' points are climbed down from in one
    batch; minima on a constraint are polished by sequential quadratic programming; on lattices a minimum is no higher
    than its neighbours; each label of a category has its own minima.

    Arguments:
        value_gradient: maps unit coordinates (p, dimension) to (p,) and (p, dimension), as of a posterior mean.
        coordinates, feasible: of one space; every position satisfies the constraints exactly.
        length_scales: (dimension,), in unit coordinates.
        mean_level: what the quantity tends to far away from data; None: its mean over the initial samples.
        uncertainty: maps unit coordinates to standard deviations (p,); None for none.
        environment_unit: (environment dimension,), where it is held; None: it is searched too.
        count: the most minima.
        epsilon: minima closer than so many length scales are one.
        delta: the step, in length scales, over which the widths are measured.
        ftol: the relative change of the value at which a climb ends.
        num_initial_samples: None: 64 for each dimension.
        generator: fixes the initial samples.

    Raises:
        UsageError: when the environment to search has no bounds.
        NumericalError: when no point satisfies the constraints, or the quantity is nowhere finite.
    """
    descent = Descent.of(value_gradient, coordinates, feasible, length_scales, environment_unit)
    samples = descent.samples(num_initial_samples or STARTS_PER_DIMENSION * coordinates.dimension, generator)
    values, _ = value_gradient(samples)
    finite = np.isfinite(values)
    if not finite.any():
        raise NumericalError(
            f"minima need a quantity that is finite somewhere, got none at {len(samples)} points"
        )
    spread = max(float(np.std(values[finite])), 1e-300)
    starts = samples[finite][np.argsort(values[finite])[: CLIMBS_PER_MINIMUM * count]]
    ends = descent.climbed_down(starts, spread, ftol)
    points = np.array([descent.settled(end, spread, ftol) for end in descent.different(ends, 0.1 * epsilon)])
    points = descent.different(points, epsilon)[:count]
    level = float(values[finite].mean()) if mean_level is None else mean_level
    return _described(descent, points, level, delta, spread, uncertainty)


def _described(
    descent: Descent,
    points: Array,
    level: float,
    delta: float,
    spread: float,
    uncertainty: Callable[[Array], Array] | None,
) -> Minima:
    coordinates = descent.coordinates
    heights, gradients = descent.value_gradient(points)
    slopes = np.abs(gradients * descent.scales * descent.moves)
    return Minima(
        tuple(column.name for column in coordinates.columns),
        points,
        tuple({**coordinates.decode(point), **coordinates.decode_environment(point)} for point in points),
        heights,
        np.zeros(len(points)) if uncertainty is None else uncertainty(points),
        descent.widths(points, heights, level, delta),
        slopes.max(axis=1, initial=0.0) < STEEP * spread,
    )
