"""The configuration of the active-learning driver: one schema for plain data and for objects.

`dict(type="GP", name="loss")` and `GP(name="loss")` are the same thing. A key whose text begins with "Accepted:" is
taken so that configurations from elsewhere can be pasted; this engine has no use for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assay.errors import ConfigurationError
from assay.space.schema import shown

__all__ = [
    "GP",
    "AcquisitionFunction",
    "AcquisitionOptimizer",
    "ActiveLearningConfiguration",
    "Kernel",
    "Minimizer",
    "SingleSelector",
    "refusal",
    "validate",
]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Kernel(_Entry):
    """The covariance of a Gaussian process."""

    type: Literal["auto", "Matern", "SquaredExponential"] = Field(
        default="auto", description="family of the covariance; auto: the two in turns"
    )
    matern_order: Literal[1, 3, 5] = Field(
        default=5, description="twice the smoothness of a Matern covariance"
    )
    length_scale_prior: Literal["log_normal", "gamma", "blocks", "none"] | None = Field(
        default=None, description="prior on the length scales; none given: the surrogate's default"
    )


class GP(_Entry):
    """A Gaussian process."""

    type: Literal["GP"] = "GP"
    name: str = Field(
        default="loss", min_length=1, description="name of the surrogate, for `model_name` of an observation"
    )
    output_dim: int = Field(default=1, ge=1, description="number of outputs")
    output_names: list[str] | None = Field(
        default=None, description="names of the outputs; none given: name0, name1, ..."
    )
    kernel: Kernel = Field(default_factory=lambda: Kernel(), description="covariance")
    mean_function: Literal["constant", "zero", "linear", "quadratic"] = Field(
        default="constant", description="fitted trend below the process"
    )
    warping_function: Literal["identity", "sinh", "auto"] = Field(
        default="auto",
        description="fitted monotone map of the output that makes it look Gaussian; auto: with and without in turns",
    )
    detect_noise: bool | None = Field(
        default=None,
        description="fit a noise variance; none given: unless the driver is told that the model is deterministic",
    )
    num_restarts: int = Field(
        default=1, ge=0, le=100, description="fresh starts of a hyperparameter fit beside the warm one"
    )
    optimization_step_max: int = Field(
        default=300, ge=2, description="rows from which on hyperparameters are kept"
    )
    min_optimization_interval: int = Field(
        default=1, ge=1, description="least new rows between two hyperparameter fits"
    )
    max_optimization_interval: int = Field(
        default=20, ge=1, description="most new rows between two hyperparameter fits"
    )
    optimization_level: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description="fraction of new rows, within the two bounds, that makes a new fit pay",
    )
    num_fantasies: int = Field(
        default=16, ge=1, description="Accepted: open suggestions count by their exact posterior variance"
    )

    @property
    def names(self) -> list[str]:
        """One name for each output."""
        if self.output_names is not None:
            return self.output_names
        return (
            [self.name]
            if self.output_dim == 1
            else [f"{self.name}{index}" for index in range(self.output_dim)]
        )

    def model_post_init(self, _: Any) -> None:
        if self.output_names is not None and len(self.output_names) != self.output_dim:
            raise ConfigurationError(
                f"surrogate {shown(self.name)} needs one output name for each of its {self.output_dim} outputs, "
                f"got {shown(self.output_names)}"
            )
        if self.max_optimization_interval < self.min_optimization_interval:
            raise ConfigurationError(
                f"surrogate {shown(self.name)} needs max_optimization_interval of at least min_optimization_interval, "
                f"got {self.max_optimization_interval} and {self.min_optimization_interval}"
            )


class SingleSelector(_Entry):
    """One output of a surrogate."""

    type: Literal["SingleSelector"] = "SingleSelector"
    name: str = Field(default="v", min_length=1, description="name of the variable")
    input: str | None = Field(default=None, description="name of the surrogate; none given: the first")
    select_by_name: str | None = Field(default=None, description="name of the output; none given: the first")


class Minimizer(_Entry):
    """Find the least value of a variable."""

    type: Literal["Minimizer"] = "Minimizer"
    name: str = Field(default="objective", min_length=1, description="name of the objective")
    variable: str | None = Field(
        default=None, description="what is minimised; none given: the first variable"
    )
    strategy: Literal["EI", "LCB", "PoI"] = Field(
        default="EI",
        description="expected improvement, lower confidence bound, or probability of improvement",
    )
    min_val: float = Field(
        default=-math.inf, ge=-math.inf, description="stop when a value this low was observed"
    )
    min_PoI: float = Field(
        default=1e-16,
        ge=0,
        le=1,
        description="stop when the probability of improvement was lower at the last 5 suggestions",
    )
    min_uncertainty: float = Field(
        default=0.0, ge=0, description="stop when the standard deviation was lower at the last 5 suggestions"
    )
    min_acq_val: float = Field(
        default=-math.inf,
        description="stop when the logarithm of the acquisition was lower at the last 5 suggestions",
    )


class AcquisitionFunction(_Entry):
    """How the worth of a look is computed."""

    num_samples: int = Field(
        default=10000, ge=1, description="Accepted: these acquisitions are computed in closed form"
    )
    smooth_range: float = Field(default=0.2, ge=0, description="Accepted: nothing here needs smoothing")


class AcquisitionOptimizer(_Entry):
    """How the best look is searched."""

    num_initial_samples: int = Field(
        default=512, ge=1, le=100_000, description="quasi-random points at which the search begins"
    )
    num_local_samples: int = Field(
        default=100, ge=0, le=100_000, description="points drawn around the best ones seen"
    )
    num_starts: int = Field(default=10, ge=1, le=1000, description="climbs from the most promising of them")
    max_steps: int = Field(default=60, ge=1, description="most steps of a climb")
    adaptive_local_search: bool = Field(default=True, description="Accepted: climbs end by themselves")
    compute_suggestion_in_advance: bool = Field(
        default=True, description="Accepted: a suggestion takes milliseconds"
    )


class ActiveLearningConfiguration(_Entry):
    """Everything that the driver can be told."""

    surrogates: list[GP] = Field(
        default_factory=lambda: [GP()], min_length=1, description="models of what is observed"
    )
    variables: list[SingleSelector] = Field(
        default_factory=lambda: [SingleSelector()],
        min_length=1,
        description="quantities derived from the surrogates",
    )
    objectives: list[Minimizer] = Field(
        default_factory=lambda: [Minimizer()], min_length=1, max_length=1, description="what is wanted"
    )
    acquisition_function: AcquisitionFunction = Field(
        default_factory=AcquisitionFunction, description="how the worth of a look is computed"
    )
    acquisition_optimizer: AcquisitionOptimizer = Field(
        default_factory=AcquisitionOptimizer, description="how the best look is searched"
    )
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
    deterministic: bool | None = Field(
        default=None,
        description="whether a repeated evaluation gives the same value; none given: noise is fitted",
    )

    def model_post_init(self, _: Any) -> None:
        _require_unique("surrogates", [entry.name for entry in self.surrogates])
        _require_unique("variables", [entry.name for entry in self.variables])
        for index, variable in enumerate(self.variables):
            surrogate = self.surrogate_of(variable, f"variables.{index}.input")
            if variable.select_by_name is not None and variable.select_by_name not in surrogate.names:
                raise ConfigurationError(
                    f"the driver's key 'variables.{index}.select_by_name' must be one of {shown(surrogate.names)}, "
                    f"got {shown(variable.select_by_name)}"
                )
        self.variable_of(self.objectives[0])

    def surrogate_of(self, variable: SingleSelector, path: str = "variables") -> GP:
        """The surrogate that a variable reads."""
        return _named("surrogate", path, self.surrogates, variable.input)

    def variable_of(self, objective: Minimizer) -> SingleSelector:
        """The variable that an objective is about."""
        return _named("variable", "objectives.0.variable", self.variables, objective.variable)


def validate(data: Mapping[str, Any]) -> ActiveLearningConfiguration:
    """The configuration from plain data, objects, or a mixture.

    Raises:
        ConfigurationError: one sentence with the path of the key, the rule, and what was got.
    """
    try:
        return ActiveLearningConfiguration.model_validate(dict(data))
    except ValidationError as error:
        raise refusal(error) from None


def refusal(error: ValidationError) -> ConfigurationError:
    """The first thing that is wrong, in one sentence."""
    first = error.errors(include_url=False)[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, ConfigurationError):
        return cause
    path = ".".join(str(part) for part in first["loc"])
    got = shown(first["input"])
    if first["type"] == "extra_forbidden":
        return ConfigurationError(f"the driver has no key {path!r}, got {got} for it")
    rule = first["msg"][0].lower() + first["msg"][1:]
    return ConfigurationError(f"the driver's key {path!r}: {rule}, got {got}")


def _require_unique(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"the names of the driver's {what} must differ, got {shown(name)} twice")


def _named(what: str, path: str, entries: list[Any], name: str | None) -> Any:
    for entry in entries:
        if name in (None, entry.name):
            return entry
    known = ", ".join(shown(entry.name) for entry in entries)
    raise ConfigurationError(
        f"the driver's key {path!r} must name a {what}, one of {known}, got {shown(name)}"
    )
