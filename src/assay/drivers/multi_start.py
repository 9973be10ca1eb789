"""Local runs from one start after the other: the common half of SciPy's drivers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from assay.drivers.abstract import History, Proposal, Request
from assay.drivers.local_runs import KnownFunction, LocalRun, Unknown, seen_points
from assay.drivers.observed import Key, best_brought_along, design_unit, environment_unit
from assay.drivers.starting import starting_point
from assay.drivers.training import training
from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.records import ParameterValue, Trial

__all__ = ["MultiStart", "Solve"]

Array = np.ndarray

START_SIZE = 64  # quasi-random starts, before uniform ones follow
SPARE_RUNS = 64  # runs that are looked into beyond one for each trial, before points are drawn at random

Solve = Callable[[KnownFunction], None]


@dataclass
class MultiStart:
    """Local runs from one start after the other, as many as are needed to have a point to suggest.

    Arguments:
        history: the trials.
        starts: the first starts; quasi-random ones follow.
        step: of finite differences, in unit coordinates.
    """

    history: History
    starts: tuple[Mapping[str, ParameterValue], ...]
    step: float
    runs: list[LocalRun] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.coordinates = Coordinates.of(self.history.space)
        self.feasible = FeasibleSet.of(self.history.space, self.coordinates)
        self.table = seen_points(self.history)

    @staticmethod
    def of(
        history: History,
        objective: Callable[[Trial], float | None],
        start_points: Sequence[Mapping[str, ParameterValue]],
        step: float,
        replayed: list[MultiStart],
    ) -> MultiStart:
        """The runs of a history; taken from `replayed`, and taken further, where they are there.

        The first start is the best point that the user told before the first suggestion, if there is one.
        """
        told = best_brought_along(history, objective)
        given = tuple(history.space.validate_design(point) for point in start_points)
        starts = given if told is None else (told, *given)
        while replayed:
            runs = replayed.pop()
            of = runs.history
            if (of.seed, runs.starts) == (history.seed, starts) and of.space == history.space:
                runs.history, runs.table = history, seen_points(history)
                return runs
        return MultiStart(history, starts, step)

    def propose(self, solve: Solve, request: Request) -> Proposal:
        """The next point that a run wants; a random one where none wants any that is new."""
        found = self.next_point(solve)
        if found is not None:
            index, unit = found
            return Proposal(self.coordinates.decode(unit), None, {"origin": "local", "run": index})
        known = training(self.history, self.coordinates, {}).known
        environment = environment_unit(self.coordinates, request)
        point = starting_point(
            self.coordinates, self.feasible, self.history.seed, request.number, 0, known, environment
        )
        return Proposal(self.coordinates.decode(point), None, {"origin": "random"})

    def have_ended(self, count: int, solve: Solve) -> bool:
        """Whether the first `count` runs have converged, or cannot go on."""
        return all(self.run(index, solve).ended for index in range(count))

    def next_point(self, solve: Solve) -> tuple[int, Array] | None:
        """The run and the unit coordinates of the next point; None when no run wants one that is new.

        The points of open claims are not known: each counts for one of the points that are wanted.
        """
        taken: set[Key] = set()
        for index in range(len(self.history.trials) + len(self.history.claimed) + SPARE_RUNS):
            for key, unit in self.run(index, solve).wanted:
                if key in self.table or key in taken:
                    continue
                if len(taken) == len(self.history.claimed):
                    return index, unit
                taken.add(key)
        return None

    def run(self, index: int, solve: Solve) -> LocalRun:
        """Run number `index`, as far as it gets."""
        while len(self.runs) <= index:
            self.runs.append(LocalRun(self._start(len(self.runs))))
        run = self.runs[index]
        if not run.is_current(self.table):
            run.used, run.wanted, run.ended = {}, [], False
            try:
                solve(self.function(run))
                run.ended = True
            except Unknown as unknown:
                run.wanted = unknown.points
        return run

    @property
    def moving_names(self) -> list[str]:
        """The continuous design parameters, which local runs move."""
        nowhere = self.function(LocalRun(np.zeros(self.coordinates.dimension)))
        return [self.coordinates.columns[column].name for column in nowhere.moving]

    def known_jacobian(self, values: Mapping[str, ParameterValue]) -> Array | None:
        """(outputs, parameters), the derivatives at a point by `moving_names` in their own units; None where not all are known."""
        run = LocalRun(self._unit(values))
        function = self.function(run)
        try:
            jacobian = function.jacobian(function.start)
        except Unknown:
            return None
        return jacobian / self.coordinates.natural_derivative(run.start[None])[0][function.moving]

    def function(self, run: LocalRun) -> KnownFunction:
        """What a run calls."""
        return KnownFunction(self.coordinates, self.feasible, self.table, run, self.step)

    def _start(self, index: int) -> Array:
        if index < len(self.starts):
            return self._unit(self.starts[index])
        number = index - len(self.starts)
        nowhere = np.empty((0, self.coordinates.dimension))
        return starting_point(
            self.coordinates, self.feasible, self.history.seed, number, START_SIZE, nowhere, self._anywhere
        )

    def _unit(self, values: Mapping[str, ParameterValue]) -> Array:
        return np.concatenate([design_unit(self.coordinates, values), self._anywhere])

    @property
    def _anywhere(self) -> Array:
        return np.full(self.coordinates.dimension - self.coordinates.design_dimension, 0.5)
