"""The way down to a local minimum inside constraints, and how wide the dip around it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.numerics.coordinates import Coordinates
from assay.numerics.designs import sobol
from assay.numerics.feasibility import FeasibleSet
from assay.numerics.optimise import maximise_batch

__all__ = ["Descent", "gaussian_width"]

Array = np.ndarray
ValueGradient = Callable[[Array], tuple[Array, Array]]

PENALTY = 1e3  # of the quantity's spread, for a violation by one length scale
LATTICE_STEPS = 100  # moves to a neighbouring level, until none is lower
NEAR = 1e-2  # length scales to a constraint within which it may hold a minimum


def gaussian_width(depth: Array, rise: Array, step: Array) -> Array:
    """The width of a Gaussian dip that has this depth and rises so much over a step from its centre.

    With f(x) = m - depth exp(-(x - x0)^2 / (2 w^2)), which tends to the mean level m far away, a step h from the centre
    rises by depth (1 - exp(-h^2 / (2 w^2))), so that w = h / sqrt(-2 log(1 - rise / depth)): exact for a Gaussian of any
    width, and sqrt(depth / f'') for small steps. Where the rise comes near the depth, the parabola h sqrt(depth / (2 rise))
    is taken; where nothing rises, the width is infinite; where the minimum is no dip below the mean level, it is NaN.

    Arguments:
        depth, rise, step: broadcast together.

    Example:
        >>> float(gaussian_width(np.array(2.0), 2.0 * (1 - np.exp(np.array(-0.5))), np.array(0.3)).round(12))
        0.3
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = rise / depth
        gaussian = step / np.sqrt(-2.0 * np.log1p(-np.minimum(share, 0.99)))
        width = np.where(share < 0.99, gaussian, step / np.sqrt(2.0 * share))
    return np.where(depth > 0, np.where(rise > 0, width, np.inf), np.nan)


