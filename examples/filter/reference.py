"""The best filter of many local searches on the true function, frozen in `reference.json`.

Run from the root of the repository: `python -m examples.filter.reference`. Each search is SciPy's SLSQP with exact
derivatives from a random point.
"""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import numpy as np
from examples.filter.filter import DOMAINS, LEAST_PASSED, bands, transmittance
from scipy.optimize import OptimizeResult, minimize

SEARCHES, SEED = 300, 0
LOWER, UPPER = np.array(list(DOMAINS.values())).T
WIDTH = UPPER - LOWER


def means(unit: np.ndarray) -> tuple[tuple[float, float], tuple[np.ndarray, np.ndarray]]:
    """Both means, and their derivatives by unit coordinates."""
    values, derivatives = transmittance(LOWER + WIDTH * unit)
    passed, stopped = bands(values)
    by_passed, by_stopped = bands(derivatives)
    return (float(passed), float(stopped)), (WIDTH * by_passed, WIDTH * by_stopped)


def search(start: np.ndarray) -> OptimizeResult:
    # The logarithm, so that the tolerance counts relative changes.
    return minimize(
        lambda unit: np.log(means(unit)[0][1]),
        start,
        jac=lambda unit: means(unit)[1][1] / means(unit)[0][1],
        method="SLSQP",
        bounds=[(0.0, 1.0)] * len(DOMAINS),
        constraints=[
            {
                "type": "ineq",
                "fun": lambda unit: means(unit)[0][0] - LEAST_PASSED,
                "jac": lambda unit: means(unit)[1][0],
            }
        ],
        options={"maxiter": 300, "ftol": 1e-9},
    )


def main() -> None:
    starts = np.random.default_rng(SEED).random((SEARCHES, len(DOMAINS)))
    found = [search(start) for start in starts]
    allowed = [one for one in found if means(one.x)[0][0] >= LEAST_PASSED - 1e-6]
    best = min(allowed, key=lambda one: one.fun)
    near = sum(bool(one.fun < best.fun + np.log(1.01)) for one in allowed)
    (passed, stopped), _ = means(best.x)
    reference = {
        "script": "python -m examples.filter.reference",
        "searches": SEARCHES,
        "ended_within_a_hundredth": near,
        "thicknesses_nm": dict(zip(DOMAINS, (LOWER + WIDTH * best.x).round(3).tolist(), strict=True)),
        "passed": round(passed, 6),
        "stopped": round(stopped, 8),
        "versions": {package: metadata.version(package) for package in ("numpy", "scipy")},
    }
    Path(__file__).with_name("reference.json").write_text(json.dumps(reference, indent=1) + "\n")


if __name__ == "__main__":
    main()
