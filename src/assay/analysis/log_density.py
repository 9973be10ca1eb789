"""What a sampler samples: an unnormalised log density inside a box."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.analysis.unconstrained import Unconstrained
from assay.errors import UsageError
from assay.numerics.compile import CompiledFunction, bucket, jax_module

__all__ = ["BoxedDensity", "LogDensity"]

Array = np.ndarray

DIFFERENCE = 1e-6  # of the coordinate's size, for densities that bring no gradient


@final
@dataclass(frozen=True)
class LogDensity:
    """A log density up to a constant, in one of three forms. Minus infinity (or NaN) is outside the support.

    Arguments:
        value: maps points (p, dimension) to (p,).
        value_gradient: maps points to values (p,) and gradients (p, dimension); NumPy, as of a surrogate's posterior.
        program: a JAX function of one point (dimension,) to a number, which is differentiated and mapped here; the fastest
            for a gradient-based sampler.

    Example:
        >>> LogDensity(value=lambda x: -0.5 * (x**2).sum(axis=1)).has_gradient
        False
    """

    value: Callable[[Array], Array] | None = None
    value_gradient: Callable[[Array], tuple[Array, Array]] | None = None
    program: Callable[[Any], Any] | None = None

    def __post_init__(self) -> None:
        if self.value is None and self.value_gradient is None and self.program is None:
            raise UsageError("a log density needs a value, a value_gradient or a program, got none of them")

    @property
    def has_gradient(self) -> bool:
        """Whether it brings a gradient of its own."""
        return self.value_gradient is not None or self.program is not None

    def values(self) -> Callable[[Array], Array]:
        """The form that is cheapest for values alone."""
        if self.value is not None:
            return self.value
        if self.value_gradient is not None:
            function = self.value_gradient
            return lambda points: function(points)[0]
        return _mapped(self.program)

    def values_and_gradients(self) -> Callable[[Array], tuple[Array, Array]]:
        """Values with gradients: its own, else by central differences."""
        if self.value_gradient is not None:
            return self.value_gradient
        if self.program is not None:
            return _mapped(_value_and_grad(self.program))
        return _differences(self.values())


def _value_and_grad(program: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda point: jax_module().value_and_grad(program)(point)


def _mapped(program: Any) -> Callable[[Array], Any]:
    """A JAX function of one point as one of many, padded to buckets so that it compiles seldom."""
    compiled = CompiledFunction(lambda points: jax_module().vmap(program)(points))

    def function(points: Array) -> Any:
        padded = np.asarray(points, dtype=float)[np.minimum(np.arange(bucket(len(points))), len(points) - 1)]
        result = compiled(padded)
        if isinstance(result, tuple):
            return tuple(np.asarray(part)[: len(points)] for part in result)
        return np.asarray(result)[: len(points)]

    return function


def _differences(value: Callable[[Array], Array]) -> Callable[[Array], tuple[Array, Array]]:
    def function(points: Array) -> tuple[Array, Array]:
        count, dimension = points.shape
        steps = DIFFERENCE * np.maximum(1.0, np.abs(points))
        moves = steps[:, None, :] * np.eye(dimension)
        around = np.concatenate([points[:, None] + moves, points[:, None] - moves], axis=1)
        values = value(np.concatenate([points, around.reshape(-1, dimension)]))
        up, down = values[count:].reshape(count, 2, dimension).transpose(1, 0, 2)
        with np.errstate(invalid="ignore"):
            gradient = (up - down) / (2.0 * steps)
        return values[:count], np.where(np.isfinite(gradient), gradient, 0.0)

    return function


@final
@dataclass(frozen=True)
class BoxedDensity:
    """A log density seen from coordinates y without bounds: log p(x(y)) + log |dx / dy|."""

    density: LogDensity
    box: Unconstrained

    def values(self) -> Callable[[Array], Array]:
        """From y (p, dimension) to (p,); what is not finite is minus infinity."""
        inner = self.density.values()

        def function(y: Array) -> Array:
            value = np.asarray(inner(self.box.inside(y)), dtype=float) + self.box.log_volume(y).sum(axis=-1)
            return np.where(np.isfinite(value), value, -np.inf)

        return function

    def values_and_gradients(self) -> Callable[[Array], tuple[Array, Array]]:
        """From y (p, dimension) to values (p,) and gradients by y; zero gradients where the value is infinite."""
        inner = self.density.values_and_gradients()

        def function(y: Array) -> tuple[Array, Array]:
            value, gradient = inner(self.box.inside(y))
            slope, bend = self.box.slopes(y)
            value = np.asarray(value, dtype=float) + self.box.log_volume(y).sum(axis=-1)
            gradient = np.asarray(gradient, dtype=float) * slope + bend
            inside = np.isfinite(value) & np.isfinite(gradient).all(axis=1)
            return np.where(inside, value, -np.inf), np.where(inside[:, None], gradient, 0.0)

        return function
