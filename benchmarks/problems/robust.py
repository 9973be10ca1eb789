"""The robust optimum with six uncertain parameters: what it costs beside the sharp one, and what it finds, in five runs.

Two wells in six dimensions: a deep, narrow one, and a shallower, wide one that is the better place as soon as the
parameters stray. The average over Gaussian shifts of a Gaussian well is closed, so that what is found can be judged exactly.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from statistics import median
from typing import Any

import numpy as np

from assay.drivers.abstract import History, Request
from assay.drivers.active_learning import ActiveLearning
from assay.records import Measurement, Outcome, Suggestion, Trial
from assay.space.space import Space
from benchmarks.reporting import figure, markdown_table, save_plot, write_report

__all__ = ["main", "wells"]

LOGGER = logging.getLogger(__name__)
Array = np.ndarray

SEEDS = range(5)
EVALUATIONS = 60
DIMENSION = 6
DEVIATION = 0.15
NAMES = [f"x{place + 1}" for place in range(DIMENSION)]
# Depth, place on the diagonal, and width.
WELLS = ((1.0, 0.25, 0.25), (0.8, 0.7, 0.45))
UNCERTAIN = (0, 1, 6)


def wells(point: Array, deviation: float = 0.0) -> float:
    """The function at (dimension,), averaged over shifts of each parameter with that standard deviation."""
    total = 0.0
    for depth, place, width in WELLS:
        variance = width**2 + deviation**2
        total -= (
            depth
            * (width**2 / variance) ** (DIMENSION / 2)
            * np.exp(-0.5 * ((point - place) ** 2).sum() / variance)
        )
    return float(total)


def best_average() -> float:
    """The least average, from dense points on the diagonal, where the minima lie by symmetry."""
    return min(wells(np.full(DIMENSION, place), DEVIATION) for place in np.linspace(0.0, 1.0, 100_001))


def run(seed: int, uncertain: int, evaluations: int) -> dict[str, Any]:
    """One run in which the first parameters are uncertain."""
    space = Space.from_data([{"name": name, "domain": [0.0, 1.0]} for name in NAMES])
    uncertainties = [{"name": name, "uncertainty": DEVIATION} for name in NAMES[:uncertain]]
    driver = ActiveLearning.from_data(
        {"deterministic": True, "acquisition_function": {"parameter_uncertainties": uncertainties}}
    )
    trials: tuple[Trial, ...] = ()
    state: Any = None
    seconds = []
    for number in range(evaluations):
        began = time.process_time()
        proposal = driver.suggest(History(space, trials, seed, state), Request(number))
        if proposal.info["origin"] != "initial":
            seconds.append(time.process_time() - began)
        state = json.loads(json.dumps(proposal.state))  # as through a journal
        value = wells(np.array([proposal.values[name] for name in NAMES]))
        outcome = Outcome("succeeded", (Measurement((value,)),))
        trials = (*trials, Trial(Suggestion(number, proposal.values), "succeeded", outcome, 1))
    best = driver.best(History(space, trials, seed, state))
    assert best is not None
    point = np.array([best["values"][name] for name in NAMES])
    found = {
        "CPU_ms_a_suggestion": 1e3 * float(np.mean(seconds)),
        "value": wells(point),
        "average": wells(point, DEVIATION),
        "point": point.tolist(),
    }
    LOGGER.info("seed %d, %d uncertain: %s", seed, uncertain, found)
    return found


def main(options: argparse.Namespace) -> None:
    """Run, and write the report."""
    seeds, evaluations = options.seeds or list(SEEDS), options.evaluations or EVALUATIONS
    runs = {str(count): [run(seed, count, evaluations) for seed in seeds] for count in UNCERTAIN}
    least = best_average()
    cost = {count: median(found["CPU_ms_a_suggestion"] for found in runs[count]) for count in runs}
    ratio = cost["6"] / cost["0"]
    rows = [
        [
            count,
            f"{cost[count]:.1f}",
            f"{median(one['value'] for one in found):.4f}",
            f"{median(one['average'] - least for one in found):.2g}",
            f"{max(one['average'] - least for one in found):.2g}",
        ]
        for count, found in runs.items()
    ]
    head = [
        "uncertain parameters",
        "CPU ms a suggestion",
        "value",
        "average less the least",
        "the worst run's",
    ]
    text = (
        f"Medians of {len(seeds)} runs of {evaluations} evaluations. The least average over shifts of all six parameters by "
        f"{DEVIATION} is {least:.4f}.\n\n{markdown_table(head, rows)}\n\nSix uncertain parameters cost {ratio:.2f} times none."
    )
    folder = options.output / "problems" / "robust"
    results = {
        "seeds": seeds,
        "evaluations": evaluations,
        "least_average": least,
        "ratio": ratio,
        "runs": runs,
    }
    write_report(folder, "A robust optimum", text, results)
    drawing = figure(5.0, 3.2)
    axes = drawing.subplots()
    line = np.linspace(0.0, 1.0, 201)
    for label, deviation in (("as set", 0.0), (f"averaged over {DEVIATION}", DEVIATION)):
        axes.plot(line, [wells(np.full(DIMENSION, place), deviation) for place in line], label=label)
    for count, marker in (("0", "o"), ("6", "s")):
        places = [float(np.mean(one["point"])) for one in runs[count]]
        values = [one["average"] for one in runs[count]]
        axes.plot(places, values, marker, label=f"found, {count} uncertain")
    axes.set(xlabel="all six parameters", ylabel="function")
    axes.legend(fontsize="small")
    save_plot(folder, drawing)
    LOGGER.info("\n%s", text)
