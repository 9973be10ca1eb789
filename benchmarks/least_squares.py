"""MGH17 by least squares with restarts: the evaluations to within 1 % of the certified minimum.

    python -m benchmarks.least_squares

A start is one seed of the driver `ScipyLeastSquares`: a quasi-random point in the box, then others as fits end. An evaluation gives
the 33 values, and with the analytic Jacobian also their derivatives; else each difference counts as an evaluation.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from examples.mgh17.mgh17 import CERTIFIED_SUM_OF_SQUARES, S, Y, model
from scipy.optimize import least_squares

from assay.drivers.abstract import History, Request
from assay.drivers.scipy_least_squares import ScipyLeastSquares
from assay.records import Measurement, Outcome, Suggestion, Trial
from assay.space.space import Space

BOX = {"b1": (0.0, 10.0), "b2": (0.1, 4.0), "b3": (-4.0, -0.1), "b4": (0.05, 1.0), "b5": (0.05, 1.0)}
SPACE = Space.from_data(
    [{"name": name, "domain": domain} for name, domain in BOX.items()],
    constraints=[{"name": "sum", "expression": "b2 + b3 <= 1"}],
)
GOAL = 1.01 * CERTIFIED_SUM_OF_SQUARES
LIMIT = 5000


def derivatives(values: Mapping[str, float]) -> dict[str, np.ndarray]:
    """The derivative of the 33 values by each parameter."""
    slow, fast = np.exp(-values["b4"] * S), np.exp(-values["b5"] * S)
    return {
        "b1": np.ones(33),
        "b2": slow,
        "b3": fast,
        "b4": -values["b2"] * S * slow,
        "b5": -values["b3"] * S * fast,
    }


def evaluations_needed(seed: int, *, analytic: bool) -> int:
    """How many evaluations the driver makes until one is at the goal; at most LIMIT."""
    driver, trials = ScipyLeastSquares.from_data({"target_vector": Y.tolist()}), []
    for number in range(LIMIT):
        proposal = driver.suggest(History(SPACE, tuple(trials), seed), Request(number))
        values = {name: float(value) for name, value in proposal.values.items()}
        entries = [Measurement(tuple(model(**values)))]
        if analytic:
            entries += [Measurement(tuple(row), name) for name, row in derivatives(values).items()]
        trials.append(Trial(Suggestion(number, values), "succeeded", Outcome("succeeded", tuple(entries))))
        if float(np.sum((model(**values) - Y) ** 2)) <= GOAL:
            return number + 1
    return LIMIT


def evaluations_of_scipy(seed: int, method: str, *, analytic: bool) -> int:
    """The same by plain SciPy from uniform random starts, without the constraint: "trf" in the box, "lm" without bounds."""
    random = np.random.default_rng(seed)
    lower, upper = np.array(list(BOX.values())).T
    count = 0
    reached = 0

    def residuals(place: np.ndarray) -> np.ndarray:
        nonlocal count, reached
        count += 1
        with np.errstate(over="ignore", invalid="ignore"):
            found = np.nan_to_num(model(*place) - Y, nan=1e10, posinf=1e10, neginf=-1e10)
        found = np.clip(found, -1e10, 1e10)
        if not reached and found @ found <= GOAL:
            reached = count
        return found

    def jacobian(place: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            rows = derivatives(dict(zip(BOX, place, strict=True))).values()
        return np.clip(np.nan_to_num(np.stack(list(rows), axis=1)), -1e10, 1e10)

    while not reached and count < LIMIT:
        start = random.uniform(lower, upper)
        bounds = (lower, upper) if method == "trf" else (-np.inf, np.inf)
        least_squares(residuals, start, jac=jacobian if analytic else "2-point", bounds=bounds, method=method)  # pyright: ignore
    return reached or LIMIT


def main() -> None:
    """Print the counts and their medians; write them with --output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    results = {}
    for analytic in (True, False):
        words = "analytic" if analytic else "differences"
        results[f"ScipyLeastSquares, {words}"] = [
            evaluations_needed(seed, analytic=analytic) for seed in range(asked.starts)
        ]
        for method in ("trf", "lm"):
            results[f"scipy {method}, {words}"] = [
                evaluations_of_scipy(seed, method, analytic=analytic) for seed in range(asked.starts)
            ]
    for name, counts in results.items():
        print(f"{name:36} median {np.median(counts):6.1f}   {counts}")
    if asked.output:
        asked.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
