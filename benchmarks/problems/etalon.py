"""An etalon explored (examples/etalon): the error of surrogates from chosen points and from as many random ones.

The same model in all runs. The goal is at most half the error of random points.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
from examples.etalon.etalon import EVALUATIONS, explored, from_random_points, root_mean_square_error

import assay
from benchmarks.reporting import figure, markdown_table, save_plot, write_report

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)

SEEDS = range(5)
METHODS: dict[str, Callable[[int, int], assay.Study]] = {
    "random points": from_random_points,
    "integrated variance": explored,
    "uncertainty": lambda seed, count: explored(seed, count, "uncertainty"),
    "uncertainty, rim included": lambda seed, count: explored(
        seed, count, "uncertainty", penalize_boundaries=False
    ),
}


def run_or_read(method: str, seed: int, count: int, folder: Path, *, summary_only: bool) -> float:
    """The root mean square error of the surrogate."""
    place = folder / method.replace(", ", "_").replace(" ", "_") / f"{seed}.json"
    if not place.exists() and not summary_only:
        error = root_mean_square_error(METHODS[method](seed, count))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps({"evaluations": count, "root_mean_square_error": error}) + "\n")
        LOGGER.info("%s, seed %d: %.5f", method, seed, error)
    return float(json.loads(place.read_text())["root_mean_square_error"])


def main(options: argparse.Namespace) -> None:
    """Run, and write the report."""
    seeds, count = options.seeds or list(SEEDS), options.evaluations or EVALUATIONS
    raw = options.output / "raw" / "etalon"
    errors = {
        method: np.array(
            [run_or_read(method, seed, count, raw, summary_only=options.summary_only) for seed in seeds]
        )
        for method in options.methods or list(METHODS)
    }
    base = errors["random points"]
    rows = [
        [method, f"{np.median(found):.5f}", f"{np.median(found / base):.3f}", f"{(found / base).max():.3f}"]
        for method, found in errors.items()
    ]
    text = (
        f"Root mean square error of the transmittance after {count} spectra, and its ratio to that from random points; "
        f"{len(seeds)} seeds.\n\n"
        + markdown_table(["points", "median error", "median ratio", "largest ratio"], rows)
        + "\n\nThe goal is a ratio of at most 1/2. The driver's default is the uncertainty, less at the rim."
    )
    folder = options.output / "problems" / "etalon"
    results = {"seeds": seeds, "evaluations": count, "errors": {key: v.tolist() for key, v in errors.items()}}
    write_report(folder, "An etalon explored", text, results)
    drawing = figure(6.0, 3.4)
    axes = drawing.subplots()
    for place, found in enumerate(errors.values()):
        axes.semilogy(np.full(len(found), place), found, "o", markersize=4)
    axes.set_xticks(range(len(errors)), list(errors), fontsize=8)
    axes.set(ylabel="root mean square error")
    save_plot(folder, drawing)
    LOGGER.info("\n%s", text)
