"""Look for the law of a response: the law is the prior mean of the surrogate, and looks go where rival laws disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assay.discovery.discover import discover
from assay.discovery.laws import Laws
from assay.drivers.abstract import AbstractDriver, History, Pacing, Proposal, Request
from assay.drivers.configuration import refusal
from assay.drivers.describing import describe
from assay.drivers.law_rivals import Rivals, columns_of_points
from assay.drivers.observed import best_of_trials, environment_unit
from assay.drivers.training import Training, check_measurements, mean_values, training
from assay.errors import ConfigurationError, NumericalError, StudyError
from assay.numerics.coordinates import Coordinates
from assay.numerics.designs import sobol
from assay.numerics.feasibility import FeasibleSet
from assay.numerics.random import generator
from assay.records import Measurement, Trial
from assay.space.space import Space
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior
from assay.surrogates.prior_mean import CallablePriorMean

__all__ = ["LawSearch", "LawSearchConfiguration"]

Array = np.ndarray

LEAST_ROWS = 8  # that determine more than one law
CANDIDATES = 512
ROUNDING = 1e-9  # of the response's range, below which nobody disagrees
SAME_POINT = 1e-12
BEYOND = 0.5  # of the response's range, that laws are followed outside it


class LawSearchConfiguration(BaseModel):
    """A search for a law, while it is evaluated."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    response: str = Field("loss", description="the name of what is to be explained, as observations have it")
    units: dict[str, str] | None = Field(
        None,
        description="of the parameters and the response, such as `m/s`; those not named are plain numbers",
    )
    extra_features: dict[str, str] = Field(
        default_factory=dict, description="expressions that may be in the law, by name"
    )
    binary_operators: list[str] = Field(
        default_factory=lambda: ["+", "-", "*", "/", "^"],
        description="of + - * / ^, and definitions of own ones",
    )
    unary_operators: list[str] = Field(
        default_factory=lambda: ["sqrt", "exp", "log", "sin", "cos", "tanh", "square"],
        description="functions of one argument, and definitions of own ones",
    )
    maxsize: int = Field(50, ge=1, description="the most nodes of an equation")
    engines: list[str] = Field(
        default_factory=lambda: ["deterministic"],
        min_length=1,
        description="of deterministic, operon and pysr",
    )
    num_initial: int | None = Field(
        None,
        ge=LEAST_ROWS,
        description="size of the starting design; none given: by the number of parameters",
    )
    num_refresh: int = Field(
        5, ge=1, description="laws are looked for anew after so many further observations"
    )
    num_rivals: int = Field(4, ge=1, description="so many laws say where they disagree")
    tolerance: float = Field(
        1e-9,
        ge=0,
        description="stop when the law predicts rows that it has not seen with a relative error this small",
    )


