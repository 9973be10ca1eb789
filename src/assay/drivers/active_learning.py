"""The active-learning driver: models of what was observed say where the next look is worth most."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.drivers.abstract import AbstractDriver, History, Proposal, Request
from assay.drivers.configuration import GP, ActiveLearningConfiguration, validate
from assay.drivers.describing import describe
from assay.drivers.starting import starting_point, starting_size
from assay.drivers.stopping import met_rule, remember
from assay.drivers.suggesting import Domain, Looks, fit_or_keep, suggest_unit
from assay.drivers.surrogates import TURNS, build_surrogates
from assay.drivers.training import Training, check_measurements, observed_values, training
from assay.errors import UsageError
from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.numerics.random import generator
from assay.quantities.selector import SelectedOutput
from assay.records import Measurement, Trial
from assay.space.space import Space
from assay.surrogates.abstract import AbstractPosterior, Fitted
from assay.surrogates.averaged_gaussian_process import AveragedGaussianProcess
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior

__all__ = ["ActiveLearning", "Belief"]

Array = np.ndarray

# The least number of successful evaluations that a model is fitted to.
SMALLEST_FIT = 2


@final
@dataclass(frozen=True)
class Belief:
    """What the driver believes about its objective after a history.

    Arguments:
        coordinates: of the space.
        posterior: over the surrogate's outputs, in their own units, at unit coordinates.
        column: the output that the objective is about.
        points: (count, dimension), where evaluations succeeded.
        observed: (count,), the objective there, the mean of what was measured at each.
    """

    coordinates: Coordinates
    posterior: AbstractPosterior
    column: int
    points: Array
    observed: Array


@final
@dataclass(frozen=True)
class ActiveLearning(AbstractDriver):
    """Minimise an expensive function by Gaussian-process models and expected improvement.

    Use it for functions of up to about 20 parameters whose evaluation costs more than a few milliseconds. It starts with
    quasi-random points, then fits the model, and suggests the point of the largest acquisition.

    Example:
        >>> from assay.space.space import Space
        >>> space = Space.from_data([{"name": "x", "domain": [0.0, 1.0]}])
        >>> driver = ActiveLearning.from_data({"num_initial": 3})
        >>> sorted(driver.suggest(History(space, (), seed=0), Request(0)).values)
        ['x']
    """

    settings: ActiveLearningConfiguration

    @staticmethod
    def from_data(data: Mapping[str, Any]) -> ActiveLearning:
        """The driver of a configuration, given as plain data, objects, or a mixture.

        Raises:
            ConfigurationError: one sentence with the path of the key, the rule, and what was got.
        """
        return ActiveLearning(validate(data))

    def configuration(self) -> dict[str, Any]:
        return self.settings.model_dump()

    def describe(self) -> dict[str, Any]:
        return describe("driver", self.settings)

    def check(self, space: Space, measurements: Sequence[Measurement]) -> None:
        check_measurements(space, measurements, self._outputs)

    def suggest(self, history: History, request: Request) -> Proposal:
        coordinates = Coordinates.of(history.space)
        feasible = FeasibleSet.of(history.space, coordinates)
        seen = training(history, coordinates, self._outputs)
        environment = _environment_unit(coordinates, request.environment)
        taken = sum(trial.status != "cleared" for trial in history.trials) + len(history.claimed)
        size = starting_size(self.settings.num_initial, coordinates.design_dimension)
        if taken < size or len(seen.succeeded) < SMALLEST_FIT or not self._has_values(seen):
            point = starting_point(
                coordinates, feasible, history.seed, request.number, size, seen.known, environment
            )
            return Proposal(coordinates.decode(point), history.state, {"origin": "initial"})
        return self._suggest_by_model(history, request, seen, Domain(coordinates, feasible, environment))

    def best(self, history: History) -> Mapping[str, Any] | None:
        coordinates = Coordinates.of(history.space)
        seen = training(history, coordinates, self._outputs)
        finished, observed = self._finished(history)
        if not finished:
            return None
        allowed = [
            index
            for index, trial in enumerate(finished)
            if history.space.is_feasible(trial.suggestion.values)
        ]
        allowed = allowed or list(range(len(finished)))
        index = min(allowed, key=lambda place: observed[place])
        figures: dict[str, float] = {}
        if self._fits(history) and len(seen.succeeded) >= SMALLEST_FIT:
            _, fitted = self._model(history, seen, coordinates)
            points = coordinates.encode([trial.suggestion.kwargs for trial in finished])
            mean, variance = fitted.posterior.mean_variance(points)
            if not self._is_exact(finished):
                index = min(allowed, key=lambda place: mean[place, self._column])
            figures = {
                "mean": float(mean[index, self._column]),
                "std": math.sqrt(max(float(variance[index, self._column]), 0.0)),
            }
        trial = finished[index]
        return {
            "number": trial.number,
            "values": dict(trial.suggestion.values),
            "objective": observed[index],
            **figures,
        }

    def stop_reason(self, history: History) -> str | None:
        _, observed = self._finished(history)
        recent = (history.state or {}).get("recent", [])
        return met_rule(self.settings.objectives[0], min(observed, default=None), recent)

    def belief(self, history: History) -> Belief:
        """The model after a history, fitted to all of it; for predictions and pictures.

        Raises:
            UsageError: before two evaluations succeeded.
        """
        coordinates = Coordinates.of(history.space)
        seen = training(history, coordinates, self._outputs)
        if len(seen.succeeded) < SMALLEST_FIT or not self._has_values(seen):
            raise UsageError(
                f"a model needs {SMALLEST_FIT} successful evaluations with values, got {len(seen.succeeded)}"
            )
        finished, observed = self._finished(history)
        points = coordinates.encode([trial.suggestion.kwargs for trial in finished])
        surrogate, fitted = self._model(history, seen, coordinates)
        # What people read says how sure it is of its hyperparameters too; a suggestion can do without.
        averaged, data = AveragedGaussianProcess(surrogate), seen.datasets[self._surrogate.name]
        posterior = averaged.posterior(data, averaged.spread(data, fitted.state))
        return Belief(coordinates, posterior, self._column, points, np.array(observed))

    def predict(
        self,
        history: History,
        points: Sequence[Mapping[str, Any]],
        probabilities: Sequence[float] = (0.025, 0.16, 0.5, 0.84, 0.975),
    ) -> dict[str, Array]:
        """What the objective is believed to be at points given by name.

        Arguments:
            history: what to learn from.
            points: name to value, of the design and of a variable environment.
            probabilities: of the quantiles, between 0 and 1.

        Returns:
            `mean` and `std` (points,), `quantiles` (probabilities, points), in the objective's own unit.
        """
        belief = self.belief(history)
        units = belief.coordinates.encode(points)
        mean, variance = belief.posterior.mean_variance(units)
        quantiles = belief.posterior.quantiles(units, np.asarray(probabilities, dtype=float))
        column = belief.column
        return {
            "mean": mean[:, column],
            "std": np.sqrt(np.maximum(variance[:, column], 0.0)),
            "quantiles": quantiles[:, :, column],
        }

    def _suggest_by_model(
        self, history: History, request: Request, seen: Training, domain: Domain
    ) -> Proposal:
        def randomness(purpose: str) -> np.random.Generator:
            return generator(history.seed, request.number, purpose)

        settings = self._surrogate
        turns = TURNS[settings.warping_function]
        turn = turns[request.number % len(turns)]
        surrogates = build_surrogates(settings, domain.coordinates, self.settings.deterministic, turn.warping)
        data = seen.datasets[settings.name]
        fits = self._fits(history)
        fitted, kept = fit_or_keep(surrogates, settings, data, fits.get(turn.warping), randomness("fit"))
        finished, values = self._finished(history)
        chosen = suggest_unit(
            SelectedOutput(fitted.posterior, self._column),
            domain,
            Looks(seen.succeeded, seen.failed, seen.pending),
            np.array(values) if self._is_exact(finished) else None,
            self.settings.objectives[0],
            self.settings.acquisition_optimizer,
            self._scaling(randomness("scaling")),
            randomness,
            turn.margin,
        )
        figures = {key: chosen.info[key] for key in ("PoI", "std", "acquisition")}
        state = {
            "surrogates": {settings.name: {**fits, turn.warping: kept}},
            "recent": remember(history.state, figures),
        }
        info = {
            **chosen.info,
            "incumbent": finished[chosen.info["incumbent"]].number,
            "fit": dict(fitted.info),
        }
        return Proposal(chosen.values, state, info)

    @property
    def _surrogate(self) -> GP:
        return self.settings.surrogate(self.settings.variable(self.settings.objectives[0].variable).input)

    @property
    def _column(self) -> int:
        variable = self.settings.variable(self.settings.objectives[0].variable)
        return 0 if variable.select_by_name is None else self._surrogate.names.index(variable.select_by_name)

    @property
    def _outputs(self) -> dict[str, int]:
        return {entry.name: entry.output_dim for entry in self.settings.surrogates}

    def _fits(self, history: History) -> Mapping[str, Any]:
        """What the last fits left, by the warping of the model."""
        return (history.state or {}).get("surrogates", {}).get(self._surrogate.name, {})

    def _model(
        self, history: History, seen: Training, coordinates: Coordinates
    ) -> tuple[GaussianProcess, Fitted[GaussianProcessPosterior]]:
        """The model that people read: of the first turn, with hyperparameters that are kept or fitted as for a suggestion."""
        settings = self._surrogate
        warping = TURNS[settings.warping_function][0].warping
        surrogates = build_surrogates(settings, coordinates, self.settings.deterministic, warping)
        randomness = generator(history.seed, len(history.trials), "belief")
        kept = self._fits(history).get(warping)
        # The rougher kernel: what the smoother one gains in finding, its intervals lose in covering (measured).
        kernel = next(iter(surrogates))
        only = {kernel: surrogates[kernel]}
        kept = None if kept is None else {**kept, "kernel": kernel}
        return only[kernel], fit_or_keep(only, settings, seen.datasets[settings.name], kept, randomness)[0]

    def _has_values(self, seen: Training) -> bool:
        return int(seen.datasets[self._surrogate.name].is_value.sum()) >= SMALLEST_FIT

    def _finished(self, history: History) -> tuple[list[Trial], list[float]]:
        """The trials with a value of the objective, and the mean of what was measured in each."""
        trials, means = [], []
        for trial in history.trials:
            if trial.status != "succeeded":
                continue
            values = observed_values(trial, self._surrogate.name, self._column, self._outputs)
            if values:
                trials.append(trial)
                means.append(math.fsum(values) / len(values))
        return trials, means

    def _is_exact(self, finished: Sequence[Trial]) -> bool:
        """Whether an observation is the truth, in an environment that never changes."""
        fits_noise = self._surrogate.detect_noise
        told = self.settings.deterministic is True if fits_noise is None else not fits_noise
        return told and not any(
            entry.uncertainty is not None or entry.environment_value is not None
            for trial in finished
            for entry in (trial.outcome.measurements if trial.outcome is not None else ())
        )

    def _scaling(self, randomness: np.random.Generator) -> float:
        if not self.settings.vary_scaling:
            return self.settings.scaling
        return self.settings.scaling * float(10.0 ** randomness.uniform(-1.0, 1.0))


def _environment_unit(coordinates: Coordinates, environment: Mapping[str, float]) -> Array:
    """The environment's columns of the point that is asked for.

    Raises:
        UsageError: when a variable environment parameter has no value.
    """
    places = []
    for column in coordinates.columns[coordinates.design_dimension :]:
        if column.name not in environment:
            raise UsageError(
                f"a suggestion needs a value for the environment parameter {column.name!r}, got {sorted(environment)}"
            )
        places.append(float(column.encode([environment[column.name]])[0]))
    return np.array(places)