@final
@dataclass(frozen=True)
class Descent:
    """A quantity with its domain. Made by `Descent.of`.

    Arguments:
        value_gradient: maps unit coordinates (p, dimension) to (p,) and (p, dimension).
        coordinates, feasible: of one space.
        scales: (dimension,), length scales.
        lower, upper: (dimension,), the box; of one point where a column is held.
        moves: (dimension,), whether a gradient may be followed along the column.
    """

    value_gradient: ValueGradient
    coordinates: Coordinates
    feasible: FeasibleSet
    scales: Array
    lower: Array
    upper: Array
    moves: Array

    @staticmethod
    def of(
        value_gradient: ValueGradient,
        coordinates: Coordinates,
        feasible: FeasibleSet,
        length_scales: Array,
        environment_unit: Array | None,
    ) -> Descent:
        """A descent with the environment held, or searched (None).

        Raises:
            UsageError: when length scales are missing, or the environment to search has no bounds.
        """
        scales = np.asarray(length_scales, dtype=float)
        if scales.shape != (coordinates.dimension,) or not (scales > 0).all():
            raise UsageError(
                f"minima need one positive length scale for each of {coordinates.dimension} columns, got {length_scales!r}"
            )
        (lower, upper), moves = coordinates.limits.copy(), coordinates.continuous.copy()
        if environment_unit is not None:
            lower[coordinates.design_dimension :] = upper[coordinates.design_dimension :] = environment_unit
            moves[coordinates.design_dimension :] = False
        endless = [
            column.name for column, low in zip(coordinates.columns, lower, strict=True) if np.isinf(low)
        ]
        if endless:
            raise UsageError(
                f"minima over an environment without bounds need its value, got none for {', '.join(endless)}"
            )
        return Descent(value_gradient, coordinates, feasible, scales, lower, upper, moves)

    def samples(self, count: int, generator: np.random.Generator) -> Array:
        """Feasible points spread over the box, (count, dimension)."""
        samples = sobol(self.coordinates, self.feasible, count, generator)
        environment = slice(self.coordinates.design_dimension, None)
        low, high = self.lower[environment], self.upper[environment]
        samples[:, environment] = low + (high - low) * generator.random((count, len(low)))
        return samples

    def climbed_down(self, starts: Array, spread: float, ftol: float) -> Array:
        """Where each start ends, by projected quasi-Newton steps with a penalty for broken constraints.

        Lattice levels, labels and held columns stay as they are, since their gradient counts as zero.
        """

        def function(points: Array) -> tuple[Array, Array]:
            value, gradient = self.value_gradient(points)
            if self.feasible.count:
                penalty, slope = self._penalty(points)
                value, gradient = value + PENALTY * spread * penalty, gradient + PENALTY * spread * slope
            return -value / spread, -gradient * self.moves / spread

        ends = maximise_batch(
            function,
            starts,
            self.lower,
            self.upper,
            max_rounds=300,
            gradient_tolerance=1e-9,
            value_tolerance=1e-3 * ftol,
        )
        return ends.points

    def settled(self, end: Array, spread: float, ftol: float) -> Array:
        """The minimum next to the end of a climb: polished on constraints, on the best levels, exactly feasible."""
        point = self._polished(end, spread, ftol)
        for _ in range(LATTICE_STEPS):
            neighbours = self._neighbours(point)
            if not len(neighbours):
                break
            best = neighbours[np.argmin(self.value_gradient(neighbours)[0])]
            moved = self._polished(self.climbed_down(best[None], spread, ftol)[0], spread, ftol)
            values, _ = self.value_gradient(np.stack([point, moved]))
            if not values[1] < values[0]:
                break
            point = moved
        return point

    def different(self, points: Array, distance: float) -> Array:
        """The points, the lowest first, without those nearer than so many length scales to a lower one."""
        values, _ = self.value_gradient(points)
        kept: list[Array] = []
        for point in points[np.argsort(values, kind="stable")]:
            if not kept or np.linalg.norm((np.array(kept) - point) / self.scales, axis=1).min() >= distance:
                kept.append(point)
        return np.array(kept)

    def widths(self, points: Array, heights: Array, level: float, delta: float) -> Array:
        """`gaussian_width` along each column (points, dimension), in the parameter's own unit.

        The rise is the mean of that to both sides, or that to the inner side of a minimum next to a side of the domain.
        """
        widths = np.full(points.shape, np.nan)
        for column in np.flatnonzero(self.moves):
            step = delta * self.scales[column]
            total, sides = np.zeros(len(points)), np.zeros(len(points))
            for move in (-step, step):
                moved = points.copy()
                moved[:, column] += move
                inside = (moved[:, column] >= self.lower[column]) & (moved[:, column] <= self.upper[column])
                moved[:, column] = np.clip(moved[:, column], self.lower[column], self.upper[column])
                total += np.where(inside, self.value_gradient(moved)[0] - heights, 0.0)
                sides += inside
            rise = total / np.maximum(sides, 1.0)
            by_unit = self.coordinates.columns[column].natural_derivative(points[:, column])
            width = gaussian_width(level - heights, rise, np.full(len(points), step)) * by_unit
            widths[:, column] = np.where(sides > 0, width, np.nan)
        return widths

    def _penalty(self, points: Array) -> tuple[Array, Array]:
        """Half the sum of squared violations, each as a length in length scales, and its gradient."""
        slack, gradient = self.feasible.slack_gradient(points)
        lengths = np.linalg.norm(gradient * self.scales, axis=2)
        lengths = np.where(lengths > 0, lengths, 1.0)
        violation = np.maximum(np.nan_to_num(-slack, nan=1.0), 0.0) / lengths
        return 0.5 * (violation**2).sum(axis=1), -np.einsum("pc,pcd->pd", violation / lengths, gradient)

    def _polished(self, end: Array, spread: float, ftol: float) -> Array:
        """The minimum on the constraints that are near, rounded to what a suggestion can be; the end where that fails."""
        point = end
        if self.feasible.count:
            slack, gradient = self.feasible.slack_gradient(end[None])
            near = slack[0] < NEAR * np.linalg.norm(gradient[0] * self.scales, axis=1)
            if near.any() and self.moves.any():
                point = self._constrained(end, spread, ftol)
        exact = self.feasible.project(point)
        return point if exact is None else exact

    def _constrained(self, end: Array, spread: float, ftol: float) -> Array:
        from scipy.optimize import minimize

        places = np.flatnonzero(self.moves)

        def whole(part: Array) -> Array:
            point = end.copy()
            point[places] = end[places] + part * self.scales[places]
            return np.clip(point, self.lower, self.upper)[None]

        def function(part: Array) -> tuple[float, Array]:
            value, gradient = self.value_gradient(whole(part))
            return float(value[0]) / spread, gradient[0, places] * self.scales[places] / spread

        constraint: dict[str, Any] = {
            "type": "ineq",
            "fun": lambda part: self.feasible.slack(whole(part))[0],
            "jac": lambda part: (
                self.feasible.slack_gradient(whole(part))[1][0][:, places] * self.scales[places]
            ),
        }
        bounds = np.stack([self.lower - end, self.upper - end], axis=1)[places] / self.scales[places][:, None]
        found = minimize(
            function,
            np.zeros(len(places)),
            jac=True,
            method="SLSQP",
            bounds=bounds,
            constraints=[constraint],
            options={"ftol": ftol, "maxiter": 200},
        )
        return whole(found.x)[0] if np.isfinite(found.x).all() else end

    def _neighbours(self, point: Array) -> Array:
        """The feasible points one lattice level to either side."""
        neighbours = []
        for index, column in enumerate(self.coordinates.columns):
            if column.kind != "lattice" or self.lower[index] == self.upper[index]:
                continue
            levels = np.asarray(column.levels)
            place = int(np.abs(levels - point[index]).argmin())
            for other in (place - 1, place + 1):
                if 0 <= other < len(levels):
                    moved = point.copy()
                    moved[index] = levels[other]
                    neighbours.append(moved)
        found = np.array(neighbours).reshape(-1, len(point))
        return found[self.feasible.contains(found)] if self.feasible.count else found
