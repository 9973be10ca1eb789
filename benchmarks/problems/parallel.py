"""Eight evaluations at once: how many more Hartmann 6 takes than one at a time, in the median of five seeds.

Together: evaluations of one duration, so that eight end, and then eight are suggested one after the other. Staggered: eight
are open at any time, and the next is suggested whenever the oldest ends, so that seven results are always missing. All that
are told until the target was observed count; those that are open then do not.
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import asdict
from statistics import median

from assay.drivers.active_learning import ActiveLearning
from assay.space.space import Space
from assay.testing.problems import problem
from benchmarks.problems._counting import Count, evaluations_to
from benchmarks.reporting import figure, markdown_table, save_plot, write_report

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)

SEEDS = range(5)
MOST = 150
REGRET = 0.01
WAYS = {"one at a time": (1, False), "eight together": (8, True), "eight, staggered": (8, False)}


def run(seed: int, way: str, most: int = MOST) -> Count:
    """One run to the target."""
    at_once, together = WAYS[way]
    hartmann = problem("hartmann6")
    driver = ActiveLearning.from_data({"deterministic": True})
    space = Space.from_data(hartmann.design_space)
    target = hartmann.minimum + REGRET
    count = evaluations_to(target, driver, space, hartmann.evaluate, most, seed, at_once, together=together)
    LOGGER.info("seed %d, %s: %s evaluations", seed, way, count.evaluations)
    return count


def main(options: argparse.Namespace) -> None:
    """Run, and write the report."""
    seeds = options.seeds or list(SEEDS)
    counts = {way: [run(seed, way, options.evaluations or MOST) for seed in seeds] for way in WAYS}
    needed = {way: [count.evaluations or MOST for count in found] for way, found in counts.items()}
    medians = {way: median(found) for way, found in needed.items()}
    ratios = {way: medians[way] / medians["one at a time"] for way in WAYS}
    rows = [
        [
            way,
            *(str(count.evaluations or f"> {MOST}") for count in found),
            f"{medians[way]:g}",
            f"{ratios[way]:.2f}",
        ]
        for way, found in counts.items()
    ]
    table = markdown_table(["at once", *(f"seed {seed}" for seed in seeds), "median", "ratio"], rows)
    text = f"Evaluations until {REGRET} above the minimum of Hartmann 6 was observed.\n\n{table}"
    folder = options.output / "problems" / "parallel"
    results = {way: [asdict(count) for count in found] for way, found in counts.items()}
    write_report(
        folder, "Eight at once", text, {"seeds": seeds, "regret": REGRET, "ratios": ratios, "runs": results}
    )
    drawing = figure(5.0, 3.2)
    axes = drawing.subplots()
    for way, found in needed.items():
        axes.plot(seeds, found, "o-", label=way)
    axes.set(xlabel="seed", ylabel="evaluations to the target", xticks=seeds, ylim=(0, None))
    axes.legend()
    save_plot(folder, drawing)
    LOGGER.info("\n%s", text)
