"""The configuration of the active-learning driver: one schema for plain data and for objects.

`dict(type="GP", name="loss")` and `GP(name="loss")` are the same thing. The entries stand beside what they configure, in
`surrogates`, `quantities` and `acquisition`, and can all be imported from here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, Field, ValidationError

from assay.acquisition.configuration import (
    AcquisitionFunction,
    AcquisitionOptimizer,
    Constrainer,
    Explorer,
    Minimizer,
    MultiMinimizer,
    ObjectiveEntry,
    ParameterUncertainty,
)
from assay.errors import ConfigurationError, UsageError
from assay.quantities.configuration import (
    ChiSquaredValue,
    Collector,
    ErrorModel,
    Expression,
    Fit,
    Interpolation,
    LinearCombination,
    MultiSelector,
    NegLogProbability,
    ParameterDistribution,
    Scan,
    SingleSelector,
    VariableEntry,
)
from assay.space.schema import shown
from assay.surrogates.configuration import (
    GP,
    NN,
    Entry,
    Kernel,
    Linear,
    Setting,
    SurrogateEntry,
    Transformation,
)

__all__ = [
    "GP",
    "NN",
    "AcquisitionFunction",
    "AcquisitionOptimizer",
    "ActiveLearningConfiguration",
    "ChiSquaredValue",
    "Collector",
    "Constrainer",
    "ErrorModel",
    "Explorer",
    "Expression",
    "Fit",
    "Interpolation",
    "Kernel",
    "Linear",
    "LinearCombination",
    "Minimizer",
    "MultiMinimizer",
    "MultiSelector",
    "NegLogProbability",
    "ParameterDistribution",
    "ParameterUncertainty",
    "Scan",
    "SingleSelector",
    "Transformation",
    "refusal",
    "validate",
]

T = TypeVar("T")

_TYPES = {
    *("GP", "NN", "Linear", "SingleSelector", "MultiSelector", "Collector", "LinearCombination"),
    *("ChiSquaredValue", "NegLogProbability", "Expression", "Interpolation", "Scan", "Fit"),
    *("Minimizer", "MultiMinimizer", "Explorer", "Constrainer", "expression", "mapping"),
}


class ActiveLearningConfiguration(Entry):
    """Everything that the driver can be told."""

    transformations: list[Transformation] = Field(
        default_factory=list, description="maps of the parameters to those that a surrogate sees"
    )
    surrogates: list[SurrogateEntry] = Field(
        default_factory=lambda: [GP()], min_length=1, description="models of what is observed"
    )
    variables: list[VariableEntry] = Field(
        default_factory=lambda: [SingleSelector()],
        min_length=1,
        description="quantities derived from the surrogates",
    )
    objectives: list[ObjectiveEntry] = Field(
        default_factory=lambda: [Minimizer()], min_length=1, description="what is wanted"
    )
    acquisition_function: AcquisitionFunction = Field(
        default_factory=AcquisitionFunction, description="how the worth of a look is computed"
    )
    acquisition_optimizer: AcquisitionOptimizer = Field(
        default_factory=AcquisitionOptimizer, description="how the best look is searched"
    )
    parameter_distribution: ParameterDistribution = Field(
        default_factory=ParameterDistribution,
        description="how probable the parameters are: measure of statistics, prior of `log_prob` and of run_mcmc",
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
    overrides: dict[str, Setting] = Field(
        default_factory=dict, description="values of the model that are held as they are, by path"
    )

    def model_post_init(self, _: Any) -> None:
        _require_unique(
            "surrogates and variables", [entry.name for entry in (*self.surrogates, *self.variables)]
        )
        _require_unique("transformations", [entry.name for entry in self.transformations])
        _check_transformations(self.transformations, self.surrogates)
        _require_unique("objectives", [entry.name for entry in self.objectives])
        _check_variables(self.surrogates, self.variables)
        _check_objectives(self.variables, self.objectives)

    def surrogate(self, name: str | None) -> SurrogateEntry:
        """The surrogate of that name; the first where none is given."""
        return _named("surrogate", "surrogates", self.surrogates, name)

    def variable(self, name: str | None) -> VariableEntry:
        """The variable of that name, or with an output of that name; the first where none is given."""
        for entry in self.variables:
            if name in (None, entry.name) or name in known_outputs(entry):
                return entry
        raise ConfigurationError(f"the driver has no variable {shown(name)}")

    def objective(self, kind: type[T]) -> T | None:
        """The first objective of a kind, or None."""
        return next((entry for entry in self.objectives if isinstance(entry, kind)), None)


def validate(data: Mapping[str, Any]) -> ActiveLearningConfiguration:
    """The configuration from plain data, objects, or a mixture.

    Raises:
        ConfigurationError: one sentence with the path of the key, the rule, and what was got.
    """
    try:
        return ActiveLearningConfiguration.model_validate(dict(data))
    except ValidationError as error:
        raise refusal(error) from None


def refusal(error: ValidationError, schema: type[BaseModel] | None = None) -> ConfigurationError:
    """The first thing that is wrong, in one sentence; with the schema an unknown key is told what it is near to."""
    first = error.errors(include_url=False)[0]
    cause = first.get("ctx", {}).get("error")
    path = _path(first["loc"])
    if isinstance(cause, UsageError):
        return (
            ConfigurationError(f"the driver's key {path!r}: {cause}")
            if path
            else ConfigurationError(str(cause))
        )
    got = shown(first["input"])
    if first["type"] == "extra_forbidden":
        near = get_close_matches(str(first["loc"][-1]), _keys_at(schema, first["loc"][:-1]), 1)
        meant = f" (did you mean {near[0]!r}?)" if near else ""
        return ConfigurationError(f"the driver has no key {path!r}{meant}, got {got} for it")
    if first["type"] == "union_tag_invalid":
        context = first.get("ctx", {})
        return ConfigurationError(
            f"the driver's key '{path}.type' must be one of {context.get('expected_tags')}, got {shown(context.get('tag'))}"
        )
    rule = first["msg"][0].lower() + first["msg"][1:]
    return ConfigurationError(f"the driver's key {path!r}: {rule}, got {got}")


def _keys_at(schema: Any, location: Sequence[str | int]) -> list[str]:
    """The keys that a schema has at a place; none where the place is not inside tables alone."""
    for part in location:
        field = schema.model_fields.get(part) if schema is not None else None
        inner = [] if field is None else [field.annotation, *get_args(field.annotation)]
        tables = [kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel)]
        schema = tables[0] if len(tables) == 1 else None
    return [] if schema is None else list(schema.model_fields)


def _path(location: Sequence[str | int]) -> str:
    """The keys and numbers of a place, without the names of types that follow a number or the key of a sampler."""
    before = ["", *location]
    return ".".join(
        str(part)
        for earlier, part in zip(before, location, strict=False)
        if not ((isinstance(earlier, int) and part in _TYPES) or earlier == "sampler")
    )


def known_outputs(entry: VariableEntry | SurrogateEntry) -> list[str]:
    """The names of an entry's outputs, as far as the configuration alone says."""
    names = getattr(entry, "names", None)
    if names is not None:
        return list(names)
    given = getattr(entry, "output_names", None)
    if given is not None:
        return list(given)
    count = getattr(entry, "output_dim", None)
    if count is None:
        count = _implied_outputs(entry)
    return (
        [] if count is None else ([entry.name] if count == 1 else [f"{entry.name}{i}" for i in range(count)])
    )