@final
@dataclass(frozen=True)
class LawSearch(AbstractDriver):
    """Evaluate where it decides between laws.

    After a starting design, laws are looked for in what was observed. The recommended one is the prior mean of a Gaussian
    process; the next point is that of the largest

        Σ w_i (f_i(x) - Σ w_j f_j(x))² + σ²(x)

    with the rival laws f_i, their weights, and the variance σ² of the process: where the laws disagree, or where none is
    known to hold. What looks since the last search will tell is taken from the first term, so that they do not crowd. It
    stops when a law predicts what it has not seen.

    Use it when the aim is an equation, rather than a minimum.

    Example:
        >>> from assay.space.space import Space
        >>> space = Space.from_data([{"name": "x", "domain": [0.0, 1.0]}])
        >>> proposal = LawSearch.from_data({}).suggest(History(space, (), seed=0), Request(0))
        >>> 0 <= proposal.values["x"] <= 1
        True
    """

    settings: LawSearchConfiguration

    @staticmethod
    def from_data(data: Mapping[str, Any]) -> LawSearch:
        """The driver of a configuration.

        Raises:
            ConfigurationError: one sentence with the key, the rule, and what was got.
        """
        try:
            return LawSearch(LawSearchConfiguration.model_validate(dict(data)))
        except ValidationError as error:
            raise refusal(error) from None

    def configuration(self) -> dict[str, Any]:
        return self.settings.model_dump()

    def describe(self) -> dict[str, Any]:
        return describe("driver", self.settings)

    def check_space(self, space: Space) -> None:
        known = {column.name for column in Coordinates.of(space).columns} | {self.settings.response}
        unknown = sorted(set(self.settings.units or {}) - known)
        if unknown:
            raise ConfigurationError(
                f"the driver's key 'units' must name parameters that vary or the response, got {unknown[0]!r}"
            )

    def check(self, space: Space, measurements: Sequence[Measurement]) -> None:
        check_measurements(space, measurements, self._outputs)

    @property
    def pacing(self) -> Pacing:
        return Pacing(in_advance=True)

    def suggest(self, history: History, request: Request) -> Proposal:
        coordinates = Coordinates.of(history.space)
        feasible = FeasibleSet.of(history.space, coordinates)
        seen = training(history, coordinates, self._outputs)
        data = _values_only(seen.datasets[self.settings.response])
        environment = environment_unit(coordinates, request)
        chance = generator(history.seed, request.number, "candidates")
        pool = sobol(coordinates, feasible, CANDIDATES, chance, environment)
        if len(data) < self._num_initial(coordinates):
            start = generator(history.seed, 0, "starting design")
            first = sobol(coordinates, feasible, 1, start, environment, skip=request.number)
            point = _first_new(np.concatenate([first, pool]), feasible, seen)
            return Proposal(coordinates.decode(point), history.state, {"origin": "starting design"})
        rivals = self._rivals(history, coordinates, data)
        worth = self._worth(rivals, coordinates, data, seen, pool, chance)
        point = _first_new(pool[np.argsort(-worth, kind="stable")], feasible, seen)
        state = None if rivals is None else rivals.to_data()
        info: dict[str, Any] = {"origin": "rival laws"}
        if rivals is not None:
            info |= {"law": rivals.equations[0], "error": rivals.error}
        return Proposal(coordinates.decode(point), state, info)

    def best(self, history: History) -> Mapping[str, Any] | None:
        return best_of_trials(history, self._objective)

    def stop_reason(self, history: History) -> str | None:
        if history.state is None:
            return None
        rivals = Rivals.from_data(history.state)
        if rivals.error > self.settings.tolerance:
            return None
        return (
            f"the law {rivals.equations[0]} predicts rows that it has not seen with a relative error of {rivals.error:.1g},"
            f" not above tolerance {self.settings.tolerance:g}"
        )

    def laws(self, history: History) -> Laws:
        """The laws in what was observed.

        Raises:
            StudyError: before enough was observed.
            NumericalError: when no law describes it.
        """
        coordinates = Coordinates.of(history.space)
        seen = training(history, coordinates, self._outputs)
        data = _values_only(seen.datasets[self.settings.response])
        if len(data) < LEAST_ROWS:
            raise StudyError(f"laws are looked for in {LEAST_ROWS} observations at least, got {len(data)}")
        return self._laws(history, coordinates, data)

    @property
    def _outputs(self) -> dict[str, int]:
        return {self.settings.response: 1}

    def _num_initial(self, coordinates: Coordinates) -> int:
        return self.settings.num_initial or max(LEAST_ROWS, 4 * (coordinates.dimension + 1))

    def _objective(self, trial: Trial) -> float | None:
        values = mean_values(trial, self.settings.response, self._outputs)
        return None if values is None else values[0]

    def _rivals(self, history: History, coordinates: Coordinates, data: Dataset) -> Rivals | None:
        """Those of the last suggestion, while there is little news; None when no law describes the data."""
        last = None if history.state is None else Rivals.from_data(history.state)
        if last is not None and len(data) < last.rows + self.settings.num_refresh:
            return last
        if np.ptp(data.values) == 0:
            return None
        try:
            laws = self._laws(history, coordinates, data)
        except NumericalError:  # noise, or a law that nothing here can say: the process alone goes on
            return None
        return Rivals.of(laws, data.values[:, 0], self.settings.num_rivals)

    def _laws(self, history: History, coordinates: Coordinates, data: Dataset) -> Laws:
        settings = self.settings
        columns = columns_of_points(coordinates, data.points)
        columns = {name: values for name, values in columns.items() if np.ptp(values) > 0}
        units = settings.units
        if units is not None:
            units = {
                name: unit for name, unit in units.items() if name in columns or name == settings.response
            }
        noise = np.sqrt(data.noise_variance[:, 0])
        return discover(
            {**columns, settings.response: data.values[:, 0]},
            settings.response,
            standard_error=noise if noise.all() else None,
            units=units,
            extra_features=settings.extra_features,
            binary_operators=settings.binary_operators,
            unary_operators=settings.unary_operators,
            maxsize=settings.maxsize,
            engines=settings.engines,
            seed=history.seed,
        )

    def _worth(
        self,
        rivals: Rivals | None,
        coordinates: Coordinates,
        data: Dataset,
        seen: Training,
        pool: Array,
        chance: np.random.Generator,
    ) -> Array:
        """How much a look at each point of the pool would decide, (points,)."""
        posterior = belief(rivals, coordinates, data, chance)
        if len(seen.pending):
            posterior = posterior.condition_on_inputs(seen.pending)
        worth = posterior.mean_variance(pool)[1][:, 0]
        values = data.values[:, 0]
        spread = float(np.ptp(values))
        if rivals is not None:
            limits = float(values.min() - BEYOND * spread), float(values.max() + BEYOND * spread)
            news = np.concatenate([data.points[rivals.rows :], seen.pending])
            columns, looked = (columns_of_points(coordinates, points) for points in (pool, news))
            noise = posterior.latent_noise_variance * posterior.scaling.unit**2 + data.noise_variance.mean()
            worth = worth + rivals.disagreement(columns, looked, limits, float(noise[0]))
        if not worth.max() > (ROUNDING * spread) ** 2:
            # Nothing is left to decide: the emptiest place is the best witness.
            return _distance(pool, seen.known)
        return worth


