"""Hypothesis tests for people: compiled once for each layout, checked, and given back as plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.hep.asymptotic import STATISTICS, Statistic, Tested, asymptotic_test, check_interest
from assay.hep.model import Data, Model, check_data
from assay.hep.status import fit_status
from assay.numerics.compile import jax_module
from assay.numerics.packing import PackedFunction

__all__ = ["HypothesisTest", "check_test", "hypothesis_scan", "hypothesis_test", "plain_tests"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class HypothesisTest:
    """What a test of one value of the parameter of interest found.

    Arguments:
        value: the tested value.
        statistic: the name of the test statistic.
        observed: its value.
        asimov: its value on the Asimov data.
        p: the p-value of the tested hypothesis (CLs+b, or p0).
        cls: CLs; for "q0" and the two-sided statistics the p-value.
        expected: (5,), the same, expected at -2, -1, 0, 1, 2 standard deviations.
        best: the best fit of the parameter of interest.
        parameters: (4, parameters): the fits free, at the tested value, at the Asimov value, and of the Asimov data.
        discrepancies: (4,), how far log L of these fits lies below that of the saturated model.
        status: "" where every fit ended at a minimum, else a sentence.
    """

    value: float
    statistic: str
    observed: float
    asimov: float
    p: float
    cls: float
    expected: Array
    best: float
    parameters: Array
    discrepancies: Array
    status: str


def _one(model: Model, data: Data | None, value: Any, statistic: Statistic) -> Tested:
    return asymptotic_test(model, model.observed_data() if data is None else data, value, statistic)


def _many(model: Model, data: Data | None, values: Any, statistic: Statistic) -> Tested:
    return jax_module().vmap(lambda value: _one(model, data, value, statistic))(values)


_one_program = PackedFunction(_one, static=(3,))
_many_program = PackedFunction(_many, static=(3,))


def hypothesis_test(
    model: Model, value: float = 1.0, *, data: Data | None = None, statistic: Statistic = "q_tilde"
) -> HypothesisTest:
    """Test a value of the parameter of interest, asymptotically.

    Arguments:
        model: from `build_model`.
        value: of the parameter of interest; ignored by "q0", which tests 0.
        data: other data than the observed ones.
        statistic: "q_tilde" (the usual one for limits), "q", "q0" (discovery), "t_tilde" or "t".

    Raises:
        UsageError: for an unknown statistic, a value that is not finite or below its bound, or a parameter of interest
            that is fixed; for data that no experiment gives.

    Example:
        >>> from assay.hep.build import build_model
        >>> from assay.hep.simple import uncorrelated_background
        >>> model = build_model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [51.0, 48.0]))
        >>> tested = hypothesis_test(model, 1.0)
        >>> round(tested.cls, 7), tested.expected.round(6).tolist()
        (0.0525155, [0.002606, 0.013821, 0.064455, 0.235261, 0.573042])
    """
    check_test(model, statistic, [value])
    check_data(model, data)
    return plain_tests(
        [model], _one_program(model.unnamed(), data, float(value), statistic), [value], statistic
    )[0]


def hypothesis_scan(
    model: Model, values: Sequence[float], *, data: Data | None = None, statistic: Statistic = "q_tilde"
) -> list[HypothesisTest]:
    """Test many values at once, in one mapped program; arguments as for `hypothesis_test`."""
    check_test(model, statistic, values)
    check_data(model, data)
    tested = _many_program(model.unnamed(), data, np.array(values, dtype=float), statistic)
    return plain_tests([model] * len(values), tested, values, statistic)


def check_test(model: Model, statistic: str, values: Sequence[float]) -> None:
    """Refuse an unknown statistic, or what `check_interest` refuses."""
    if statistic not in STATISTICS:
        raise UsageError(f"the test statistic must be one of {', '.join(STATISTICS)}, got {statistic!r}")
    check_interest(model, statistic, [] if statistic == "q0" else values)


def plain_tests(
    models: Sequence[Model], tested: Tested, values: Sequence[float], statistic: Statistic
) -> list[HypothesisTest]:
    """What a program found, for people: a test for each model and value, in rows; one may come without its leading axis."""
    parts = Tested(*(np.asarray(part) for part in tested))
    if parts.statistic.ndim == 0:
        parts = Tested(*(part[None] for part in parts))
    p, cls, expected = np.exp(parts.log_p), np.exp(parts.log_cls), np.exp(parts.log_expected)
    return [
        HypothesisTest(
            0.0 if statistic == "q0" else float(value),
            statistic,
            float(parts.statistic[row]),
            float(parts.statistic_asimov[row]),
            float(p[row]),
            float(cls[row]),
            expected[row],
            float(parts.best[row]),
            parts.points[row],
            parts.values[row],
            fit_status(model, parts.points[row], parts.decrements[row], parts.curvatures[row]),
        )
        for row, (model, value) in enumerate(zip(models, values, strict=True))
    ]
