"""The covariance-matrix adaptation of `cma`, replayed from the trials of a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, final

import numpy as np

from assay.drivers.abstract import History
from assay.drivers.observed import Key, design_unit, key_of, scalar_objective
from assay.errors import missing_extra
from assay.numerics.coordinates import Column, Coordinates
from assay.numerics.designs import uniform
from assay.numerics.feasibility import FeasibleSet
from assay.numerics.random import generator
from assay.records import ParameterValue, Trial

__all__ = ["Draw", "EvolutionSearch", "Genome", "Plan"]

Array = np.ndarray

TRIES = 64  # draws until one is feasible and new


@final
@dataclass(frozen=True)
class Genome:
    """The vector that the evolution sees: a number for each parameter, and one for each label of a category.

    A continuous parameter stands in unit coordinates; one on a lattice is the index of its level, which is rounded; of a
    category the label with the largest entry counts. An entry without meaning follows a single one, since the library
    needs two.
    """

    coordinates: Coordinates

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that a suggestion chooses."""
        return self.coordinates.columns[: self.coordinates.design_dimension]

    @property
    def widths(self) -> list[int]:
        """How many entries each column has."""
        return [len(column.values or ()) if column.kind == "category" else 1 for column in self.columns]

    @property
    def idle(self) -> int:
        """How many entries without meaning follow."""
        return 1 if sum(self.widths) == 1 else 0

    def bounds(self) -> Array:
        """(2, length), the least and the largest entries; half a step beyond the ends of a lattice."""
        ends = [
            (-0.5, len(column.levels) - 0.5) if column.levels is not None else (0.0, 1.0)
            for column, width in zip(self.columns, self.widths, strict=True)
            for _ in range(width)
        ]
        return np.array([*ends, *[(0.0, 1.0)] * self.idle]).T

    def is_stepped(self) -> Array:
        """(length,), whether an entry is rounded or compared."""
        stepped = [column.values is not None for column in self.columns]
        return np.append(np.repeat(stepped, self.widths), [False] * self.idle)

    def decode(self, vector: Array, environment: Array) -> Array:
        """The unit coordinates (dimension,) of a vector."""
        parts = np.split(vector[: sum(self.widths)], np.cumsum(self.widths)[:-1])
        units = [self._unit(column, part) for column, part in zip(self.columns, parts, strict=True)]
        return np.concatenate([units, environment])

    def encode(self, unit: Array) -> Array:
        """A vector that decodes to this point."""
        parts: list[Array] = []
        for column, place in zip(self.columns, unit, strict=False):
            if column.kind == "category":
                parts.append(np.eye(len(column.values or ()))[int(place)])
            elif column.levels is not None:
                parts.append(np.array([float(np.abs(np.asarray(column.levels) - place).argmin())]))
            else:
                parts.append(np.array([place]))
        return np.concatenate([*parts, np.full(self.idle, 0.5)])

    @staticmethod
    def _unit(column: Column, part: Array) -> float:
        if column.kind == "category":
            return float(part.argmax())
        if column.levels is not None:
            return column.levels[int(np.clip(np.rint(part[0]), 0, len(column.levels) - 1))]
        return float(np.clip(part[0], 0.0, 1.0))


@final
@dataclass(frozen=True)
class Plan:
    """What a search is made of.

    Arguments:
        population_size: of the first search; each later one has twice as many.
        sigma0: the first standard deviation, as a fraction of each domain.
        tolerance: a search ends when its steps, or the range of its values, are below this.
        repeats: whether a point may be drawn again.
        start: (design dimension,), the middle of the first search; None: drawn.
    """

    population_size: int
    sigma0: float
    tolerance: float
    repeats: bool
    start: tuple[float, ...] | None


@final
@dataclass(frozen=True)
class Draw:
    """A point: its vector before rounding, its unit coordinates, its values."""

    vector: Array
    unit: Array
    values: Mapping[str, ParameterValue]


class _Stream:
    """The normals of `cma`, from the generator of the draw under way; NumPy's global one stays untouched."""

    def __init__(self) -> None:
        self.generator = np.random.default_rng(0)

    def __call__(self, *shape: int) -> Array:
        return self.generator.standard_normal(shape)


