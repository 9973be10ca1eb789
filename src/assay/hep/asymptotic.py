"""Test statistics and their asymptotic p-values, as functions of JAX with exact derivatives.

    q_mu  = 2 (nll(mu, theta^^) - nll(mu^, theta^)),  0 if mu^ > mu;   q~_mu the same with mu^ >= 0
    q_0   = 2 (nll(0, theta^^) - nll(mu^, theta^)),   0 if mu^ < 0
    CLs   = p_mu / (1 - p_b),   p_mu = Phi(-(t + sqrt q_A)),   1 - p_b = Phi(-t)
    t     = sqrt q - sqrt q_A,  and (q - q_A)/(2 sqrt q_A) for q~ where q > q_A

with q_A on the Asimov data of the fit to the observed data at mu' = 0 (at 1 for q_0). That data's own best fit is
known, so that four fits answer all; they run in one loop, so that a fit is compiled once.

Source: G. Cowan, K. Cranmer, E. Gross, O. Vitells, Eur. Phys. J. C 71, 1554 (2011), equations 14, 16, 62 and section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any, Literal, NamedTuple

from assay.errors import UsageError
from assay.hep.likelihood import discrepancy, maximum_likelihood
from assay.hep.model import Data, Model
from assay.hep.parameters import parameter_names
from assay.numerics.compile import jax_module
from assay.numerics.implicit_minimum import Minimum

__all__ = [
    "STATISTICS",
    "Anchors",
    "Statistic",
    "Tested",
    "anchored_p_values",
    "asymptotic_test",
    "check_interest",
    "limit_anchors",
    "lower_bounds",
    "one_sided",
    "p_values",
]

jax = jax_module()
jnp = jax.numpy

Statistic = Literal["q_tilde", "q", "q0", "t_tilde", "t"]
STATISTICS = ("q_tilde", "q", "q0", "t_tilde", "t")
NO_TAIL = 1e3  # standard deviations
BANDS = (2.0, 1.0, 0.0, -1.0, -2.0)  # the t of -2, -1, 0, 1, 2 standard deviations of the expected CLs


class Tested(NamedTuple):
    """A hypothesis test.

    Arguments:
        statistic: the value of the test statistic.
        statistic_asimov: that of the Asimov data.
        log_p: the logarithm of the p-value of the hypothesis that is tested (CLs+b, or p0).
        log_cls: the logarithm of CLs; of p0 for q0.
        log_expected: (5,), the same, expected at -2, -1, 0, 1, 2 standard deviations.
        best: the best fit of the parameter of interest.
        points: (4, parameters): free, at the tested value, at the Asimov value, of the Asimov data at the tested value.
        values: (4,), how far log L lies there below that of the saturated model.
        decrements, curvatures: (4,), the state in which each fit ended.
        iterations: (4,).
    """

    statistic: Any
    statistic_asimov: Any
    log_p: Any
    log_cls: Any
    log_expected: Any
    best: Any
    points: Any
    values: Any
    decrements: Any
    curvatures: Any
    iterations: Any


def asymptotic_test(model: Model, data: Data, value: Any = 1.0, statistic: Statistic = "q_tilde") -> Tested:
    """Test one value of the parameter of interest.

    Arguments:
        model: its leaves may be traced.
        data: what was observed, or Asimov data.
        value: the tested value; for "q0" it is 0 whatever is given.
        statistic: "q_tilde" (limits, signal not negative), "q" (limits; give the parameter of interest a negative lower
            bound), "q0" (discovery), "t_tilde" or "t" (two sides, likewise).

    Raises:
        UsageError: for an unknown statistic.

    Example:
        >>> from assay.hep.build import build_model
        >>> from assay.hep.simple import uncorrelated_background
        >>> from assay.numerics.compile import float64
        >>> model = build_model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [51.0, 48.0]))
        >>> with float64():
        ...     tested = asymptotic_test(model, model.observed_data())
        >>> round(float(jnp.exp(tested.log_cls)), 7)
        0.0525155
    """
    if statistic not in STATISTICS:
        raise UsageError(f"the test statistic must be one of {', '.join(STATISTICS)}, got {statistic!r}")
    tested = jnp.zeros(()) if statistic == "q0" else jnp.asarray(value)
    asimov_value = 1.0 if statistic == "q0" else 0.0
    fits = _four_fits(model, data, tested, asimov_value, lower_bounds(model, statistic))
    best = fits.point[0, model.layout.interest]
    asimov = model.expected_data(fits.point[2])
    squares = _squares(
        fits.value[:3], fits.value[3] - discrepancy(fits.point[2], (model, asimov)),
        best, tested, asimov_value, statistic,
    )  # fmt: skip
    return Tested(
        *squares,
        *p_values(*squares, statistic),
        best,
        fits.point,
        fits.value,
        fits.decrement,
        fits.curvature,
        fits.iterations,
    )


class Anchors(NamedTuple):
    """What tests of all values of the parameter of interest share: the free fit and the Asimov data.

    Arguments:
        best: the best fit of the parameter of interest.
        point: (parameters,), the fit at the value of the Asimov data.
        values: (2,), how far log L lies, free and there, below that of the saturated model.
        asimov: the Asimov data.
        asimov_value: the same distance of their own fit, which is at `point`.
    """

    best: Any
    point: Any
    values: Any
    asimov: Data
    asimov_value: Any


def limit_anchors(model: Model, data: Data, statistic: Statistic = "q_tilde") -> Anchors:
    """The fits that do not depend on the tested value, for "q_tilde" and "q"."""
    place = model.layout.interest
    # No bound above: a best fit above any tested value counts as no evidence against it, wherever it lies.
    upper = jnp.asarray(model.layout.upper).at[place].set(jnp.inf)
    bounds = lower_bounds(model, statistic), upper

    def fitted(previous: Any, job: Any) -> tuple[Any, Minimum]:
        found = _fit_from(model, data, previous, job, 0.0, bounds)
        return found.point, found

    _, fits = jax.lax.scan(fitted, jnp.asarray(model.layout.start), jnp.array([False, True]))
    asimov = model.expected_data(fits.point[1])
    own = discrepancy(fits.point[1], (model, asimov))
    return Anchors(fits.point[0, place], fits.point[1], fits.value, asimov, own)


def anchored_p_values(
    model: Model, data: Data, value: Any, anchors: Anchors, statistic: Statistic = "q_tilde"
) -> tuple[Any, Any, Any]:
    """Logarithms of p, of CLs and of its expected bands at a value, from two fits that begin at the anchors."""
    layout = model.layout
    upper = jnp.asarray(layout.upper).at[layout.interest].max(value)
    bounds = lower_bounds(model, statistic), upper

    def fitted(is_asimov: Any) -> Minimum:
        used = jax.tree_util.tree_map(lambda new, old: jnp.where(is_asimov, new, old), anchors.asimov, data)
        return _fit_from(model, used, anchors.point, True, value, bounds)

    fits = jax.lax.map(fitted, jnp.array([False, True]))
    values = jnp.stack([anchors.values[0], fits.value[0], anchors.values[1]])
    squares = _squares(values, fits.value[1] - anchors.asimov_value, anchors.best, value, 0.0, statistic)
    return p_values(*squares, statistic)


def _squares(
    values: Any, asimov_rise: Any, best: Any, tested: Any, asimov_value: float, statistic: str
) -> tuple[Any, Any]:
    """The statistic of the data and of the Asimov data.

    Arguments:
        values: (3,), the distance from the saturated likelihood: free, at the tested value, at the Asimov value.
        asimov_rise: of the Asimov data, how far their fit at the tested value lies above their own.
    """
    # The free fit cannot lie above a fit that holds something; where it does, it stands in another valley.
    lowest = jnp.minimum(values[0], jnp.minimum(values[1], values[2]))
    return (
        one_sided(2 * (values[1] - lowest), best, tested, statistic),
        one_sided(2 * asimov_rise, jnp.asarray(asimov_value), tested, statistic),
    )


def _root(square: Any) -> Any:
    """The root of a number that is not negative; at zero it and its derivative are zero."""
    is_zero = square <= 0  # not the contrary of > 0: what is not a number stays so
    return jnp.where(is_zero, 0.0, jnp.sqrt(jnp.where(is_zero, 1.0, square)))


def lower_bounds(model: Model, statistic: str) -> Any:
    """The lower bounds of the fits: q~, t~ and q0 know no negative signal, whatever the model allows."""
    layout = model.layout
    lower = layout.lower.copy()
    if statistic in ("q_tilde", "t_tilde", "q0"):
        lower[layout.interest] = max(lower[layout.interest], 0.0)
    return lower


def check_interest(model: Model, statistic: str, values: Sequence[float] = ()) -> None:
    """Refuse a parameter of interest that is fixed, or values of it that are not finite or below the bounds of the fits.

    Raises:
        UsageError: naming the parameter.
    """
    layout = model.layout
    lowest = lower_bounds(model, statistic)[layout.interest]
    is_fixed = layout.fixed[layout.interest]
    if not is_fixed and all(isfinite(value) and value >= lowest for value in values):
        return
    name = parameter_names(layout.sets)[layout.interest]
    if is_fixed:
        raise UsageError(
            f"the parameter of interest must be free, but the measurement fixes {name!r}; free it, or name another one"
        )
    for value in values:
        if not isfinite(value):
            raise UsageError(f"the tested value of {name!r} must be finite, got {value}")
        if value < lowest:
            raise UsageError(
                f"the tested value of {name!r} must not lie below its lower bound, {lowest:g} with {statistic}, got {value:g}"
            )


def _four_fits(model: Model, data: Data, tested: Any, asimov_value: float, lower: Any) -> Minimum:
    layout = model.layout
    holds = jnp.array([False, True, True, True])
    held = jnp.stack([jnp.zeros(()), tested, jnp.asarray(asimov_value), tested])
    # A tested value beyond the bounds is one to extrapolate to, as a limit may lie there.
    bounds = lower, jnp.asarray(layout.upper).at[layout.interest].max(tested)
    uses_asimov = jnp.array([False, False, False, True])

    def fitted(previous: Any, job: tuple[Any, Any, Any]) -> tuple[Any, Minimum]:
        is_held, value, is_asimov = job
        asimov = model.expected_data(previous)
        used = jax.tree_util.tree_map(lambda new, old: jnp.where(is_asimov, new, old), asimov, data)
        found = _fit_from(model, used, previous, is_held, value, bounds)
        return found.point, found

    return jax.lax.scan(fitted, jnp.asarray(layout.start), (holds, held, uses_asimov))[1]


def _fit_from(
    model: Model, data: Data, previous: Any, is_held: Any, value: Any, bounds: tuple[Any, Any]
) -> Minimum:
    """A fit that begins where another one ended, with the parameter of interest free or held at a value."""
    layout, place = model.layout, model.layout.interest
    start = previous.at[place].set(jnp.where(is_held, value, previous[place]))
    is_free = jnp.asarray(~layout.fixed)
    free = is_free.at[place].set(is_free[place] & ~jnp.asarray(is_held))
    return maximum_likelihood(model, data, start=start, free=free, lower=bounds[0], upper=bounds[1])


def one_sided(square: Any, best: Any, tested: Any, statistic: str) -> Any:
    """The statistic of a likelihood ratio: not negative, and zero on the side that does not count as evidence."""
    square = jnp.maximum(square, 0.0)
    if statistic == "q0":
        return jnp.where(best > 0, square, 0.0)
    if statistic in ("q", "q_tilde"):
        return jnp.where(best > tested, 0.0, square)
    return square


def p_values(square: Any, square_asimov: Any, statistic: str) -> tuple[Any, Any, Any]:
    """Logarithms of p, of CLs and of its expected bands."""
    log_ndtr = jax.scipy.special.log_ndtr
    root, root_asimov = _root(square), _root(square_asimov)
    bands = jnp.array(BANDS)
    if statistic == "q0":
        return log_ndtr(-root), log_ndtr(-root), log_ndtr(-(root_asimov + bands))
    if statistic in ("t", "t_tilde"):
        return _two_sided(square, square_asimov, root, root_asimov, statistic)
    distance = root - root_asimov
    if statistic == "q_tilde":
        beyond = (square - square_asimov) / (2 * jnp.where(root_asimov > 0, root_asimov, 1.0))
        distance = jnp.where(root <= root_asimov, distance, beyond)
    log_p = log_ndtr(-(distance + root_asimov))
    log_expected = log_ndtr(-(bands + root_asimov)) - log_ndtr(-bands)
    return log_p, log_p - log_ndtr(-distance), log_expected


def _two_sided(
    square: Any, square_asimov: Any, root: Any, root_asimov: Any, statistic: str
) -> tuple[Any, Any, Any]:
    """The same of t and t~ (equations 34 to 44): there is no CLs, so that p stands in its place.

    Of t~ the far tail ends at the bound: where the tested value is the bound itself there is none.
    """
    bands = jnp.array(BANDS)
    steps = root_asimov + bands

    def far(value: Any) -> Any:
        some = root_asimov > 0
        return jnp.where(some, (value + square_asimov) / (2 * jnp.where(some, root_asimov, 1.0)), NO_TAIL)

    def log_p(near: Any, far: Any) -> Any:
        return jnp.log(jax.scipy.special.ndtr(-near) + jax.scipy.special.ndtr(-far))

    if statistic == "t":
        found = log_p(root, root)
        return found, found, log_p(jnp.abs(steps), jnp.abs(steps))
    found = log_p(root, jnp.where(square <= square_asimov, root, far(square)))
    # A best fit below the bound (bands above zero) has t~ = q_A + 2 bands sqrt q_A, whose far tail begins at `steps`.
    below = _root(square_asimov + 2 * bands * root_asimov)
    inside = jnp.abs(steps)
    near = jnp.where(bands > 0, below, inside)
    tail = jnp.where(steps**2 <= square_asimov, inside, far(steps**2))
    return found, found, log_p(near, jnp.where(bands > 0, steps, tail))
