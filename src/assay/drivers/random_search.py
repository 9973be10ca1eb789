"""Random search: the baseline that every other driver must beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, final

import numpy as np
from pydantic import Field

from assay.drivers.abstract import History, Pacing, Proposal, Request
from assay.drivers.model_free import AbstractScalarDriver, ModelFreeConfiguration
from assay.drivers.observed import best_of_trials, reached
from assay.numerics.coordinates import Coordinates
from assay.numerics.designs import sobol, uniform
from assay.numerics.feasibility import FeasibleSet
from assay.numerics.random import generator
from assay.space.space import Space

__all__ = ["RandomSearch", "RandomSearchConfiguration"]

# Points of one scrambled Sobol' sequence, before the next one begins.
SEQUENCE_LENGTH = 256


class RandomSearchConfiguration(ModelFreeConfiguration):
    """Points that nothing was learnt for."""

    method: Literal["uniform", "sobol"] = Field(
        "uniform", description="independent points, or a quasi-random sequence"
    )


@final
@dataclass(frozen=True)
class RandomSearch(AbstractScalarDriver[RandomSearchConfiguration]):
    """Look at random points.

    Use it as a baseline, to explore, or where an evaluation costs next to nothing.

    Example:
        >>> from assay.space.space import Space
        >>> space = Space.from_data([{"name": "x", "domain": [0.0, 1.0]}])
        >>> proposal = RandomSearch.from_data({}).suggest(History(space, (), seed=0), Request(0))
        >>> 0 <= proposal.values["x"] <= 1
        True
    """

    kind = RandomSearchConfiguration
    pace = Pacing(alone=True)
    settings: RandomSearchConfiguration

    def check_space(self, space: Space) -> None:
        """Fits every space: the configuration names no parameter."""

    def suggest(self, history: History, request: Request) -> Proposal:
        coordinates = Coordinates.of(history.space)
        feasible = FeasibleSet.of(history.space, coordinates)
        points = coordinates.columns[coordinates.design_dimension :]
        environment = np.array(
            [float(column.encode([request.environment[column.name]])[0]) for column in points]
        )
        if self.settings.method == "sobol":
            block, place = divmod(request.number, SEQUENCE_LENGTH)
            tries = _sequence(history.space, history.seed, block, tuple(environment))[place:]
        else:
            tries = uniform(
                coordinates, feasible, 16, generator(history.seed, request.number, "uniform"), environment
            )
        exact = next((point for point in map(feasible.project, tries) if point is not None), tries[0])
        return Proposal(coordinates.decode(exact), None, {"origin": "random"})

    def best(self, history: History) -> Mapping[str, Any] | None:
        return best_of_trials(history)

    def stop_reason(self, history: History) -> str | None:
        return reached(lambda: self.best(history), self.settings.min_val)


@lru_cache(maxsize=4)
def _sequence(space: Space, seed: int, block: int, environment: tuple[float, ...]) -> np.ndarray:
    """One scrambled Sobol' sequence of the space; kept, since each suggestion of a block takes a point of it."""
    coordinates = Coordinates.of(space)
    points = sobol(
        coordinates,
        FeasibleSet.of(space, coordinates),
        SEQUENCE_LENGTH,
        generator(seed, block, "sequence"),
        np.array(environment),
    )
    points.setflags(write=False)
    return points
