"""The configuration of surrogates, and what all configuration entries have in common.

A key whose text begins with "Accepted:" is taken so that configurations from elsewhere can be pasted; this engine has no
use for it.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from assay.errors import ConfigurationError
from assay.space.schema import shown
from assay.surrogates.neural_features import ActivationName, InitialisationName

__all__ = [
    "GP",
    "MATERN",
    "NN",
    "CovarianceMatrix",
    "Entry",
    "ExpressionParameter",
    "Horizon",
    "Kernel",
    "Linear",
    "MappingParameter",
    "Matrix",
    "Name",
    "OutlierDetector",
    "Setting",
    "SurrogateEntry",
    "Transformation",
    "Vector",
    "by_type",
    "kernel_name",
    "output_names",
]


def _as_lists(value: Any, depth: int = 2) -> Any:
    """Arrays and tuples as lists, so that people need not convert them."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if not depth or not isinstance(value, tuple | list):
        return value
    return [_as_lists(entry, depth - 1) for entry in value]


class Entry(BaseModel):
    """One table of a configuration: frozen, without unknown keys, without silent conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _of_lists(cls, data: Any) -> Any:
        return {key: _as_lists(value) for key, value in data.items()} if isinstance(data, dict) else data


def _endless(value: Any) -> Any:
    """Infinity as no limit."""
    return None if isinstance(value, float) and value == math.inf else value


Name = Annotated[str, Field(min_length=1, max_length=100)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Setting = (
    bool
    | Annotated[int, Field(ge=-(2**53), le=2**53)]
    | float
    | str
    | list[Annotated[int, Field(ge=-(2**53), le=2**53)] | float]
    | None
)
Vector = list[Finite]
Matrix = list[list[Finite]]
Horizon = Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_endless)]


def by_type(default: str) -> Discriminator:
    """The reader of an entry's key `type`, with what it is where it is left out."""

    def kind(value: Any) -> str:
        found = value.get("type", default) if isinstance(value, dict) else getattr(value, "type", default)
        return found if isinstance(found, str) else shown(found)

    return Discriminator(kind)


def output_names(name: str, count: int, given: list[str] | None, owner: str) -> list[str]:
    """One name for each output: those given, else the entry's own name, numbered where there are several.

    Raises:
        ConfigurationError: when the number of given names is another.
    """
    if given is None:
        return [name] if count == 1 else [f"{name}{index}" for index in range(count)]
    if len(given) != count or len(set(given)) != count:
        raise ConfigurationError(
            f"{owner} {shown(name)} needs one output name for each of its {count} outputs, all different, got {shown(given)}"
        )
    return given


MATERN = {1: "matern12", 3: "matern32", 5: "matern52"}
"""The names of the Matern profiles by `matern_order`."""


class Kernel(Entry):
    """The covariance of a Gaussian process."""

    type: Literal["auto", "Matern", "SquaredExponential"] = Field(
        default="auto", description="family of the covariance; auto: the data choose between the two"
    )
    matern_order: Literal[1, 3, 5] = Field(
        default=5, description="twice the smoothness of a Matern covariance"
    )
    length_scale_prior: Literal["log_normal", "gamma", "blocks", "none"] | None = Field(
        default=None, description="prior on the length scales; none given: the surrogate's default"
    )
    min_ls_blocks_per_dim: float = Field(
        default=0.25, gt=0, description="of the prior blocks: a length scale is at most the domain over this"
    )
    target_ls_blocks: float = Field(
        default=100.0,
        gt=0,
        description="of the prior blocks: fewer length-scale blocks than this are unlikely",
    )
    max_ls_blocks: float = Field(
        default=1e6, gt=0, description="of the prior blocks: more than this are impossible"
    )
    joint32ls_prior: bool = Field(default=True, description="Accepted: the prior is chosen by its name")


def kernel_name(entry: Kernel) -> str:
    """The name of a kernel's radial profile; auto is a Matern."""
    if entry.type == "SquaredExponential":
        return "squared_exponential"
    return MATERN[entry.matern_order]