@dataclass
class EvolutionSearch:
    """The evolution after all generations that are complete.

    A generation is the next `population_size` suggestions of the driver by number, so that it is the same in whatever order
    results come in. It is told when all of them have ended; a failure ranks last, one that was withdrawn is passed over.
    """

    history: History
    plan: Plan
    restarts: int = 0
    told: list[tuple[int, float | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.coordinates = Coordinates.of(self.history.space)
        self.feasible = FeasibleSet.of(self.history.space, self.coordinates)
        self.genome = Genome(self.coordinates)
        self._anywhere = np.full(self.coordinates.dimension - self.coordinates.design_dimension, 0.5)
        self._next = 0  # the first number that is not told
        self._begin()

    def advance(self, history: History) -> bool:
        """Take in what has ended since. False when what was taken in before is no longer so."""
        self.history = history
        self._trials = {trial.number: trial for trial in history.trials}
        self._first: dict[Key, int] = {}
        for trial in reversed(history.trials):
            self._first[key_of(trial.suggestion.values)] = trial.number
        if any(
            number not in self._trials or scalar_objective(self._trials[number]) != value
            for number, value in self.told
        ):
            return False
        while (generation := self._complete()) is not None:
            self._tell(generation)
        return True

    def draw(self, number: int, environment: Array) -> Draw | None:
        """The point of a suggestion from the present distribution; None when none is feasible and new."""
        self._stream.generator = generator(self.history.seed, number, "evolution")
        fallback = None
        for _ in range(TRIES):
            vector = np.asarray(self._evolution.ask(1)[0])
            unit = self.coordinates.snap(self.genome.decode(vector, environment))
            is_inside = bool(self.feasible.contains(unit[None])[0])
            if not is_inside and fallback is not None:
                continue
            exact = self.feasible.project(unit)
            if exact is None:
                continue
            values = self.coordinates.decode(exact)
            if not self.plan.repeats and self._first.get(key_of(values), number) < number:
                continue
            if is_inside:
                return Draw(vector, exact, values)
            # repaired: the evolution is told the point that was looked at
            fallback = Draw(self.genome.encode(exact), exact, values)
        return fallback

    def _begin(self) -> None:
        plan, genome = self.plan, self.genome
        try:
            cma = import_module("cma")
        except ModuleNotFoundError:
            raise missing_extra("cma", "optimisers") from None
        if plan.start is not None and self.restarts == 0:
            middle = np.asarray(plan.start)
        else:
            random = generator(self.history.seed, self.restarts, "evolution start")
            (middle,) = uniform(self.coordinates, self.feasible, 1, random)
        bounds = genome.bounds()
        stepped = genome.is_stepped()
        self._stream = _Stream()
        self.size = plan.population_size * 2**self.restarts
        options = {
            "bounds": [bounds[0].tolist(), bounds[1].tolist()],
            "CMA_stds": (bounds[1] - bounds[0]).tolist(),
            "CMA_mirrors": 0,
            "popsize": self.size,
            "randn": self._stream,
            "seed": np.nan,  # leave NumPy's global generator alone
            "tolfun": plan.tolerance,
            "tolfunhist": plan.tolerance,
            "tolx": plan.tolerance,
            "verb_log": 0,
            "verbose": -10,
        }
        if stepped.any():
            # an entry that is rounded keeps a spread, or it would never leave its level again
            effective = max(self.size / 4, 1.0)
            least = cma.options_parameters.integer_std_lower_bound(
                len(stepped), effective, int(stepped.sum())
            )
            options["minstd"] = np.where(stepped, least, 0.0).tolist()
        self._evolution: Any = cma.CMAEvolutionStrategy(genome.encode(middle), plan.sigma0, options)

    def _complete(self) -> list[Trial] | None:
        """The next generation, or None while one of it is open."""
        generation: list[Trial] = []
        last = max([*self._trials, *self.history.claimed], default=-1)
        for number in range(self._next, last + 1):
            trial = self._trials.get(number)
            if number in self.history.claimed or (trial is not None and trial.status == "open"):
                return None
            if trial is None or trial.status == "cleared" or trial.suggestion.origin == "user":
                continue
            generation.append(trial)
            if len(generation) == self.size:
                return generation
        return None

    def _tell(self, generation: list[Trial]) -> None:
        values = [scalar_objective(trial) for trial in generation]
        seen = [value for value in values if value is not None]
        worst = max(seen, default=0.0)
        ranked = [worst + abs(worst) + 1.0 if value is None else value for value in values]
        self._evolution.tell([self._vector(trial) for trial in generation], ranked)
        self.told.extend(zip([trial.number for trial in generation], values, strict=True))
        self._next = generation[-1].number + 1
        if self._evolution.stop():
            self.restarts += 1
            self._begin()

    def _vector(self, trial: Trial) -> Array:
        """What the evolution is told: the draw before rounding where this distribution made it, else the point itself."""
        draw = self.draw(trial.number, self._anywhere)
        if draw is not None and key_of(draw.values) == key_of(trial.suggestion.values):
            return draw.vector
        return self.genome.encode(design_unit(self.coordinates, trial.suggestion.values))
