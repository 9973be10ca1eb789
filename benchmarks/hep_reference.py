"""The worst deviation of each kind from the reference numbers of `tests/oracles/hep.json`."""

from __future__ import annotations

import argparse
import logging
from typing import Any

import numpy as np

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


def deviations() -> dict[str, tuple[float, str]]:
    """The worst of each kind, and of which model."""
    from tests.hep.references import NUMBERS, SMALL, model

    from assay.hep.asymptotic import Statistic
    from assay.hep.build import build_model
    from assay.hep.fit import fit
    from assay.hep.hypothesis import hypothesis_test
    from assay.hep.limits import upper_limits
    from assay.hep.simple import correlated_background
    from assay.numerics.compile import float64

    worst: dict[str, tuple[float, str]] = {}

    def note(
        kind: str, found: Any, wanted: Any, where: str, *, relative: bool = False, signed: bool = False
    ) -> None:
        gap = np.asarray(found, dtype=float) - np.asarray(wanted, dtype=float)
        gap = gap / np.abs(wanted) if relative else gap
        size = float(gap.max() if signed else np.abs(gap).max())
        if size >= worst.get(kind, (-np.inf, ""))[0]:
            worst[kind] = (size, where)

    for name in SMALL:
        given, numbers = model(name), NUMBERS[name]
        with float64():
            data = given.observed_data()
            note(
                "auxiliary data, relative",
                1.0 + np.asarray(data.auxiliary),
                1.0 + np.array(numbers["auxdata"]),
                name,
                relative=True,
            )
            for point in numbers["points"]:
                parameters = np.array(point["pars"])
                note(
                    "log-density, relative",
                    given.log_density(parameters, data),
                    point["logpdf"],
                    name,
                    relative=True,
                )
                note(
                    "expected yields, relative",
                    given.expected_main(parameters),
                    point["expected_actual"],
                    name,
                    relative=True,
                )
        for key, held in (
            ("mle_twice_nll", {}),
            ("fixed_mu1_twice_nll", {"mu": 1.0}),
            ("fixed_mu0_twice_nll", {"mu": 0.0}),
        ):
            best = min(numbers[optimiser][key] for optimiser in ("scipy", "minuit"))
            note(
                "2 NLL above the best fit of the reference",
                fit(given, held=held).twice_nll,
                best,
                name,
                signed=True,
            )
        wanted = numbers["minuit"]
        statistics: dict[Statistic, str] = {"q_tilde": "qtilde", "q": "q"}
        for statistic, key in statistics.items():
            tested = hypothesis_test(given, 1.0, statistic=statistic)
            note("CLs observed", tested.cls, wanted[key]["CLs_obs"], f"{name}, {statistic}")
            note("CLs expected", tested.expected, wanted[key]["CLs_exp"], f"{name}, {statistic}")
        note("p0", hypothesis_test(given, statistic="q0").p, wanted["q0"]["p0_obs"], name)
        limits = upper_limits(given)
        note(
            "limits, relative",
            [limits.observed, *limits.expected],
            [wanted["ul95"]["obs"], *wanted["ul95"]["exp"]],
            name,
            relative=True,
        )
    name = "big_10bins_5samples_20np"
    tested, wanted = hypothesis_test(model(name), 1.0), NUMBERS[name]["jax_scipy_tol1e-12"]
    note("CLs observed", tested.cls, wanted["CLs"], name)
    note("CLs expected", tested.expected, wanted["CLs_exp"], name)
    for key, number in NUMBERS["same_side_histosys_s=[5,11]_b=[50,50]"]["CLs"].items():
        up, down = (float(part) for part in key.split(","))
        workspace = correlated_background(
            [5.0, 11.0], [50.0, 50.0], [50 + up, 50 - up], [50 + down, 50 - down], [50.0, 50.0]
        )
        note("CLs of variations to the same side", hypothesis_test(build_model(workspace)).cls, number, key)
    return worst


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
