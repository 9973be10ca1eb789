"""The time of a whole suggestion, warm and cold, beside the peers, in CPU seconds on one thread.

Warm: fit, factorise, 512 raw points and the ascent of log expected improvement from 10 of them, in four dimensions, at
each n on nine data sets; medians. Every engine fits a Matern-5/2 process with a length scale for each column and a
fitted noise under a dimension-scaled log-normal prior, and climbs its likelihood once: ours from the state of the fit
with 20 rows fewer, the peers from the start that their library chooses. A row of its own has a fresh start beside that
state, which is what the driver's defaults do, and another the whole driver. Then the same search with hyperparameters that are the same for all, judged by
scikit-learn: how far below the best point of all engines the log expected improvement of each ends.
Cold: a suggestion at each n from 10 to 100 in a fresh process, beyond the imports of the engine.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.engines.abstract import Hyperparameters
from benchmarks.reference import fitted_hyperparameters, log_expected_improvement
from benchmarks.reporting import COLOURS, LABELS, figure, markdown_table, save_plot, write_report
from benchmarks.suggestion_data import suggestion_data
from benchmarks.timing import ENGINES, REPEATS

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)

ROWS = (20, 50, 100, 200, 500)
# With hyperparameters that are given, these search as `assay` does.
SAME_SEARCH = ("assay_two_starts", "assay_driver")


def kept(path: Path, make: Callable[[], Any]) -> Any:
    """What the file holds; made and written first where it does not exist."""
    if not path.exists():
        made = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(made) + "\n")
        LOGGER.info("%s", path.stem)
    return json.loads(path.read_text())


def in_fresh_process(**order: Any) -> Any:
    """The answer of `benchmarks.timing`."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.timing"]
    done = subprocess.run(command, input=json.dumps(order), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the timing of {order} ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def hyperparameters_of(rows: int) -> list[dict[str, Any]]:
    """Those of each repeat, by scikit-learn."""
    return [asdict(fitted_hyperparameters(*suggestion_data(rows, repeat))) for repeat in range(REPEATS)]


def run(raw: Path, engines: list[str]) -> None:
    """Everything that is not in the folder yet; engines take turns, so that a busy machine is busy for all."""
    for rows in ROWS:
        given = kept(raw / f"hyperparameters-{rows}.json", lambda rows=rows: hyperparameters_of(rows))
        for name in engines:
            order = {"name": name, "rows": rows}
            kept(raw / f"warm-{name}-{rows}.json", lambda o=order: in_fresh_process(job="warm", **o))
            if name not in SAME_SEARCH:
                kept(
                    raw / f"fixed-{name}-{rows}.json",
                    lambda o=order, g=given: in_fresh_process(job="fixed", given=g, **o),
                )
    for name in engines:
        kept(raw / f"cold-{name}.json", lambda n=name: in_fresh_process(job="cold", name=n))


def shortfalls(raw: Path, rows: int, engines: list[str]) -> dict[str, list[float]]:
    """For each engine and repeat, how far its log expected improvement ends below the best of all engines."""
    given = json.loads((raw / f"hyperparameters-{rows}.json").read_text())
    found = {name: json.loads((raw / f"fixed-{name}-{rows}.json").read_text()) for name in engines}
    below: dict[str, list[float]] = {name: [] for name in engines}
    for repeat, entry in enumerate(given):
        candidates = np.array([found[name][repeat] for name in engines])
        points, values = suggestion_data(rows, repeat)
        worth = log_expected_improvement(points, values, Hyperparameters(**entry), candidates)
        for name, value in zip(engines, worth, strict=True):
            below[name].append(round(float(worth.max() - value), 6))
    return below


def summarise(raw: Path, folder: Path) -> None:
    """Tables and plot of what is in the folder of raw results."""
    engines = [name for name in ENGINES if (raw / f"cold-{name}.json").exists()]
    judged = [name for name in engines if name not in SAME_SEARCH]
    warm = {
        name: {
            rows: [
                entry["CPU_seconds"] for entry in json.loads((raw / f"warm-{name}-{rows}.json").read_text())
            ]
            for rows in ROWS
        }
        for name in engines
    }
    below = {rows: shortfalls(raw, rows, judged) for rows in ROWS}
    cold = {name: json.loads((raw / f"cold-{name}.json").read_text()) for name in engines}
    text = "\n\n".join(
        [
            "CPU seconds for one whole suggestion, warm, medians of nine (docstring of `benchmarks/suggest.py`).",
            markdown_table(
                ["n", *(LABELS[name] for name in engines)],
                [[str(n), *(f"{median(warm[name][n]):.4f}" for name in engines)] for n in ROWS],
            ),
            "Log expected improvement below the best of all engines with equal hyperparameters, judged by scikit-learn: "
            "median, and the worst of nine.",
            markdown_table(
                ["n", *(LABELS[name] for name in judged)],
                [
                    [str(n), *(f"{median(below[n][name]):.4f}, {max(below[n][name]):.4f}" for name in judged)]
                    for n in ROWS
                ],
            ),
            "Cold: a fresh process, a suggestion at each n from 10 to 100, CPU seconds.",
            markdown_table(
                ["", *(LABELS[name] for name in engines)],
                [
                    [label, *(f"{cold[name][key]:.3f}" for name in engines)]
                    for label, key in (
                        ("imports", "import_CPU_seconds"),
                        ("first suggestion", "first_suggestion_CPU_seconds"),
                        ("all 91 suggestions", "run_CPU_seconds"),
                    )
                ],
            ),
        ]
    )
    results = {"rows": ROWS, "warm_CPU_seconds": warm, "log_EI_below_best": below, "cold": cold}
    write_report(folder, "Time of a suggestion", text, results)
    draw(folder, warm)


def draw(folder: Path, warm: dict[str, dict[int, list[float]]]) -> None:
    """Median CPU time over n, with the range of the nine."""
    drawing = figure(6.4, 4.2)
    axes = drawing.add_subplot()
    for name, by_rows in warm.items():
        middle = [median(by_rows[rows]) for rows in ROWS]
        axes.plot(ROWS, middle, "o-", color=COLOURS[name], label=LABELS[name], markersize=4)
        low, high = [min(by_rows[rows]) for rows in ROWS], [max(by_rows[rows]) for rows in ROWS]
        axes.fill_between(ROWS, low, high, color=COLOURS[name], alpha=0.15, linewidth=0)
    axes.set(xscale="log", yscale="log", xlabel="observations", ylabel="CPU seconds for one suggestion")
    axes.set_xticks(ROWS, [str(rows) for rows in ROWS])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    save_plot(folder, drawing)


def main(options: argparse.Namespace) -> None:
    """Run what is missing, then summarise."""
    raw = options.output / "raw" / "suggest"
    if not options.summary_only:
        run(raw, options.methods or list(ENGINES))
    summarise(raw, options.output / "suggest")
