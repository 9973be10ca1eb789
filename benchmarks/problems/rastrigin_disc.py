"""Rastrigin's function on a disc: how near to its minimum a run is after how many evaluations, in the mean of six.

The function, not the disc, is shifted by a random vector in each run, so that no starting design knows where the minimum
is. Every method is told the disc.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from assay.testing.functions import rastrigin
from assay.testing.problems import InputConstraint, Problem
from benchmarks.reporting import COLOURS, LABELS, figure, markdown_table, save_plot, write_report
from benchmarks.runs import Run, run_once, write_run

__all__ = ["main", "shifted"]

LOGGER = logging.getLogger(__name__)
Array = np.ndarray

SEEDS = range(6)
METHODS = ("assay", "botorch", "optuna_gp")
EVALUATIONS = 100
RADIUS = 1.5
TARGET = 1e-3
SHOWN = (40, 60, 80, 100)


def shifted(seed: int) -> Problem:
    """The problem of one run."""
    shift = np.random.default_rng([seed, 1]).uniform(-0.5, 0.5, 2)
    constraint = InputConstraint(
        f"x1^2 + x2^2 <= {RADIUS**2}",
        # It is asked in the function's coordinates, but the disc stays where it is.
        lambda points, xp: RADIUS**2 - ((points + xp.asarray(shift)) ** 2).sum(-1),
    )
    where = tuple(shift.tolist())
    return Problem(
        "rastrigin_disc",
        (-RADIUS,) * 2,
        (RADIUS,) * 2,
        rastrigin,
        0.0,
        (where,),
        where,
        constraint=constraint,
    )


def run_or_read(method: str, seed: int, evaluations: int, folder: Path) -> Run:
    """A run, from its file where it is there."""
    path = folder / method / f"{seed}.json"
    if not path.exists():
        run = run_once(method, shifted(seed), seed, evaluations)
        write_run(path, run)
        LOGGER.info("%s seed %d: %.2g", method, seed, run.regret[-1])
    data = json.loads(path.read_text())
    return Run(**{**data, "regret": [np.inf if value is None else value for value in data["regret"]]})


def mean_regret(runs: Sequence[Run]) -> Array:
    """(evaluations,), the mean over the runs."""
    return np.mean([run.regret for run in runs], axis=0)


def main(options: argparse.Namespace) -> None:
    """Run, and write the report."""
    seeds, evaluations = options.seeds or list(SEEDS), options.evaluations or EVALUATIONS
    raw = options.output / "raw" / "rastrigin_disc"
    methods = options.methods or list(METHODS)
    runs = {
        method: [run_or_read(method, seed, evaluations, raw) for seed in seeds]
        for method in methods
        if not options.summary_only or (raw / method).exists()
    }
    rows, results, drawing = [], {}, figure(5.0, 3.4)
    axes = drawing.subplots()
    for method, found in runs.items():
        means = mean_regret(found)
        first = next((place + 1 for place, mean in enumerate(means) if mean < TARGET), None)
        seconds = float(np.median([run.suggestion_CPU_seconds for run in found]))
        shown = [f"{means[place - 1]:.2g}" for place in SHOWN if place <= evaluations]
        rows.append([LABELS[method], *shown, str(first or f"> {evaluations}"), f"{1e3 * seconds:.0f}"])
        results[method] = {
            "mean": [float(mean) if np.isfinite(mean) else None for mean in means],
            "evaluations_to_target": first,
            "median_suggestion_CPU_ms": 1e3 * seconds,
        }
        axes.semilogy(np.arange(1, evaluations + 1), means, label=LABELS[method], color=COLOURS[method])
    head = ["method", *(f"after {place}" for place in SHOWN if place <= evaluations)]
    table = markdown_table([*head, f"evaluations to {TARGET:g}", "CPU ms a suggestion"], rows)
    text = f"Mean of {len(seeds)} runs of the least value found so far, above the minimum of 0.\n\n{table}"
    folder = options.output / "problems" / "rastrigin_disc"
    write_report(folder, "Rastrigin's function on a disc", text, {"seeds": seeds, "methods": results})
    axes.axhline(TARGET, color="black", linewidth=0.8, linestyle=":")
    axes.set(xlabel="evaluations", ylabel="mean of the least value")
    axes.legend()
    save_plot(folder, drawing)
    LOGGER.info("\n%s", text)
