"""A smooth function's minimum in a box, by a damped Newton method in JAX, with exact derivatives of where it lies.

The whole is one traceable function: it can be compiled, mapped over many problems at once, and differentiated forwards
and backwards, also twice. The iteration itself is never differentiated: at a minimum the free components of the
gradient vanish, so that with F the free and A the held components

    d theta_F = -H_FF^-1 (d grad_F + H_FA d theta_A).

A stationary point that is no minimum (a saddle between two equal valleys is where many fits start) is left along its
direction of negative curvature. Where the Hessian is not positive definite on the way, a positive part of it that the
caller may know, such as that of Gauss and Newton, takes its place in the step.

Source: D. P. Bertsekas, SIAM J. Control Optim. 20, 221 (1982), for the box; J. Nocedal, S. Wright, Numerical
Optimization (2006), chapters 3 and 12.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from assay.numerics.compile import jax_module
from assay.numerics.decompositions import definite_solution, lowest_eigenpair, symmetric_solution

__all__ = ["Expansion", "Minimum", "bounded_minimum", "implicit_minimum", "is_held", "scaled_hessian"]

MAX_ITERATIONS = 200
MAX_ESCAPES = 4
DECREMENT = 1e-9  # of the gradient, in units of the uncertainties that the curvature gives
SADDLE = 1e-7  # of the largest curvature: a lower eigenvalue than minus this is a way down
RIDGE = (
    1e-14  # of the scaled curvature, in derivatives: a parameter that nothing depends on has derivative zero
)
SUFFICIENT_DECREASE = 1e-4
ROUNDING = 1e-13  # of the value: smaller decreases cannot be told from none
SMALL_DECREASE = 1e-6  # promised: below it the value only has to stay the same to rounding
FIRST_DAMPING = 0.3  # of the Hessian scaled to a unit diagonal, after a step that went too far
LEAST_DAMPING = 1e-2  # less than this is none
WORST_DAMPING = 1e15
PROBES = (0.1, -0.1, 0.3, -0.3, 1.0, -1.0, 3.0, -3.0, 10.0, -10.0)  # of the escape, in units of the curvature


class Expansion(NamedTuple):
    """A function near a point.

    Arguments:
        value: a number.
        gradient: (dimension,).
        hessian: (dimension, dimension).
        convex: (dimension, dimension), a positive definite matrix to take steps with where the Hessian is none; the
            Hessian itself where nothing better is known.
    """

    value: Any
    gradient: Any
    hessian: Any
    convex: Any


class Minimum(NamedTuple):
    """Where a search ended.

    Arguments:
        point: (dimension,).
        value: the function there.
        decrement: the length of the Newton step that is left, in units of the uncertainties.
        curvature: of the free, scaled Hessian: its least pivot, or where it has no Cholesky factor its lowest
            eigenvalue: negative at a saddle.
        iterations: the number of evaluations.
    """

    point: Any
    value: Any
    decrement: Any
    curvature: Any
    iterations: Any


class _Search(NamedTuple):
    """The state between two evaluations: the best point with its derivatives, and the one that is tried next."""

    point: Any
    value: Any
    gradient: Any
    hessian: Any
    convex: Any
    trial: Any
    promised: (
        Any  # decrease of the quadratic model from point to trial; minus infinity takes any finite value
    )
    damping: Any
    decrement: Any
    curvature: Any
    escapes: Any
    iterations: Any


Function = Callable[[Any, Any], Any]
Derivatives = Callable[[Any, Any], Expansion]


def is_held(point: Any, gradient: Any, lower: Any, upper: Any, free: Any) -> Any:
    """True for each component that stands still: not free, or pressed against its bound."""
    return ~free | ((point <= lower) & (gradient > 0)) | ((point >= upper) & (gradient < 0))


def bounded_minimum(
    function: Function,
    data: Any,
    start: Any,
    lower: Any,
    upper: Any,
    free: Any,
    *,
    refuge: Any = None,
    derivatives: Derivatives | None = None,
    escapes: bool = True,
) -> Minimum:
    """The minimum of `function(point, data)` in a box, from one start.

    Arguments:
        function: traceable, twice differentiable in its first argument, returns a number.
        data: a pytree, passed on.
        start: (dimension,), inside the box; components that are not free keep its values.
        lower, upper: (dimension,); they may be infinite.
        free: (dimension,), True where the search may move.
        refuge: (dimension,), where the free components begin anew if the function is not finite at the start.
        derivatives: of the same arguments, where a formula is faster than automatic differentiation.
        escapes: False saves the search for saddles where the start is known to lie in the right valley, in a map over
            many problems; `curvature` is then NaN.

    Returns: where it ended; a `decrement` well above 1e-8 or a negative `curvature` says that it is no minimum.

    Example:
        >>> import numpy as np
        >>> from assay.numerics.compile import float64
        >>> with float64():
        ...     found = bounded_minimum(
        ...         lambda x, shift: ((x - shift) ** 4 + (x - shift) ** 2).sum(), np.array([0.3, 2.0]),
        ...         np.zeros(2), -np.ones(2), np.ones(2), np.array([True, True]),
        ...     )
        >>> np.asarray(found.point).round(9).tolist()
        [0.3, 1.0]
    """
    jax = jax_module()
    jnp = jax.numpy
    start = jnp.where(free, jnp.clip(start, lower, upper), start)
    refuge = start if refuge is None else jnp.where(free, jnp.clip(refuge, lower, upper), start)
    zero, infinite = jnp.zeros((), start.dtype), jnp.asarray(jnp.inf, start.dtype)
    none = jnp.asarray(0)
    evaluated = _automatic(function) if derivatives is None else derivatives
    unit = jnp.eye(len(start), dtype=start.dtype)
    first = _Search(
        start, infinite, jnp.zeros_like(start), unit, unit, start, -infinite, zero, infinite, -infinite, none, none,
    )  # fmt: skip

    def advanced(search: _Search) -> _Search:
        # The derivatives stand once in the program, since compiling them is what a first call waits for.
        search = _judged(search, evaluated(search.trial, data))
        newton = _newton_trial(search, lower, upper, free)
        has_begun = jnp.isfinite(search.value)
        return newton._replace(
            point=jnp.where(has_begun, newton.point, refuge),
            trial=jnp.where(has_begun, newton.trial, refuge),
            promised=jnp.where(has_begun, newton.promised, -infinite),
        )

    def settled(search: _Search) -> _Search:
        search = jax.lax.while_loop(_descends, advanced, search)
        # A loop of one pass at most: mapped over many problems, `cond` would decompose the Hessian of each.
        return jax.lax.while_loop(
            _is_suspect, lambda last: _escape_trial(function, data, last, lower, upper, free), search
        )

    if escapes:
        search = jax.lax.while_loop(_goes_on, settled, first)
    else:
        search = jax.lax.while_loop(_descends, advanced, first)._replace(
            curvature=jnp.full_like(zero, jnp.nan)
        )
    return Minimum(search.point, search.value, search.decrement, search.curvature, search.iterations)


def implicit_minimum(
    function: Function, search: Callable[[Any, Any, Any, Any, Any, Any], Minimum] | None = None
) -> Callable[[Any, Any, Any, Any, Any, Any], Minimum]:
    """`bounded_minimum` of a function, differentiable in its data, its bounds, and the values of what is held.

    Arguments:
        function: as there.
        search: `search(data, start, refuge, lower, upper, free)`, where there is a faster way to the same minimum;
            derivatives are those of `function` alone.

    Returns: `minimum(data, start, refuge, lower, upper, free)`. The derivatives of `point` and `value` in the start of a
        free component and in the refuge are zero; the other fields have none.

    Example:
        >>> import numpy as np
        >>> from assay.numerics.compile import float64, jax_module
        >>> minimum = implicit_minimum(lambda x, data: ((x[0] - data * x[1]) ** 2) + x[0] ** 2)
        >>> free = np.array([True, False])
        >>> def first(data, held):
        ...     start = jax_module().numpy.stack([0.0, held])
        ...     return minimum(data, start, start, -9.0 * np.ones(2), 9.0 * np.ones(2), free).point[0]
        >>> with float64():
        ...     print([round(float(slope), 9) for slope in jax_module().grad(first, (0, 1))(2.0, 3.0)])
        [1.5, 1.0]
    """
    jax = jax_module()
    jnp = jax.numpy

    @jax.custom_jvp
    def minimum(data: Any, start: Any, refuge: Any, lower: Any, upper: Any, free: Any) -> Minimum:
        if search is not None:
            return search(data, start, refuge, lower, upper, free)
        return bounded_minimum(function, data, start, lower, upper, free, refuge=refuge)

    @minimum.defjvp
    def minimum_derivative(primals: Any, tangents: Any) -> Any:
        data, _, _, lower, upper, free = primals
        data_dot, start_dot, _, lower_dot, upper_dot, _ = tangents
        found = minimum(*primals)
        point = found.point
        slope = jax.grad(function)
        gradient, gradient_dot = jax.jvp(lambda some: slope(point, some), (data,), (data_dot,))
        held = is_held(point, gradient, lower, upper, free)
        at_bound = jnp.where(point <= lower, lower_dot, upper_dot)
        held_dot = jnp.where(held, jnp.where(free, at_bound, start_dot), 0.0)
        hessian = _hessian(function, point, data)
        wanted = jnp.where(held, 0.0, gradient_dot + hessian @ held_dot)
        point_dot = held_dot - jnp.where(held, 0.0, _solved(hessian, held, wanted))
        # By the theorem of the envelope the value moves with the data and with what is held alone.
        _, value_dot = jax.jvp(function, (point, data), (held_dot, data_dot))
        return found, Minimum(point_dot, value_dot, *(_no_tangent(part) for part in found[2:]))

    return minimum


def _no_tangent(part: Any) -> Any:
    jax = jax_module()
    kind = part.dtype if jax.numpy.issubdtype(part.dtype, jax.numpy.floating) else jax.dtypes.float0
    return jax.numpy.zeros(part.shape, kind) if kind != jax.dtypes.float0 else _float0(part.shape)


def _float0(shape: tuple[int, ...]) -> Any:
    import numpy as np

    return np.zeros(shape, jax_module().dtypes.float0)


def _hessian(function: Function, point: Any, data: Any) -> Any:
    return jax_module().hessian(function)(point, data)


def _automatic(function: Function) -> Derivatives:
    """Value, gradient and Hessian at a point, from one linearisation of the gradient."""
    jax = jax_module()

    def derivatives(point: Any, data: Any) -> Expansion:
        def slope(where: Any) -> tuple[Any, Any]:
            value, gradient = jax.value_and_grad(function)(where, data)
            return gradient, (value, gradient)

        hessian, (value, gradient) = jax.jacfwd(slope, has_aux=True)(point)
        return Expansion(value, gradient, hessian, hessian)

    return derivatives


def _goes_on(search: _Search) -> Any:
    escaping = (search.curvature < -SADDLE) & (search.escapes <= MAX_ESCAPES)
    return ((search.decrement > DECREMENT) | escaping) & _may_go_on(search)


def _descends(search: _Search) -> Any:
    return (search.decrement > DECREMENT) & _may_go_on(search)


def _may_go_on(search: _Search) -> Any:
    return (search.iterations < MAX_ITERATIONS) & (search.damping < WORST_DAMPING)


def _is_suspect(search: _Search) -> Any:
    """True where the search would end and no factor of the undamped Hessian says that it is a minimum."""
    return (search.decrement <= DECREMENT) & jax_module().numpy.isneginf(search.curvature)


def _judged(search: _Search, expansion: Expansion) -> _Search:
    """The trial taken if it goes down enough; else the damping grows."""
    jnp = jax_module().numpy
    value = expansion.value
    rounding = ROUNDING * jnp.maximum(jnp.abs(search.value), 1.0)
    goes_down = value <= search.value - SUFFICIENT_DECREASE * search.promised
    is_good = jnp.isfinite(value) & (
        goes_down | (value <= search.value + rounding) & (search.promised < SMALL_DECREASE)
    )
    point, value, gradient, hessian, convex = (
        jnp.where(is_good, new, old) for new, old in zip((search.trial, *expansion), search[:5], strict=True)
    )
    is_eased = jnp.isfinite(search.value) & (
        search.damping > LEAST_DAMPING
    )  # a search that begins anew has none
    eased = jnp.where(is_eased, 0.1 * search.damping, 0.0)
    damping = jnp.where(is_good, eased, jnp.maximum(10.0 * search.damping, FIRST_DAMPING))
    return search._replace(
        point=point,
        value=value,
        gradient=gradient,
        hessian=hessian,
        convex=convex,
        damping=damping,
        iterations=search.iterations + 1,
    )


def scaled_hessian(hessian: Any, held: Any) -> tuple[Any, Any]:
    """The free Hessian scaled to a unit diagonal, with unit rows where held; and the scale."""
    jnp = jax_module().numpy
    diagonal = jnp.where(held, 1.0, jnp.abs(jnp.diagonal(hessian)))
    scale = 1.0 / jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1.0))
    scaled = hessian * scale[:, None] * scale[None, :]
    return jnp.where(held[:, None] | held[None, :], jnp.eye(len(held)), scaled), scale


def _newton_trial(search: _Search, lower: Any, upper: Any, free: Any) -> _Search:
    """The damped Newton step, projected onto the box; none, and more damping, where no matrix is definite."""
    jax = jax_module()
    jnp = jax.numpy
    held = is_held(search.point, search.gradient, lower, upper, free)
    gradient = jnp.where(held, 0.0, search.gradient)
    (hessian, scale), (convex, other_scale) = (
        scaled_hessian(matrix, held) for matrix in (search.hessian, search.convex)
    )
    damped = search.damping * jnp.eye(len(held))
    found, is_newton = definite_solution(
        hessian + damped, gradient * scale, convex + damped, gradient * other_scale
    )
    step = -jnp.where(is_newton, scale, other_scale) * found.solution
    decrement = found.length
    # Without a finite value there is no slope to follow either.
    is_definite = jnp.isfinite(decrement) & jnp.isfinite(search.value)
    trial = jnp.where(
        held, search.point, jnp.clip(search.point + jnp.where(is_definite, step, 0.0), lower, upper)
    )
    # Without a step the trial is the point itself, which promises the impossible and so raises the damping.
    promised = jnp.where(is_definite, -(gradient * (trial - search.point)).sum(), jnp.inf)
    return search._replace(
        trial=trial,
        promised=promised,
        decrement=jnp.where(is_definite, decrement, jnp.inf),
        curvature=jnp.where(is_newton & is_definite & (search.damping == 0), found.pivot, -jnp.inf),
    )


def _escape_trial(
    function: Function, data: Any, search: _Search, lower: Any, upper: Any, free: Any
) -> _Search:
    """From a stationary point that is no minimum, the lowest of some points along the negative curvature."""
    jax = jax_module()
    jnp = jax.numpy
    held = is_held(search.point, search.gradient, lower, upper, free)
    scaled, scale = scaled_hessian(search.hessian, held)
    curvature, vector = lowest_eigenpair(scaled, _is_suspect(search))
    direction = jnp.where(held, 0.0, vector * scale)
    reach = 1.0 / jnp.sqrt(jnp.maximum(-curvature, 1e-3))
    points = jnp.clip(search.point + reach * jnp.array(PROBES)[:, None] * direction, lower, upper)
    points = jnp.where(free, points, search.point)
    heights = jax.vmap(lambda point: function(point, data))(points)
    lowest = jnp.nanargmin(jnp.where(jnp.isfinite(heights), heights, jnp.inf))
    is_lower = (curvature < -SADDLE) & (heights[lowest] < search.value)
    return search._replace(
        # That of the trial is next. What a loop changes no compiler moves out of it: this one would decompose in each step.
        hessian=jnp.where(is_lower, jnp.eye(len(held)), search.hessian),
        trial=jnp.where(is_lower, points[lowest], search.trial),
        promised=jnp.where(is_lower, 0.0, search.promised),
        damping=jnp.where(is_lower, 0.0, search.damping),
        decrement=jnp.where(is_lower, jnp.inf, search.decrement),
        curvature=curvature,
        # A saddle with no way down to be found is reported as what it is.
        escapes=jnp.where(
            curvature < -SADDLE, jnp.where(is_lower, search.escapes + 1, MAX_ESCAPES + 1), search.escapes
        ),
    )


def _solved(hessian: Any, held: Any, right: Any) -> Any:
    """H_FF^-1 of a vector, zero where held; linear in the vector, and differentiable."""
    jnp = jax_module().numpy
    scaled, scale = scaled_hessian(hessian, held)
    return scale * symmetric_solution(scaled + RIDGE * jnp.eye(len(held)), scale * right)
