"""The reference optimum of the coating: 5000 local searches on the true function, frozen in `reference.json`.

Run from the root of the repository: `python -m examples.film.reference`. Each search is SciPy's L-BFGS-B with analytic
gradients from a scrambled Sobol' point, on an independent vectorised code; the best is then evaluated with `tmm`.
"""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import numpy as np
from examples.film.film import evaluate
from scipy.optimize import minimize
from scipy.stats import qmc
from tests.oracles.transfer_matrix import mean_reflectance_gradient

SEARCHES = 5000
SEED = 20260102
BOUNDS_nm = (5.0, 200.0)


def searches() -> tuple[np.ndarray, np.ndarray]:
    """Where each search ends and the value there: (searches, 4) and (searches,)."""
    sobol = qmc.Sobol(4, rng=np.random.default_rng(SEED)).random_base2(13)[:SEARCHES]
    starts = qmc.scale(sobol, [BOUNDS_nm[0]] * 4, [BOUNDS_nm[1]] * 4)
    ends, values = np.empty_like(starts), np.empty(SEARCHES)
    for place, start in enumerate(starts):
        result = minimize(
            mean_reflectance_gradient,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[BOUNDS_nm] * 4,
            options={"ftol": 1e-15, "gtol": 1e-11, "maxiter": 500},
        )
        ends[place], values[place] = result.x, result.fun
    return ends, values


def main() -> None:
    ends, values = searches()
    best = ends[np.argmin(values)]
    minima: list[tuple[float, np.ndarray]] = []
    for place in np.argsort(values):
        if all(np.max(np.abs(ends[place] - point)) > 0.1 for _, point in minima):
            minima.append((float(values[place]), ends[place]))
    reference = {
        "script": "python -m examples.film.reference",
        "searches": SEARCHES,
        "seed": SEED,
        "bounds_nm": BOUNDS_nm,
        "minimum": evaluate(*best),
        "thicknesses_nm": [round(float(value), 6) for value in best],
        "share_of_searches_that_reach_it": round(float(np.mean(values < values.min() + 1e-9)), 4),
        "lowest_local_minima": [
            {"value": value, "thicknesses_nm": [round(float(entry), 3) for entry in point]}
            for value, point in minima[:6]
        ],
        "versions": {package: metadata.version(package) for package in ("numpy", "scipy", "tmm")},
    }
    path = Path(__file__).with_name("reference.json")
    path.write_text(json.dumps(reference, indent=1) + "\n")


if __name__ == "__main__":
    main()
