"""The configuration of variables: quantities derived from surrogates and from earlier variables."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, Tag

from assay.errors import ConfigurationError
from assay.space.distributions import ParameterDistribution as Distribution
from assay.space.schema import shown
from assay.surrogates.configuration import Entry, Kernel, Matrix, Name, Vector, by_type

__all__ = [
    "ChiSquaredValue",
    "Collector",
    "ErrorModel",
    "Expression",
    "Fit",
    "Interpolation",
    "LinearCombination",
    "MultiSelector",
    "NegLogProbability",
    "ParameterDistribution",
    "Scan",
    "SingleSelector",
    "VariableEntry",
]

_NAME = "name of the variable, different from those of surrogates"
_DIMENSION = "number of outputs"
_NAMES = "names of the outputs; none given: name0, name1, ..."


class ParameterDistribution(Entry):
    """How probable the values of parameters are."""

    include_study_constraints: bool = Field(
        default=False, description="give no weight to points where the study's constraints are broken"
    )
    distributions: list[dict[str, Any]] = Field(
        default_factory=list,
        description="distributions of single parameters or groups; all others are uniform over their domain",
    )
    constraints: list[dict[str, Any] | str] = Field(
        default_factory=list, description="give no weight to points where these inequalities are broken"
    )

    def model_post_init(self, _: Any) -> None:
        self.distribution()

    def distribution(self) -> Distribution:
        """The same as a value, with a name for each constraint that has none."""
        constraints = [
            {"name": f"constraint{index}", "expression": item} if isinstance(item, str) else item
            for index, item in enumerate(self.constraints)
        ]
        return Distribution.from_data(
            {
                "include_study_constraints": self.include_study_constraints,
                "distributions": self.distributions,
                "constraints": constraints,
            }
        )


class ErrorModel(Entry):
    """How large the errors of the data are, as a function of the model's value and of parameters of its own."""

    expression: str = Field(
        description="standard deviation of an entry, in `y_model`, `err` and the parameters below"
    )
    parameter_distribution: ParameterDistribution = Field(
        default_factory=ParameterDistribution, description="prior of the error model's own parameters"
    )
    initial_parameters: list[float] | None = Field(
        default=None,
        description="where the search for the most probable ones begins; none given: the prior's means",
    )


class SingleSelector(Entry):
    """One output of a surrogate or a variable."""

    type: Literal["SingleSelector"] = "SingleSelector"
    name: Name = Field(default="v", description=_NAME)
    input: str | None = Field(
        default=None, description="name of the surrogate or variable; none given: the first surrogate"
    )
    select_by_name: str | None = Field(default=None, description="name of the output; none given: the first")

    @property
    def names(self) -> list[str]:
        """One name for each output."""
        return [self.name]


class _Vector(Entry):
    name: Name = Field(default="v", description=_NAME)
    output_dim: int | None = Field(default=None, ge=1, description=f"{_DIMENSION}; none given: as follows")
    output_names: list[Name] | None = Field(default=None, description=_NAMES)


class MultiSelector(_Vector):
    """Several outputs of a surrogate or a variable."""

    type: Literal["MultiSelector"] = "MultiSelector"
    input: str | None = Field(
        default=None, description="name of the surrogate or variable; none given: the first surrogate"
    )
    select_range: Annotated[list[int], Field(min_length=2, max_length=2)] | None = Field(
        default=None, description="first and last output, counted from 0"
    )
    select_by_names: list[str] = Field(
        default_factory=list, description="names of the outputs, instead of a range"
    )


class Collector(_Vector):
    """The outputs of several surrogates and variables, side by side."""

    type: Literal["Collector"] = "Collector"
    inputs: list[str] = Field(min_length=1, description="names of surrogates and variables")


class LinearCombination(Entry):
    """c0 + c1 input1 + c2 input2 + ..., with numbers or expressions of the parameters."""

    type: Literal["LinearCombination"] = "LinearCombination"
    name: Name = Field(default="v", description=_NAME)
    inputs: list[str] = Field(
        min_length=1,
        description="names of surrogates, variables or outputs; one of several outputs counts as all",
    )
    coefficients: list[float | str] | None = Field(
        default=None, description="c0, c1, ... cN for N summands; none given: their average"
    )

    @property
    def names(self) -> list[str]:
        """One name for each output."""
        return [self.name]


class _Misfit(Entry):
    name: Name = Field(default="v", description=_NAME)
    input: str | None = Field(
        default=None, description="name of the surrogate or variable; none given: the first surrogate"
    )
    target_vector: Vector | None = Field(default=None, description="what is aimed at; none given: zeros")
    uncertainty_vector: Vector | None = Field(
        default=None, description="standard deviations of the target; none given: ones"
    )
    covariance_matrix: Matrix | None = Field(
        default=None, description="covariance of the target, instead of standard deviations"
    )

    @property
    def names(self) -> list[str]:
        """One name for each output."""
        return [self.name]

    def model_post_init(self, _: Any) -> None:
        if self.uncertainty_vector is not None and self.covariance_matrix is not None:
            raise ConfigurationError(
                f"variable {shown(self.name)} needs either uncertainty_vector or covariance_matrix, got both"
            )
        if self.uncertainty_vector is not None and min(self.uncertainty_vector, default=1.0) <= 0:
            raise ConfigurationError(
                f"variable {shown(self.name)} needs positive entries in uncertainty_vector, got {shown(min(self.uncertainty_vector))}"
            )
        matrix = self.covariance_matrix or []
        if any(len(row) != len(matrix) for row in matrix):
            raise ConfigurationError(
                f"variable {shown(self.name)} needs a square covariance_matrix, got {len(matrix)} rows of "
                f"{sorted({len(row) for row in matrix})}"
            )
        sizes = {
            len(part)
            for part in (self.target_vector, self.uncertainty_vector, self.covariance_matrix)
            if part is not None
        }
        if len(sizes) > 1:
            raise ConfigurationError(
                f"variable {shown(self.name)} needs target_vector, uncertainty_vector and covariance_matrix of one length, "
                f"got {sorted(sizes)}"
            )


