"""Cuts, sorting and quantiles that have derivatives, each with its exact twin.

A soft cut gives each event the weight sigmoid(slope (x - cut)) instead of 0 or 1. The slope is a number with the unit
of 1/x; anneal it, and quote results with `HARD`.

Source: M. Cuturi, O. Teboul, J.-P. Vert, NeurIPS 32 (2019) and S. Prillo, J. Eisenschlos, ICML (2020) for sorting;
Y. Bengio, N. Léonard, A. Courville, arXiv:1308.3432 (2013) for the straight-through estimator.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.numerics.compile import jax_module
from assay.numerics.implicit_root import implicit_root

__all__ = [
    "HARD",
    "Softness",
    "above",
    "all_of",
    "annealed_slope",
    "any_of",
    "area_under_curve",
    "below",
    "quantile",
    "rank",
    "sort",
    "window",
]

jax = jax_module()
jnp = jax.numpy


@final
@dataclass(frozen=True)
class Softness:
    """How a selection is blurred.

    Arguments:
        slope: of the sigmoid, in 1/x, positive; infinite for exact cuts. It may be traced.
        straight_through: exact values, with the derivatives of the soft ones.

    Raises:
        UsageError: for a slope that is not positive.
    """

    slope: Any
    straight_through: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.slope, jax.core.Tracer) and not np.all(np.asarray(self.slope) > 0):
            raise UsageError(f"the slope of a soft selection must be positive, got {self.slope}")

    @property
    def is_hard(self) -> bool:
        """Whether selections are exact."""
        return not isinstance(self.slope, jax.core.Tracer) and bool(np.isinf(self.slope).all())

    def step(self, distance: Any) -> Any:
        """The weight of an event that lies so far inside: between 0 and 1, stable for any slope."""
        if self.is_hard:
            return (distance > 0).astype(distance.dtype)
        soft = jax.nn.sigmoid(self.slope * distance)
        if not self.straight_through:
            return soft
        return soft + jax.lax.stop_gradient((distance > 0).astype(soft.dtype) - soft)


HARD = Softness(float("inf"))


def above(values: Any, cut: Any, softness: Softness) -> Any:
    """The weight of each event for `value > cut`.

    Example:
        >>> from assay.numerics.compile import float64
        >>> with float64():
        ...     soft = above(jnp.array([0.0, 1.0, 2.0]), 1.0, Softness(2.0))
        ...     hard = above(jnp.array([0.0, 1.0, 2.0]), 1.0, HARD)
        >>> soft.round(4).tolist(), hard.tolist()
        ([0.1192, 0.5, 0.8808], [0.0, 0.0, 1.0])
    """
    return softness.step(jnp.asarray(values) - cut)


def below(values: Any, cut: Any, softness: Softness) -> Any:
    """The weight of each event for `value < cut`."""
    return softness.step(cut - jnp.asarray(values))


def window(values: Any, lower: Any, upper: Any, softness: Softness) -> Any:
    """The weight of each event for `lower < value < upper`."""
    return above(values, lower, softness) * below(values, upper, softness)


def all_of(*weights: Any) -> Any:
    """The weight of events that pass every selection."""
    return reduce(lambda one, two: one * two, weights)


def any_of(*weights: Any) -> Any:
    """The weight of events that pass at least one selection."""
    return 1.0 - reduce(lambda one, two: one * two, [1.0 - weight for weight in weights])


def annealed_slope(step: Any, steps: int, first: float, last: float) -> Any:
    """The slope at a step of a training: from `first` to `last`, by the same factor each step.

    Raises:
        UsageError: when a slope is not positive, or there are no steps.
    """
    if not (first > 0 and last > 0) or steps < 1:
        raise UsageError(f"slopes must be positive and steps at least 1, got {first}, {last} and {steps}")
    share = jnp.clip(jnp.asarray(step) / max(steps - 1, 1), 0.0, 1.0)
    return first * (last / first) ** share


def rank(values: Any, softness: Softness) -> Any:
    """The rank of each value, from 1 for the lowest; soft ones lie between whole numbers.

    Memory grows with the square of the number of values.
    """
    values = jnp.asarray(values)
    differences = values[:, None] - values[None, :]
    others = ~jnp.eye(len(values), dtype=bool)
    return 1.0 + jnp.where(others, softness.step(differences), 0.0).sum(axis=1)


def sort(values: Any, softness: Softness) -> Any:
    """The values in rising order; a soft one is an average of its neighbours, with derivatives to all of them."""
    values = jnp.asarray(values)
    ordered = jnp.sort(values)
    if softness.is_hard:
        return ordered
    shares = jax.nn.softmax(-softness.slope * jnp.abs(ordered[:, None] - values[None, :]), axis=1)
    soft = shares @ values
    return soft + jax.lax.stop_gradient(ordered - soft) if softness.straight_through else soft


def quantile(values: Any, share: Any, softness: Softness, weights: Any = None) -> Any:
    """The value below which a share of the events lies.

    Arguments:
        values: (events,).
        share: between 0 and 1.
        softness: of the steps of the cumulative distribution.
        weights: (events,), not negative; 1 each where they are left out.

    Example:
        >>> from assay.numerics.compile import float64
        >>> with float64():
        ...     middle = quantile(jnp.array([1.0, 2.0, 3.0]), 0.5, Softness(4.0))
        >>> round(float(middle), 9)
        2.0
    """
    values = jnp.asarray(values)
    weights = jnp.ones_like(values) if weights is None else jnp.asarray(weights)
    if softness.is_hard:
        order = jnp.argsort(values)
        cumulative = jnp.cumsum(weights[order])
        return values[order][jnp.argmax(cumulative >= share * cumulative[-1])]
    low, high = jax.lax.stop_gradient(values.min()), jax.lax.stop_gradient(values.max())
    # Beyond the outermost events the blurred distribution has tails of some steps' width.
    begin = low - 40.0 / softness.slope
    data = (values, weights, jnp.asarray(share, values.dtype), softness.slope)
    found = _quantile_root(data, begin, _missing(begin, data), jnp.maximum(high - begin, 1e-300))
    return found.point


def _missing(point: Any, data: Any) -> Any:
    """The share that is still missing below a point: positive before the quantile."""
    values, weights, share, slope = data
    return share - (weights * jax.nn.sigmoid(slope * (point - values))).sum() / weights.sum()


_quantile_root = implicit_root(_missing)


def area_under_curve(
    signal: Any,
    background: Any,
    softness: Softness,
    signal_weights: Any = None,
    background_weights: Any = None,
) -> Any:
    """The area under the ROC curve: the chance that a signal event scores above a background event.

    Exact ties count as a half. Memory grows with the product of the numbers of events.
    """
    signal, background = jnp.asarray(signal), jnp.asarray(background)
    one = jnp.ones_like(signal) if signal_weights is None else jnp.asarray(signal_weights)
    two = jnp.ones_like(background) if background_weights is None else jnp.asarray(background_weights)
    distance = signal[:, None] - background[None, :]
    wins = 0.5 * (softness.step(distance) + 1.0 - softness.step(-distance))
    return (one[:, None] * two[None, :] * wins).sum() / (one.sum() * two.sum())
