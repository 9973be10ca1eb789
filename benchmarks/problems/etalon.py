"""An etalon explored (examples/etalon): the error of surrogates from chosen points and from as many random ones.

What is learned is one over the transmittance, or the transmittance itself; the model is the same for chosen and for random
points. The goal is at most half the error of random points.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
from examples.etalon.etalon import (
    EVALUATIONS,
    Learned,
    explored,
    from_random_points,
    root_mean_square_error,
)

from benchmarks.reporting import figure, markdown_table, save_plot, write_report

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)

SEEDS = range(5)
RANDOM = "random points"
EXPLORERS: dict[str, Mapping[str, Any]] = {
    "uncertainty": {},
    "integrated variance": {"strategy": "integrated variance"},
}
METHODS: list[tuple[Learned, str]] = [
    (learned, points) for learned in get_args(Learned) for points in (RANDOM, *EXPLORERS)
]


def run_or_read(
    learned: Learned, points: str, seed: int, count: int, folder: Path, *, summary_only: bool
) -> float:
    """The root mean square error of the surrogate."""
    place = folder / learned / points.replace(" ", "_") / f"{seed}.json"
    if not place.exists() and not summary_only:
        if points == RANDOM:
            study = from_random_points(seed, count, learned)
        else:
            study = explored(seed, count, learned, **EXPLORERS[points])
        error = root_mean_square_error(study, learned)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps({"evaluations": count, "root_mean_square_error": error}) + "\n")
        LOGGER.info("%s, %s, seed %d: %.5f", learned, points, seed, error)
    return float(json.loads(place.read_text())["root_mean_square_error"])


def main(options: argparse.Namespace) -> None:
    """Run, and write the report."""
    seeds, count = options.seeds or list(SEEDS), options.evaluations or EVALUATIONS
    raw = options.output / "raw" / "etalon"
    errors = {
        method: np.array(
            [run_or_read(*method, seed, count, raw, summary_only=options.summary_only) for seed in seeds]
        )
        for method in METHODS
    }
    rows = []
    for (learned, points), found in errors.items():
        ratio = found / errors[learned, RANDOM]
        rows.append(
            [learned, points, f"{np.median(found):.5f}", f"{np.median(ratio):.3f}", f"{ratio.max():.3f}"]
        )
    text = (
        f"Root mean square error of the transmittance after {count} spectra, and its ratio to that from random points; "
        f"{len(seeds)} seeds.\n\n"
        + markdown_table(["learned", "points", "median error", "median ratio", "largest ratio"], rows)
        + "\n\nThe goal is a ratio of at most 1/2. The driver's default is the uncertainty, less at the rim."
    )
    folder = options.output / "problems" / "etalon"
    listed = {f"{learned}, {points}": found.tolist() for (learned, points), found in errors.items()}
    results = {"seeds": seeds, "evaluations": count, "errors": listed}
    write_report(folder, "An etalon explored", text, results)
    drawing = figure(7.0, 3.4)
    axes = drawing.subplots()
    for place, found in enumerate(errors.values()):
        axes.semilogy(np.full(len(found), place), found, "o", markersize=4)
    axes.set_xticks(range(len(errors)), ["\n".join(method) for method in errors], fontsize=7)
    axes.set(ylabel="root mean square error")
    save_plot(folder, drawing)
    LOGGER.info("\n%s", text)
