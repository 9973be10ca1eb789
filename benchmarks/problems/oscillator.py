"""The driven oscillator: the narrowest peak of the wanted height in the wanted place, within 60 evaluations.

A run ends as soon as a peak is within 5 % of the width that a dense search on the true function found.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
from examples.oscillator import oscillator

import assay
from benchmarks.reporting import COLOURS, figure, markdown_table, save_plot, write_report

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)

SEEDS = range(5)
EVALUATIONS = 60
GOAL = 1.05
REFERENCE = json.loads((Path(oscillator.__file__).parent / "reference.json").read_text())["width"]


def run(seed: int, evaluations: int) -> dict[str, Any]:
    """The least width of a wanted peak after each evaluation, in units of the reference; None before the first."""
    study = assay.create_study(oscillator.SPACE, seed=seed)
    study.configure(max_iter=evaluations, **oscillator.CONFIGURATION)
    ratios: list[float | None] = []
    least, began = np.inf, time.process_time()
    while len(ratios) < evaluations and least > GOAL:
        suggestion = study.get_suggestion()
        values = oscillator.evaluate(**suggestion.kwargs)
        study.add_observation(values, suggestion.id)
        height, place, width = oscillator.peak(values)
        if oscillator.is_wanted(height, place):
            least = min(least, width / REFERENCE)
        ratios.append(least if np.isfinite(least) else None)
    seconds = time.process_time() - began
    LOGGER.info("seed %d: %s after %d, %.0f CPU s", seed, ratios[-1], len(ratios), seconds)
    return {"seed": seed, "ratios": ratios, "CPU_seconds": seconds}


def main(options: argparse.Namespace) -> None:
    """Run what is missing, then summarise."""
    raw, folder = (
        options.output / part / "problems" / "oscillator" if part else options.output / "problems/oscillator"
        for part in ("raw", "")
    )
    runs = []
    for seed in options.seeds or SEEDS:
        place = raw / f"{seed}.json"
        if not place.exists() and not options.summary_only:
            raw.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(run(seed, options.evaluations or EVALUATIONS)) + "\n")
        if place.exists():
            runs.append(json.loads(place.read_text()))
    ends = [entry["ratios"][-1] for entry in runs]
    reached = [end is not None and end <= GOAL for end in ends]
    counts = [len(entry["ratios"]) if good else None for entry, good in zip(runs, reached, strict=True)]
    rows = [
        [
            str(entry["seed"]),
            "none" if end is None else f"{end:.4f}",
            str(count or "not reached"),
            f"{entry['CPU_seconds']:.0f}",
        ]
        for entry, end, count in zip(runs, ends, counts, strict=True)
    ]
    ordered = sorted(count if count is not None else np.inf for count in counts)
    middle = ordered[len(ordered) // 2]
    text = markdown_table(["seed", "least width over the reference", "evaluations to 1.05", "CPU s"], rows)
    text += f"\n\nMedian of evaluations to within 5 %: {middle if np.isfinite(middle) else 'not reached'}; {sum(reached)} of {len(runs)} runs reach it."
    results = {
        "seeds": [entry["seed"] for entry in runs],
        "reference": REFERENCE,
        "runs": runs,
        "evaluations": counts,
    }
    write_report(folder, "Driven oscillator", text, results)
    drawing = figure(6.0, 4.0)
    axes = drawing.subplots()
    for entry in runs:
        values = [np.nan if ratio is None else ratio for ratio in entry["ratios"]]
        axes.plot(np.arange(1, len(values) + 1), values, ".-", color=COLOURS["assay"], alpha=0.6)
    axes.axhline(GOAL, color="0.6", linewidth=0.8)
    axes.set(xlabel="evaluations", ylabel="least width of a wanted peak over the reference")
    save_plot(folder, drawing)
