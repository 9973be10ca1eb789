"""CMA-ES: an evolution strategy that learns the shape of the objective around its mean."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from pydantic import Field

from assay.drivers.abstract import History, Proposal, Request
from assay.drivers.evolution_search import EvolutionSearch, Genome, Plan
from assay.drivers.model_free import AbstractScalarDriver, ModelFreeConfiguration
from assay.drivers.observed import (
    OUTPUTS,
    best_brought_along,
    best_of_trials,
    design_unit,
    environment_unit,
    reached,
    scalar_objective,
)
from assay.drivers.starting import starting_point
from assay.drivers.training import training
from assay.numerics.coordinates import Coordinates
from assay.space.space import Space

__all__ = ["CMAES", "CMAESConfiguration"]


class CMAESConfiguration(ModelFreeConfiguration):
    """A normal distribution of points that moves towards the better ones and takes their shape."""

    population_size: int | None = Field(
        default=None,
        ge=5,
        le=10_000,
        description="points of a generation; none given: 4 + 3 log(number of parameters), 6 at least, twice that for a noisy model",
    )
    sigma0: float = Field(
        default=0.3, gt=0, le=1, description="first standard deviation, as a fraction of each domain"
    )
    noisy: bool = Field(
        default=False,
        description="whether a repeated evaluation gives another value: larger generations, and the best point is that of the lowest mean over its neighbours",
    )
    restarts: int = Field(
        default=9,
        ge=0,
        le=20,
        description="further searches, each with twice the population, before the study is done",
    )
    tolerance: float = Field(
        default=1e-11,
        ge=0,
        description="a search ends when its steps, as a fraction of each domain, or the range of its values are below this",
    )


@final
@dataclass(frozen=True)
class CMAES(AbstractScalarDriver[CMAESConfiguration]):
    """Covariance-matrix adaptation, by the library `cma`.

    Use it where an evaluation is cheap, has no gradient, is noisy, or has discrete parameters, from some 100 evaluations
    for each parameter. A driver's generation is complete when all its points have ended; while some are open, further ones
    come from the same distribution and belong to the next. Points of your own that are told before the first suggestion
    choose where the search begins.

    Reference: Hansen, "The CMA evolution strategy: a tutorial", arXiv 1604.00772 (2016).

    Example:
        >>> space = Space.from_data([{"name": "x", "domain": [0.0, 1.0]}])
        >>> CMAES.from_data({"sigma0": 0.2}).settings.sigma0
        0.2
    """

    kind = CMAESConfiguration
    settings: CMAESConfiguration
    # what was replayed last, so that the next suggestion does not begin anew; it changes no answer
    _replayed: list[EvolutionSearch] = field(default_factory=list, init=False, repr=False, compare=False)

    def check_space(self, space: Space) -> None:
        """Fits every space: the configuration names no parameter."""

    def suggest(self, history: History, request: Request) -> Proposal:
        search = self._search(history)
        environment = environment_unit(search.coordinates, request)
        draw = search.draw(request.number, environment)
        info: dict[str, Any] = {"search": search.restarts, "population_size": search.size}
        self._replayed.append(search)
        if draw is not None:
            return Proposal(draw.values, None, {"origin": "evolution", **info})
        known = training(history, search.coordinates, OUTPUTS).known
        point = starting_point(
            search.coordinates, search.feasible, history.seed, request.number, 0, known, environment
        )
        return Proposal(search.coordinates.decode(point), None, {"origin": "random", **info})

    def best(self, history: History) -> Mapping[str, Any] | None:
        return self._smoothed_best(history) if self.settings.noisy else best_of_trials(history)

    def stop_reason(self, history: History) -> str | None:
        sentence = reached(lambda: best_of_trials(history), self.settings.min_val)
        if sentence is not None:
            return sentence
        search = self._search(history)
        self._replayed.append(search)
        if search.restarts > self.settings.restarts:
            return f"{search.restarts} searches by CMA-ES have converged"
        return None

    def _smoothed_best(self, history: History) -> Mapping[str, Any] | None:
        """The point whose nearest neighbours, two generations of them, have the lowest mean objective."""
        allowed = [
            (trial, objective)
            for trial in history.trials
            if (objective := scalar_objective(trial)) is not None
            and history.space.is_feasible(trial.suggestion.values)
        ]
        if not allowed:
            return None
        coordinates = Coordinates.of(history.space)
        units = np.array([design_unit(coordinates, trial.suggestion.values) for trial, _ in allowed])
        objectives = np.array([objective for _, objective in allowed])
        count = 2 * self._plan(history).population_size
        means = [
            float(objectives[np.argsort(np.linalg.norm(units - unit, axis=1), kind="stable")[:count]].mean())
            for unit in units
        ]
        trial, objective = allowed[int(np.argmin(means))]
        values = dict(trial.suggestion.values)
        return {"number": trial.number, "values": values, "objective": objective, "mean": min(means)}

    def _search(self, history: History) -> EvolutionSearch:
        plan = self._plan(history)
        while self._replayed:
            search = self._replayed.pop()
            of = search.history
            if (
                (of.seed, search.plan) == (history.seed, plan)
                and of.space == history.space
                and search.advance(history)
            ):
                return search
        search = EvolutionSearch(history, plan)
        search.advance(history)
        return search

    def _plan(self, history: History) -> Plan:
        settings, genome = self.settings, Genome(Coordinates.of(history.space))
        usual = max(4 + int(3 * math.log(sum(genome.widths))), 6) * (2 if settings.noisy else 1)
        values = best_brought_along(history)
        start = None if values is None else tuple(design_unit(genome.coordinates, values).tolist())
        return Plan(
            settings.population_size or usual, settings.sigma0, settings.tolerance, settings.noisy, start
        )
