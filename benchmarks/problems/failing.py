"""A region where evaluations fail: how many more they make of a run, in the median of five seeds.

A third of the space fails, so that a third of the starting design does; the optimum lies outside. The same runs without
failures stand beside.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict
from statistics import median
from typing import Any

from assay.drivers.active_learning import ActiveLearning
from assay.space.space import Space
from assay.testing.problems import problem
from benchmarks.problems._counting import Count, evaluations_to
from benchmarks.reporting import figure, markdown_table, save_plot, write_report

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)

SEEDS = range(5)
MOST = 150
Fails = Callable[[Mapping[str, Any]], bool]

# The problem, the regret that ends a run, and where evaluations fail: a third of the box each.
CASES: dict[str, tuple[float, Fails]] = {
    "branin": (1e-3, lambda values: values["x1"] < 0.0),
    "hartmann6": (0.01, lambda values: values["x4"] > 2.0 / 3.0),
}


def run(name: str, seed: int, fails: Fails | None, most: int = MOST) -> Count:
    """One run to the target."""
    chosen = problem(name)
    regret, _ = CASES[name]

    def evaluate(values: Mapping[str, Any]) -> float | None:
        return None if fails is not None and fails(values) else chosen.evaluate(values)

    driver = ActiveLearning.from_data({"deterministic": True})
    count = evaluations_to(
        chosen.minimum + regret, driver, Space.from_data(chosen.design_space), evaluate, most, seed
    )
    LOGGER.info("%s seed %d, failing %s: %s", name, seed, fails is not None, count)
    return count


def main(options: argparse.Namespace) -> None:
    """Run, and write the report."""
    seeds = options.seeds or list(SEEDS)
    most = options.evaluations or MOST
    rows, results, drawing = [], {}, figure(5.0, 3.2)
    axes = drawing.subplots()
    for name, (regret, fails) in CASES.items():
        whole = [run(name, seed, None, most) for seed in seeds]
        holed = [run(name, seed, fails, most) for seed in seeds]
        needed = [[count.evaluations or most for count in found] for found in (whole, holed)]
        ratio = median(needed[1]) / median(needed[0])
        for label, found, counts in (("no failures", whole, needed[0]), ("a third fails", holed, needed[1])):
            texts = [f"{count.evaluations or f'> {most}'} ({count.failed})" for count in found]
            rows.append([f"{name}, {label}", *texts, f"{median(counts):g}"])
            axes.plot(seeds, counts, "o-", label=f"{name}, {label}")
        results[name] = {
            "regret": regret,
            "ratio": ratio,
            "whole": [asdict(count) for count in whole],
            "failing": [asdict(count) for count in holed],
        }
    table = markdown_table(["problem", *(f"seed {seed}" for seed in seeds), "median"], rows)
    ratios = ", ".join(f"{name} {found['ratio']:.2f}" for name, found in results.items())
    text = (
        f"Evaluations until the target was observed, in brackets how many of them failed.\n\n{table}\n\n"
        f"Ratio of the medians: {ratios}."
    )
    folder = options.output / "problems" / "failing"
    write_report(folder, "A region that fails", text, {"seeds": seeds, "problems": results})
    axes.set(xlabel="seed", ylabel="evaluations to the target", xticks=seeds, ylim=(0, None))
    axes.legend(fontsize="small")
    save_plot(folder, drawing)
    LOGGER.info("\n%s", text)
