"""The root of a falling function of one number, in JAX, with exact derivatives of where it lies.

The search begins at a point that is known to lie before the root, doubles its step until the sign changes, and then
closes in by inverse quadratic interpolation guarded by bisection. It evaluates the function in one place only, so that
the function is compiled once; mapped over many problems, each lane keeps its own bracket.

Source: T. R. Chandrupatla, Adv. Eng. Softw. 28, 145 (1997).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from assay.numerics.compile import jax_module

__all__ = ["Root", "implicit_root"]

MAX_EVALUATIONS = 100
TOLERANCE = 1e-13  # relative, of the root


class Root(NamedTuple):
    """Where a search ended.

    Arguments:
        point: the root.
        found: False where no change of sign was met, or the function was not finite.
        evaluations: how often the function was called.
    """

    point: Any
    found: Any
    evaluations: Any


class _Bracket(NamedTuple):
    before: Any  # the function is positive here
    before_value: Any
    after: Any  # and not positive here, once a change of sign was met
    after_value: Any
    last: Any  # the end that was replaced last, for the interpolation
    last_value: Any
    trial: Any
    is_closed: Any
    is_done: Any
    is_lost: Any
    evaluations: Any


Function = Callable[[Any, Any], Any]


def implicit_root(function: Function) -> Callable[[Any, Any, Any, Any], Root]:
    """A root search for `function(point, data)`, which falls through zero, differentiable in `data`.

    Returns: `root(data, before, before_value, step)`: `before` is where the function has the positive value
        `before_value`, `step` the first guess of the distance to the root. The derivative is that of the implicit
        function: - (df/d data) / (df/d point).

    Example:
        >>> from assay.numerics.compile import float64, jax_module
        >>> root = implicit_root(lambda x, data: data - x**3)
        >>> with float64():
        ...     found = root(8.0, 0.0, 8.0, 0.1)
        ...     slope = jax_module().grad(lambda data: root(data, 0.0, 8.0, 0.1).point)(8.0)
        >>> round(float(found.point), 12), bool(found.found), round(float(slope), 12)
        (2.0, True, 0.083333333333)
    """
    jax = jax_module()
    jnp = jax.numpy

    @jax.custom_jvp
    def place(data: Any, before: Any, before_value: Any, step: Any) -> tuple[Any, Any]:
        found = _searched(lambda point: function(point, data), before, before_value, step)
        return found.point, (found.found, found.evaluations)

    @place.defjvp
    def place_derivative(primals: Any, tangents: Any) -> Any:
        data, *rest = primals
        outcome = place(data, *rest)
        point = outcome[0]
        _, value_dot = jax.jvp(lambda some: function(point, some), (data,), (tangents[0],))
        _, slope = jax.jvp(lambda where: function(where, data), (point,), (jnp.ones_like(point),))
        return outcome, (-value_dot / slope, jax.tree_util.tree_map(_no_tangent, outcome[1]))

    def root(data: Any, before: Any, before_value: Any, step: Any) -> Root:
        point, (found, evaluations) = place(
            data, *(jnp.asarray(given, float) for given in (before, before_value, step))
        )
        return Root(point, found, evaluations)

    return root


def _no_tangent(part: Any) -> Any:
    import numpy as np

    return np.zeros(part.shape, jax_module().dtypes.float0)


def _searched(function: Callable[[Any], Any], before: Any, before_value: Any, step: Any) -> Root:
    jax = jax_module()
    jnp = jax.numpy
    no, none = jnp.asarray(False), jnp.asarray(0)
    first = _Bracket(
        before, before_value, before, before_value, before, before_value, before + step, no, no, no, none
    )

    def goes_on(bracket: _Bracket) -> Any:
        return ~bracket.is_done & ~bracket.is_lost & (bracket.evaluations < MAX_EVALUATIONS)

    bracket = jax.lax.while_loop(goes_on, lambda bracket: _narrowed(bracket, function(bracket.trial)), first)
    nearer = jnp.abs(bracket.before_value) < jnp.abs(bracket.after_value)
    point = jnp.where(nearer, bracket.before, bracket.after)
    return Root(jnp.where(bracket.is_done, point, jnp.nan), bracket.is_done, bracket.evaluations)


def _narrowed(bracket: _Bracket, value: Any) -> _Bracket:
    """The bracket with the trial in it, and the next trial."""
    jnp = jax_module().numpy
    is_before = value > 0
    trial = bracket.trial
    # The end of the other sign stays; the one of the same sign moves to the trial and is remembered.
    last = jnp.where(is_before, bracket.before, bracket.after)
    last_value = jnp.where(is_before, bracket.before_value, bracket.after_value)
    before, before_value = (
        jnp.where(is_before, trial, bracket.before),
        jnp.where(is_before, value, bracket.before_value),
    )
    after, after_value = (
        jnp.where(is_before, bracket.after, trial),
        jnp.where(is_before, bracket.after_value, value),
    )
    was_open = ~bracket.is_closed
    is_closed = bracket.is_closed | ~is_before
    width = after - before
    share = _next_share(trial, value, jnp.where(is_before, after, before), jnp.where(is_before, after_value, before_value),
                        last, last_value)  # fmt: skip
    other = jnp.where(is_before, after, before)
    smallest = (
        0.5 * TOLERANCE * jnp.maximum(jnp.abs(trial), 1e-300) / jnp.where(width == 0, 1.0, jnp.abs(width))
    )
    share = jnp.clip(jnp.where(was_open, 0.5, share), smallest, 1 - smallest)
    inside = trial + share * (other - trial)
    outside = trial + 2 * (trial - bracket.before)
    is_done = (value == 0) | is_closed & (
        jnp.abs(width) <= TOLERANCE * jnp.maximum(jnp.abs(before), jnp.abs(after))
    )
    return _Bracket(
        before, before_value, after, after_value, last, last_value, jnp.where(is_closed, inside, outside), is_closed,
        is_done, ~jnp.isfinite(value), bracket.evaluations + 1,
    )  # fmt: skip


def _next_share(one: Any, one_value: Any, two: Any, two_value: Any, three: Any, three_value: Any) -> Any:
    """Where to try next, from the newest end (0) to the opposite one (1): interpolated if that can be trusted."""
    jnp = jax_module().numpy

    def ratio(above: Any, below: Any) -> Any:
        return above / jnp.where(below == 0, 1.0, below)

    place = ratio(one - two, three - two)
    height = ratio(one_value - two_value, three_value - two_value)
    trusted = (height**2 < place) & ((1 - height) ** 2 < 1 - place)
    share = ratio(one_value, two_value - one_value) * ratio(three_value, two_value - three_value) + ratio(
        three - one, two - one
    ) * ratio(one_value, three_value - one_value) * ratio(two_value, three_value - two_value)
    return jnp.where(trusted & jnp.isfinite(share), share, 0.5)
