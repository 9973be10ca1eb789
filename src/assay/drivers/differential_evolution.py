"""Differential evolution, one suggestion at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np
from pydantic import Field

from assay.drivers.abstract import History, Proposal, Request
from assay.drivers.model_free import AbstractScalarDriver, ModelFreeConfiguration
from assay.drivers.observed import OUTPUTS, best_of_trials, environment_unit, reached, scalar_objective
from assay.drivers.starting import starting_point
from assay.drivers.training import training
from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.numerics.random import generator
from assay.space.space import Space

__all__ = ["DifferentialEvolution", "DifferentialEvolutionConfiguration"]

Array = np.ndarray

TRIES = 64  # crosses until one is feasible and new


class DifferentialEvolutionConfiguration(ModelFreeConfiguration):
    """A population that moves by the differences between its members."""

    population_size: int | None = Field(
        default=None, ge=5, le=10_000, description="members; none given: 5 for each parameter, 10 at least"
    )
    strategy: Literal["best1", "rand1"] = Field(
        default="best1", description="the base of a mutant: the best member, or one drawn at random"
    )
    mutation: float = Field(default=0.7, gt=0, le=2, description="factor F of the difference of two members")
    dither: float = Field(
        default=0.2, ge=0, lt=1, description="half width of the interval around F that each mutant draws from"
    )
    crossover: float = Field(
        default=0.9, ge=0, le=1, description="probability that a parameter is the mutant's"
    )
    tolerance: float = Field(
        default=1e-6,
        ge=0,
        le=1,
        description="stop when all members lie within this fraction of each domain",
    )


@dataclass(frozen=True)
class _Population:
    """The members that are known: their slots, points (members, dimension) and objectives (members,)."""

    slots: tuple[int, ...]
    points: Array
    objectives: Array

    @staticmethod
    def of(history: History, coordinates: Coordinates, size: int) -> _Population:
        """Trial `number` competes for slot `number` modulo `size`, and the lower objective stays.

        So the population is the same in whatever order the results come in.
        """
        members: dict[int, tuple[float, int]] = {}
        for place, trial in enumerate(history.trials):
            objective = scalar_objective(trial)
            if objective is None or not history.space.is_feasible(trial.suggestion.values):
                continue
            slot = trial.number % size
            if slot not in members or objective < members[slot][0]:
                members[slot] = (objective, place)
        slots = tuple(sorted(members))
        values = [
            {
                **history.trials[members[slot][1]].suggestion.values,
                **history.trials[members[slot][1]].suggestion.environment,
            }
            for slot in slots
        ]
        points = coordinates.encode(values) if values else np.empty((0, coordinates.dimension))
        return _Population(slots, points, np.array([members[slot][0] for slot in slots]))


@final
@dataclass(frozen=True)
class DifferentialEvolution(AbstractScalarDriver[DifferentialEvolutionConfiguration]):
    """Differential evolution with greedy replacement, one trial vector at a time.

    Use it where an evaluation is cheap and the objective has many well-separated minima.

    A suggestion competes for one slot of the population. Its vector is the slot's member, in which each parameter is replaced with
    probability `crossover` by that of the mutant a + F (b - c) of three other members; a label comes from one of the
    three. It takes the slot when its objective is lower. The first `population_size` points are quasi-random.

    Reference: Storn and Price, Journal of Global Optimization 11 (1997) 341.

    Example:
        >>> space = Space.from_data([{"name": "x", "domain": [0.0, 1.0]}])
        >>> driver = DifferentialEvolution.from_data({"population_size": 8})
        >>> proposal = driver.suggest(History(space, (), seed=0), Request(0))
        >>> 0 <= proposal.values["x"] <= 1
        True
    """

    kind = DifferentialEvolutionConfiguration
    settings: DifferentialEvolutionConfiguration

    def check_space(self, space: Space) -> None:
        """Fits every space: the configuration names no parameter."""

    def suggest(self, history: History, request: Request) -> Proposal:
        coordinates = Coordinates.of(history.space)
        feasible = FeasibleSet.of(history.space, coordinates)
        known = training(history, coordinates, OUTPUTS).known
        environment = environment_unit(coordinates, request)
        size = self._size(coordinates)
        population = _Population.of(history, coordinates, size)
        slot = request.number % size
        if slot in population.slots and len(population.slots) >= 4:
            target = population.slots.index(slot)
            random = generator(history.seed, request.number, "differential evolution")
            for _ in range(TRIES):
                crossed = self._cross(population, target, coordinates, random)
                exact = feasible.project(np.concatenate([crossed, environment]))
                if exact is not None and np.abs(known - exact).max(axis=1).min() > 0:
                    return Proposal(coordinates.decode(exact), None, {"origin": "crossed", "slot": slot})
        point = starting_point(coordinates, feasible, history.seed, request.number, size, known, environment)
        return Proposal(coordinates.decode(point), None, {"origin": "start", "slot": slot})

    def best(self, history: History) -> Mapping[str, Any] | None:
        return best_of_trials(history)

    def stop_reason(self, history: History) -> str | None:
        sentence = reached(lambda: self.best(history), self.settings.min_val)
        if sentence is not None:
            return sentence
        coordinates = Coordinates.of(history.space)
        size = self._size(coordinates)
        if len(history.trials) <= size:
            return None
        points = _Population.of(history, coordinates, size).points[:, : coordinates.design_dimension]
        if len(points) == size and np.ptp(points, axis=0).max() <= self.settings.tolerance:
            return f"all {size} members lie within tolerance {self.settings.tolerance:g} of each domain"
        return None

    def _size(self, coordinates: Coordinates) -> int:
        return self.settings.population_size or max(5 * coordinates.design_dimension, 10)

    def _cross(
        self, population: _Population, target: int, coordinates: Coordinates, random: np.random.Generator
    ) -> Array:
        """A mutant crossed with the target, (design dimension,), inside the limits."""
        others = [index for index in range(len(population.slots)) if index != target]
        first, second, third = random.choice(others, size=3, replace=False)
        if self.settings.strategy == "best1":
            first = int(population.objectives.argmin())
        design = slice(coordinates.design_dimension)
        base, plus, minus = population.points[[first, second, third], design]
        factor = self.settings.mutation + self.settings.dither * random.uniform(-1.0, 1.0)
        labels = random.choice([base, plus, minus], axis=0)
        mutant = np.where(coordinates.is_category[design], labels, base + factor * (plus - minus))
        lower, upper = coordinates.limits[:, design]
        # what left the domain comes to rest between the base and the bound that it crossed
        share = random.random(len(mutant))
        mutant = np.where(mutant < lower, lower + share * (base - lower), mutant)
        mutant = np.where(mutant > upper, upper - share * (upper - base), mutant)
        chosen = random.random(len(mutant)) < self.settings.crossover
        chosen[random.integers(len(mutant))] = True
        return np.where(chosen, mutant, population.points[target, design])