class CovarianceMatrix(Entry):
    """How matrices are kept and factorised."""

    resize_step: int = Field(default=1000, ge=1, description="Accepted: nothing is allocated ahead")
    iterative_start_size: int = Field(default=500, ge=1, description="Accepted: factors are always updated")
    cuda_start_size: int = Field(default=2000, ge=1, description="Accepted: the device is JAX's choice")
    num_iterative_solver_steps: int = Field(default=0, ge=0, description="Accepted: solves are exact")
    online_start_size: int = Field(default=500, ge=1, description="Accepted: solves are always by the factor")
    max_data_hyper_derivs: int = Field(
        default=10000, ge=1, description="Accepted: nothing of that size is kept"
    )


class OutlierDetector(Entry):
    """A Student-t likelihood whose mode is found by expectation maximisation."""

    detection_interval: int = Field(default=5, ge=1, description="Accepted: every fit looks for outliers")
    prec: float = Field(
        default=1e-8, gt=0, description="relative change of the weights at which the search ends"
    )
    max_iter: int = Field(default=20, ge=1, description="most steps of the search")
    tolerance: float = Field(
        default=2.0,
        gt=0,
        description="a row is an outlier when its squared residual exceeds this times dof times its scale",
    )
    dof: float = Field(default=2.0, gt=0, description="degrees of freedom of the Student-t distribution")
    joint_scale: bool = Field(default=True, description="one scale for all outputs")


class _Surrogate(Entry):
    """The keys that all surrogates have."""

    type: Any = None  # each has its own; here so that it stands first
    name: Name = Field(
        default="loss", description="name of the surrogate, for `model_name` of an observation"
    )
    output_dim: int = Field(default=1, ge=1, le=10_000, description="number of outputs")
    output_names: list[Name] | None = Field(
        default=None, description="names of the outputs; none given: name0, name1, ..."
    )
    input: str | None = Field(
        default=None, description="name of the transformation that it sees; none given: the space itself"
    )
    horizon: Horizon = Field(default=None, description="learn from the latest so many evaluations only")
    detect_noise: bool | None = Field(
        default=None,
        description="fit a noise variance; none given: unless the driver is told that the model is deterministic",
    )

    @property
    def names(self) -> list[str]:
        """One name for each output."""
        return output_names(self.name, self.output_dim, self.output_names, "surrogate")

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        _ = self.names
        return self


class GP(_Surrogate):
    """A Gaussian process."""

    type: Literal["GP"] = "GP"
    prior_mean: float | str | None = Field(
        default=None,
        description="what is believed beforehand, a number or an expression of the parameters; the process learns the rest",
    )
    min_dist: float = Field(
        default=0.0, ge=0, description="leave out data closer than this to others, in length scales"
    )
    kernel: Kernel = Field(default_factory=lambda: Kernel(), description="covariance")
    mean_function: Literal["constant", "zero", "linear", "quadratic"] = Field(
        default="constant", description="fitted trend below the process"
    )
    warping_function: Literal["identity", "log", "sinh", "auto"] = Field(
        default="auto",
        description="monotone map of the output that makes it look Gaussian; auto: with and without in turns, "
        "for a single output that is minimised itself, else identity",
    )
    joint_hyperparameters: bool = Field(
        default=True, description="all outputs share length scales and noise ratio"
    )
    correlate_outputs: bool = Field(default=False, description="learn the covariance between the outputs")
    num_restarts: int = Field(
        default=1, ge=0, le=100, description="fresh starts of a hyperparameter fit beside the warm one"
    )
    optimization_step_min: int | None = Field(
        default=None, ge=1, description="Accepted: the first fit follows the starting design"
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
        default=16,
        ge=1,
        description="Accepted: open suggestions count by their exact posterior variance; averaging over drawn results of "
        "theirs measured no better",
    )
    tolerance: float = Field(default=1e-20, gt=0, description="Accepted: jitter is added when it is needed")
    tolerance_hypercov: float = Field(default=1e-8, gt=0, description="Accepted: as `tolerance`")
    covariance_matrix: CovarianceMatrix = Field(
        default_factory=CovarianceMatrix, description="how matrices are kept and factorised"
    )
    outlier_detector: OutlierDetector | None = Field(
        default=None, description="expect outliers, and give them less weight"
    )

    @model_validator(mode="after")
    def _check_intervals(self) -> Self:
        if self.max_optimization_interval < self.min_optimization_interval:
            raise ConfigurationError(
                f"surrogate {shown(self.name)} needs max_optimization_interval of at least min_optimization_interval, "
                f"got {self.max_optimization_interval} and {self.min_optimization_interval}"
            )
        return self