def _has_more(name: str, entries: Sequence[Any]) -> bool:
    """Whether a name may be that of an output which only follows with the space, as those of a Collector or a Scan."""
    return any(not known_outputs(entry) and name.removeprefix(entry.name).isdecimal() for entry in entries)


def _implied_outputs(entry: VariableEntry | SurrogateEntry) -> int | None:
    match entry:
        case MultiSelector(select_range=[first, last]):
            return last - first + 1
        case MultiSelector(select_by_names=names) if names:
            return len(names)
        case Interpolation(output_positions=places):
            return len(places)
        case Fit(initial_parameters=parameters):
            return len(parameters) + 1
        case _:
            return None


def _check_transformations(
    transformations: Sequence[Transformation], surrogates: Sequence[SurrogateEntry]
) -> None:
    earlier: list[str] = []
    for index, entry in enumerate(transformations):
        if entry.input is not None and entry.input not in earlier:
            raise ConfigurationError(
                f"the driver's key 'transformations.{index}.input' must name an earlier transformation, one of {earlier}, "
                f"got {shown(entry.input)}"
            )
        earlier.append(entry.name)
    for index, surrogate in enumerate(surrogates):
        if surrogate.input is not None and surrogate.input not in earlier:
            raise ConfigurationError(
                f"the driver's key 'surrogates.{index}.input' must name a transformation, one of {earlier}, "
                f"got {shown(surrogate.input)}"
            )


