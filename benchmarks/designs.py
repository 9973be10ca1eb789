"""First designs by the default sampler: centred discrepancy beside four other ways to make one, least distance, CPU time.

Then the CPU time of later batches, which know a model of the points before: of a sum of sines; its fit is in the time.

The figures of the others are those that were measured once for MED's sampler (CMA-ES on the discrepancy), SciPy's Latin
hypercube with random exchanges, the same followed by a descent, and a scrambled Sobol' sequence; the best of them counts.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np

from assay.drivers.abstract import History, Request
from assay.drivers.exploration import AdaptiveSampling
from assay.drivers.samplers_abstract import SamplingTask
from assay.drivers.samplers_discrepancy_variance import DiscrepancyVariance
from assay.numerics.coordinates import Coordinates
from assay.numerics.discrepancy import CentredDiscrepancy
from assay.numerics.feasibility import FeasibleSet
from assay.records import Measurement, Outcome, Suggestion, Trial
from assay.space.parameters import Continuous
from assay.space.space import Space
from benchmarks.reporting import COLOURS, figure, markdown_table, save_plot, write_report

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)
Array = np.ndarray

SEEDS = range(5)
# (dimension, points): MED's sampler, Latin hypercube with exchanges, the same with a descent, Sobol'; None: not measured.
OTHERS: dict[tuple[int, int], tuple[float | None, ...]] = {
    (2, 5): (1.169e-2, None, 1.094e-2, None),
    (2, 10): (3.36e-3, 4.65e-3, 2.94e-3, 7.80e-3),
    (2, 50): (1.78e-4, 2.16e-4, 1.51e-4, 4.66e-4),
    (2, 100): (5.43e-5, 6.00e-5, 4.36e-5, 1.25e-4),
    (2, 200): (3.00e-5, 1.84e-5, 1.40e-5, 3.78e-5),
    (5, 10): (3.26e-2, 3.79e-2, 3.02e-2, 5.48e-2),
    (5, 50): (3.01e-3, 3.25e-3, 2.93e-3, 5.31e-3),
    (5, 100): (1.50e-3, 1.25e-3, 1.17e-3, 1.57e-3),
    (5, 200): (6.60e-4, 5.26e-4, None, 5.58e-4),
    (10, 10): (2.50e-1, 3.44e-1, 2.46e-1, 4.19e-1),
    (10, 50): (4.25e-2, 3.92e-2, 3.72e-2, 5.85e-2),
    (10, 100): (1.95e-2, 1.79e-2, None, 2.17e-2),
    (10, 200): (1.34e-2, 7.75e-3, 7.17e-3, 9.51e-3),
}
# Further sizes, for the time alone: of 500 numbers and of 2000.
FURTHER = ((1, 500), (2, 250), (4, 125), (1, 2000), (2, 1000), (5, 400), (20, 100), (50, 40))
ALLOWED = 1.02
# (dimension, points before, points of the batch, whether half of the box is cut off by a constraint).
BATCHES = (
    *((2, 10, 2, False), (3, 28, 12, False), (10, 50, 50, False), (2, 50, 250, False), (5, 100, 400, False)),
    (1, 100, 2000, False),
    *(
        (10, 100, 200, False),
        (2, 100, 1000, False),
        (3, 28, 12, True),
        (10, 50, 50, True),
        (10, 100, 200, True),
    ),
)


def design(dimension: int, count: int, seed: int) -> tuple[Array, float]:
    """A first design, and the CPU seconds that it took."""
    space = Space.from_data([Continuous(f"x{index}", (0.0, 1.0)) for index in range(dimension)])
    coordinates = Coordinates.of(space)
    task = SamplingTask(
        coordinates, FeasibleSet.of(space, coordinates), np.empty(0), np.empty((0, dimension)), seed, 0
    )
    began = time.process_time()
    points = DiscrepancyVariance().propose(task, count)
    return points, time.process_time() - began


def measured(dimension: int, count: int, seeds: list[int]) -> dict[str, Any]:
    """Discrepancies, least distances and CPU seconds of one size."""
    discrepancy = CentredDiscrepancy(np.empty((0, dimension)), np.zeros(dimension, dtype=int))
    found = [design(dimension, count, seed) for seed in seeds]
    distances = []
    for points, _ in found:
        squares = np.sum((points[:, None] - points) ** 2, axis=2)
        distances.append(float(np.sqrt(squares[~np.eye(count, dtype=bool)].min())))
    known = [value for value in OTHERS.get((dimension, count), ()) if value is not None]
    values = [discrepancy.value(points) for points, _ in found]
    return {
        "dimension": dimension,
        "points": count,
        "centred_discrepancy": values,
        "least_distance": distances,
        "CPU_seconds": [round(seconds, 3) for _, seconds in found],
        "best_other": min(known) if known else None,
        "ratio": float(np.median(values)) / min(known) if known else None,
    }


def batch_seconds(dimension: int, before: int, count: int, seed: int, *, is_cut: bool) -> float:
    """The CPU seconds of a batch, the fit of the model to the points before included."""
    names = [f"x{index}" for index in range(dimension)]
    constraints = [{"name": "half", "expression": "x0 + x1 <= 1"}] if is_cut else []
    space = Space.from_data([Continuous(name, (0.0, 1.0)) for name in names], constraints=constraints)
    random = AdaptiveSampling.from_data({"sampler": "Random"})
    trials = []
    for proposal in random.propose(History(space, (), seed), Request(0), before):
        value = float(sum(np.sin(3.0 * float(proposal.values[name])) for name in names))
        outcome = Outcome("succeeded", (Measurement((value,)),))
        trials.append(Trial(Suggestion(len(trials), proposal.values), "succeeded", outcome))
    history, driver = History(space, tuple(trials), seed), AdaptiveSampling.from_data({})
    began = time.process_time()
    driver.propose(history, Request(before), count)
    return round(time.process_time() - began, 3)


def main(options: argparse.Namespace) -> None:
    """Measure every size that is not there yet, and write the report."""
    seeds = options.seeds or list(SEEDS)
    raw, folder = options.output / "raw" / "designs", options.output / "designs"
    raw.mkdir(parents=True, exist_ok=True)
    design(2, 20, 0)  # imports
    rows = []
    for dimension, count in (*OTHERS, *FURTHER):
        path = raw / f"{dimension}-{count}.json"
        if not path.exists() and not options.summary_only:
            path.write_text(json.dumps(measured(dimension, count, seeds)) + "\n")
            LOGGER.info("d = %d, n = %d is done", dimension, count)
        if path.exists():
            rows.append(json.loads(path.read_text()))
    batches = []
    for dimension, before, points, is_cut in BATCHES:
        path = raw / f"batch-{dimension}-{before}-{points}-{'half' if is_cut else 'box'}.json"
        if not path.exists() and not options.summary_only:
            seconds = [batch_seconds(dimension, before, points, seed, is_cut=is_cut) for seed in seeds]
            row = {"dimension": dimension, "before": before, "points": points, "is_cut": is_cut}
            path.write_text(json.dumps({**row, "CPU_seconds": seconds}) + "\n")
            LOGGER.info("a batch of %d in %d dimensions is done", points, dimension)
        if path.exists():
            batches.append(json.loads(path.read_text()))
    write_report(
        folder,
        "First designs by the default sampler, and later batches",
        f"{_table(rows, len(seeds))}\n\n{_table_of_batches(batches)}",
        {"seeds": seeds, "rows": rows, "batches": batches},
    )
    _draw(folder, rows)


def _table(rows: list[dict[str, Any]], seeds: int) -> str:
    lines = []
    for row in rows:
        size = row["dimension"] * row["points"]
        limit = 1.0 if size <= 500 else 5.0
        seconds = max(row["CPU_seconds"])
        lines.append(
            [
                f"{row['dimension']}",
                f"{row['points']}",
                f"{np.median(row['centred_discrepancy']):.3e}",
                "–" if row["best_other"] is None else f"{row['best_other']:.3e}",
                "–"
                if row["ratio"] is None
                else f"{row['ratio']:.3f}{'' if row['ratio'] <= ALLOWED else ' (!)'}",
                f"{np.median(row['least_distance']):.3f}",
                f"{np.median(row['CPU_seconds']):.2f}",
                f"{seconds:.2f}{'' if seconds <= limit else ' (!)'}",
            ]
        )
    head = ["d", "n", "CD², median", "best other", "ratio", "least distance", "CPU s, median", "CPU s, most"]
    missed = [row for row in rows if row["ratio"] is not None and row["ratio"] > ALLOWED]
    return (
        f"Medians of {seeds} seeds; (!) marks a ratio above {ALLOWED} or a time above 1 s for n·d up to 500 and 5 s up to 2000. "
        f"Rows above {ALLOWED}: {len(missed)}.\n\n" + markdown_table(head, lines)
    )


def _table_of_batches(batches: list[dict[str, Any]]) -> str:
    lines = []
    for row in batches:
        most, limit = max(row["CPU_seconds"]), 1.0 if row["dimension"] * row["points"] <= 500 else 5.0
        lines.append(
            [
                f"{row['dimension']}",
                f"{row['before']}",
                f"{row['points']}",
                "constrained" if row["is_cut"] else "box",
                f"{np.median(row['CPU_seconds']):.2f}",
                f"{most:.2f}{'' if most <= limit else ' (!)'}",
            ]
        )
    head = ["d", "points before", "n", "space", "CPU s, median", "CPU s, most"]
    return "Later batches, with a model of one response:\n\n" + markdown_table(head, lines)


def _draw(folder: Path, rows: list[dict[str, Any]]) -> None:
    drawing = figure(8.0, 3.6)
    left, right = drawing.subplots(1, 2)
    compared = [row for row in rows if row["ratio"] is not None]
    labels = [f"d = {row['dimension']}, n = {row['points']}" for row in compared]
    left.barh(labels, [row["ratio"] for row in compared], color=COLOURS["assay"])
    left.axvline(1.0, color="black", linewidth=1)
    left.invert_yaxis()
    left.set(xlabel="CD² over that of the best other")
    right.loglog(
        [row["dimension"] * row["points"] for row in rows],
        [np.median(row["CPU_seconds"]) for row in rows],
        "o",
        color=COLOURS["assay"],
    )
    right.set(xlabel="n·d", ylabel="CPU seconds")
    save_plot(folder, drawing)
