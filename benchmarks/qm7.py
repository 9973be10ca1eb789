"""Heats of formation of QM7 from Coulomb matrices, directly and as a difference to a cheaper level: mean absolute errors.

Each seed is one draw of training and test molecules at each size, the same for all models (`examples/qm7`). The package
with the data is downloaded once, by pip.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from examples.qm7.qm7 import MODELS, SIZES, TEST_MOLECULES, Molecules, curve, molecules, package

from assay.analysis.learning_curve import LearningCurve
from assay.plots.learning_curve import learning_curves
from benchmarks.reporting import figure, markdown_table, save_plot, write_report
from benchmarks.suggest import kept

__all__ = ["main"]

# What another implementation found once, for one draw of molecules (kernel ridge regression with the same settings).
REFERENCE = {
    "direct": (27.16, 19.05, 12.85, 8.20, 5.92),
    "difference": (12.47, 7.86, 4.60, 3.29, 2.44),
    "difference, length scale 4000": (12.73, 7.99, 4.68, 3.28, 2.41),
}


def run(data: Molecules, seed: int) -> dict[str, Any]:
    """One draw."""
    began = time.process_time()
    found = curve(data, seed=seed)
    errors = {name: [float(f"{error:.6g}") for error in found.mean(name)] for name in MODELS}
    return {"errors": errors, "CPU_seconds": round(time.process_time() - began, 2)}


def summarise(folder: Path, runs: list[dict[str, Any]], seeds: list[int]) -> None:
    errors = {name: np.array([one["errors"][name] for one in runs]).T for name in MODELS}
    found = LearningCurve(np.array(SIZES), errors)
    laws = {name: found.power_law(name) for name in MODELS}
    head = ["kcal/mol", *(f"{size} molecules" for size in SIZES), "scale", "exponent (95 %)"]
    lines, worst = [], {}
    for name, law in laws.items():
        low, high = law.exponent_interval
        shown = [
            f"{mean:.2f} ± {error:.2f}"
            for mean, error in zip(found.mean(name), found.standard_error(name), strict=True)
        ]
        lines.append([name, *shown, f"{law.scale:.0f}", f"{law.exponent:.3f} ({low:.3f} to {high:.3f})"])
        lines.append(["draws from", *(f"{row.min():.2f} to {row.max():.2f}" for row in errors[name]), "", ""])
        reference = np.array(REFERENCE[name])
        lines.append(["another code, one draw", *(f"{error:.2f}" for error in reference), "", ""])
        gaps = found.mean(name) / reference - 1.0
        worst[name] = [round(float(gap), 4) for gap in gaps]
        lines.append(["mean over it, less one", *(f"{100 * gap:+.1f} %" for gap in gaps), "", ""])
    text = markdown_table(head, lines)
    text += f"\n\n{len(seeds)} draws of training molecules and of {TEST_MOLECULES} others; mean absolute error, mean over the"
    text += "\ndraws and its standard error."
    drawing = figure(6.0, 4.8)
    learning_curves(found, laws=laws, unit="kcal/mol", ax=drawing.subplots())
    save_plot(folder, drawing)
    results = {
        "seeds": seeds,
        "mean_kcalmol": {name: [round(float(mean), 4) for mean in found.mean(name)] for name in MODELS},
        "power_laws": {name: {"scale": law.scale, "exponent": law.exponent} for name, law in laws.items()},
        "over_another_code_less_one": worst,
        "CPU_seconds_of_a_draw": float(np.median([one["CPU_seconds"] for one in runs])),
    }
    write_report(folder, "QM7 from Coulomb matrices", text, results)


def main(options: argparse.Namespace) -> None:
    raw = options.output / "raw" / "qm7"
    seeds = options.seeds or list(range(20))
    paths = [raw / f"{seed}.json" for seed in seeds]
    data = None
    if not options.summary_only and not all(path.exists() for path in paths):
        data = molecules(package(Path("runs") / "qm7"))
    there = [
        (seed, path) for seed, path in zip(seeds, paths, strict=True) if data is not None or path.exists()
    ]
    runs = [kept(path, lambda seed=seed: run(_given(data), seed)) for seed, path in there]
    summarise(options.output / "qm7", runs, [seed for seed, _ in there])


def _given(data: Molecules | None) -> Molecules:
    assert data is not None  # what was not there has been read
    return data
