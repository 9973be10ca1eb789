"""The driver that explores: a sampler says where to look, models of the responses say what is not known yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from pydantic import Field, ValidationError

from assay.acquisition.configuration import Explorer
from assay.drivers.abstract import AbstractDriver, History, Pacing, Proposal, Request
from assay.drivers.active_learning import SMALLEST_FIT, ActiveLearning
from assay.drivers.belief import Belief, averaged_posteriors
from assay.drivers.configuration import ActiveLearningConfiguration, refusal
from assay.drivers.describing import describe
from assay.drivers.models import fit_models
from assay.drivers.observed import best_of_trials, environment_unit
from assay.drivers.overriding import held_of
from assay.drivers.recipes import input_maps
from assay.drivers.samplers import SamplerEntry
from assay.drivers.samplers_abstract import SamplingTask
from assay.drivers.samplers_discrepancy_variance import DiscrepancyVariance
from assay.drivers.starting import starting_size
from assay.drivers.training import Training, training
from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.numerics.random import generator
from assay.numerics.threads import blas_threads_for
from assay.quantities.configuration import MultiSelector
from assay.records import Measurement
from assay.space.space import Space
from assay.surrogates.abstract import AbstractPosterior
from assay.surrogates.configuration import GP, Entry, Setting, SurrogateEntry, Transformation

__all__ = ["AdaptiveSampling", "AdaptiveSamplingConfiguration"]

Array = np.ndarray


class AdaptiveSamplingConfiguration(Entry):
    """Learn responses everywhere."""

    sampler: SamplerEntry = Field(
        default_factory=DiscrepancyVariance, description="where to look next, by name or with its keys"
    )
    surrogates: list[SurrogateEntry] = Field(
        default_factory=lambda: [GP()], min_length=1, description="models of the responses, one for each"
    )
    transformations: list[Transformation] = Field(
        default_factory=list, description="maps of the parameters to those that a surrogate sees"
    )
    num_initial: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="size of the first design, which is planned as a whole; none given: by the number of parameters",
    )
    deterministic: bool | None = Field(
        default=None,
        description="whether a repeated evaluation gives the same value; none given: noise is fitted",
    )
    overrides: dict[str, Setting] = Field(
        default_factory=dict, description="values of the models that are held as they are, by path"
    )

    def active_learning(self) -> ActiveLearningConfiguration:
        """The configuration of `ActiveLearning` whose models these are."""
        first = self.surrogates[0].name
        return ActiveLearningConfiguration(
            surrogates=self.surrogates,
            transformations=self.transformations,
            variables=[MultiSelector(name="responses", input=first)],
            objectives=[Explorer(variable="responses")],
            num_initial=self.num_initial,
            deterministic=self.deterministic,
            overrides=self.overrides,
        )


@final
@dataclass(frozen=True)
class AdaptiveSampling(AbstractDriver):
    """Learn responses everywhere: a first design that is spread evenly, then points where the models know least as well.

    Use it to explore, for a surrogate that is good on the whole or for laws to be found in it. Each suggestion allows for
    those that are still open, so that workers never wait for one another; `propose` chooses a whole batch together. A
    sampler without models, such as Sobol, makes it a design that never ends.

    Example:
        >>> space = Space.from_data([{"name": "x", "domain": [0.0, 1.0]}, {"name": "y", "domain": [0.0, 1.0]}])
        >>> driver = AdaptiveSampling.from_data({"sampler": "Halton"})
        >>> batch = driver.propose(History(space, (), seed=0), Request(0), 5)
        >>> len(batch), sorted(batch[0].values)
        (5, ['x', 'y'])
    """

    settings: AdaptiveSamplingConfiguration

    @staticmethod
    def from_data(data: Mapping[str, Any]) -> AdaptiveSampling:
        """The driver of a configuration, given as plain data, objects, or a mixture.

        Raises:
            ConfigurationError: one sentence with the path of the key, the rule, and what was got.
        """
        try:
            driver = AdaptiveSampling(AdaptiveSamplingConfiguration.model_validate(dict(data)))
            _ = driver.learner
        except ValidationError as error:
            raise refusal(error) from None
        return driver

    @cached_property
    def learner(self) -> ActiveLearning:
        """The driver whose models these are: for predictions and pictures."""
        return ActiveLearning.of(self.settings.active_learning())

    def configuration(self) -> dict[str, Any]:
        return self.settings.model_dump()

    def describe(self) -> dict[str, Any]:
        return describe("driver", self.settings)

    def check_space(self, space: Space) -> None:
        self.learner.check_space(space)

    def check(self, space: Space, measurements: Sequence[Measurement]) -> None:
        self.learner.check(space, measurements)

    @property
    def pacing(self) -> Pacing:
        return Pacing(in_advance=True)

    def suggest(self, history: History, request: Request) -> Proposal:
        size = starting_size(self.settings.num_initial, Coordinates.of(history.space).design_dimension)
        if request.number < size:
            # Point by point a first design would be worse, and in the order of the workers.
            nothing = History(history.space, (), history.seed)
            plan = self.propose(nothing, Request(0, request.environment), size)
            early = [trial for trial in history.trials if trial.number < size]
            if all(dict(trial.suggestion.values) == dict(plan[trial.number].values) for trial in early):
                return plan[request.number]
        return self.propose(history, request, 1)[0]

    def propose(self, history: History, request: Request, count: int) -> list[Proposal]:
        """New points, chosen together; they know the open ones.

        Arguments:
            request: for the first of them.
            count: how many, at least 1.

        Raises:
            NumericalError: when no feasible point is found.
        """
        coordinates = Coordinates.of(history.space)
        seen = training(history, coordinates, self._outputs)
        state = history.state
        info: dict[str, Any] = {"origin": self.settings.sampler.type}
        posteriors: Sequence[AbstractPosterior] = ()
        with blas_threads_for(max(map(len, seen.datasets.values()))):
            if self.settings.sampler.uses_models and self._is_learnable(seen):
                posteriors, state, fits = self._posteriors(history, request.number, coordinates, seen)
                info["fit"] = fits
            task = SamplingTask(
                coordinates,
                FeasibleSet.of(history.space, coordinates),
                environment_unit(coordinates, request),
                seen.known,
                history.seed,
                request.number,
                posteriors,
            )
            points = self.settings.sampler.propose(task, count)
        return [Proposal(coordinates.decode(point), state, info) for point in points]

    def best(self, history: History) -> Mapping[str, Any] | None:
        """The lowest first response that was observed: an exploration has no aim."""
        return best_of_trials(history)

    def stop_reason(self, history: History) -> str | None:
        return self.learner.stop_reason(history)

    def belief(self, history: History, *, as_chosen: bool = False) -> Belief:
        """As of `ActiveLearning`."""
        return self.learner.belief(history, as_chosen=as_chosen)

    def trained(
        self, history: History, surrogate: int | None = None, fresh_starts: int = 0
    ) -> dict[str, Any]:
        """As of `ActiveLearning`."""
        return self.learner.trained(history, surrogate, fresh_starts)

    def state_of(self, history: History) -> dict[str, Any]:
        """As of `ActiveLearning`, with the keys of this driver."""
        return {**self.learner.state_of(history), **self.configuration()}

    def _posteriors(
        self, history: History, number: int, coordinates: Coordinates, seen: Training
    ) -> tuple[list[AbstractPosterior], dict[str, Any], dict[str, Any]]:
        """What the models believe, which know every look that is open or failed; their state, and what a person wants."""
        settings = self.learner.settings
        entries = {entry.name: entry for entry in settings.surrogates}
        warpings = {name: _warping(entry) for name, entry in entries.items()}
        kept = (history.state or {}).get("surrogates", {})
        models = fit_models(
            entries,
            seen.datasets,
            coordinates,
            settings.deterministic,
            warpings,
            kept,
            lambda purpose: generator(history.seed, number, purpose),
            input_maps(settings.transformations, coordinates),
            held={name: held_of(settings, index, coordinates) for index, name in enumerate(entries)},
        )
        without_result = np.concatenate([seen.failed, seen.pending])
        # Where the hyperparameters that the data allow disagree, something happens that is not understood yet: on a lone peak
        # this leaves half of the error that the best hyperparameters alone leave (benchmarks/results/exploration_sampling).
        posteriors = list(averaged_posteriors(models).values())
        if len(without_result):
            posteriors = [posterior.condition_on_inputs(without_result) for posterior in posteriors]
        return posteriors, {"surrogates": models.state(kept, warpings)}, models.info

    def _is_learnable(self, seen: Training) -> bool:
        return all(int(data.is_value.sum()) >= SMALLEST_FIT for data in seen.datasets.values())

    @property
    def _outputs(self) -> dict[str, int]:
        return {entry.name: entry.output_dim for entry in self.settings.surrogates}


def _warping(entry: SurrogateEntry) -> str:
    """The warping that counts: none is taken unasked, since variances are compared."""
    return (
        entry.warping_function if isinstance(entry, GP) and entry.warping_function != "auto" else "identity"
    )
