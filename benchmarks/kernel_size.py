"""Kernel ridge regression with many rows: time and memory, with all rows and through few.

Four dimensions, a smooth function with noise (that of `gp_size`). The hyperparameters (length scales and ridge, by evidence)
are fitted on 1000 rows; then mean and variance at 1000 new points. CPU seconds and the peak of memory, each run in a fresh
process of one thread: on a machine that others use too, threads of a BLAS wait for one another.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gp_size import data, function
from benchmarks.reporting import figure, markdown_table, save_plot, write_report
from benchmarks.suggest import kept

__all__ = ["main"]

# (kernel, rows, inducing rows or none)
CASES = (
    ("matern52", 1000, None),
    ("matern52", 3000, None),
    ("matern52", 10_000, None),
    ("laplacian", 10_000, None),
    ("matern52", 10_000, 300),
    ("matern52", 10_000, 1000),
    ("matern52", 100_000, 300),
)


def run(kernel: str, rows: int, inducing: int | None) -> dict[str, Any]:
    from assay.surrogates.dataset import Dataset
    from assay.surrogates.kernel_ridge import KernelRidge
    from assay.surrogates.kernels.stationary import kernel_of_name

    points, values, new = data(rows, 0)
    began, clock = time.process_time(), time.monotonic()
    recipe = KernelRidge(
        kernel_of_name(kernel, (0.5,) * 4), 1e-2, fits_ridge=True, inducing=inducing, restarts=0
    )
    fit = recipe.fit(Dataset.of(points, values), None, np.random.default_rng(0))
    fitted, fitted_clock = time.process_time(), time.monotonic()
    mean, variance = fit.posterior.mean_variance(new)
    error = mean[:, 0] - function(new)
    return {
        "fit_CPU_seconds": round(fitted - began, 3),
        "fit_wall_seconds": round(fitted_clock - clock, 3),
        "predict_CPU_seconds": round(time.process_time() - fitted, 3),
        "error": float(np.sqrt(np.mean(error**2))),
        "standardised_error": float(np.sqrt(np.mean(error**2 / variance[:, 0]))),
        "evaluations": fit.info["evaluations"],
        "peak_GB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 3),
    }


def in_fresh_process(case: tuple[str, int, int | None]) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.kernel_size"]
    done = subprocess.run(command, input=json.dumps(case), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the run of {case} ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def summarise(folder: Path, found: dict[tuple[str, int, int | None], dict[str, Any]]) -> None:
    head = [
        "kernel",
        "rows",
        "inducing",
        "fit / CPU s",
        "fit / s",
        "predict / CPU s",
        "error",
        "error / std",
        "GB",
    ]
    lines = []
    for (kernel, rows, inducing), entry in found.items():
        seconds = [
            f"{entry[key]:.2f}" for key in ("fit_CPU_seconds", "fit_wall_seconds", "predict_CPU_seconds")
        ]
        rest = [f"{entry['error']:.4f}", f"{entry['standardised_error']:.2f}", f"{entry['peak_GB']:.2f}"]
        lines.append([kernel, str(rows), "all" if inducing is None else str(inducing), *seconds, *rest])
    text = markdown_table(head, lines)
    text += "\n\nOne thread on a machine that others use too, so that wall seconds are an upper bound."
    names = [f"{kernel}, {rows} rows" + (f", {few} inducing" if few else "") for kernel, rows, few in found]
    drawing = figure(7.0, 0.8 + 0.45 * len(found))
    axes = drawing.subplots()
    totals = [entry["fit_CPU_seconds"] + entry["predict_CPU_seconds"] for entry in found.values()]
    axes.barh(names[::-1], totals[::-1], color="#0072b2")
    axes.set_xscale("log")
    axes.set_xlabel("fit and prediction, CPU seconds")
    axes.spines[["top", "right"]].set_visible(False)
    save_plot(folder, drawing)
    results = {"threads": 1, "seed": 0, "runs": dict(zip(names, found.values(), strict=True))}
    write_report(folder, "Kernel ridge regression with many rows", text, results)


def main(options: argparse.Namespace) -> None:
    raw, found = options.output / "raw" / "kernel_size", {}
    for case in CASES:
        kernel, rows, inducing = case
        path = raw / f"{kernel}-{rows}-{inducing or 'all'}.json"
        if path.exists() or not options.summary_only:
            found[case] = kept(path, lambda case=case: in_fresh_process(case))
    summarise(options.output / "kernel_size", found)


if __name__ == "__main__":
    json.dump(run(*json.load(sys.stdin)), sys.stdout)
