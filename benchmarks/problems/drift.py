"""A minimum that drifts (examples/drift): regret with the phase as a measured environment parameter, and without.

The same driver with the same settings in both runs; only the parameter, and the noise that its absence amounts to, differ.
The goal is at most a third of the mean regret in the hour after learning, in the median of 5 seeds.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

import numpy as np
from examples.drift.drift import CONTROL_minutes, LEARNING_minutes, regrets

from benchmarks.reporting import figure, markdown_table, save_plot, write_report

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)
Array = np.ndarray

SEEDS = range(5)
ARMS = {"measured": True, "unknown": False}


def run_or_read(arm: str, seed: int, folder: Path, *, summary_only: bool) -> Array:
    """(minutes,), the regret of each evaluation."""
    place = folder / arm / f"{seed}.json"
    if not place.exists() and not summary_only:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps({"regret": regrets(seed, measured=ARMS[arm]).tolist()}) + "\n")
    return np.array(json.loads(place.read_text())["regret"])


def main(options: argparse.Namespace) -> None:
    """Run, and write the report."""
    seeds, raw = options.seeds or list(SEEDS), options.output / "raw" / "drift"
    runs = {
        arm: np.array([run_or_read(arm, seed, raw, summary_only=options.summary_only) for seed in seeds])
        for arm in ARMS
    }
    means = {arm: found[:, LEARNING_minutes:].mean(axis=1) for arm, found in runs.items()}
    ratios = means["measured"] / means["unknown"]
    rows = [
        [str(seed), f"{measured:.2f}", f"{unknown:.2f}", f"{ratio:.3f}"]
        for seed, measured, unknown, ratio in zip(seeds, *means.values(), ratios, strict=True)
    ]
    text = (
        f"Mean regret of {CONTROL_minutes} evaluations, one a minute, after {LEARNING_minutes} of learning.\n\n"
        + markdown_table(["seed", "phase measured", "phase unknown", "ratio"], rows)
        + f"\n\nThe median ratio is {np.median(ratios):.3f}; the goal is at most 1/3."
    )
    folder = options.output / "problems" / "drift"
    results = {"seeds": seeds, "ratios": ratios.tolist(), "median_ratio": float(np.median(ratios))}
    results |= {f"mean_regret_{arm}": values.tolist() for arm, values in means.items()}
    write_report(folder, "A minimum that drifts", text, results)
    drawing = figure(7.0, 3.4)
    axes = drawing.subplots()
    for arm, colour in (("unknown", "#7f7f7f"), ("measured", "#0072b2")):
        axes.plot(np.median(runs[arm], axis=0), color=colour, label=f"phase {arm}")
    axes.axvline(LEARNING_minutes - 0.5, color="black", linewidth=0.8, linestyle=":")
    axes.set(xlabel="minutes", ylabel=f"regret, median of {len(seeds)} runs")
    axes.legend(frameon=False)
    save_plot(folder, drawing)
    LOGGER.info("\n%s", text)
