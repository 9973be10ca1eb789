"""From the configuration of variables, and posteriors, to quantities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, final

import numpy as np

from assay.acquisition.configuration import Constrainer, Explorer, Minimizer, MultiMinimizer, ObjectiveEntry
from assay.drivers.configuration import ActiveLearningConfiguration
from assay.drivers.locating import at_key
from assay.errors import ConfigurationError, UsageError
from assay.numerics.coordinates import Coordinates
from assay.numerics.distributions import ParameterMeasure
from assay.quantities.abstract import AbstractVariable
from assay.quantities.chi_squared import ChiSquaredValue as ChiSquaredVariable
from assay.quantities.combination import LinearCombination as CombinationVariable
from assay.quantities.combination import summands
from assay.quantities.configuration import (
    ChiSquaredValue,
    Collector,
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
from assay.quantities.expression import expression_variable
from assay.quantities.fit import Fit as FitVariable
from assay.quantities.graph import Graph
from assay.quantities.interpolation import Interpolation as InterpolationVariable
from assay.quantities.known import KnownSource
from assay.quantities.neg_log_probability import MODEL_VALUE, neg_log_probability
from assay.quantities.neg_log_probability import ErrorModel as ErrorModelOfData
from assay.quantities.parameters import Parameters
from assay.quantities.quantity import Quantity
from assay.quantities.scan import Scan as ScanOfSurrogate
from assay.quantities.scan import ScanPlan, plan_scans
from assay.quantities.selectors import collector, multi_selector, single_selector
from assay.space.expressions import Expression as ExpressionTree
from assay.space.expressions import parse
from assay.space.schema import shown
from assay.surrogates.abstract import AbstractPosterior
from assay.surrogates.configuration import SurrogateEntry, kernel_name

__all__ = ["Derivation", "kept_bounds", "leading", "target_covariance"]

Array = np.ndarray

ERROR = "err"
"""The name by which an error model reads the stated uncertainties."""


def leading(objectives: Sequence[ObjectiveEntry]) -> Minimizer | MultiMinimizer | Explorer:
    """The objective that is not a bound."""
    return next(entry for entry in objectives if not isinstance(entry, Constrainer))


@final
@dataclass(frozen=True)
class Derivation:
    """What follows from posteriors, as it was configured.

    Arguments:
        settings: of the driver.
        coordinates: of the space.
        error_parameters: values of the error models' own parameters; none given: where their search begins.
        observed: outputs (rows, K) of surrogates by name, as far as variables learn from them how to interpolate.
        extra: names of error parameters that are columns of the points instead, after those of the space.
    """

    settings: ActiveLearningConfiguration
    coordinates: Coordinates
    error_parameters: Mapping[str, float] = field(default_factory=dict)
    extra: tuple[str, ...] = ()
    observed: Mapping[str, Array] = field(default_factory=dict)

    @cached_property
    def parameters(self) -> Parameters:
        """What names stand for in expressions."""
        constants = {**self.first_error_parameters, **self.error_parameters}
        functions = {"log_prob": self.measure.log_prob_gradient} if self._reads_log_prob else {}
        own = {name: value for name, value in constants.items() if name not in self.extra}
        return Parameters(self.coordinates, functions, own, self.extra)

    @cached_property
    def measure(self) -> ParameterMeasure:
        """The distribution of the parameters."""
        return self.measure_of(self._prior or self.settings.parameter_distribution)

    def measure_of(
        self, distribution: ParameterDistribution, held: Mapping[str, Any] | None = None
    ) -> ParameterMeasure:
        """A distribution over the space, with parameters held at values by name."""
        plain = distribution.distribution()
        return ParameterMeasure.of(self.coordinates.space, self.coordinates, plain, held)

    @cached_property
    def error_measure(self) -> ParameterMeasure | None:
        """The prior of the error model's own parameters; None without an error model."""
        entries = [entry for entry in self.settings.variables if isinstance(entry, NegLogProbability)]
        models = [entry.error_model for entry in entries if entry.error_model is not None]
        if not models:
            return None
        plain = models[0].parameter_distribution.distribution()
        return ParameterMeasure.of_distribution(plain)

    @cached_property
    def first_error_parameters(self) -> dict[str, float]:
        """Where the search for the most probable error parameters begins."""
        measure = self.error_measure
        if measure is None:
            return {}
        (model,) = [
            entry.error_model
            for entry in self.settings.variables
            if isinstance(entry, NegLogProbability) and entry.error_model is not None
        ]
        given = model.initial_parameters
        middle = measure.from_cube(np.full((1, measure.cube_dimension), 0.5))[0].tolist()
        if given is not None and len(given) != len(middle):
            raise ConfigurationError(
                f"the error model needs an initial parameter for each of {list(measure.names)}, got {given}"
            )
        return dict(zip(measure.names, middle if given is None else given, strict=True))

    @property
    def error_variable(self) -> str:
        """The variable that has an error model."""
        return next(
            entry.name
            for entry in self.settings.variables
            if isinstance(entry, NegLogProbability) and entry.error_model is not None
        )

    @property
    def _prior(self) -> ParameterDistribution | None:
        """The prior that a NegLogProbability brings along."""
        for entry in self.settings.variables:
            if isinstance(entry, NegLogProbability) and entry.parameter_distribution is not None:
                return entry.parameter_distribution
        return None

    @property
    def _has_prior(self) -> bool:
        prior = self._prior or self.settings.parameter_distribution
        return bool(prior.distributions or prior.constraints)

    @property
    def _reads_log_prob(self) -> bool:
        texts = [entry.expression for entry in self.settings.variables if isinstance(entry, Expression)]
        return any("log_prob" in text for text in texts) or (
            self._has_prior and any(isinstance(entry, NegLogProbability) for entry in self.settings.variables)
        )

    def graph(self, posteriors: Mapping[str, AbstractPosterior]) -> Graph:
        """All surrogates and variables on these posteriors, by name of the surrogate."""
        plan = self._plan
        return Graph(plan.sources(posteriors), self.variables, self.parameters)

    @property
    def surrogate_names(self) -> list[str]:
        """In the order of the configuration."""
        return list(self._surrogates)

    @property
    def objective_names(self) -> list[str]:
        """The variables, or outputs, that the leading objective is about."""
        return self.variables_of_objective(leading(self.settings.objectives).name)

    def variables_of_objective(self, name: str | None) -> list[str]:
        """The variables, or outputs, that an objective is about; of the leading one where no name is given.

        Raises:
            UsageError: for an unknown name.
        """
        entry = leading(self.settings.objectives)
        if name is not None:
            known = {item.name: item for item in self.settings.objectives}
            if name not in known:
                raise UsageError(f"the objectives are {', '.join(known)}, got {name!r}")
            entry = known[name]
        if isinstance(entry, MultiMinimizer):
            names = entry.variables or [item.name for item in self.settings.variables]
            return names[: len(entry.lower_reference)]
        return [entry.variable or self.settings.variables[0].name]

    def surrogates_of(self, name: str) -> list[str]:
        """The surrogates that a variable, output or surrogate depends on, in the order in which it reads them."""
        return self._below(self.resolve(name)[0])

    def _below(self, node: str) -> list[str]:
        if node in self._surrogates:
            return [node]
        found: list[str] = []
        for read in self.variables[node].inputs:
            found += [item for item in self._below(read.removesuffix("@")) if item not in found]
        return found

    @property
    def is_scanned(self) -> bool:
        """Whether a surrogate is asked at other points than that of a look."""
        return any(len(places) > 1 for places in self._plan.placements.values())

    def of_observed(self, values: Mapping[str, Array], points: Array, name: str) -> Array:
        """A variable's outputs (p, k) as they follow from observed outputs of the surrogates, by name, (p, K) each.

        Asked only where nothing is scanned.
        """
        quantity = Quantity(self.graph_of_known(values), name)
        if any(variable.own_normals for variable in self.variables.values()):
            return quantity.mean_variance(points)[0]
        # Nothing is uncertain, and all draws are alike.
        return quantity.draw(points, np.zeros((1, quantity.normal_dimension)))[0]

    def graph_of_known(self, values: Mapping[str, Array]) -> Graph:
        """All variables on outputs of the surrogates that are known, by name, (p, K) each."""
        sources = {
            name: KnownSource(values[name], tuple(entry.names)) for name, entry in self._surrogates.items()
        }
        return Graph(sources, self.variables, self.parameters)

    def resolve(self, name: str | None) -> tuple[str, int | None]:
        """The variable, or surrogate, of a name, and the number of its output where the name is that of an output.

        Raises:
            UsageError: for an unknown name.
        """
        if name is None:
            return self.settings.variables[0].name, None
        if name in self.variables:
            return name, None
        for owner, variable in self.variables.items():
            if name in variable.output_names:
                return owner, list(variable.output_names).index(name)
        if name in self._surrogates:
            return name, None
        for owner, entry in self._surrogates.items():
            if name in entry.names:
                return owner, entry.names.index(name)
        known = ", ".join([*self._surrogates, *self.variables])
        raise UsageError(f"a quantity is one of {known}, or one of their outputs, got {name!r}")

    def quantity(self, posteriors: Mapping[str, AbstractPosterior], name: str) -> Quantity:
        """One surrogate or variable on these posteriors."""
        return Quantity(self.graph(posteriors), name)

    @cached_property
    def _surrogates(self) -> dict[str, SurrogateEntry]:
        return {entry.name: entry for entry in self.settings.surrogates}

    @property
    def _first(self) -> str:
        return self.settings.surrogates[0].name

    @cached_property
    def _plan(self) -> ScanPlan:
        names = {name: entry.names for name, entry in self._surrogates.items()}
        scans: dict[str, ScanOfSurrogate] = {}
        plan = plan_scans(names, scans, self.coordinates)
        for index, entry in enumerate(self.settings.variables):
            if not isinstance(entry, Scan):
                continue
            with at_key(f"variables.{index}"):
                scans[entry.name] = ScanOfSurrogate(
                    entry.input_surrogate or self._first,
                    tuple(entry.scan_parameters),
                    tuple(map(tuple, entry.scan_values)),
                    entry.correlate_outputs,
                    tuple(entry.output_names or ()),
                )
                plan = plan_scans(names, scans, self.coordinates)
        return plan

    @cached_property
    def variables(self) -> dict[str, AbstractVariable]:
        """What is derived, by name, in the order of the configuration.

        Raises:
            ConfigurationError: with the key of the variable that breaks a rule.
        """
        names = {name: tuple(outputs) for name, outputs in self._plan.output_names.items()}
        # Where a surrogate is scanned, its own name is a variable too: its outputs at the point itself.
        variables: dict[str, AbstractVariable] = dict(self._plan.variables)
        for index, entry in enumerate(self.settings.variables):
            with at_key(f"variables.{index}"):
                variable = self._variable(entry, names)
            variables[entry.name] = variable
            names[entry.name] = variable.output_names
        return variables

    def _variable(self, entry: VariableEntry, names: Mapping[str, tuple[str, ...]]) -> AbstractVariable:
        match entry:
            case SingleSelector(input=read, select_by_name=selected):
                read = read or self._first
                return single_selector(entry.name, read, selected or names[read][0], names)
            case MultiSelector(input=read):
                span = entry.select_range
                read = read or self._first
                everything = [] if span is not None else list(entry.select_by_names or names[read])
                return multi_selector(
                    entry.name,
                    read,
                    names,
                    select_range=None if span is None else (span[0], span[1]),
                    select_by_names=everything,
                    output_names=entry.output_names or (),
                )
            case Collector():
                return collector(entry.name, entry.inputs, names, entry.output_names or ())
            case LinearCombination():
                vectors, sizes, entries = summands(entry.name, entry.inputs, names)
                coefficients = tuple(self._coefficient(item, entry.name) for item in entry.coefficients or ())
                return CombinationVariable(entry.name, vectors, sizes, entries, coefficients)
            case ChiSquaredValue():
                read = entry.input or self._first
                target, covariance = target_covariance(entry, len(names[read]))
                return ChiSquaredVariable(entry.name, read, target, covariance, entry.approximate)
            case NegLogProbability():
                return self._neg_log_probability(entry, names)
            case Expression():
                formula = parse(entry.expression, None, owner=f"variable {shown(entry.name)}")
                return expression_variable(entry.name, formula, names, self.parameters.names)
            case Fit() | Interpolation():
                return self._of_curve(entry, names)
            case Scan():
                return self._plan.variables[entry.name]

    def _of_curve(self, entry: Fit | Interpolation, names: Mapping[str, tuple[str, ...]]) -> AbstractVariable:
        if isinstance(entry, Fit):
            read = entry.input or self._first
            _require_each(entry.name, "variable_values", entry.variable_values, names[read])
            return FitVariable.of(
                entry.name,
                read,
                entry.expression,
                entry.model_variables,
                entry.variable_values,
                entry.initial_parameters,
                parameters=entry.parameters,
                bounds=None if entry.bounds is None else [(low, high) for low, high in entry.bounds],
                starts=entry.num_starts,
                uncertainty_vector=entry.uncertainty_vector,
                output_names=entry.output_names or (),
            )
        read = entry.input_surrogate or self._first
        _require_each(entry.name, "input_positions", entry.input_positions, names[read])
        return InterpolationVariable.of(
            entry.name,
            read,
            entry.input_positions,
            entry.output_positions,
            kernel=kernel_name(entry.kernel),
            observed=self.observed.get(read),
            output_names=entry.output_names or (),
        )

    def _neg_log_probability(
        self, entry: NegLogProbability, names: Mapping[str, tuple[str, ...]]
    ) -> AbstractVariable:
        read = entry.input or self._first
        target, covariance = target_covariance(entry, len(names[read]))
        errors: Array | ErrorModelOfData = covariance
        if entry.error_model is not None:
            if covariance.ndim == 2:
                raise ConfigurationError(
                    f"variable {shown(entry.name)} needs uncertainty_vector beside an error_model, got covariance_matrix"
                )
            known = [MODEL_VALUE, ERROR, *self.parameters.names]
            owner = f"the error model of variable {shown(entry.name)}"
            formula = parse(entry.error_model.expression, known, owner=owner)
            errors = ErrorModelOfData(formula, {ERROR: np.sqrt(covariance)})
        priors = ("log_prob",) if self._has_prior else ()
        return neg_log_probability(entry.name, read, target, errors, priors)

    def _coefficient(self, item: float | str, name: str) -> float | ExpressionTree:
        if not isinstance(item, str):
            return float(item)
        return parse(item, self.parameters.names, owner=f"a coefficient of variable {shown(name)}")


