"""Networks and bins that are trained on the result of a measurement, beside those that are not; hard histograms throughout.

One JSON file for each (experiment, method, seed), so that what was interrupted goes on. Settings were chosen on seeds from
100 up; seeds 0 to 4 are judged. Of the looks at a training the best one on events that it is not trained on is taken (of blobs
that with the least CLs, whatever the loss), and quoted on yet others.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from examples.hep import blobs, edges, three_numbers

from assay.numerics.compile import jax_module
from benchmarks.reporting import figure, markdown_table, save_plot, write_report

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)

SEEDS = range(5)
JUDGING = 20_000  # added to the seed for the events that are quoted
NUMBERS_OF_BINS = (2, 4, 6, 8)

jax = jax_module()


def blob(loss: str, seed: int) -> dict[str, Any]:
    """A network of `examples/hep/blobs.py`."""
    found, rest = blobs.trained(loss, seed)
    return {
        "looks": found.looks.tolist(),
        "validation_CLs": np.exp(found.metrics).tolist(),
        **blobs.measured(found.best, rest, jax.random.key(seed + JUDGING), blobs.JUDGED),
    }


def three(benchmark: str, seed: int) -> dict[str, Any]:
    """A network of `examples/hep/three_numbers.py`."""
    chosen = three_numbers.BENCHMARKS[int(benchmark)]
    found, logits = three_numbers.trained(chosen, seed)
    judged = three_numbers.measured_std(
        chosen, logits, found.best, jax.random.key(seed + JUDGING), three_numbers.JUDGED
    )
    return {"looks": found.looks.tolist(), "validation_std": found.metrics.tolist(), "std": judged}


def bins(method: str, seed: int) -> dict[str, Any]:
    """The edges of `examples/hep/edges.py`, for each number of bins; the published sample stands in place of seed -1."""
    events = edges.published() if seed < 0 else edges.draw(seed)
    found = {}
    for number in NUMBERS_OF_BINS:
        walls = edges.edges(method, events, number)
        found[str(number)] = {
            "edges": walls.tolist(),
            "on_the_sample": edges.significance(events, walls),
            "expected": edges.exact_significance(walls),
            "least_background": float(edges.exact_yields(walls)[1].min()),
        }
    return found


EXPERIMENTS: dict[str, tuple[Callable[[str, int], dict[str, Any]], tuple[str, ...]]] = {
    "blobs": (blob, ("CLs", "cross entropy", "cross entropy, augmented")),
    "three_numbers": (three, tuple(str(place) for place in range(len(three_numbers.BENCHMARKS)))),
    "edges": (bins, edges.METHODS),
    "blobs_other_losses": (blob, ("p0", "uncertainty", "CLs and p0")),
}


def place_of(folder: Path, experiment: str, method: str, seed: int) -> Path:
    return (
        folder
        / "raw"
        / "hep_training"
        / experiment
        / f"{method.replace(', ', '_').replace(' ', '_')}-{seed}.json"
    )


def run(folder: Path, names: list[str], seeds: list[int]) -> None:
    """What is not in the folder yet, seed by seed."""
    for name in names:
        train, methods = EXPERIMENTS[name]
        for seed in seeds:
            for method in methods:
                place = place_of(folder, name, method, seed)
                if place.exists():
                    continue
                began = time.process_time()
                found = train(method, seed)
                found["CPU_seconds"] = round(time.process_time() - began, 1)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(json.dumps(found, indent=1) + "\n")
                LOGGER.info("%s, %s, seed %d: %s", name, method, seed, found)


def read(folder: Path, name: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Every run that is there, by method and seed."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for method in EXPERIMENTS[name][1]:
        found[method] = {}
        for seed in SEEDS:
            place = place_of(folder, name, method, seed)
            if place.exists():
                found[method][str(seed)] = json.loads(place.read_text())
    return found


def main(options: argparse.Namespace) -> None:
    names = options.methods or list(EXPERIMENTS)
    if not options.summary_only:
        run(options.output, names, options.seeds or list(SEEDS))
    results = {name: read(options.output, name) for name in EXPERIMENTS}
    folder = options.output / "hep_training"
    write_report(folder, "Trained on the result", text(results), {"seeds": list(SEEDS), "results": results})
    draw(results, folder)


def over_seeds(runs: dict[str, dict[str, Any]], key: str) -> list[float]:
    return [found[key] for found in runs.values()]


def text(results: dict[str, dict[str, dict[str, dict[str, Any]]]]) -> str:
    lines = [__doc__ or "", "", "## Blobs: hard histograms, median (least to largest) over the seeds", ""]
    rows = []
    for name in ("blobs", "blobs_other_losses"):
        for method, runs in results[name].items():
            cells = [spread_of(over_seeds(runs, key)) for key in ("CLs", "p0", "uncertainty", "CPU_seconds")]
            rows.append([method, str(len(runs)), *cells])
    lines += [markdown_table(["trained on", "seeds", "CLs", "p0", "uncertainty", "CPU s"], rows), ""]
    lines += ["## Three numbers: the uncertainty of the number of signal events, hard bins", ""]
    rows = []
    for method, runs in results["three_numbers"].items():
        if not runs:
            continue
        chosen = three_numbers.BENCHMARKS[int(method)]
        limits = (three_numbers.exact_std(chosen), three_numbers.classifier_std(chosen))
        cells = [f"{value:.2f}" for value in (*limits, three_numbers.PUBLISHED[int(method)])]
        rows.append(
            [method, str(len(runs)), cells[0], spread_of(over_seeds(runs, "std")), cells[2], cells[1]]
        )
    head = ["benchmark", "seeds", "exact", "trained", "INFERNO, published", "perfect classifier"]
    lines += [markdown_table(head, rows), "", "## Edges: significance, median (least to largest)", ""]
    rows = []
    for number in map(str, NUMBERS_OF_BINS):
        for method, runs in results["edges"].items():
            found = {seed: run_[number] for seed, run_ in runs.items()}
            keys = ("on_the_sample", "expected", "least_background")
            rows.append(
                [number, method, str(len(found)), *(spread_of(over_seeds(found, key)) for key in keys)]
            )
    head = ["bins", "edges", "seeds", "on the sample", "expected", "least background of a bin"]
    return "\n".join([*lines, markdown_table(head, rows)])


def spread_of(values: list[float]) -> str:
    if not values:
        return ""
    return f"{np.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def draw(results: dict[str, dict[str, dict[str, dict[str, Any]]]], folder: Path) -> None:
    drawing = figure(12.0, 4.2)
    left, middle, right = drawing.subplots(1, 3)
    trained = {**results["blobs"], **results["blobs_other_losses"]}
    for place, runs in enumerate(trained.values()):
        values = over_seeds(runs, "CLs")
        left.semilogy(np.full(len(values), place), values, "o", color="#0072b2")
    left.set_xticks(range(len(trained)), [method.replace(", ", ",\n") for method in trained], rotation=60)
    left.set_title("Blobs", loc="left", fontsize="medium")
    left.set_ylabel("expected CLs, hard histograms")
    for method, runs in results["three_numbers"].items():
        if not runs:
            continue
        middle.plot(np.full(len(runs), int(method)), over_seeds(runs, "std"), "o", color="#0072b2")
        chosen = three_numbers.BENCHMARKS[int(method)]
        middle.plot(int(method), three_numbers.exact_std(chosen), "k_", markersize=16)
        middle.plot(int(method), three_numbers.PUBLISHED[int(method)], "_", color="#d55e00", markersize=16)
    middle.set_xlabel("benchmark")
    middle.set_title("Three numbers: black exact, red INFERNO", loc="left", fontsize="medium")
    middle.set_ylabel("uncertainty of the signal, hard bins")
    for method, runs in results["edges"].items():
        if not runs:
            continue
        heights = [[found[str(number)]["expected"] for number in NUMBERS_OF_BINS] for found in runs.values()]
        right.plot(NUMBERS_OF_BINS, np.median(heights, axis=0), "o-", label=method)
    right.set_xlabel("bins")
    right.set_title("Edges", loc="left", fontsize="medium")
    right.set_ylabel("expected significance, median")
    if right.lines:
        right.legend(fontsize="small")
    save_plot(folder, drawing)
