"""Upper limits: the value of the parameter of interest at which CLs falls to 5 %, observed and expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.errors import NumericalError, UsageError
from assay.hep.asymptotic import Anchors, Statistic, anchored_p_values, check_interest, limit_anchors
from assay.hep.model import Data, Model, check_data
from assay.hep.parameters import parameter_names
from assay.hep.status import impossible_bin
from assay.numerics.compile import jax_module
from assay.numerics.implicit_root import Root, implicit_root
from assay.numerics.packing import PackedFunction

__all__ = [
    "UpperLimits",
    "asymptotic_limit",
    "check_limit",
    "plain_limits",
    "six_limits",
    "upper_limits",
]

jax = jax_module()
jnp = jax.numpy

Array = np.ndarray

OBSERVED = -1
BANDS = 5
LIMIT_STATISTICS = ("q_tilde", "q")


@final
@dataclass(frozen=True)
class UpperLimits:
    """Limits on the parameter of interest.

    Arguments:
        observed: from the data.
        expected: (5,), without a signal, at -2, -1, 0, 1, 2 standard deviations.
        level: the CLs at which a value is excluded, 0.05 for limits at 95 %.
        evaluations: (6,), hypothesis tests that each took.
    """

    observed: float
    expected: Array
    level: float
    evaluations: Array


def _excess(value: Any, given: Any) -> Any:
    """log CLs - log level at a value of the parameter of interest; `band` -1 is the observed one."""
    model, data, level, band, anchors, statistic = given
    _, log_cls, log_expected = anchored_p_values(model, data, value, anchors, statistic)
    return jnp.where(band < 0, log_cls, log_expected[jnp.maximum(band, 0)]) - jnp.log(level)


_roots = {
    statistic: implicit_root(lambda value, given, statistic=statistic: _excess(value, (*given, statistic)))
    for statistic in LIMIT_STATISTICS
}


def asymptotic_limit(
    model: Model, data: Data, *, band: Any = OBSERVED, level: Any = 0.05, statistic: Statistic = "q_tilde"
) -> Root:
    """One limit as a function of JAX, with exact derivatives in the model's leaves and the data.

    Arguments:
        band: -1 for the observed limit, 0 to 4 for the expected ones from -2 to 2 standard deviations.
        level: of CLs.

    Returns: `point` the limit; `found` False where there is none.
    """
    anchors = limit_anchors(model, data, statistic)
    return _anchored_limit(model, data, band, level, anchors, statistic)


def _anchored_limit(
    model: Model, data: Data, band: Any, level: Any, anchors: Anchors, statistic: Statistic
) -> Root:
    # CLs is 1 where the parameter of interest is 0; a limit may lie beyond the parameter's bounds.
    above = -jnp.log(jnp.asarray(level, float))
    return _roots[statistic]((model, data, level, band, anchors), 0.0, above, 1.0)


def six_limits(model: Model, data: Data | None, level: Any, statistic: Statistic) -> Root:
    """The observed and the five expected limits as a function of JAX."""
    used = model.observed_data() if data is None else data
    anchors = limit_anchors(model, used, statistic)
    bands = jnp.arange(OBSERVED, BANDS)
    return jax.vmap(lambda band: _anchored_limit(model, used, band, level, anchors, statistic))(bands)


_program = PackedFunction(six_limits, static=(3,))


def upper_limits(
    model: Model, *, data: Data | None = None, level: float = 0.05, statistic: Statistic = "q_tilde"
) -> UpperLimits:
    """The observed and the five expected upper limits.

    Arguments:
        model: from `build_model`.
        data: other data than the observed ones.
        level: the CLs at which a value is excluded, between 0 and 1.
        statistic: "q_tilde" or "q".

    Raises:
        UsageError: for another statistic, a level outside (0, 1), or a parameter of interest that is fixed.
        NumericalError: when CLs never falls to the level: nothing bounds the parameter of interest.

    Example:
        >>> from assay.hep.build import build_model
        >>> from assay.hep.simple import uncorrelated_background
        >>> model = build_model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [51.0, 48.0]))
        >>> limits = upper_limits(model)
        >>> round(limits.observed, 6), round(float(limits.expected[2]), 6)
        (1.011572, 1.062355)
    """
    check_limit(statistic, level)
    check_interest(model, statistic)
    check_data(model, data)
    return plain_limits(model, _program(model.unnamed(), data, float(level), statistic), level)


def check_limit(statistic: str, level: float) -> None:
    """Refuse another statistic than those of limits, or a level outside (0, 1)."""
    if statistic not in LIMIT_STATISTICS:
        raise UsageError(
            f"the test statistic of a limit must be one of {', '.join(LIMIT_STATISTICS)}, got {statistic!r}"
        )
    if not 0 < level < 1:
        raise UsageError(f"the level of a limit must lie between 0 and 1, got {level}")


def plain_limits(model: Model, roots: Root, level: float) -> UpperLimits:
    """What a program found, for people.

    Raises:
        NumericalError: when one of the limits was not found.
    """
    found = Root(*(np.asarray(part) for part in roots))
    if not found.found.all():
        name = parameter_names(model.layout.sets)[model.layout.interest]
        missing = int(np.argmin(found.found))
        which = "observed" if missing == 0 else f"expected ({missing - 3:+d} sigma)".replace("+0", "0")
        without = model.layout.start.copy()
        without[model.layout.interest] = 0.0
        raise NumericalError(
            f"the {which} limit on {name!r} was not found: "
            + (
                impossible_bin(model, without)
                or f"CLs did not fall to {level} within {int(found.evaluations.max())} tests; "
                f"check that the signal's yields are positive where the data can exclude it"
            )
        )
    return UpperLimits(float(found.point[0]), found.point[1:], float(level), found.evaluations)