def _check_variables(surrogates: Sequence[SurrogateEntry], variables: Sequence[VariableEntry]) -> None:
    earlier: dict[str, SurrogateEntry | VariableEntry] = {entry.name: entry for entry in surrogates}
    surrogate_names = [entry.name for entry in surrogates]
    for index, entry in enumerate(variables):
        for key in ("input", "input_surrogate", "inputs"):
            given = getattr(entry, key, None)
            for name in given if isinstance(given, list) else [] if given is None else [given]:
                allowed = surrogate_names if key == "input_surrogate" else list(earlier)
                outputs = [output for known in earlier.values() for output in known_outputs(known)]
                known = name in outputs or _has_more(name, list(earlier.values()))
                if name in allowed or (key == "inputs" and known):
                    continue
                what = "surrogate" if key == "input_surrogate" else "surrogate or an earlier variable"
                raise ConfigurationError(
                    f"the driver's key 'variables.{index}.{key}' must name a {what}, one of "
                    f"{', '.join(map(shown, allowed))}, got {shown(name)}"
                )
        _check_selection(index, entry, earlier[getattr(entry, "input", None) or surrogate_names[0]])
        earlier[entry.name] = entry


def _check_selection(index: int, entry: VariableEntry, source: SurrogateEntry | VariableEntry) -> None:
    outputs = known_outputs(source)
    if not outputs:
        return
    wanted: list[tuple[str, str]] = []
    if isinstance(entry, SingleSelector) and entry.select_by_name is not None:
        wanted = [("select_by_name", entry.select_by_name)]
    if isinstance(entry, MultiSelector):
        wanted = [("select_by_names", name) for name in entry.select_by_names]
        chosen = entry.select_range
        if chosen is not None and not 0 <= chosen[0] <= chosen[1] < len(outputs):
            raise ConfigurationError(
                f"the driver's key 'variables.{index}.select_range' must be two ascending numbers from 0 to {len(outputs) - 1}, "
                f"got {chosen}"
            )
    for key, name in wanted:
        if name not in outputs:
            raise ConfigurationError(
                f"the driver's key 'variables.{index}.{key}' must be one of {shown(outputs)}, got {shown(name)}"
            )
    if isinstance(entry, ChiSquaredValue | NegLogProbability):
        for key in ("target_vector", "uncertainty_vector", "covariance_matrix"):
            given = getattr(entry, key)
            if given is not None and len(given) != len(outputs):
                raise ConfigurationError(
                    f"the driver's key 'variables.{index}.{key}' must have {len(outputs)} entries, one for each output of "
                    f"{shown(source.name)}, got {len(given)}"
                )


def _check_objectives(variables: Sequence[VariableEntry], objectives: Sequence[ObjectiveEntry]) -> None:
    names = [entry.name for entry in variables]
    outputs = [name for entry in variables for name in known_outputs(entry)]
    for index, objective in enumerate(objectives):
        many = isinstance(objective, MultiMinimizer)
        key = "variables" if many else "variable"
        given = objective.variables if many else objective.variable
        for name in given if isinstance(given, list) else [] if given is None else [given]:
            if name not in names and name not in outputs and not _has_more(name, variables):
                raise ConfigurationError(
                    f"the driver's key 'objectives.{index}.{key}' must name a variable, one of "
                    f"{', '.join(map(shown, names))}, got {shown(name)}"
                )
    leading = [entry for entry in objectives if not isinstance(entry, Constrainer)]
    if len(leading) != 1:
        raise ConfigurationError(
            "the driver's key 'objectives' must hold exactly one that is not a Constrainer (a MultiMinimizer is for several), "
            f"got {shown([entry.name for entry in leading])}"
        )


def _require_unique(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"the names of the driver's {what} must differ, got {shown(name)} twice")


def _named(what: str, path: str, entries: Sequence[Any], name: str | None) -> Any:
    for entry in entries:
        if name in (None, entry.name):
            return entry
    known = ", ".join(shown(entry.name) for entry in entries)
    raise ConfigurationError(
        f"the driver's key {path!r} must name a {what}, one of {known}, got {shown(name)}"
    )
