"""The configuration of objectives and of the search for the most valuable look."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, Tag

from assay.errors import ConfigurationError
from assay.space.schema import shown
from assay.surrogates.configuration import Entry, Name, Vector, by_type

__all__ = [
    "AcquisitionFunction",
    "AcquisitionOptimizer",
    "Constrainer",
    "Explorer",
    "Minimizer",
    "MultiMinimizer",
    "ObjectiveEntry",
    "ParameterUncertainty",
]

_NAME = "name of the objective"
_VARIABLE = "name of the variable, or of one of its outputs; none given: the first variable"


class Minimizer(Entry):
    """Find the least value of a variable."""

    type: Literal["Minimizer"] = "Minimizer"
    name: Name = Field(default="objective", description=_NAME)
    variable: str | None = Field(default=None, description=_VARIABLE)
    strategy: Literal["EI", "LCB", "PoI"] = Field(
        default="EI",
        description="expected improvement, lower confidence bound, or probability of improvement",
    )
    localize: bool = Field(
        default=False,
        description="a local search: look only where the standard deviation is below 30 % of the greatest",
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


class MultiMinimizer(Entry):
    """Find the points where no variable can be made less without making another greater: the Pareto front."""

    type: Literal["MultiMinimizer"] = "MultiMinimizer"
    name: Name = Field(default="objective", description=_NAME)
    variables: list[str] | None = Field(
        default=None,
        min_length=2,
        description="names of variables or their outputs; none given: the first two variables",
    )
    lower_reference: Vector = Field(description="for each variable, a value below which nothing is gained")
    upper_reference: Vector = Field(description="for each variable, a value above which nothing is gained")
    partitioning_tolerance: float = Field(default=0.0, ge=0, description="Accepted: the partition is exact")
    localize: bool = Field(
        default=False,
        description="a local search: look only where the standard deviation is below 30 % of the greatest",
    )
    min_acq_val: float = Field(
        default=-math.inf,
        description="stop when the logarithm of the acquisition was lower at the last 5 suggestions",
    )

    def model_post_init(self, _: Any) -> None:
        count = len(self.lower_reference) if self.variables is None else len(self.variables)
        if len(self.lower_reference) != count or len(self.upper_reference) != count or count < 2:
            raise ConfigurationError(
                f"objective {shown(self.name)} needs one entry of lower_reference and upper_reference for each of its "
                f"variables, got {len(self.lower_reference)} and {len(self.upper_reference)} for {count}"
            )
        if any(low >= high for low, high in zip(self.lower_reference, self.upper_reference, strict=True)):
            raise ConfigurationError(
                f"objective {shown(self.name)} needs lower_reference below upper_reference in every entry, "
                f"got {shown(self.lower_reference)} and {shown(self.upper_reference)}"
            )


class Explorer(Entry):
    """Learn a variable everywhere."""

    type: Literal["Explorer"] = "Explorer"
    name: Name = Field(default="objective", description=_NAME)
    variable: str | None = Field(default=None, description=_VARIABLE)
    strategy: Literal["uncertainty", "integrated variance", "surprise"] = Field(
        default="uncertainty",
        description="look where the variable is least sure; or where a look makes it surest on the whole, which needs a "
        "variable that selects outputs of a GP; or where a look would change the networks most, which needs one that selects "
        "outputs of an NN",
    )
    penalize_boundaries: bool | None = Field(
        default=None,
        description="look less at the rim, where a look says little about the inside; none given: for uncertainty, as the "
        "integrated variance knows it already",
    )
    min_uncertainty: float = Field(
        default=0.0, ge=0, description="stop when the standard deviation was lower at the last 5 suggestions"
    )


class Constrainer(Entry):
    """Stay where a variable lies between bounds, as far as one knows."""

    type: Literal["Constrainer"] = "Constrainer"
    name: Name = Field(default="constraint", description=_NAME)
    variable: str | None = Field(default=None, description=_VARIABLE)
    lower_bound: float | None = Field(default=None, description="least allowed value; none given: no limit")
    upper_bound: float | None = Field(
        default=None, description="greatest allowed value; none given: no limit"
    )

    def model_post_init(self, _: Any) -> None:
        if self.lower_bound is None and self.upper_bound is None:
            raise ConfigurationError(
                f"objective {shown(self.name)} needs lower_bound or upper_bound, got neither"
            )
        if None not in (self.lower_bound, self.upper_bound) and self.lower_bound >= self.upper_bound:  # pyright: ignore[reportOptionalOperand, reportOperatorIssue]
            raise ConfigurationError(
                f"objective {shown(self.name)} needs lower_bound below upper_bound, got {self.lower_bound} and {self.upper_bound}"
            )


ObjectiveEntry = Annotated[
    Annotated[Minimizer, Tag("Minimizer")]
    | Annotated[MultiMinimizer, Tag("MultiMinimizer")]
    | Annotated[Explorer, Tag("Explorer")]
    | Annotated[Constrainer, Tag("Constrainer")],
    by_type("Minimizer"),
]


class ParameterUncertainty(Entry):
    """How far a parameter strays from what was set."""

    name: str = Field(description="name of the parameter")
    uncertainty: float = Field(gt=0, description="standard deviation, in the parameter's own unit")


class AcquisitionFunction(Entry):
    """How the worth of a look is computed."""

    parameter_uncertainties: list[ParameterUncertainty] = Field(
        default_factory=list,
        description="seek an optimum that is good on average while these parameters stray",
    )
    num_samples: int = Field(
        default=10000, ge=1, description="Accepted: closed forms, or as many draws as they need"
    )
    smooth_range: float = Field(default=0.2, ge=0, description="Accepted: nothing here needs smoothing")


class AcquisitionOptimizer(Entry):
    """How the best look is searched."""

    num_initial_samples: int = Field(
        default=512, ge=1, le=100_000, description="quasi-random points at which the search begins"
    )
    num_local_samples: int = Field(
        default=100, ge=0, le=100_000, description="points drawn around the best ones seen"
    )
    num_starts: int = Field(default=10, ge=1, le=1000, description="climbs from the most promising of them")
    max_steps: int = Field(default=60, ge=1, description="most steps of a climb")
    max_num_model_evals: int | None = Field(
        default=None, ge=1, description="Accepted: climbs end by themselves"
    )
    num_training_samples: int | None = Field(
        default=None, ge=1, description="Accepted: the size of the starting design is `num_initial`"
    )
    adaptive_local_search: bool = Field(
        default=True,
        description="search further, up to eightfold, where an evaluation takes seconds: up to 2 % of its time",
    )
    compute_suggestion_in_advance: bool = Field(
        default=True,
        description="compute the next suggestion while evaluations run, where these take seconds and a suggestion more "
        "than 5 % of that",
    )

    def with_effort(self, effort: float) -> AcquisitionOptimizer:
        """The same with so many times the candidates and climbs."""
        keys = ("num_initial_samples", "num_local_samples", "num_starts")
        return self.model_copy(update={key: math.ceil(effort * getattr(self, key)) for key in keys})
