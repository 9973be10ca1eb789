"""The parameters of a curve that is fitted to a vector, as a quantity: a peak's place, height and width of a spectrum."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.errors import UsageError
from assay.numerics.expressions import CompiledExpression, compile_numpy
from assay.numerics.small_least_squares import bending, held_still, least_squares, normal_matrix, solve_each
from assay.quantities.abstract import AbstractSampledVariable, Incoming, Place, Pushed
from assay.space.expressions import Expression, parse

__all__ = ["Fit"]

Array = np.ndarray

# The least standard deviation of an entry, as a part of the root mean square of all: at a datum without noise the
# weights would be infinite.
_LEAST_DEVIATION = 1e-8
# The steps after which the fits to a mean and to a draw end as they are. Near a curve that the fit can follow, a few
# suffice; where there is none, hundreds would be spent on a number that means nothing.
_STEPS = 16
# A parameter whose share of the curvature is less than this stays as it is: a peak between two entries has any height.
_NO_INFLUENCE = 1e-30


@final
@dataclass(frozen=True)
class Fit(AbstractSampledVariable):
    """The parameters θ that minimise χ² = Σ_i (f(x_i, θ) - y_i)²/η_i² inside bounds, and χ²/(N - M).

    Use it where the objective is a property of a curve rather than of its points. η_i² is the variance of the input's
    entry, so that entries which the surrogate knows well count more; or it is given, so that what the model predicts
    and what is fitted to an observed curve agree even where the curve cannot follow it. A draw is the fit to a draw of
    the input with the same weights, started from the fit to the input's mean.

    Gradients follow from the condition of the minimum, Σ_i w_i (f_i - y_i) ∂f_i = 0 with w = 1/η²:

        H dθ = Σ_i ∂f_i (w_i dy_i - (f_i - y_i) dw_i),   H = Σ_i w_i (∂f_i ∂f_iᵀ + (f_i - y_i) ∂²f_i)

    with a parameter on its bound held. Made by `Fit.of`.

    Arguments:
        input_name: the vector y.
        curve: f.
        parameters: the names of θ.
        variable_values: x, by name (N,) each.
        initial_parameters: (starts, M); the mean is fitted from each, and the best is taken.
        bounds: lower and upper, (M,) each.
        names: of the outputs, M + 1.
        uncertainty_vector: η, (N,); None for that of the input.

    Source: S. G. Krantz, H. R. Parks, "The Implicit Function Theorem", 2003, section 3.3.
    """

    input_name: str
    curve: CompiledExpression
    parameters: tuple[str, ...]
    variable_values: Mapping[str, Array]
    initial_parameters: Array
    bounds: tuple[Array, Array]
    names: tuple[str, ...]
    uncertainty_vector: Array | None = None

    @staticmethod
    def of(
        name: str,
        input_name: str,
        expression: str,
        model_variables: Sequence[str],
        variable_values: Sequence[Sequence[float]],
        initial_parameters: Sequence[float],
        *,
        parameters: Sequence[str] | None = None,
        bounds: Sequence[tuple[float, float]] | None = None,
        starts: int = 1,
        uncertainty_vector: Sequence[float] | None = None,
        output_names: Sequence[str] = (),
    ) -> Fit:
        """A fit as a user writes it.

        Arguments:
            name: of the variable.
            input_name: of what is fitted.
            expression: of the curve, in model variables and parameters.
            model_variables: the names that differ from entry to entry of the input.
            variable_values: for each entry, the value of each model variable.
            initial_parameters: where the fit begins.
            parameters: the names of the fitted ones; none given: all other names, in the order in which they appear.
            bounds: lower and upper limit of each parameter; none given: none.
            starts: the number of starting points; those beyond the first are spread over the bounds.
            uncertainty_vector: a positive standard deviation of each entry, the same everywhere; none given: that of
                the input.
            output_names: M + 1 names; none given: the variable's name with a number.

        Raises:
            UsageError: when numbers of things do not agree, or the curve is not finite where the fit begins.
            ExpressionError: for an expression that cannot be read.

        Example:
            >>> fit = Fit.of("line", "loss", "a + b*x", ["x"], [[0.0], [1.0], [2.0]], [0.0, 0.0])
            >>> fit.parameters, fit.output_names
            (('a', 'b'), ('line0', 'line1', 'line2'))
        """
        tree, names = _parsed(name, expression, model_variables, parameters)
        entries, count = _entries(name, model_variables, variable_values), len(names)
        given = initial_parameters, bounds, output_names or None, uncertainty_vector
        _check_numbers(name, count, len(variable_values), *given)
        lower, upper = np.array(bounds or [(-np.inf, np.inf)] * count, dtype=float).T
        first = np.asarray(initial_parameters, dtype=float)
        fit = Fit(
            input_name,
            compile_numpy(tree),
            names,
            entries,
            _starting_points(name, first, lower, upper, starts),
            (lower, upper),
            tuple(output_names) or tuple(f"{name}{place}" for place in range(count + 1)),
            None if uncertainty_vector is None else np.asarray(uncertainty_vector, dtype=float),
        )
        if not np.isfinite(fit._model(first[:, None])[0]).all():
            raise UsageError(
                f"the expression of the variable {name!r} must be finite at initial_parameters, got {expression}"
            )
        return fit

    @property
    def output_names(self) -> tuple[str, ...]:
        return self.names

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input_name,)

    @property
    def own_normals(self) -> int:
        return 0

    @property
    def reads_moments(self) -> bool:
        return True

    def push(self, inputs: Sequence[Incoming], place: Place, normal: Array) -> Pushed:  # noqa: ARG002
        (incoming,) = inputs
        assert incoming.mean is not None
        assert incoming.variance is not None
        draws, count, size = incoming.values.shape
        if size != self._degrees + len(self.parameters):
            raise UsageError(
                f"a fit to {self.input_name!r} needs variable_values for each of its {size} outputs, "
                f"got {self._degrees + len(self.parameters)}"
            )
        weights, is_free = self._weights(incoming.mean, incoming.variance)
        best = self.minimum(incoming.mean.T, weights.T, _STEPS)
        targets = np.ascontiguousarray(np.transpose(incoming.values, (2, 0, 1)).reshape(size, -1))
        all_weights = np.tile(weights.T, (1, draws))
        begin = np.tile(best, (1, draws))
        found = least_squares(self._model, targets, all_weights, begin, self.bounds, _STEPS)
        residual = self._model(found)[0] - targets
        square = np.einsum("np,np->p", all_weights, residual**2) / self._degrees
        values = np.concatenate([found, square[None]]).T.reshape(draws, count, -1)

        def pullback(bar: Array) -> tuple[list[tuple[Array | None, Array | None, Array | None]], None]:
            flat = bar.reshape(-1, bar.shape[2]).T
            target_bar, weight_bar = self._back(found, targets, all_weights, flat)
            values_bar = np.transpose(target_bar.reshape(size, draws, count), (1, 2, 0))
            by_weight = weight_bar.reshape(size, draws, count).sum(axis=1).T
            return [(values_bar, None, np.where(is_free, -(weights**2) * by_weight, 0.0))], None

        return Pushed(values, pullback)

    def minimum(self, targets: Array, weights: Array, steps: int = 100) -> Array:
        """The best fit from all starting points: targets and weights (N, problems) to (M, problems)."""
        best, lowest = None, None
        for start in self.initial_parameters:
            begin = np.broadcast_to(start[:, None], (len(start), targets.shape[1]))
            found = least_squares(self._model, targets, weights, begin, self.bounds, steps)
            with np.errstate(invalid="ignore", over="ignore"):
                cost = np.einsum("np,np->p", weights, (self._model(found)[0] - targets) ** 2)
            cost = np.where(np.isfinite(cost), cost, np.inf)
            if best is None or lowest is None:
                best, lowest = found, cost
            else:
                best, lowest = np.where(cost < lowest, found, best), np.minimum(cost, lowest)
        assert best is not None
        return best

    @property
    def _degrees(self) -> int:
        """N - M."""
        return len(next(iter(self.variable_values.values()))) - len(self.parameters)

    def _weights(self, mean: Array, variance: Array) -> tuple[Array, Array]:
        """1/η² of each entry (p, N), and where it follows the variance."""
        if self.uncertainty_vector is not None:
            return np.broadcast_to(1.0 / self.uncertainty_vector**2, mean.shape), np.zeros(
                mean.shape, dtype=bool
            )
        least = _LEAST_DEVIATION**2 * (mean**2).mean(axis=1, keepdims=True) + 1e-300
        return 1.0 / np.maximum(variance, least), variance > least

    def _model(self, theta: Array) -> tuple[Array, list[Array]]:
        """Parameters (M, problems) to values (N, problems) and their derivatives."""
        columns = {name: values[:, None] for name, values in self.variable_values.items()}
        columns |= dict(zip(self.parameters, theta, strict=True))
        values, gradient = self.curve.value_gradient(columns, self.parameters)
        return values, [gradient[name] for name in self.parameters]

    def _back(self, theta: Array, targets: Array, weights: Array, bar: Array) -> tuple[Array, Array]:
        """From the bars of parameters and χ²/(N - M), (M + 1, problems), to those of targets and weights."""
        values, jacobian = self._model(theta)
        residual = values - targets
        weighted = weights * residual
        slope = np.stack([np.einsum("np,np->p", weighted, column) for column in jacobian])
        lower, upper = self.bounds[0][:, None], self.bounds[1][:, None]
        held = ((theta <= lower) & (slope > 0.0)) | ((theta >= upper) & (slope < 0.0))
        normal = normal_matrix(jacobian, weights)
        influence = normal[np.arange(len(normal)), np.arange(len(normal))]
        held |= influence <= _NO_INFLUENCE * influence.max(axis=0)
        right = np.where(held, 0.0, bar[:-1])
        whole = normal + bending(self._model, theta, weighted, normal)
        moved, is_minimum = solve_each(held_still(whole, held), right)
        if not is_minimum.all():
            # A fit that stopped before its minimum, or a parameter without influence.
            diagonal = np.arange(len(normal))
            normal[diagonal, diagonal] *= 1.0 + 1e-10
            instead, is_definite = solve_each(held_still(normal, held), right)
            moved = np.where(is_minimum, moved, np.where(is_definite, instead, 0.0))
        along = sum(column * entry for column, entry in zip(jacobian, moved, strict=True))
        by_square = bar[-1] / self._degrees
        return (
            weights * along - 2.0 * weighted * by_square,
            residual**2 * by_square - residual * along,
        )


def _starting_points(name: str, first: Array, lower: Array, upper: Array, starts: int) -> Array:
    if starts == 1:
        return first[None]
    if not (np.isfinite(lower).all() and np.isfinite(upper).all()):
        raise UsageError(f"the variable {name!r} needs finite bounds for more than one start, got {starts}")
    # Roberts' additive sequence: evenly spread for any number of points and columns, and always the same.
    base = float(np.roots([1.0, *[0.0] * (len(first) - 1), -1.0, -1.0]).real.max())
    steps = base ** -np.arange(1.0, len(first) + 1.0)
    unit = (0.5 + np.arange(1, starts)[:, None] * steps) % 1.0
    return np.concatenate([first[None], lower + unit * (upper - lower)])


def _parsed(
    name: str, text: str, model_variables: Sequence[str], parameters: Sequence[str] | None
) -> tuple[Expression, tuple[str, ...]]:
    """The curve and the names of its parameters, in the order in which they appear if none are given."""
    tree = parse(text, None, owner=f"the expression of the variable {name!r}")
    if parameters is None:
        rest = [entry for entry in tree.names if entry not in model_variables]
        parameters = sorted(rest, key=lambda entry: _first_place(text, entry))
    known = [*model_variables, *parameters]
    unknown = [entry for entry in tree.names if entry not in known]
    if unknown:
        raise UsageError(
            f"the expression of the variable {name!r} may use {', '.join(known)}, got {', '.join(unknown)}"
        )
    return tree, tuple(parameters)


def _first_place(text: str, name: str) -> int:
    found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)
    return len(text) if found is None else found.start()


def _entries(
    name: str, model_variables: Sequence[str], variable_values: Sequence[Sequence[float]]
) -> dict[str, Array]:
    table = np.asarray(variable_values, dtype=float)
    if table.shape != (len(variable_values), len(model_variables)):
        raise UsageError(
            f"the variable {name!r} needs one value of each of {', '.join(model_variables)} in every entry of "
            f"variable_values, got shape {table.shape}"
        )
    return {entry: table[:, column] for column, entry in enumerate(model_variables)}


def _check_numbers(
    name: str,
    count: int,
    entries: int,
    initial_parameters: Sequence[float],
    bounds: Sequence[tuple[float, float]] | None,
    output_names: Sequence[str] | None,
    uncertainty_vector: Sequence[float] | None,
) -> None:
    if not 0 < count < entries:
        raise UsageError(
            f"the variable {name!r} needs at least one parameter and more entries than parameters, "
            f"got {entries} entries and {count} parameters"
        )
    wanted = {
        "initial_parameters": (count, initial_parameters),
        "bounds": (count, bounds),
        "output_names": (count + 1, output_names),
        "uncertainty_vector": (entries, uncertainty_vector),
    }
    for key, (needed, got) in wanted.items():
        if got is not None and len(got) != needed:
            raise UsageError(f"{key} of the variable {name!r} must have {needed} entries, got {len(got)}")
    for lower, upper in bounds or ():
        if not lower < upper:
            raise UsageError(f"bounds of the variable {name!r} must rise, got [{lower:g}, {upper:g}]")
    if uncertainty_vector is not None and not min(uncertainty_vector) > 0.0:
        raise UsageError(
            f"uncertainty_vector of the variable {name!r} must be positive, got {min(uncertainty_vector):g}"
        )
