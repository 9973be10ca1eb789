"""Eight evaluations at once: how many more Hartmann 6 takes than one at a time, in the median of five seeds.

Asynchronous: eight are open at any time, and the next is suggested whenever the oldest ends. All that are told until the
target was observed count; the seven that are open then do not.
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
AT_ONCE = (1, 8)


def run(seed: int, at_once: int, most: int = MOST) -> Count:
    """One run to the target."""
    hartmann = problem("hartmann6")
    driver = ActiveLearning.from_data({"deterministic": True})
    space = Space.from_data(hartmann.design_space)
    count = evaluations_to(hartmann.minimum + REGRET, driver, space, hartmann.evaluate, most, seed, at_once)
    LOGGER.info("seed %d, %d at once: %s evaluations", seed, at_once, count.evaluations)
    return count


def main(options: argparse.Namespace) -> None:
    """Run, and write the report."""
    seeds = options.seeds or list(SEEDS)
    counts = {
        at_once: [run(seed, at_once, options.evaluations or MOST) for seed in seeds] for at_once in AT_ONCE
    }
    needed = {at_once: [count.evaluations or MOST for count in found] for at_once, found in counts.items()}
    medians = {at_once: median(found) for at_once, found in needed.items()}
    ratio = medians[8] / medians[1]
    rows = [
        [str(at_once), *(str(count.evaluations or f"> {MOST}") for count in found), f"{medians[at_once]:g}"]
        for at_once, found in counts.items()
    ]
    table = markdown_table(["at once", *(f"seed {seed}" for seed in seeds), "median"], rows)
    text = f"Evaluations until {REGRET} above the minimum of Hartmann 6 was observed.\n\n{table}\n\nRatio of the medians: {ratio:.2f}."
    folder = options.output / "problems" / "parallel"
    results = {str(at_once): [asdict(count) for count in found] for at_once, found in counts.items()}
    write_report(
        folder, "Eight at once", text, {"seeds": seeds, "regret": REGRET, "ratio": ratio, "runs": results}
    )
    drawing = figure(5.0, 3.2)
    axes = drawing.subplots()
    for at_once, found in needed.items():
        axes.plot(seeds, found, "o-", label=f"{at_once} at once")
    axes.set(xlabel="seed", ylabel="evaluations to the target", xticks=seeds, ylim=(0, None))
    axes.legend()
    save_plot(folder, drawing)
    LOGGER.info("\n%s", text)
