"""Local optimisers that cannot be asked: they are run again from their start with what is known, up to the first point that is not.

SciPy's optimisers call a function. Ours looks the values up in the history and raises at the first unknown point, which
is the next suggestion. So a replay is the algorithm itself, and needs neither threads nor stored state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, final

import numpy as np

from assay.drivers.abstract import History
from assay.drivers.observed import Key, key_of, measured
from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.records import Trial

__all__ = ["KnownFunction", "LocalRun", "Seen", "Unknown", "seen_points"]

Array = np.ndarray

LEAST_STEPS = 1000  # of output_precision in a finite difference


@final
@dataclass(frozen=True)
class Seen:
    """What the history says of a point.

    Arguments:
        status: "open" while it is evaluated.
        values: the means of the measured outputs; empty unless it succeeded.
        derivatives: (parameter, one number for each output) pairs, in the parameters' own units.
    """

    status: Literal["succeeded", "failed", "open"]
    values: tuple[float, ...] = ()
    derivatives: tuple[tuple[str, tuple[float, ...]], ...] = ()


def seen_points(history: History) -> dict[Key, Seen]:
    """What is known of each design point; a success counts before a failure, and the first of several."""
    table: dict[Key, Seen] = {}
    ranks = {"open": 0, "failed": 1, "succeeded": 2}
    for trial in history.trials:
        if trial.status == "cleared":
            continue
        key, seen = key_of(trial.suggestion.values), _seen(trial)
        if key not in table or ranks[seen.status] > ranks[table[key].status]:
            table[key] = seen
    return table


def _seen(trial: Trial) -> Seen:
    if trial.status == "open":
        return Seen("open")
    values = measured(trial)
    if values is None or trial.outcome is None:
        return Seen("failed")
    entries = trial.outcome.measurements
    slopes = {entry.derivative: entry.value for entry in entries if entry.derivative is not None}
    return Seen("succeeded", values, tuple(sorted(slopes.items())))


class Unknown(Exception):
    """The points that a local optimiser needs next."""

    def __init__(self, points: list[tuple[Key, Array]]) -> None:
        self.points = points


@dataclass
class LocalRun:
    """A local run as far as it got.

    Arguments:
        start: (dimension,), unit coordinates; what is no continuous parameter stays there.
        used: what it has looked up.
        wanted: the points that it waits for.
        ended: whether it has converged or cannot go on.
    """

    start: Array
    used: dict[Key, Seen] = field(default_factory=dict)
    wanted: list[tuple[Key, Array]] = field(default_factory=list)
    ended: bool = False
    exact: dict[bytes, tuple[Key, Array] | None] = field(default_factory=dict)

    def is_current(self, table: Mapping[Key, Seen]) -> bool:
        """Whether running it again would come to the same end.

        It would not where a wanted point has failed, since another one is wanted then, or where none is missing any more.
        """
        statuses = [table[key].status if key in table else "open" for key, _ in self.wanted]
        if "failed" in statuses or not (self.ended or "open" in statuses):
            return False
        return all(table.get(key) == seen for key, seen in self.used.items())


@final
@dataclass(frozen=True)
class KnownFunction:
    """The function that a local optimiser calls, of the continuous design parameters in unit coordinates.

    Arguments:
        coordinates, feasible: of the space.
        table: what is known.
        run: the run that it belongs to.
        step: of finite differences, in unit coordinates.
    """

    coordinates: Coordinates
    feasible: FeasibleSet
    table: Mapping[Key, Seen]
    run: LocalRun
    step: float

    @property
    def moving(self) -> Array:
        """(count,), the columns that move."""
        design = np.arange(self.coordinates.dimension) < self.coordinates.design_dimension
        return np.flatnonzero(self.coordinates.continuous & design)

    @property
    def start(self) -> Array:
        """(count,), where the run begins."""
        return self.run.start[self.moving]

    def values(self, place: Array) -> Array | None:
        """(outputs,) at the nearest feasible point; None where the evaluation failed."""
        found = self._exact(self._full(place))
        return None if found is None else self._look(found)

    def jacobian(self, place: Array) -> Array:
        """(outputs, count), from told derivatives, else by one-sided differences; zero where there is no neighbour.

        All neighbours that are missing are asked for at once, so that they can be evaluated in parallel.
        """
        found = self._exact(self._full(place))
        middle = None if found is None else self._look(found)
        if found is None or middle is None:
            return np.zeros((1, len(self.moving)))
        told = dict(self.run.used[found[0]].derivatives)
        slopes = self.coordinates.natural_derivative(found[1][None])[0]
        jacobian = np.zeros((len(middle), len(self.moving)))
        missing: list[tuple[Key, Array]] = []
        for index, column in enumerate(self.moving):
            name = self.coordinates.columns[column].name
            if name in told:
                jacobian[:, index] = np.array(told[name]) * slopes[column]
                continue
            try:
                for neighbour in self._neighbours(found[1], column):
                    values = self._look(neighbour)
                    if values is not None:
                        jacobian[:, index] = (values - middle) / (neighbour[1][column] - found[1][column])
                        break
            except Unknown as unknown:
                missing.extend(unknown.points)
        if missing:
            raise Unknown(missing)
        return jacobian

    def is_inside(self, place: Array) -> bool:
        """Whether the constraints hold there."""
        return bool(self.feasible.contains(self._full(place)[None])[0])

    def slack(self, place: Array) -> Array:
        """(constraints,), how far inside each constraint it lies."""
        return self.feasible.slack(self._full(place)[None])[0]

    def slack_gradient(self, place: Array) -> Array:
        """(constraints, count)."""
        return self.feasible.slack_gradient(self._full(place)[None])[1][0][:, self.moving]

    def _full(self, place: Array) -> Array:
        unit = self.run.start.copy()
        unit[self.moving] = np.clip(place, 0.0, 1.0)
        return unit

    def _exact(self, unit: Array) -> tuple[Key, Array] | None:
        """The feasible point that is evaluated for these coordinates."""
        name = unit.tobytes()
        if name not in self.run.exact:
            exact = self.feasible.project(unit)
            self.run.exact[name] = None if exact is None else (key_of(self.coordinates.decode(exact)), exact)
        return self.run.exact[name]

    def _look(self, point: tuple[Key, Array]) -> Array | None:
        """What was observed at a point; None where it failed."""
        seen = self.table.get(point[0])
        if seen is None or seen.status == "open":
            raise Unknown([point])
        self.run.used[point[0]] = seen
        return np.array(seen.values) if seen.status == "succeeded" else None

    def _neighbours(self, unit: Array, column: int) -> Iterator[tuple[Key, Array]]:
        """Feasible points that differ in this column alone, the wanted one first."""
        place = self.coordinates.columns[column]
        value = float(place.natural(unit[[column]])[0])
        resolution = float(place.step(value, self.coordinates.space.output_precision)) / abs(
            float(place.natural_derivative(unit[[column]])[0])
        )
        for step in (self.step, 0.1 * self.step, 0.01 * self.step):
            for sign in (1.0, -1.0):
                moved = unit.copy()
                moved[column] += sign * max(step, LEAST_STEPS * resolution)
                found = self._exact(moved) if 0 <= moved[column] <= 1 else None
                if found is not None and np.flatnonzero(found[1] != unit).tolist() == [column]:
                    yield found
