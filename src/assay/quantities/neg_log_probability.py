"""How improbable parameters are, given a target and what is known of its errors.

    -log P(p, d | t) = K/2 log 2π + Σ log η_i + ½ Σ ((t_i - f_i)/η_i)² - log P(d) - log P(p)

with f the model's outputs at the parameters p, η their errors, and d the parameters of an error model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import final

import numpy as np

from assay.errors import UsageError
from assay.numerics.expressions import CompiledExpression, compile_numpy
from assay.quantities.abstract import (
    AbstractQuadraticVariable,
    AbstractSampledVariable,
    Affine,
    Incoming,
    Place,
    Pushed,
    Square,
)
from assay.quantities.chi_squared import whitening
from assay.space.expressions import Expression

__all__ = [
    "MODEL_VALUE",
    "ErrorModel",
    "ModelledNegLogProbability",
    "NegLogProbability",
    "neg_log_probability",
]

Array = np.ndarray
MODEL_VALUE = "y_model"
"""The name by which an error model reads f."""


@final
@dataclass(frozen=True)
class ErrorModel:
    """η as an expression of the model's value `y_model`, of numbers for each entry, and of parameters.

    Arguments:
        expression: a standard deviation, whose sign does not count (draws of the model may change it).
        entries: by name, (k,) numbers; the stated uncertainties are such.
    """

    expression: Expression
    entries: Mapping[str, Array] = field(default_factory=dict)

    @property
    def reads_model_value(self) -> bool:
        """Whether η depends on f."""
        return MODEL_VALUE in self.expression.names

    def errors(
        self, place: Place, size: int, values: Array | None
    ) -> tuple[Array, Array | None, dict[str, Array]]:
        """η, its derivative by f, and those by the parameters that vary: (p, k), or (S, p, k) with values of f."""
        columns: dict[str, Array | float] = dict(self.entries)
        for name in self.expression.names:
            if name != MODEL_VALUE and name not in self.entries:
                value = place.parameters[name]
                columns[name] = value[:, None] if isinstance(value, np.ndarray) else value
        varying = [name for name in self.expression.names if place.varies(name)]
        if values is not None:
            columns[MODEL_VALUE] = values
        wanted = varying if values is None else [*varying, MODEL_VALUE]
        errors, slopes = self._compiled.value_gradient(columns, wanted)
        shape = (len(place.points), size) if values is None else values.shape
        errors = np.broadcast_to(errors, shape)
        return errors, slopes.pop(MODEL_VALUE, None), slopes

    @cached_property
    def _compiled(self) -> CompiledExpression:
        return compile_numpy(self.expression)


@final
@dataclass(frozen=True)
class NegLogProbability(AbstractQuadraticVariable):
    """The negative log probability with errors that do not depend on f: half a chi-squared and a number.

    Made by `neg_log_probability`.

    Arguments:
        name: of the variable and of its output.
        input_name: f, with k outputs.
        target: t, (k,).
        errors: their covariance (k, k) or variances (k,); or an error model without `y_model`.
        log_priors: the names, among the parameters, of the log densities that are subtracted.
    """

    name: str
    input_name: str
    target: Array
    errors: Array | ErrorModel
    log_priors: tuple[str, ...] = ()

    @property
    def output_names(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input_name,)

    @property
    def own_normals(self) -> int:
        return 0

    def square(self, place: Place) -> Square:
        constant = 0.5 * len(self.target) * math.log(2.0 * math.pi) - _log_prior(place, self.log_priors)
        if isinstance(self.errors, ErrorModel):
            return self._modelled(place, self.errors, constant)
        matrix = self._whitening
        affine = Affine(-(matrix @ self.target)[None], (matrix[None],))
        offset = constant - float(np.log(matrix.diagonal()).sum())

        def pullback(bar: Array) -> Array:
            return place.points_bar(dict.fromkeys(self.log_priors, -bar))

        return Square(affine, np.atleast_1d(offset), 0.5, pullback if self.log_priors else None)

    def _modelled(self, place: Place, model: ErrorModel, constant: Array | float) -> Square:
        size = len(self.target)
        errors, _, slopes = model.errors(place, size, None)
        diagonal = np.arange(size)
        with np.errstate(divide="ignore", invalid="ignore"):
            weights, logarithms = 1.0 / errors, np.log(np.abs(errors))
        matrix = np.zeros((len(errors), size, size))
        matrix[:, diagonal, diagonal] = weights

        def affine_pullback(offset_bar: Array, matrix_bars: Sequence[Array], _: Array | None) -> Array:
            weights_bar = matrix_bars[0][:, diagonal, diagonal] - offset_bar * self.target
            error_bar = -(weights**2) * weights_bar
            return place.points_bar({name: (error_bar * slope).sum(axis=1) for name, slope in slopes.items()})

        def pullback(bar: Array) -> Array:
            bars = {name: bar * (weights * slope).sum(axis=1) for name, slope in slopes.items()}
            return place.points_bar(bars) + place.points_bar(dict.fromkeys(self.log_priors, -bar))

        affine = Affine(-weights * self.target, (matrix,), pullback=affine_pullback)
        return Square(affine, constant + logarithms.sum(axis=1), 0.5, pullback)

    @cached_property
    def _whitening(self) -> Array:
        assert not isinstance(self.errors, ErrorModel)
        return whitening(self.errors, self.name)


@final
@dataclass(frozen=True)
class ModelledNegLogProbability(AbstractSampledVariable):
    """The negative log probability with errors that depend on f, draw by draw; made by `neg_log_probability`.

    Arguments:
        name: of the variable and of its output.
        input_name: f, with k outputs.
        target: t, (k,).
        model: of the errors.
        log_priors: the names, among the parameters, of the log densities that are subtracted.
    """

    name: str
    input_name: str
    target: Array
    model: ErrorModel
    log_priors: tuple[str, ...] = ()

    @property
    def output_names(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input_name,)

    @property
    def own_normals(self) -> int:
        return 0

    @property
    def reads_moments(self) -> bool:
        return False

    def push(self, inputs: Sequence[Incoming], place: Place, normal: Array) -> Pushed:  # noqa: ARG002 - none of its own
        values = inputs[0].values
        errors, by_value, slopes = self.model.errors(place, len(self.target), values)
        with np.errstate(divide="ignore", invalid="ignore"):
            residual = (values - self.target) / errors
            total = (np.log(np.abs(errors)) + 0.5 * residual**2).sum(axis=2)
            by_error = (1.0 - residual**2) / errors
        constant = 0.5 * len(self.target) * math.log(2.0 * math.pi) - _log_prior(place, self.log_priors)

        def pullback(bar: Array) -> tuple[list[tuple[Array | None, None, None]], Array]:
            slope = residual / errors if by_value is None else residual / errors + by_error * by_value
            bars = {
                name: np.einsum("sp,spk->p", bar[:, :, 0], by_error * part) for name, part in slopes.items()
            }
            own = place.points_bar(bars)
            own += place.points_bar({name: -bar[:, :, 0].sum(axis=0) for name in self.log_priors})
            return [(bar * slope, None, None)], own

        return Pushed((total + constant)[:, :, None], pullback)


def neg_log_probability(
    name: str,
    input_name: str,
    target: Array,
    errors: Array | ErrorModel,
    log_priors: tuple[str, ...] = (),
) -> NegLogProbability | ModelledNegLogProbability:
    """The negative log probability of parameters given a target.

    Use it to reconstruct parameters, with errors that are known or modelled. Where the errors do not depend on the
    model's value its law is a generalised chi-squared; else it is known by draws.

    Arguments:
        name: of the variable.
        input_name: the model's outputs f.
        target: t, (k,).
        errors: the target's covariance (k, k) or variances (k,), or an error model. The own parameters of an error
            model are parameters: numbers, or further columns of the points.
        log_priors: the names, among the parameters, of log densities: `log_prob`, and that of the error model's own.

    Raises:
        UsageError: when the lengths differ, or a covariance is not positive definite.

    Example:
        >>> variable = neg_log_probability("loss", "f", np.array([1.0, 2.0]), np.array([0.01, 0.01]))
        >>> type(variable).__name__
        'NegLogProbability'
    """
    sizes = (
        {len(entry) for entry in errors.entries.values()} if isinstance(errors, ErrorModel) else {len(errors)}
    )
    if sizes - {len(target)}:
        raise UsageError(
            f"the target and the errors of the variable {name!r} must have one length, "
            f"got {len(target)} and {', '.join(map(str, sorted(sizes)))}"
        )
    if isinstance(errors, ErrorModel):
        if errors.reads_model_value:
            return ModelledNegLogProbability(name, input_name, target, errors, log_priors)
    else:
        whitening(errors, name)
    return NegLogProbability(name, input_name, target, errors, log_priors)


def _log_prior(place: Place, names: Sequence[str]) -> Array | float:
    return sum((place.parameters[name] for name in names), start=0.0)
