"""Random search: the baseline that every other driver must beat."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assay.drivers.abstract import AbstractDriver, History, Pacing, Proposal, Request
from assay.drivers.configuration import refusal
from assay.drivers.describing import describe
from assay.drivers.training import check_measurements, observed_values
from assay.numerics.coordinates import Coordinates
from assay.numerics.designs import sobol, uniform
from assay.numerics.feasibility import FeasibleSet
from assay.numerics.random import generator
from assay.records import Measurement
from assay.space.space import Space

__all__ = ["RandomSearch", "RandomSearchConfiguration"]

_OUTPUTS = {"loss": 1}
# Points of one scrambled Sobol' sequence, before the next one begins.
SEQUENCE_LENGTH = 256


class RandomSearchConfiguration(BaseModel):
    """Points that nothing was learnt for."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    method: Literal["uniform", "sobol"] = Field(
        "uniform", description="independent points, or a quasi-random sequence"
    )
    min_val: float = Field(
        default=-math.inf, ge=-math.inf, description="stop when a value this low was observed"
    )


@final
@dataclass(frozen=True)
class RandomSearch(AbstractDriver):
    """Look at random points.

    Use it as a baseline, to explore, or where an evaluation costs next to nothing.

    Example:
        >>> from assay.space.space import Space
        >>> space = Space.from_data([{"name": "x", "domain": [0.0, 1.0]}])
        >>> proposal = RandomSearch.from_data({}).suggest(History(space, (), seed=0), Request(0))
        >>> 0 <= proposal.values["x"] <= 1
        True
    """

    settings: RandomSearchConfiguration

    @staticmethod
    def from_data(data: Mapping[str, Any]) -> RandomSearch:
        """The driver of a configuration.

        Raises:
            ConfigurationError: one sentence with the key, the rule, and what was got.
        """
        try:
            return RandomSearch(RandomSearchConfiguration.model_validate(dict(data)))
        except ValidationError as error:
            raise refusal(error) from None

    def configuration(self) -> dict[str, Any]:
        return self.settings.model_dump()

    def describe(self) -> dict[str, Any]:
        return describe("driver", self.settings)

    def check_space(self, space: Space) -> None:
        """Fits every space: the configuration names no parameter."""

    def check(self, space: Space, measurements: Sequence[Measurement]) -> None:
        check_measurements(space, measurements, _OUTPUTS)

    @property
    def pacing(self) -> Pacing:
        return Pacing(alone=True)

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
        best = None
        for trial in history.trials:
            values = observed_values(trial, "loss", 0, _OUTPUTS) if trial.status == "succeeded" else []
            if not values or not history.space.is_feasible(trial.suggestion.values):
                continue
            objective = math.fsum(values) / len(values)
            if best is None or objective < best["objective"]:
                best = {
                    "number": trial.number,
                    "values": dict(trial.suggestion.values),
                    "objective": objective,
                }
        return best

    def stop_reason(self, history: History) -> str | None:
        if self.settings.min_val == -math.inf:
            return None
        best = self.best(history)
        if best is not None and best["objective"] <= self.settings.min_val:
            return f"a value of {best['objective']:g} was observed, at or below min_val {self.settings.min_val:g}"
        return None


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