class ChiSquaredValue(_Misfit):
    """The squared distance of a vector from a target, weighted by the target's uncertainty."""

    type: Literal["ChiSquaredValue"] = "ChiSquaredValue"
    approximate: bool = Field(
        default=False, description="treat all entries as equally uncertain: quicker, and coarser"
    )


class NegLogProbability(_Misfit):
    """The negative logarithm of the probability of the parameters given a target."""

    type: Literal["NegLogProbability"] = "NegLogProbability"
    error_model: ErrorModel | None = Field(
        default=None,
        description="errors with parameters of their own; none given: the uncertainties as they stand",
    )
    parameter_distribution: ParameterDistribution | None = Field(
        default=None, description="prior of the design parameters; none given: the driver's"
    )


class Expression(Entry):
    """A formula of variables, outputs and parameters."""

    type: Literal["Expression"] = "Expression"
    name: Name = Field(default="v", description=_NAME)
    expression: str = Field(
        default="0", description="formula; `log_prob` is the log density of the parameters"
    )

    @property
    def names(self) -> list[str]:
        """One name for each output."""
        return [self.name]


class Interpolation(_Vector):
    """A surrogate's outputs, seen as values at positions, at other positions."""

    type: Literal["Interpolation"] = "Interpolation"
    input_surrogate: str | None = Field(
        default=None, description="name of the surrogate; none given: the first"
    )
    input_positions: list[list[float] | float] = Field(min_length=1, description="where its outputs stand")
    output_positions: list[list[float] | float] = Field(min_length=1, description="where values are wanted")
    kernel: Kernel = Field(default_factory=Kernel, description="covariance along the positions")


class Scan(_Vector):
    """A surrogate at several values of some of its parameters."""

    type: Literal["Scan"] = "Scan"
    input_surrogate: str | None = Field(
        default=None, description="name of the surrogate; none given: the first"
    )
    scan_parameters: list[str] = Field(min_length=1, description="names of the parameters that are replaced")
    scan_values: list[list[float]] = Field(
        min_length=1, description="their values: one list for each place, in the order of the names"
    )
    correlate_outputs: bool = Field(default=True, description="keep the covariance between the places")


class Fit(_Vector):
    """The parameters of a curve fitted to a vector; the last output is chi-squared over degrees of freedom."""

    type: Literal["Fit"] = "Fit"
    input: str | None = Field(
        default=None, description="name of the surrogate or variable; none given: the first surrogate"
    )
    expression: str = Field(description="curve, in the model variables and the parameters that are fitted")
    model_variables: list[str] = Field(min_length=1, description="names that differ from entry to entry")
    variable_values: list[list[float]] = Field(
        min_length=1, description="their values: one list for each entry of the input"
    )
    parameters: list[str] | None = Field(
        default=None,
        description="names of the fitted parameters; none given: the other names of the expression, in their order",
    )
    initial_parameters: list[float] = Field(min_length=1, description="where every fit begins")
    bounds: list[Annotated[list[float], Field(min_length=2, max_length=2)]] | None = Field(
        default=None, description="lower and upper limit of each fitted parameter"
    )
    num_starts: int = Field(
        default=1, ge=1, le=1000, description="fits of the mean, of which the best counts"
    )
    uncertainty_vector: Vector | None = Field(
        default=None,
        description="standard deviations that weigh the entries; none given: those of the input at the point",
    )

    def model_post_init(self, _: Any) -> None:
        lengths = {len(row) for row in self.variable_values} - {len(self.model_variables)}
        if lengths:
            raise ConfigurationError(
                f"variable {shown(self.name)} needs variable_values with {len(self.model_variables)} in each list, one for "
                f"each of model_variables, got {min(lengths)}"
            )


VariableEntry = Annotated[
    Annotated[SingleSelector, Tag("SingleSelector")]
    | Annotated[MultiSelector, Tag("MultiSelector")]
    | Annotated[Collector, Tag("Collector")]
    | Annotated[LinearCombination, Tag("LinearCombination")]
    | Annotated[ChiSquaredValue, Tag("ChiSquaredValue")]
    | Annotated[NegLogProbability, Tag("NegLogProbability")]
    | Annotated[Expression, Tag("Expression")]
    | Annotated[Interpolation, Tag("Interpolation")]
    | Annotated[Scan, Tag("Scan")]
    | Annotated[Fit, Tag("Fit")],
    by_type("SingleSelector"),
]
