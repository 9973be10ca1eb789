"""The antireflection coating of `examples/film`: the best after 60 and 120 evaluations, over 20 seeds, beside the peers;
and the calibration of our intervals on it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.calibration import calibrate, draw_calibration, read_calibration
from benchmarks.coating import coating_problem
from benchmarks.methods.catalog import METHODS
from benchmarks.reporting import COLOURS, LABELS, figure, markdown_table, save_plot, write_report
from benchmarks.runs import Run, read_runs, run_all

__all__ = ["main"]

EVALUATIONS = 120
SEEDS = range(20)
AFTER = (60, 120)
PEERS = ("botorch", "optuna_gp")


def best_values(runs: Sequence[Run], method: str, minimum: float) -> np.ndarray:
    """The best mean reflectance after each evaluation: (seeds, evaluations)."""
    return minimum + np.array([run.regret for run in runs if run.method == method])


def summary_of(runs: Sequence[Run], methods: Sequence[str], minimum: float) -> dict[str, Any]:
    """For each method, the distribution of the best after 60 and after 120 evaluations."""
    found: dict[str, Any] = {}
    for method in methods:
        values = best_values(runs, method, minimum)
        found[method] = {}
        for count in AFTER:
            if values.shape[1] < count:
                continue
            there = values[:, count - 1]
            quantiles = np.quantile(there, [0.0, 0.25, 0.5, 0.75, 1.0])
            found[method][f"after_{count}"] = {
                **dict(
                    zip(("least", "lower", "median", "upper", "largest"), quantiles.tolist(), strict=True)
                ),
                "by_seed": there.tolist(),
            }
    return found


def verdict(summary: dict[str, Any], key: str) -> list[str]:
    """Our median beside the best peer's and random's, in a sentence; none where one of them is missing."""
    medians = {name: entry[key]["median"] for name, entry in summary.items() if key in entry}
    peers = {name: value for name, value in medians.items() if name in PEERS}
    if "assay" not in medians or not peers or "random" not in medians:
        return []
    best = min(peers, key=lambda name: peers[name])
    return [
        f"The median of assay is {medians['assay'] / peers[best]:.3f} of the best peer's ({LABELS[best]}) and "
        f"{medians['assay'] / medians['random']:.3f} of random's."
    ]


def text_of(summary: dict[str, Any], calibration: dict[str, Any], minimum: float) -> str:
    parts = [
        f"The reference optimum, of 5000 local searches on the true function, is {minimum:.6f}. Best mean reflectance, "
        "in units of 1e-3:"
    ]
    for count in AFTER:
        key = f"after_{count}"
        rows = [
            [
                LABELS[name],
                *(f"{1e3 * entry[key][column]:.4f}" for column in entry[key] if column != "by_seed"),
            ]
            for name, entry in summary.items()
            if key in entry
        ]
        if not rows:
            continue
        parts.append(f"After {count} evaluations:")
        parts.append(
            markdown_table(["method", "least", "lower quartile", "median", "upper quartile", "largest"], rows)
        )
        parts.extend(verdict(summary, key))
    if calibration:
        parts.append(
            "Calibration of assay after 60 evaluations: the share of the truth at fresh points that its intervals cover, "
            f"over {calibration['seeds']} seeds (docstring of `benchmarks/calibration.py`)."
        )
        rows = [
            [place, *(f"{100 * calibration[place][level]:.1f} %" for level in ("68", "95"))]
            for place in ("anywhere", "near the best", "together")
        ]
        parts.append(markdown_table(["fresh points", "68 % intervals", "95 % intervals"], rows))
    return "\n\n".join(parts)


def draw(folder: Path, runs: Sequence[Run], methods: Sequence[str], minimum: float) -> None:
    """How far the best is above the reference, over evaluations, and each seed's end."""
    drawing = figure(10.0, 4.2)
    left, right = drawing.subplots(1, 2, width_ratios=[1.6, 1.0])
    for place, method in enumerate(methods):
        values = best_values(runs, method, minimum) - minimum
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
        count = np.arange(1, values.shape[1] + 1)
        left.plot(count, middle, color=COLOURS[method], label=LABELS[method])
        left.fill_between(count, low, high, color=COLOURS[method], alpha=0.15, linewidth=0)
        spread = np.linspace(-0.2, 0.2, len(values))
        right.plot(place + spread, values[:, AFTER[0] - 1], "o", color=COLOURS[method], markersize=3)
    for count in AFTER:
        left.axvline(count, color="0.8", linewidth=0.8, zorder=0)
    label = "best mean reflectance above the reference"
    left.set(yscale="log", xlabel="evaluations", ylabel=label, title="median and quartiles over the seeds")
    right.set(yscale="log", title=f"each seed after {AFTER[0]}")
    right.set_xticks(range(len(methods)), [LABELS[method] for method in methods])
    left.legend(frameon=False)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    save_plot(folder, drawing)


def main(options: argparse.Namespace) -> None:
    """Run what is missing, then summarise."""
    raw, folder = options.output / "raw" / "film", options.output / "film"
    problem = coating_problem()
    seeds = options.seeds or list(SEEDS)
    chosen = options.methods or list(METHODS)
    if not options.summary_only:
        run_all(chosen, [problem], seeds, options.evaluations or EVALUATIONS, raw)
        if "assay" in chosen:
            calibrate(problem, seeds, options.output / "raw" / "calibration")
    runs = [run for run in read_runs(raw) if run.seed in seeds]
    methods = [name for name in METHODS if any(run.method == name for run in runs)]
    summary = summary_of(runs, methods, problem.minimum)
    calibration = read_calibration(options.output / "raw" / "calibration", seeds)
    text = text_of(summary, calibration, problem.minimum)
    results = {
        "seeds": list(seeds),
        "reference": problem.minimum,
        "best": summary,
        "calibration": calibration,
    }
    write_report(folder, "Antireflection coating", text, results)
    draw(folder, runs, methods, problem.minimum)
    if calibration:
        draw_calibration(folder, options.output / "raw" / "calibration", seeds)
