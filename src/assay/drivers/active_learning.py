"""The active-learning driver: models of what was observed say where the next look is worth most."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from assay.acquisition.configuration import Explorer, Minimizer
from assay.drivers.abstract import AbstractDriver, History, Pacing, Proposal, Request
from assay.drivers.belief import Belief, averaged_posteriors
from assay.drivers.configuration import ActiveLearningConfiguration, validate
from assay.drivers.deciding import Decision, decide
from assay.drivers.deriving import Derivation, kept_bounds, leading
from assay.drivers.describing import describe, with_hyperparameters
from assay.drivers.error_parameters import with_likely_errors
from assay.drivers.fit_covariance import covariance_of, moving_names
from assay.drivers.models import Models, fit_models
from assay.drivers.open_looks import are_many_open, with_open
from assay.drivers.overriding import held_of, learned, with_overrides
from assay.drivers.recipes import input_maps
from assay.drivers.robust import robust_posteriors, telling_look
from assay.drivers.space_check import check_fits_space
from assay.drivers.starting import starting_point, starting_size
from assay.drivers.stopping import met_rule, remember
from assay.drivers.suggesting import Domain, Looks, suggest_unit
from assay.drivers.surrogates import TURNS, Turn
from assay.drivers.training import Training, check_measurements, mean_values, training
from assay.errors import UsageError
from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.numerics.random import generator
from assay.numerics.threads import blas_threads_for
from assay.quantities.configuration import SingleSelector
from assay.quantities.selector import SelectedOutput
from assay.records import Measurement, Trial
from assay.space.space import Space
from assay.surrogates.configuration import GP
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior
from assay.surrogates.thinning import latest

__all__ = ["ActiveLearning"]

Array = np.ndarray

# The least number of successful evaluations that a model is fitted to.
SMALLEST_FIT = 2


@final
@dataclass(frozen=True)
class _Seen:
    """A history as the objective sees it.

    Arguments:
        derivation: the variables.
        training: what the surrogates learn from.
        finished: the trials that succeeded.
        points: (finished, dimension), in unit coordinates.
        observed: (finished,), the objective as it follows from what was measured; NaN where it does not.
        within: (finished,), False where what was measured breaks the bounds of a Constrainer.
    """

    derivation: Derivation
    training: Training
    finished: Sequence[Trial]
    points: Array
    observed: Array
    within: Array


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
    configured: ActiveLearningConfiguration | None = None

    @staticmethod
    def of(configured: ActiveLearningConfiguration) -> ActiveLearning:
        """The driver of a validated configuration; what it overrides is in its `settings`.

        Raises:
            ConfigurationError: when something cannot be overridden.
        """
        settings = with_overrides(configured)
        return ActiveLearning(settings, None if settings is configured else configured)

    @staticmethod
    def from_data(data: Mapping[str, Any]) -> ActiveLearning:
        """The driver of a configuration, given as plain data, objects, or a mixture.

        Raises:
            ConfigurationError: one sentence with the path of the key, the rule, and what was got.
        """
        return ActiveLearning.of(validate(data))

    def configuration(self) -> dict[str, Any]:
        return (self.configured or self.settings).model_dump()

    def describe(self) -> dict[str, Any]:
        return with_hyperparameters(describe("driver", self.settings))

    def check_space(self, space: Space) -> None:
        check_fits_space(self.settings, space)

    def check(self, space: Space, measurements: Sequence[Measurement]) -> None:
        check_measurements(space, measurements, self._outputs)

    @property
    def pacing(self) -> Pacing:
        optimizer = self.settings.acquisition_optimizer
        return Pacing(optimizer.compute_suggestion_in_advance, optimizer.adaptive_local_search)

    def suggest(self, history: History, request: Request) -> Proposal:
        if request.effort != 1.0:
            further = self.settings.acquisition_optimizer.with_effort(request.effort)
            settings = self.settings.model_copy(update={"acquisition_optimizer": further})
            return replace(self, settings=settings).suggest(history, replace(request, effort=1.0))
        coordinates = Coordinates.of(history.space)
        feasible = FeasibleSet.of(history.space, coordinates)
        seen = training(history, coordinates, self._outputs)
        environment = _environment_unit(coordinates, request.environment)
        taken = sum(trial.status != "cleared" for trial in history.trials) + len(history.claimed)
        size = starting_size(self.settings.num_initial, coordinates.design_dimension)
        many = are_many_open(history.state, len(seen.pending))
        knows = many and self._selects_directly and len(seen.succeeded) > coordinates.design_dimension
        starts = taken < size and not (knows and self.settings.num_initial is None)
        if starts or len(seen.succeeded) < SMALLEST_FIT or not self._has_values(seen):
            point = starting_point(
                coordinates, feasible, history.seed, request.number, size, seen.known, environment
            )
            state = with_open(history.state, len(seen.pending))
            return Proposal(coordinates.decode(point), state, {"origin": "initial"})
        # Two threads of BLAS are slower than one on matrices of this size, and far slower on a busy machine.
        with blas_threads_for(max(map(len, seen.datasets.values()))):
            return self._suggest_by_model(history, request, seen, Domain(coordinates, feasible, environment))

    def best(self, history: History) -> Mapping[str, Any] | None:
        if not isinstance(leading(self.settings.objectives), Minimizer):
            return None
        seen = self._seen(history)
        if not seen.finished:
            return None
        allowed = np.array([history.space.is_feasible(trial.suggestion.values) for trial in seen.finished])
        observed, mean, std = seen.observed, None, None
        if self._fits(history) and len(seen.training.succeeded) >= SMALLEST_FIT:
            mean, std = self._expected(history, seen)
        counts = not self._is_exact(seen.finished) or self._is_robust
        worth = mean if mean is not None and counts else observed
        if mean is not None:
            observed = np.where(np.isfinite(observed), observed, mean)
            worth = np.where(np.isfinite(worth), worth, mean)
        if not np.isfinite(worth).any():
            return None
        allowed &= seen.within & np.isfinite(worth)
        index = int(np.argmin(np.where(allowed, worth, np.inf) if allowed.any() else worth))
        trial = seen.finished[index]
        figures = (
            {} if mean is None or std is None else {"mean": float(mean[index]), "std": float(std[index])}
        )
        return {
            "number": trial.number,
            "values": dict(trial.suggestion.values),
            "objective": float(observed[index]),
            **figures,
        }

    def observed(self, history: History) -> dict[int, float]:
        """The objective by the number of each successful trial, as it follows from what was measured there; NaN
        where it does not."""
        seen = self._seen(history)
        return {trial.number: float(value) for trial, value in zip(seen.finished, seen.observed, strict=True)}

    def stop_reason(self, history: History) -> str | None:
        objective = leading(self.settings.objectives)
        lowest = None
        if isinstance(objective, Minimizer) and objective.min_val > -math.inf:
            seen = self._seen(history)
            values = seen.observed[seen.within]
            lowest = float(np.nanmin(values)) if np.isfinite(values).any() else None
        return met_rule(objective, lowest, (history.state or {}).get("recent", []))

    def belief(self, history: History, *, as_chosen: bool = False, min_dist: float = 0.0) -> Belief:
        """The models after a history, fitted to all of it; for predictions and pictures.

        Arguments:
            history: what happened.
            as_chosen: take the models that suggestions are made by, with the kernel of the greatest evidence and one set
                of hyperparameters: the better means, as Markov chains need them, with the lesser intervals.
            min_dist: of Gaussian processes, instead of the configured one where it is above 0.

        Raises:
            UsageError: before two evaluations succeeded, or for a `min_dist` that is negative or not finite.
        """
        if min_dist:
            return self._sparse(min_dist).belief(history, as_chosen=as_chosen)
        seen = self._seen(history)
        self._require_enough(seen.training)
        models = self._models(history, seen, first_only=not as_chosen)
        # What people read says how sure it is of its hyperparameters too; a suggestion can do without.
        posteriors = models.posteriors if as_chosen else averaged_posteriors(models)
        feasible = FeasibleSet.of(history.space, seen.derivation.coordinates)
        averages = robust_posteriors(self.settings, seen.derivation.coordinates, models.posteriors)
        belief = Belief(
            seen.derivation,
            models,
            posteriors,
            feasible,
            seen.points,
            seen.observed,
            averages if self._is_robust else None,
        )
        if np.isfinite(seen.observed).all():
            return belief
        expected = belief.select().mean_variance(seen.points)[0][:, 0]
        return replace(belief, observed=np.where(np.isfinite(seen.observed), seen.observed, expected))

    def acquisition(
        self, history: History, points: Sequence[Mapping[str, Any]], environment: Mapping[str, float]
    ) -> Array:
        """The logarithm of what a look at each point promises now, (points,); minus infinity where constraints are broken.

        It is that of the first model with all its hyperparameters; the models that take turns, and the searches that keep away
        from the rim, each have their own.

        Raises:
            UsageError: before two evaluations succeeded, or for a point without a value.
        """
        seen = self._seen(history)
        self._require_enough(seen.training)
        coordinates = seen.derivation.coordinates
        feasible = FeasibleSet.of(history.space, coordinates)
        domain = Domain(coordinates, feasible, _environment_unit(coordinates, environment))
        models = self._models(history, seen, first_only=False)
        posteriors = robust_posteriors(self.settings, coordinates, models.posteriors)
        looks = Looks(seen.training.succeeded, seen.training.failed, seen.training.pending)

        def randomness(purpose: str) -> np.random.Generator:
            return generator(history.seed, len(history.trials), f"acquisition {purpose}")

        decision = Decision(seen.derivation, posteriors, domain, looks, self.settings.scaling, randomness)
        units = coordinates.encode([{**point, **environment} for point in points])
        with np.errstate(divide="ignore"):
            return np.where(feasible.contains(units), decision.acquisition[1].value(units), -np.inf)

    def covariance(self, history: History) -> Array:
        """The covariance of the continuous parameters about the best look, where the objective is a `ChiSquaredValue`; see
        `assay.drivers.fit_covariance`."""
        return covariance_of(self.belief(history, as_chosen=True))

    def uncertainties(self, history: History) -> dict[str, float]:
        """The roots of its diagonal, by the name of the parameter."""
        belief = self.belief(history, as_chosen=True)
        deviations = np.sqrt(np.diag(covariance_of(belief)))
        return dict(zip(moving_names(belief), map(float, deviations), strict=True))

    def state_of(self, history: History) -> dict[str, Any]:
        """The configuration as it counts, with the hyperparameters of the last suggestion's models; None before."""
        coordinates = Coordinates.of(history.space)
        data = self.settings.model_dump()
        warpings = self._warpings(self._turns[-1].warping)
        for index, entry in enumerate(self.settings.surrogates):
            kept = self._fits(history).get(entry.name, {}).get(warpings[entry.name])
            for path, value in learned(self.settings, index, coordinates, kept).items():
                *steps, last = path.split(".")
                holder = data["surrogates"][index]
                for step in steps:
                    holder = holder[step]
                holder[last] = value
        return data

    def _sparse(self, min_dist: float) -> ActiveLearning:
        """The driver whose Gaussian processes leave out rows that crowd."""
        entries = [
            entry.model_copy(update={"min_dist": min_dist}) if isinstance(entry, GP) else entry
            for entry in self.settings.surrogates
        ]
        return replace(self, settings=self.settings.model_copy(update={"surrogates": entries}))

    def trained(
        self,
        history: History,
        surrogate: int | None = None,
        fresh_starts: int = 0,
        min_dist: float = 0.0,
    ) -> dict[str, Any]:
        """The state for the next suggestion after a fit of the hyperparameters to all data.

        Arguments:
            surrogate: which, counted from 0; None: all.
            fresh_starts: of each fit, beside the hyperparameters so far.
            min_dist: of Gaussian processes, leave out rows that stand closer to others than so many length scales.

        Raises:
            UsageError: before two evaluations succeeded, for an unknown surrogate, or for a `min_dist` that is negative or
                not finite.
        """
        entries = self.settings.surrogates
        if surrogate is not None and not 0 <= surrogate < len(entries):
            raise UsageError(f"the driver has surrogates 0 to {len(entries) - 1}, got {surrogate}")
        seen = self._seen(history)
        self._require_enough(seen.training)
        chosen = [entry.name for index, entry in enumerate(entries) if surrogate in (None, index)]
        eager = [
            entry.model_copy(update={"num_restarts": fresh_starts}) if isinstance(entry, GP) else entry
            for entry in entries
        ]
        driver = replace(self, settings=self.settings.model_copy(update={"surrogates": eager}))
        horizons = {entry.name: entry.horizon for entry in entries}
        fits = dict(self._fits(history))
        for name in dict.fromkeys(turn.warping for turn in self._turns):
            warpings = self._warpings(name)

            def randomness(purpose: str, name: str = name) -> np.random.Generator:
                return generator(history.seed, len(history.trials), f"training {name} {purpose}")

            coordinates, rows = seen.derivation.coordinates, seen.training
            counts: dict[str, int] = {}
            if min_dist:
                before = self._sparse(min_dist)._fit(coordinates, rows, warpings, fits, randomness)
                thinned = {own: model.data for own, model in before.by_name.items()}
                counts = {own: len(latest(rows.datasets[own], horizons[own])) for own in chosen}
                rows = replace(rows, datasets=thinned)
            models = driver._fit(coordinates, rows, warpings, fits, randomness, refit=chosen)
            fits = {**fits, **models.of_rows(counts).state(fits, warpings)}
        return {**(history.state or {}), "surrogates": fits}

    def _require_enough(self, seen: Training) -> None:
        if len(seen.succeeded) < SMALLEST_FIT or not self._has_values(seen):
            raise UsageError(
                f"a model needs {SMALLEST_FIT} successful evaluations with values, got {len(seen.succeeded)}"
            )

    def _suggest_by_model(
        self, history: History, request: Request, seen: Training, domain: Domain
    ) -> Proposal:
        def randomness(purpose: str) -> np.random.Generator:
            return generator(history.seed, request.number, purpose)

        turn = self._turn(request.number)
        warpings = self._warpings(turn.warping)
        fits = self._fits(history)
        # What explores is the model that people read: its uncertainty is what the looks are to take away.
        models = self._fit(domain.coordinates, seen, warpings, fits, randomness, first_only=self._explores)
        scaling = self._scaling(randomness("scaling"))
        looks = Looks(seen.succeeded, seen.failed, seen.pending)
        view = self._seen(history)
        if self._selects_directly:
            exact = self._is_exact(view.finished) and np.isfinite(view.observed).all()
            chosen = suggest_unit(
                self._selected(models),
                domain,
                looks,
                view.observed if exact else None,
                self._minimizer,
                self.settings.acquisition_optimizer,
                scaling,
                randomness,
                turn.margin,
            )
        else:
            posteriors = robust_posteriors(self.settings, domain.coordinates, models.posteriors)
            chosen = decide(view.derivation, posteriors, domain, looks, scaling, randomness)
            chosen = telling_look(posteriors, chosen, domain, looks, randomness)
        figures = {key: chosen.info[key] for key in ("PoI", "std", "acquisition") if key in chosen.info}
        state = {
            "surrogates": {**fits, **models.state(fits, warpings)},
            "recent": remember(history.state, figures),
        }
        info = {**chosen.info, "fit": models.info}
        if "incumbent" in info:
            looked = [
                trial
                for status in ("succeeded", "open")
                for trial in history.trials
                if trial.status == status
            ]
            info["incumbent"] = looked[info["incumbent"]].number
        return Proposal(chosen.values, with_open(state, len(seen.pending)), info)

    def _selected(self, models: Models) -> SelectedOutput:
        """The objective as an output of the one Gaussian process, in its working units."""
        (model,) = models.by_name.values()
        posterior = model.fitted.posterior
        assert isinstance(posterior, GaussianProcessPosterior)
        variable = self.settings.variables[0]
        assert isinstance(variable, SingleSelector)
        names = self.settings.surrogates[0].names
        return SelectedOutput(
            posterior, 0 if variable.select_by_name is None else names.index(variable.select_by_name)
        )

    @property
    def _minimizer(self) -> Minimizer:
        objective = leading(self.settings.objectives)
        assert isinstance(objective, Minimizer)
        return objective

    @property
    def _selects_directly(self) -> bool:
        """Whether the driver minimises an output of its one Gaussian process itself, and nothing else."""
        settings = self.settings
        entry = settings.surrogates[0]
        return (
            len(settings.surrogates) == len(settings.variables) == len(settings.objectives) == 1
            and isinstance(entry, GP)
            and isinstance(settings.variables[0], SingleSelector)
            and isinstance(settings.objectives[0], Minimizer)
            and entry.input is None
            and (entry.joint_hyperparameters or entry.output_dim == 1)
            and not self._is_robust
            and not settings.objectives[0].localize
        )

    @property
    def _explores(self) -> bool:
        return isinstance(leading(self.settings.objectives), Explorer)

    @property
    def _is_robust(self) -> bool:
        """Whether parameters stray, so that what counts is an average that nobody observes."""
        return bool(self.settings.acquisition_function.parameter_uncertainties)

    def _turn(self, number: int) -> Turn:
        """Whose turn it is: models take turns where the driver minimises an output itself."""
        return self._turns[number % len(self._turns)]

    @property
    def _turns(self) -> tuple[Turn, ...]:
        entry = self.settings.surrogates[0]
        if not self._selects_directly or not isinstance(entry, GP) or entry.warping_function not in TURNS:
            return (Turn("", 0.0),)
        return TURNS[entry.warping_function]

    def _warpings(self, chosen: str) -> dict[str, str]:
        """The warping of each surrogate: the chosen one where one takes turns, else its own, with none for auto."""
        return {
            entry.name: chosen or _own_warping(entry) if isinstance(entry, GP) else "identity"
            for entry in self.settings.surrogates
        }

    def _models(self, history: History, seen: _Seen, *, first_only: bool = True) -> Models:
        """The models that people read: of the first turn, with hyperparameters kept or fitted as for a suggestion."""

        def randomness(purpose: str) -> np.random.Generator:
            return generator(history.seed, len(history.trials), f"belief {purpose}")

        coordinates = seen.derivation.coordinates
        warpings = self._warpings(self._turn(0).warping)
        # The rougher kernel: what the smoother one gains in finding, its intervals lose in covering (measured).
        return self._fit(
            coordinates, seen.training, warpings, self._fits(history), randomness, first_only=first_only
        )

    def _fit(
        self,
        coordinates: Coordinates,
        seen: Training,
        warpings: Mapping[str, str],
        fits: Mapping[str, Any],
        randomness: Callable[[str], np.random.Generator],
        *,
        first_only: bool = False,
        refit: Collection[str] = (),
    ) -> Models:
        return fit_models(
            {entry.name: entry for entry in self.settings.surrogates},
            seen.datasets,
            coordinates,
            self.settings.deterministic,
            warpings,
            fits,
            randomness,
            input_maps(self.settings.transformations, coordinates),
            first_only=first_only,
            held={
                entry.name: held_of(self.settings, index, coordinates)
                for index, entry in enumerate(self.settings.surrogates)
            },
            refit=refit,
        )

    def _expected(self, history: History, seen: _Seen) -> tuple[Array, Array]:
        """Mean and standard deviation of the objective where evaluations finished."""
        models = self._models(history, seen)
        owner, column = seen.derivation.resolve(seen.derivation.objective_names[0])
        posteriors = robust_posteriors(self.settings, seen.derivation.coordinates, models.posteriors)
        quantity = seen.derivation.quantity(posteriors, owner)
        mean, variance = quantity.mean_variance(seen.points)
        return mean[:, column or 0], np.sqrt(np.maximum(variance[:, column or 0], 0.0))

    @property
    def _outputs(self) -> dict[str, int]:
        return {entry.name: entry.output_dim for entry in self.settings.surrogates}

    def _fits(self, history: History) -> Mapping[str, Any]:
        """What the last fits left, by surrogate and the warping of the model."""
        return (history.state or {}).get("surrogates", {})

    def _has_values(self, seen: Training) -> bool:
        return all(int(data.is_value.sum()) >= SMALLEST_FIT for data in seen.datasets.values())

    def _seen(self, history: History) -> _Seen:
        coordinates = Coordinates.of(history.space)
        finished = [trial for trial in history.trials if trial.status == "succeeded"]
        measured = {
            name: np.array(
                [mean_values(trial, name, self._outputs) or [math.nan] * count for trial in finished]
            ).reshape(-1, count)
            for name, count in self._outputs.items()
        }
        points = coordinates.encode([trial.suggestion.kwargs for trial in finished])
        observed, within = np.full(len(finished), np.nan), np.ones(len(finished), dtype=bool)
        complete = {name: rows[np.isfinite(rows).all(axis=1)] for name, rows in measured.items()}
        derivation = Derivation(self.settings, coordinates, observed=complete)
        owner, column = derivation.resolve(derivation.objective_names[0])
        whole = np.all([np.isfinite(values).all(axis=1) for values in measured.values()], axis=0)
        if whole.any() and not derivation.is_scanned:
            values = {name: rows[whole] for name, rows in measured.items()}
            derivation = with_likely_errors(derivation, values, points[whole])
            observed[whole] = derivation.of_observed(values, points[whole], owner)[:, column or 0]
            within[whole] = kept_bounds(derivation, values, points[whole])
        return _Seen(
            derivation, training(history, coordinates, self._outputs), finished, points, observed, within
        )

    def _is_exact(self, finished: Sequence[Trial]) -> bool:
        """Whether an observation is the truth, in an environment that never changes."""
        for index, entry in enumerate(self.settings.surrogates):
            if self.settings.overrides.get(f"surrogates.{index}.noise_variance"):
                return False
            fits_noise = entry.detect_noise if isinstance(entry, GP) else None
            if not (self.settings.deterministic is True if fits_noise is None else not fits_noise):
                return False
        return not any(
            entry.uncertainty is not None or entry.environment_value is not None
            for trial in finished
            for entry in (trial.outcome.measurements if trial.outcome is not None else ())
        )

    def _scaling(self, randomness: np.random.Generator) -> float:
        if not self.settings.vary_scaling:
            return self.settings.scaling
        return self.settings.scaling * float(10.0 ** randomness.uniform(-1.0, 1.0))


def _own_warping(entry: GP) -> str:
    """The warping where no turns are taken: derived quantities need a Gaussian in its own unit, unless one is asked for."""
    return "identity" if entry.warping_function == "auto" else entry.warping_function


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