def kept_bounds(derivation: Derivation, values: Mapping[str, Array], points: Array) -> Array:
    """(p,), whether observed outputs of the surrogates, by name, keep the bounds of every Constrainer."""
    kept = np.ones(len(points), dtype=bool)
    for entry in derivation.settings.objectives:
        if isinstance(entry, Constrainer):
            owner, column = derivation.resolve(entry.variable)
            found = derivation.of_observed(values, points, owner)[:, column or 0]
            low, high = entry.lower_bound, entry.upper_bound
            kept &= (found >= (-np.inf if low is None else low)) & (
                found <= (np.inf if high is None else high)
            )
    return kept


def _require_each(name: str, key: str, given: Sequence[Any], outputs: Sequence[str]) -> None:
    if len(given) != len(outputs):
        raise ConfigurationError(
            f"{key} of the variable {shown(name)} must have {len(outputs)} entries, one for each output of its input, "
            f"got {len(given)}"
        )


def target_covariance(entry: ChiSquaredValue | NegLogProbability, count: int) -> tuple[Array, Array]:
    """The target (k,), and its variances (k,) or covariance (k, k), completed by their defaults.

    Raises:
        ConfigurationError: when a length is not the number of outputs.
    """
    target = np.zeros(count) if entry.target_vector is None else np.array(entry.target_vector)
    covariance = np.ones(count)
    if entry.uncertainty_vector is not None:
        covariance = np.array(entry.uncertainty_vector) ** 2
    if entry.covariance_matrix is not None:
        covariance = np.array(entry.covariance_matrix)
    for what in (target, covariance):
        if len(what) != count:
            raise ConfigurationError(
                f"variable {shown(entry.name)} needs a target of {count} entries, one for each output, got {len(what)}"
            )
    return target, covariance
