"""The worst deviation of each kind from the reference numbers of `tests/oracles/hep.json`."""

from __future__ import annotations

import argparse
import logging
from typing import Any

import numpy as np
from tests.hep.references import NUMBERS, SMALL, model

from assay.hep.asymptotic import Statistic
from assay.hep.build import build_model
from assay.hep.fit import fit
from assay.hep.hypothesis import hypothesis_test
from assay.hep.limits import upper_limits
from assay.hep.simple import correlated_background
from assay.numerics.compile import float64
from benchmarks.reporting import markdown_table, write_report

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)

GOALS = {
    "log-density, relative": 1e-12,
    "expected yields, relative": 1e-12,
    "auxiliary data, relative": 1e-12,
    "2 NLL above the best fit of the reference": 1e-9,
    "CLs observed": 5e-8,
    "CLs expected": 5e-8,
    "p0": 5e-8,
    "limits, relative": 1e-6,
    "CLs of variations to the same side": 1e-6,
}


class Worst:
    """The worst deviation of each kind, and of which model."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[float, str]] = {}

    def note(self, kind: str, found: Any, wanted: Any, where: str, *, above: bool = False) -> None:
        """Compare; kinds that end in "relative" by the size of what is wanted; `above` counts only what lies higher."""
        gap = np.asarray(found, dtype=float) - np.asarray(wanted, dtype=float)
        gap = gap / np.abs(wanted) if kind.endswith("relative") else gap
        size = float(gap.max() if above else np.abs(gap).max())
        if size >= self.found.get(kind, (-np.inf, ""))[0]:
            self.found[kind] = (size, where)


def deviations() -> dict[str, tuple[float, str]]:
    """The worst of each kind, and of which model."""
    worst = Worst()
    for name in SMALL:
        compare_likelihood(worst, name)
        compare_inference(worst, name)
    name = "big_10bins_5samples_20np"
    tested, wanted = hypothesis_test(model(name), 1.0), NUMBERS[name]["jax_scipy_tol1e-12"]
    worst.note("CLs observed", tested.cls, wanted["CLs"], name)
    worst.note("CLs expected", tested.expected, wanted["CLs_exp"], name)
    for key, number in NUMBERS["same_side_histosys_s=[5,11]_b=[50,50]"]["CLs"].items():
        up, down = (float(part) for part in key.split(","))
        workspace = correlated_background(
            [5.0, 11.0], [50.0, 50.0], [50 + up, 50 - up], [50 + down, 50 - down], [50.0, 50.0]
        )
        worst.note(
            "CLs of variations to the same side", hypothesis_test(build_model(workspace)).cls, number, key
        )
    return worst.found


def compare_likelihood(worst: Worst, name: str) -> None:
    given, numbers = model(name), NUMBERS[name]
    with float64():
        data = given.observed_data()
        # Some auxiliary data are zero.
        worst.note(
            "auxiliary data, relative", 1 + np.asarray(data.auxiliary), 1 + np.array(numbers["auxdata"]), name
        )
        for point in numbers["points"]:
            parameters = np.array(point["pars"])
            worst.note("log-density, relative", given.log_density(parameters, data), point["logpdf"], name)
            worst.note(
                "expected yields, relative", given.expected_main(parameters), point["expected_actual"], name
            )


def compare_inference(worst: Worst, name: str) -> None:
    given, numbers = model(name), NUMBERS[name]
    fits: dict[str, dict[str, float]] = {
        "mle_twice_nll": {},
        "fixed_mu1_twice_nll": {"mu": 1.0},
        "fixed_mu0_twice_nll": {"mu": 0.0},
    }
    for key, held in fits.items():
        best = min(numbers[optimiser][key] for optimiser in ("scipy", "minuit"))
        found = fit(given, held=held).twice_nll
        worst.note("2 NLL above the best fit of the reference", found, best, name, above=True)
    wanted = numbers["minuit"]
    statistics: dict[Statistic, str] = {"q_tilde": "qtilde", "q": "q"}
    for statistic, key in statistics.items():
        tested = hypothesis_test(given, 1.0, statistic=statistic)
        worst.note("CLs observed", tested.cls, wanted[key]["CLs_obs"], f"{name}, {statistic}")
        worst.note("CLs expected", tested.expected, wanted[key]["CLs_exp"], f"{name}, {statistic}")
    worst.note("p0", hypothesis_test(given, statistic="q0").p, wanted["q0"]["p0_obs"], name)
    limits, number = upper_limits(given), wanted["ul95"]
    worst.note("limits, relative", [limits.observed, *limits.expected], [number["obs"], *number["exp"]], name)


def main(options: argparse.Namespace) -> None:
    found = deviations()
    rows = [
        [
            kind,
            f"{found[kind][0]:.1e}",
            f"{goal:.0e}",
            found[kind][1],
            "yes" if found[kind][0] <= goal else "NO",
        ]
        for kind, goal in GOALS.items()
    ]
    table = markdown_table(["kind", "worst", "goal", "where", "met"], rows)
    LOGGER.info("\n%s", table)
    results = {kind: {"worst": size, "where": where} for kind, (size, where) in found.items()}
    write_report(
        options.output / "hep_reference",
        "Deviations from the reference of high-energy physics",
        table,
        results,
    )
