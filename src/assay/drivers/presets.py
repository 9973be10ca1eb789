"""Presets: what people mostly want, as a few keys; each is an active-learning driver with a configuration of its own.

`active_learning_configuration` shows that configuration, to be taken further by hand.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, final

import numpy as np
from pydantic import Field, ValidationError

from assay.acquisition.configuration import Minimizer
from assay.drivers.abstract import AbstractDriver, History, Pacing, Proposal, Request
from assay.drivers.active_learning import ActiveLearning
from assay.drivers.belief import Belief
from assay.drivers.configuration import ActiveLearningConfiguration, refusal
from assay.drivers.describing import describe
from assay.errors import ConfigurationError
from assay.quantities.configuration import (
    ChiSquaredValue,
    ErrorModel,
    NegLogProbability,
    ParameterDistribution,
    SingleSelector,
)
from assay.records import Measurement
from assay.space.space import Space
from assay.surrogates.configuration import GP, Entry, Matrix, Setting, Vector

__all__ = ["BayesianLeastSquares", "BayesianOptimization", "BayesianReconstruction", "Preset", "PresetFamily"]


class _Common(Entry, ABC):
    # the keys without which nothing can be suggested
    needed: ClassVar[tuple[str, ...]] = ()

    scaling: float = Field(
        default=1.0,
        gt=0,
        lt=math.inf,
        description="multiplies the model's uncertainty: 10 explores, 0.1 is greedy",
    )
    vary_scaling: bool = Field(
        default=False, description="multiply `scaling` by a draw from 0.1 to 10 at each suggestion"
    )
    num_initial: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="size of the starting design; none given: by the number of parameters",
    )
    min_val: float = Field(
        default=-math.inf, ge=-math.inf, description="stop when a value this low was observed"
    )
    min_uncertainty: float = Field(
        default=0.0, ge=0, description="stop when the standard deviation was lower at the last 5 suggestions"
    )
    min_PoI: float = Field(
        default=1e-16,
        ge=0,
        le=1,
        description="stop when the probability of improvement was lower at the last 5 suggestions",
    )
    parameter_distribution: ParameterDistribution = Field(
        default_factory=ParameterDistribution,
        description="how probable the parameters are: measure of statistics, prior of run_mcmc",
    )

    overrides: dict[str, Setting] = Field(
        default_factory=dict, description="values of the model that are held as they are, by path"
    )

    @abstractmethod
    def active_learning(self) -> ActiveLearningConfiguration:
        """The configuration of `ActiveLearning` that this one stands for."""

    @property
    def is_complete(self) -> bool:
        """Whether everything is told that a suggestion needs."""
        return all(getattr(self, key) is not None for key in self.needed)

    def _common(self) -> dict[str, Any]:
        keys = (
            *("scaling", "vary_scaling", "num_initial", "parameter_distribution", "deterministic"),
            "overrides",
        )
        return {key: getattr(self, key) for key in keys}

    def _minimizer(self, variable: str, **keys: Any) -> Minimizer:
        return Minimizer(
            variable=variable,
            min_val=self.min_val,
            min_uncertainty=self.min_uncertainty,
            min_PoI=self.min_PoI,
            **keys,
        )


class BayesianOptimizationConfiguration(_Common):
    """Minimise one number."""

    deterministic: bool | None = Field(
        default=None,
        description="whether a repeated evaluation gives the same value; none given: noise is fitted",
    )
    strategy: Literal["EI", "LCB", "PoI"] = Field(
        default="EI",
        description="expected improvement, lower confidence bound, or probability of improvement",
    )
    localize: bool = Field(
        default=False,
        description="a local search: look only where the standard deviation is below 30 % of the greatest",
    )

    def active_learning(self) -> ActiveLearningConfiguration:
        return ActiveLearningConfiguration(
            surrogates=[GP()],
            variables=[SingleSelector()],
            objectives=[self._minimizer("v", strategy=self.strategy, localize=self.localize)],
            **self._common(),
        )


class _TargetConfiguration(_Common):
    needed: ClassVar[tuple[str, ...]] = ("target_vector",)

    target_vector: Vector | None = Field(
        default=None,
        min_length=1,
        description="what the model's outputs are to match; to be given before the first suggestion",
    )
    uncertainty_vector: Vector | None = Field(
        default=None, description="standard deviations of the target; none given: ones"
    )
    covariance_matrix: Matrix | None = Field(
        default=None, description="covariance of the target, instead of standard deviations"
    )
    deterministic: bool | None = Field(
        default=True,
        description="whether a repeated evaluation of the model gives the same values; False or none: noise is fitted",
    )

    def _target(self) -> dict[str, Any]:
        keys = ("target_vector", "uncertainty_vector", "covariance_matrix")
        if self.target_vector is None:
            raise ConfigurationError(
                "the driver needs its key 'target_vector' before the first suggestion: study.configure(target_vector=[...])"
            )
        return {"input": "loss", **{key: getattr(self, key) for key in keys}}

    def _surrogate(self) -> GP:
        return GP(output_dim=len(self.target_vector or [0.0]))


class BayesianLeastSquaresConfiguration(_TargetConfiguration):
    """Match a vector: minimise the sum of squares."""

    effective_DOF: float | None = Field(
        default=None, gt=0, description="Accepted: the law of chi-squared is exact here"
    )

    def active_learning(self) -> ActiveLearningConfiguration:
        return ActiveLearningConfiguration(
            surrogates=[self._surrogate()],
            variables=[ChiSquaredValue(name="chisq", **self._target())],
            objectives=[self._minimizer("chisq")],
            **self._common(),
        )


class BayesianReconstructionConfiguration(_TargetConfiguration):
    """Find the most probable parameters given a measured vector, and how large its errors are."""

    error_model: ErrorModel | None = Field(
        default=None,
        description="errors with parameters of their own; none given: the uncertainties as they stand",
    )

    def active_learning(self) -> ActiveLearningConfiguration:
        variable = NegLogProbability(name="neg_log_prob", error_model=self.error_model, **self._target())
        return ActiveLearningConfiguration(
            surrogates=[self._surrogate()],
            variables=[variable],
            objectives=[self._minimizer("neg_log_prob")],
            **self._common(),
        )


@final
@dataclass(frozen=True)
class Preset(AbstractDriver):
    """A driver that hands everything to the active-learning driver which its configuration stands for.

    Made by `BayesianOptimization.from_data` and its siblings.
    """

    settings: _Common

    @cached_property
    def active_learning(self) -> ActiveLearning:
        """The driver that does the work."""
        try:
            return ActiveLearning.of(self.settings.active_learning())
        except ValidationError as error:
            raise refusal(error) from None

    @property
    def active_learning_configuration(self) -> dict[str, Any]:
        """The same as a configuration of `ActiveLearning`, to be taken further by hand."""
        return self.active_learning.configuration()

    def configuration(self) -> dict[str, Any]:
        return self.settings.model_dump()

    def check_space(self, space: Space) -> None:
        # What the first suggestion needs may be told after the study was created.
        if self.settings.is_complete:
            self.active_learning.check_space(space)

    def check(self, space: Space, measurements: Sequence[Measurement]) -> None:
        self.active_learning.check(space, measurements)

    @property
    def pacing(self) -> Pacing:
        return self.active_learning.pacing if self.settings.is_complete else Pacing()

    def suggest(self, history: History, request: Request) -> Proposal:
        return self.active_learning.suggest(history, request)

    def best(self, history: History) -> Mapping[str, Any] | None:
        return self.active_learning.best(history)

    def observed(self, history: History) -> dict[int, float]:
        """As of `ActiveLearning`."""
        return self.active_learning.observed(history)

    def belief(self, history: History, *, as_chosen: bool = False, min_dist: float = 0.0) -> Belief:
        """As of `ActiveLearning`."""
        return self.active_learning.belief(history, as_chosen=as_chosen, min_dist=min_dist)

    def acquisition(
        self, history: History, points: Sequence[Mapping[str, Any]], environment: Mapping[str, float]
    ) -> np.ndarray:
        """As of `ActiveLearning`."""
        return self.active_learning.acquisition(history, points, environment)

    def covariance(self, history: History) -> np.ndarray:
        """As of `ActiveLearning`."""
        return self.active_learning.covariance(history)

    def uncertainties(self, history: History) -> dict[str, float]:
        """As of `ActiveLearning`."""
        return self.active_learning.uncertainties(history)

    def trained(
        self,
        history: History,
        surrogate: int | None = None,
        fresh_starts: int = 0,
        min_dist: float = 0.0,
    ) -> dict[str, Any]:
        """As of `ActiveLearning`."""
        return self.active_learning.trained(history, surrogate, fresh_starts, min_dist)

    def state_of(self, history: History) -> dict[str, Any]:
        """As of `ActiveLearning`, with the keys of the preset."""
        inner = self.active_learning.state_of(history) if self.settings.is_complete else {}
        return {**self.configuration(), **inner}

    def stop_reason(self, history: History) -> str | None:
        return self.active_learning.stop_reason(history)

    def describe(self) -> dict[str, Any]:
        own = describe("driver", self.settings)
        if not self.settings.is_complete:
            return own
        known = {member["name"] for member in own["members"]}
        rest = [item for item in self.active_learning.describe()["members"] if item["name"] not in known]
        return {**own, "members": [*own["members"], *rest]}


@final
@dataclass(frozen=True)
class PresetFamily:
    """All presets with one kind of configuration.

    Arguments:
        kind: of the configuration.
    """

    kind: type[_Common]

    def from_data(self, data: Mapping[str, Any]) -> Preset:
        """The driver of a configuration.

        Raises:
            ConfigurationError: one sentence with the path of the key, the rule, and what was got.
        """
        try:
            preset = Preset(self.kind.model_validate(dict(data)))
        except ValidationError as error:
            raise refusal(error) from None
        if preset.settings.is_complete:
            _ = preset.active_learning
        return preset


BayesianOptimization = PresetFamily(BayesianOptimizationConfiguration)
"""Minimise one number; the driver `ActiveLearning` with nothing but its defaults."""

BayesianLeastSquares = PresetFamily(BayesianLeastSquaresConfiguration)
"""Match a vector: the outputs are modelled one by one, and their sum of squares is minimised."""

BayesianReconstruction = PresetFamily(BayesianReconstructionConfiguration)
"""Find the most probable parameters given a measured vector with errors, which may be unknown themselves."""
