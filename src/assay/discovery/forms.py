"""A form is an equation with open coefficients; here it is fitted, in double precision, to all rows or to some."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from assay.discovery.canonical import Sum, canonical, number, rebuilt, size
from assay.numerics.expressions import CompiledExpression, compile_numpy
from assay.space.expressions import Expression
from assay.space.syntax import Name, Node, Number

__all__ = ["Fit", "Form", "fitted"]

Array = np.ndarray

COEFFICIENT = "_"  # then its number; no column may begin with it


@final
@dataclass(frozen=True)
class Form:
    """An equation with numbered coefficients, of which some are held.

    Arguments:
        whole: the equation with the coefficients' start values.
        held: the value of each coefficient that is not fitted, by its number.
    """

    whole: Sum
    held: tuple[tuple[int, float], ...] = ()

    @staticmethod
    def of(node: Node, *, multiply_out: bool = False) -> Form:
        """The form that an equation with numbers has."""
        return Form(canonical(node, multiply_out=multiply_out))

    @cached_property
    def start(self) -> Array:
        """The start values of all coefficients, held ones at their values."""
        values: list[float] = []
        rebuilt(self.whole, lambda value: values.append(value) or Number(1.0))
        for index, value in self.held:
            values[index] = value
        return np.array(values)

    @cached_property
    def tree(self) -> Node:
        """With the coefficients as the names _0, _1, …"""
        count = itertools.count()
        return rebuilt(self.whole, lambda _: Name(f"{COEFFICIENT}{next(count)}"))

    @cached_property
    def compiled(self) -> CompiledExpression:
        """The tree as a function of columns and coefficients."""
        return compile_numpy(Expression(self.tree))

    @cached_property
    def free(self) -> Array:
        """The numbers of the coefficients that are fitted."""
        held = {index for index, _ in self.held}
        return np.array([index for index in range(len(self.start)) if index not in held], dtype=int)

    @property
    def signature(self) -> str:
        """The same for two forms that differ in their numbers only."""
        return f"{Expression(self.tree).text} {self.held}"

    def with_values(self, values: Array) -> Node:
        """The equation with numbers for its coefficients."""
        remaining = iter(values.tolist())
        return rebuilt(self.whole, lambda _: number(next(remaining)))

    def complexity(self, values: Array) -> int:
        """The number of nodes of the equation with these numbers."""
        return size(self.with_values(values))

    def predict(self, columns: Mapping[str, Array], values: Array) -> Array:
        """The equation's value, with the shape of the columns."""
        return self.compiled.value({**columns, **_named(values)}) + np.zeros(_shape(columns))

    def jacobian(self, columns: Mapping[str, Array], values: Array) -> tuple[Array, Array]:
        """The value (n,) and its derivative by the free coefficients, (n, free)."""
        wrt = [f"{COEFFICIENT}{index}" for index in self.free]
        value, slopes = self.compiled.value_gradient({**columns, **_named(values)}, wrt)
        shape = _shape(columns)
        stacked = [np.broadcast_to(slopes[name], shape) for name in wrt]
        return np.broadcast_to(value, shape), np.stack(stacked, axis=-1) if wrt else np.empty((*shape, 0))


@final
@dataclass(frozen=True)
class Fit:
    """What least squares says about a form.

    Arguments:
        values: of all coefficients.
        covariance: (free, free), scaled by the mean square of the residuals.
        loss: Σ w r² / Σ w.
    """

    values: Array
    covariance: Array
    loss: float

    @property
    def standard_errors(self) -> Array:
        """Of the free coefficients."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))


def fitted(
    form: Form,
    columns: Mapping[str, Array],
    response: Array,
    weights: Array,
    start: Array | None = None,
    steps: int = 60,
) -> Fit | None:
    """The coefficients that minimise Σ w (y - f)², by Levenberg-Marquardt steps from a QR decomposition.

    Columns of the Jacobian are scaled, so that coefficients of any size keep their digits; the last steps are Gauss-Newton's
    and go down to rounding.

    Returns:
        None where the form has no finite value at a row with weight.

    Source: D. W. Marquardt, J. Soc. Ind. Appl. Math. 11, 431 (1963).
    """
    values = np.array(form.start if start is None else start, dtype=float)
    root = np.sqrt(weights)
    used = root > 0
    damping = 1e-3
    with np.errstate(all="ignore"):
        best, slopes = _state(form, columns, response, root, used, values)
        if not np.isfinite(best @ best) or not np.isfinite(slopes).all():
            return None
        for _ in range(steps if len(form.free) else 0):
            step = _step(slopes, best, damping)
            trial = values.copy()
            trial[form.free] += step
            residual, gradient = _state(form, columns, response, root, used, trial)
            if np.isfinite(gradient).all() and residual @ residual <= best @ best:
                gain = 1.0 - (residual @ residual) / max(best @ best, 1e-300)
                small = np.abs(step) <= 1e-15 * np.abs(trial[form.free])
                values, best, slopes = trial, residual, gradient
                damping *= 0.1
                # Without noise each step gains nearly all that is left, down to rounding.
                if (gain < 1e-9 and damping < 1e-3) or small.all():
                    break
            elif damping > 1e8 or _is_rounding(slopes @ step, best, response * root):
                break
            else:
                damping = 0.0 if damping < 1e-12 else damping * 8.0
                if damping == 0.0:
                    break
        return Fit(values, _covariance(slopes, best), float(best @ best / weights.sum()))


def _state(
    form: Form, columns: Mapping[str, Array], response: Array, root: Array, used: Array, values: Array
) -> tuple[Array, Array]:
    """Weighted residuals and their derivatives, of the rows that count."""
    predicted, slopes = form.jacobian(columns, values)
    return ((response - predicted) * root)[used], (slopes * root[:, None])[used]


def _step(slopes: Array, residual: Array, damping: float) -> Array:
    scale = np.linalg.norm(slopes, axis=0)
    scale[scale == 0] = 1.0
    count = len(scale)
    left = np.vstack([slopes / scale, np.sqrt(damping) * np.eye(count)])
    right = np.concatenate([residual, np.zeros(count)])
    return np.linalg.lstsq(left, right, rcond=None)[0] / scale


def _is_rounding(change: Array, residual: Array, response: Array) -> bool:
    """Whether a step that was refused would have gained nothing that can be seen, so that no shorter one will."""
    return bool(change @ change <= max(1e-14 * (residual @ residual), 1e-30 * (response @ response)))


def _covariance(slopes: Array, residual: Array) -> Array:
    count = slopes.shape[1]
    scale = np.linalg.norm(slopes, axis=0)
    scale[scale == 0] = 1.0
    inverse = np.linalg.pinv(slopes / scale)
    variance = residual @ residual / max(len(residual) - count, 1)
    return variance * (inverse @ inverse.T) / np.outer(scale, scale)


def _named(values: Array | Sequence[float]) -> dict[str, float]:
    return {f"{COEFFICIENT}{index}": float(value) for index, value in enumerate(values)}


def _shape(columns: Mapping[str, Array]) -> tuple[int, ...]:
    return np.shape(next(iter(columns.values())))