class NN(_Surrogate):
    """A deep ensemble: neural networks that are trained together and disagree where they know little."""

    type: Literal["NN"] = "NN"
    num_NNs: int = Field(default=8, ge=2, le=1000, description="number of networks")
    hidden_layers_arch: list[Annotated[int, Field(ge=1, le=4096)]] = Field(
        default_factory=lambda: [32, 32], min_length=1, description="widths of the hidden layers"
    )
    activation: ActivationName = Field(default="silu", description="non-linear function of the hidden layers")
    initialization: InitialisationName = Field(
        default="auto", description="how weights begin; auto: as the activation needs"
    )
    weight_prior: float = Field(
        default=1e-4, ge=0, description="precision of the prior of the hidden weights"
    )
    learning_rate: float = Field(default=1e-2, gt=0, description="of the first steps; it falls to zero")
    num_epochs: int = Field(default=300, ge=1, description="steps of a training from nothing")
    num_warm_epochs: int = Field(
        default=100, ge=1, description="steps of a training that goes on from an earlier one"
    )
    batch_size: int = Field(default=512, ge=1, description="most rows that a step sees")
    bootstrap: bool = Field(
        default=False,
        description="each network sees its own draw of the rows with repetition, not its own part of them",
    )


class Linear(_Surrogate):
    """A Bayesian linear model on features of the parameters."""

    type: Literal["Linear"] = "Linear"
    features: Literal["polynomial", "fourier", "random_fourier"] = Field(
        default="polynomial", description="what the model is linear in"
    )
    degree: int = Field(default=2, ge=0, le=20, description="highest total degree, or highest harmonic")
    num_features: int = Field(default=200, ge=1, le=100_000, description="number of random Fourier features")
    expressions: list[str] | None = Field(
        default=None,
        description="features of one's own, as expressions of the parameters, instead of the above",
    )


class ExpressionParameter(Entry):
    """A parameter that a surrogate sees, as a formula of others."""

    type: Literal["expression"] = "expression"
    name: Name = Field(description="name of the new parameter")
    expression: str = Field(description="formula of the parameters of the input")
    bounds: Annotated[list[float], Field(min_length=2, max_length=2)] = Field(
        description="roughly its least and greatest value; they set its scale"
    )

    def model_post_init(self, _: Any) -> None:
        if not -math.inf < self.bounds[0] < self.bounds[1] < math.inf:
            raise ConfigurationError(
                f"parameter {shown(self.name)} of a transformation needs two finite, ascending bounds, got {self.bounds}"
            )


class MappingParameter(Entry):
    """A parameter that a surrogate sees: a number for each value of a discrete one, or each label of a category."""

    type: Literal["mapping"] = "mapping"
    name: Name = Field(description="name of the new parameter")
    discrete_parameter: str = Field(description="name of the discrete, integer or categorical parameter")
    values: Vector = Field(min_length=2, description="a number for each of its values, in their order")


class Transformation(Entry):
    """A map from the parameters to those that a surrogate sees: the listed ones, and no others."""

    type: Literal["general"] = "general"
    name: Name = Field(description="name of the transformation, for `input` of a surrogate")
    input: str | None = Field(
        default=None,
        description="name of an earlier transformation whose parameters this one reads; none given: the space",
    )
    parameters: list[
        Annotated[
            Annotated[ExpressionParameter, Tag("expression")] | Annotated[MappingParameter, Tag("mapping")],
            by_type("expression"),
        ]
    ] = Field(min_length=1, description="the parameters that the surrogate sees")


SurrogateEntry = Annotated[
    Annotated[GP, Tag("GP")] | Annotated[NN, Tag("NN")] | Annotated[Linear, Tag("Linear")], by_type("GP")
]
