"""Regret in closed loops on the nine problems of `assay.testing.problems`.

The rule, the same for all methods: after each evaluation the method names the point that it calls the best, and its
regret is the true value there, without noise, less the known minimum. For a deterministic problem that is the best
observation; for the noisy one it is the method's own choice (BoTorch and assay: by the posterior mean over the
observed points; Optuna: `study.best_trial`, which goes by the observation; random: the best observation). A point
that breaks the constraint counts as an evaluation and is never a recommendation.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assay.testing.problems import PROBLEMS
from benchmarks.methods.catalog import METHODS
from benchmarks.reporting import COLOURS, LABELS, figure, markdown_table, save_plot, write_report
from benchmarks.runs import Run, read_runs, run_all

__all__ = ["main"]

Array = np.ndarray

EVALUATIONS = 60
SEEDS = range(10)
# A regret below this is called this: it is decided by rounding.
FLOOR = 1e-9
PEERS = ("botorch", "optuna_gp")
MARGIN = 0.1


def curves(runs: Sequence[Run], method: str, problem: str) -> Array:
    """log10 regret after each evaluation: (seeds, evaluations)."""
    chosen = [run.regret for run in runs if (run.method, run.problem) == (method, problem)]
    return np.log10(np.maximum(np.array(chosen, dtype=float), FLOOR)) if chosen else np.empty((0, 0))


def finite(value: float) -> float | None:
    """For JSON, which has no infinity."""
    return round(float(value), 4) if np.isfinite(value) else None


def summary_of(runs: Sequence[Run], methods: Sequence[str]) -> dict[str, dict[str, Any]]:
    """For each problem and method, the distribution of the last log10 regret and what the suggestions cost."""
    found: dict[str, dict[str, Any]] = {}
    for problem in PROBLEMS:
        found[problem] = {}
        for method in methods:
            found_curves = curves(runs, method, problem)
            if not found_curves.size:
                continue
            last = found_curves[:, -1]
            seconds = [
                np.mean(run.suggestion_CPU_seconds)
                for run in runs
                if (run.method, run.problem) == (method, problem)
            ]
            quartiles = np.quantile(last, [0.25, 0.5, 0.75], method="inverted_cdf")
            found[problem][method] = {
                "median": finite(float(np.median(last))),
                "quartiles": [finite(quartiles[0]), finite(quartiles[2])],
                "by_seed": [finite(value) for value in last],
                "CPU_seconds_of_a_suggestion": round(float(np.mean(seconds)), 5),
            }
    return found


def best_of(entries: dict[str, Any], names: Sequence[str]) -> float:
    """The least median of these methods."""
    medians = [entries[name]["median"] for name in names if name in entries]
    return min((value for value in medians if value is not None), default=np.inf)


def verdicts(summary: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """On how many problems we are at most 0.1 above the better peer, and below random."""
    ours = {name: best_of(entries, ["assay"]) for name, entries in summary.items()}
    measured = {name: entries for name, entries in summary.items() if np.isfinite(ours[name])}
    near = [name for name, entries in measured.items() if ours[name] <= best_of(entries, PEERS) + MARGIN]
    below = [name for name, entries in measured.items() if ours[name] < best_of(entries, ["random"])]
    return {"at_most_0.1_above_the_better_peer": near, "below_random": below}


def text_of(summary: dict[str, dict[str, Any]], methods: Sequence[str], seeds: Sequence[int]) -> str:
    rows = []
    for problem, entries in summary.items():
        least = best_of(entries, methods)
        cells = []
        for method in methods:
            entry = entries.get(method)
            if entry is None:
                cells.append("")
                continue
            median = entry["median"]
            shown = "inf" if median is None else f"{median:.2f}"
            low, high = ("inf" if value is None else f"{value:.2f}" for value in entry["quartiles"])
            mark = "**" if median == least else ""
            cells.append(f"{mark}{shown}{mark} ({low} .. {high})")
        rows.append([problem, *cells])
    seconds = ["CPU s of a suggestion"]
    for method in methods:
        costs = [
            entries[method]["CPU_seconds_of_a_suggestion"]
            for entries in summary.values()
            if method in entries
        ]
        seconds.append(f"{np.mean(costs):.4f}" if costs else "")
    verdict = verdicts(summary)
    near, below = verdict["at_most_0.1_above_the_better_peer"], verdict["below_random"]
    return "\n\n".join(
        [
            f"log10 regret after {EVALUATIONS} evaluations, seeds {min(seeds)} to {max(seeds)}: median (quartiles), at "
            f"least {np.log10(FLOOR):.0f}. The rule is the docstring of `benchmarks/regret.py`.",
            markdown_table(["problem", *(LABELS[method] for method in methods)], [*rows, seconds]),
            f"assay is at most {MARGIN} above the better of BoTorch and Optuna GP on {len(near)} of {len(summary)} "
            f"({', '.join(near)}), and below random on {len(below)}.",
        ]
    )


def draw(folder: Path, runs: Sequence[Run], methods: Sequence[str]) -> None:
    """Median log10 regret over evaluations with the quartiles, a panel for each problem."""
    drawing = figure(10.5, 9.0)
    panels = drawing.subplots(3, 3).ravel()
    for axes, problem in zip(panels, PROBLEMS, strict=True):
        for method in methods:
            found = curves(runs, method, problem)
            if not found.size:
                continue
            low, middle, high = np.quantile(found, [0.25, 0.5, 0.75], axis=0, method="inverted_cdf")
            count = np.arange(1, found.shape[1] + 1)
            axes.plot(count, middle, color=COLOURS[method], label=LABELS[method], linewidth=1.6)
            shown = np.isfinite(low) & np.isfinite(high)
            axes.fill_between(count, low, high, where=shown, color=COLOURS[method], alpha=0.15, linewidth=0)
        axes.set_title(problem, fontsize=10)
        axes.grid(alpha=0.3)
    for axes in panels[::3]:
        axes.set_ylabel("log10 regret")
    for axes in panels[-3:]:
        axes.set_xlabel("evaluations")
    panels[0].legend(frameon=False, fontsize=8)
    save_plot(folder, drawing)


def main(options: argparse.Namespace) -> None:
    """Run what is missing, then summarise."""
    raw = options.output / "raw" / "regret"
    seeds = options.seeds or list(SEEDS)
    if not options.summary_only:
        problems = [PROBLEMS[name] for name in options.problems or PROBLEMS]
        run_all(options.methods or METHODS, problems, seeds, options.evaluations or EVALUATIONS, raw)
    runs = [run for run in read_runs(raw) if run.seed in seeds]
    methods = [name for name in METHODS if any(run.method == name for run in runs)]
    summary = summary_of(runs, methods)
    folder = options.output / "regret"
    results = {"evaluations": EVALUATIONS, "seeds": list(seeds), "log10_regret": summary, **verdicts(summary)}
    write_report(folder, "Regret", text_of(summary, methods, seeds), results)
    draw(folder, runs, methods)