def belief(
    rivals: Rivals | None, coordinates: Coordinates, data: Dataset, chance: np.random.Generator
) -> GaussianProcessPosterior:
    """The Gaussian process whose prior mean is the recommended law; without one where no law is finite at all data."""
    prior_mean = None
    if rivals is not None:
        law = rivals

        def said(points: Array) -> Array:
            values = law.recommended(columns_of_points(coordinates, points))
            return np.where(np.isfinite(values), values, data.values.mean())

        prior_mean = CallablePriorMean(said)
    categories = tuple(np.flatnonzero(coordinates.is_category).tolist())
    recipe = GaussianProcess(categories=categories, prior_mean=prior_mean)
    return recipe.fit(data, None, chance).posterior


def _values_only(data: Dataset) -> Dataset:
    chosen = data.is_value
    return Dataset.of(data.points[chosen], data.values[chosen], data.noise_variance[chosen])


def _distance(points: Array, known: Array) -> Array:
    """Of each point from the nearest known one, (points,)."""
    return np.sqrt(((points[:, None, :] - known[None, :, :]) ** 2).sum(axis=-1)).min(axis=1)


def _first_new(points: Array, feasible: FeasibleSet, seen: Training) -> Array:
    """The first point that is feasible when written down, and was not looked at; where all were, the first."""
    fallback = None
    for point in points:
        exact = feasible.project(point)
        if exact is None:
            continue
        if not len(seen.known) or _distance(exact[None], seen.known)[0] > SAME_POINT:
            return exact
        fallback = exact if fallback is None else fallback
    return points[0] if fallback is None else fallback
