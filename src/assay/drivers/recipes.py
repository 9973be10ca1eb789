"""From the configuration of a surrogate to its recipe, or to the recipes that the data choose between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from assay.drivers.locating import at_key
from assay.drivers.surrogates import build_surrogates
from assay.errors import ConfigurationError
from assay.numerics.coordinates import Coordinates
from assay.numerics.expressions import compile_numpy
from assay.numerics.input_maps import AbstractInputMap, Formula, FormulaMap, LevelTable, SpaceMap
from assay.space.expressions import parse
from assay.space.schema import shown
from assay.surrogates.abstract import AbstractSurrogate
from assay.surrogates.configuration import (
    GP,
    NN,
    ExpressionParameter,
    Linear,
    SurrogateEntry,
    Transformation,
)
from assay.surrogates.feature_maps import (
    AbstractFeatureMap,
    FourierFeatures,
    PolynomialFeatures,
    RandomFourierFeatures,
    UserFeatures,
)
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.hyperpriors import CORRELATION_LENGTH_PRIOR, ColumnwisePrior
from assay.surrogates.linear import BayesianLinear
from assay.surrogates.neural_ensemble import NeuralEnsemble
from assay.surrogates.outliers import OutlierDetector
from assay.surrogates.prior_mean import CallablePriorMean
from assay.surrogates.transformed import TransformedSurrogate

__all__ = ["input_maps", "recipes"]

Array = np.ndarray


def recipes(
    entry: SurrogateEntry,
    coordinates: Coordinates,
    deterministic: bool | None,
    warping: str,
    transformations: Mapping[str, FormulaMap],
) -> dict[str, AbstractSurrogate]:
    """The recipes of one entry of `surrogates`, by name: one, or those that the data choose between.

    Arguments:
        entry: the configuration.
        coordinates: of the space.
        deterministic: what the driver was told; `detect_noise` of the entry decides where it is given.
        warping: the one whose turn it is; for Gaussian processes.
        transformations: what surrogates can see, by name.
    """
    made: dict[str, AbstractSurrogate]
    match entry:
        case GP():
            made = dict[str, AbstractSurrogate](
                _gaussian_processes(entry, coordinates, deterministic, warping)
            )
        case Linear():
            made = {"linear": _linear(entry, coordinates, deterministic)}
        case NN():
            made = {"ensemble": _ensemble(entry, coordinates, deterministic)}
    if entry.input is None:
        return made
    seen = transformations[entry.input]
    return {name: TransformedSurrogate(_of_numbers(recipe), seen) for name, recipe in made.items()}


def input_maps(entries: Sequence[Transformation], coordinates: Coordinates) -> dict[str, FormulaMap]:
    """What surrogates can see, by the name of the transformation.

    Raises:
        ConfigurationError: when a formula is not in the language, uses a name that it cannot read, or a mapping does not
            fit its parameter.
    """
    maps: dict[str, FormulaMap] = {}
    for index, entry in enumerate(entries):
        source: AbstractInputMap = SpaceMap(coordinates) if entry.input is None else maps[entry.input]
        with at_key(f"transformations.{index}"):
            maps[entry.name] = _input_map(entry, source, coordinates)
    return maps


def _input_map(entry: Transformation, source: AbstractInputMap, coordinates: Coordinates) -> FormulaMap:
    parameters: dict[str, Formula | LevelTable] = {}
    bounds = []
    for parameter in entry.parameters:
        owner = f"parameter {shown(parameter.name)} of transformation {shown(entry.name)}"
        if isinstance(parameter, ExpressionParameter):
            parameters[parameter.name] = Formula.of(parameter.expression, source.names, owner)
            bounds.append(parameter.bounds)
        else:
            parameters[parameter.name] = LevelTable.of(
                parameter.discrete_parameter, parameter.values, coordinates, owner
            )
            bounds.append([min(parameter.values), max(parameter.values)])
            if bounds[-1][0] == bounds[-1][1]:
                raise ConfigurationError(
                    f"{owner} needs at least two different values, got {parameter.values}"
                )
    return FormulaMap(source, parameters, np.array(bounds).T)


def _gaussian_processes(
    entry: GP, coordinates: Coordinates, deterministic: bool | None, warping: str
) -> dict[str, GaussianProcess]:
    detector = entry.outlier_detector
    changes: dict[str, object] = {
        "joint_hyperparameters": entry.joint_hyperparameters,
        "correlate_outputs": entry.correlate_outputs,
    }
    if entry.prior_mean is not None:
        changes["prior_mean"] = _prior_mean(entry.prior_mean, coordinates, entry.name)
    if detector is not None:
        changes["outlier_detector"] = OutlierDetector(
            degrees_of_freedom=detector.dof,
            tolerance=detector.tolerance,
            precision=detector.prec,
            max_steps=detector.max_iter,
        )
    built = build_surrogates(entry, coordinates, deterministic, warping)
    unbounded = tuple(index for index, column in enumerate(coordinates.columns) if column.kind == "unbounded")
    ordered = tuple(
        index
        for index, column in enumerate(coordinates.columns)
        if column.kind == "lattice" and column.labels is not None
    )
    changes["without_trend"] = (*unbounded, *ordered)
    if unbounded:
        # Time has no domain to be compared with: its column is counted in its correlation length.
        common = next(iter(built.values())).length_scale_prior
        changes["length_scale_prior"] = ColumnwisePrior(common, ((unbounded, CORRELATION_LENGTH_PRIOR),))
    return {kernel: replace(recipe, **changes) for kernel, recipe in built.items()}


def _prior_mean(given: float | str, coordinates: Coordinates, name: str) -> CallablePriorMean:
    """A number or an expression of the parameters as a function of unit coordinates, with its gradient."""
    source = SpaceMap(coordinates)
    owner = f"prior_mean of surrogate {shown(name)}"
    compiled = compile_numpy(
        parse(str(given) if isinstance(given, str) else repr(given), source.names, owner=owner)
    )
    used = compiled.expression.names

    def value(points: Array) -> Array:
        values, _ = source.natural(points)
        return np.broadcast_to(compiled.value(values), (len(points),)).copy()

    def gradient(points: Array) -> Array:
        values, slopes = source.natural(points)
        _, by_name = compiled.value_gradient(values, used)
        parts = [np.broadcast_to(by_name[key], (len(points),))[:, None] * slopes[key] for key in used]
        return np.sum(parts, axis=0)[:, None, :] if parts else np.zeros((len(points), 1, points.shape[1]))

    return CallablePriorMean(value, gradient)


def _linear(entry: Linear, coordinates: Coordinates, deterministic: bool | None) -> BayesianLinear:
    features: AbstractFeatureMap
    if entry.expressions is not None:
        features = _formulas(entry, coordinates)
    else:
        match entry.features:
            case "polynomial":
                features = PolynomialFeatures(entry.degree)
            case "fourier":
                features = FourierFeatures(entry.degree)
            case "random_fourier":
                features = RandomFourierFeatures(entry.num_features)
    noise = _noise(entry.detect_noise, deterministic)
    return BayesianLinear(features, noise=noise, category_counts=_counts(coordinates))


def _formulas(entry: Linear, coordinates: Coordinates) -> UserFeatures:
    """Expressions of the parameters, and a constant, as features."""
    source, texts = SpaceMap(coordinates), entry.expressions or []
    owner = f"a feature of surrogate {shown(entry.name)}"
    compiled = [compile_numpy(parse(text, source.names, owner=owner)) for text in texts]

    def value(points: Array) -> Array:
        values, _ = source.natural(points)
        columns = [np.broadcast_to(formula.value(values), (len(points),)) for formula in compiled]
        return np.stack([np.ones(len(points)), *columns], axis=1)

    def gradient(points: Array) -> Array:
        values, slopes = source.natural(points)
        rows = [np.zeros_like(points)]
        for formula in compiled:
            used = formula.expression.names
            _, by_name = formula.value_gradient(values, used)
            parts = [np.broadcast_to(by_name[key], (len(points),))[:, None] * slopes[key] for key in used]
            rows.append(np.sum(parts, axis=0) if parts else np.zeros_like(points))
        return np.stack(rows, axis=1)

    return UserFeatures(value, len(texts) + 1, gradient)


def _ensemble(entry: NN, coordinates: Coordinates, deterministic: bool | None) -> NeuralEnsemble:
    return NeuralEnsemble(
        members=entry.num_NNs,
        hidden_widths=tuple(entry.hidden_layers_arch),
        activation=entry.activation,
        initialisation=entry.initialization,
        weight_prior=entry.weight_prior,
        learning_rate=entry.learning_rate,
        steps=entry.num_epochs,
        warm_steps=entry.num_warm_epochs,
        batch=entry.batch_size,
        resampling="bootstrap" if entry.bootstrap else "subset",
        noise=_noise(entry.detect_noise, deterministic),
        category_counts=_counts(coordinates),
    )


def _noise(asked: bool | None, deterministic: bool | None) -> Literal["fit", "none"]:
    fits = asked if asked is not None else deterministic is not True
    return "fit" if fits else "none"


def _counts(coordinates: Coordinates) -> tuple[int, ...]:
    """The number of labels of each column; empty where none holds labels."""
    return tuple(coordinates.category_counts.tolist()) if coordinates.is_category.any() else ()


def _of_numbers(recipe: AbstractSurrogate) -> AbstractSurrogate:
    """The recipe for what a transformation gives: numbers only, no labels."""
    if isinstance(recipe, GaussianProcess):
        return replace(recipe, categories=())
    if isinstance(recipe, BayesianLinear | NeuralEnsemble):
        return replace(recipe, category_counts=())
    return recipe
