"""MGH17 with noise of unknown size: intervals of its two numbers, from a surrogate and from the true function.

Each draw of the noise is one study of `BayesianReconstruction` with Markov chains, and the same sampler on the true function.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
from examples.mgh17_noise import mgh17_noise as problem

from assay.analysis.chains import MarkovChains
from benchmarks.problems._draws import draws_of
from benchmarks.reporting import COLOURS, figure, markdown_table, save_plot, write_report

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)
Array = np.ndarray

DRAWS = range(40)
EVALUATIONS = 40
LEAST_COVERED, MOST_COVERED = 34, 40
LARGEST_CHANGE = 0.2  # of the median width
TRUTH = {**problem.CERTIFIED, "c1": problem.C1, "c2": problem.C2}


def described(chains: MarkovChains, seconds: float) -> dict[str, Any]:
    """What is kept of some chains."""
    lower, upper = chains.interval(0.95)
    return {
        "lower": lower.tolist(),
        "upper": upper.tolist(),
        "medians": chains.medians.tolist(),
        "stopped": chains.stopped,
        "largest_rhat": float(chains.rhat.max()),
        "least_ess": float(chains.ess.min()),
        "CPU_seconds": seconds,
    }


def run(draw: int, evaluations: int) -> dict[str, Any]:
    """The intervals of one draw of the noise."""
    begun = time.process_time()
    study = problem.study_of(draw, evaluations)
    learnt = time.process_time()
    by_surrogate = study.driver.run_mcmc()
    sampled = time.process_time()
    by_function = problem.chains_of_true_function(draw)
    ended = time.process_time()
    return {
        "draw": draw,
        "suggestions_CPU_seconds": learnt - begun,
        "surrogate": described(by_surrogate, sampled - learnt),
        "function": described(by_function, ended - sampled),
    }


def intervals(runs: list[dict[str, Any]], kind: str) -> Array:
    """(2, draws, parameters), the ends."""
    return np.array([[one[kind][end] for one in runs] for end in ("lower", "upper")])


def covered(runs: list[dict[str, Any]], kind: str) -> Array:
    """(draws, parameters), whether the interval holds the truth."""
    lower, upper = intervals(runs, kind)
    truth = np.array(list(TRUTH.values()))
    return (lower <= truth) & (truth <= upper)


def draw_intervals(folder: Path, runs: list[dict[str, Any]]) -> None:
    drawing = figure(9.0, 5.0)
    panels = drawing.subplots(2, 1, sharex=True)
    for axes, name in zip(panels, ("c1", "c2"), strict=True):
        place = list(TRUTH).index(name)
        for kind, shift, colour in (("function", 0.2, "0.5"), ("surrogate", -0.2, COLOURS["assay"])):
            lower, upper = intervals(runs, kind)[:, :, place]
            axes.vlines(np.arange(len(runs)) + shift, lower, upper, color=colour, label=f"by the {kind}")
        axes.axhline(TRUTH[name], color="black", linewidth=0.8)
        axes.set(ylabel=name)
    panels[-1].set(xlabel="draw of the noise")
    panels[-1].legend(frameon=False, ncols=2)
    save_plot(folder, drawing)


def main(options: argparse.Namespace) -> None:
    """Run what is missing, then summarise."""
    folder = options.output / "problems/mgh17_noise"
    runs = draws_of(
        options, "mgh17_noise", DRAWS, lambda number: run(number, options.evaluations or EVALUATIONS)
    )
    kinds = ("surrogate", "function")
    counts = {kind: covered(runs, kind).sum(axis=0) for kind in kinds}
    widths = {kind: np.median(np.diff(intervals(runs, kind), axis=0)[0], axis=0) for kind in kinds}
    rows = [
        [
            name,
            *(f"{counts[kind][place]} of {len(runs)}" for kind in kinds),
            *(f"{widths[kind][place]:.4g}" for kind in kinds),
            f"{widths['surrogate'][place] / widths['function'][place]:.3f}",
        ]
        for place, name in enumerate(TRUTH)
    ]
    head = ["parameter", "intervals that cover", "by the true function", "median width"]
    text = markdown_table([*head, "by the true function", "ratio"], rows)
    seconds = np.median(
        [[one["suggestions_CPU_seconds"], *(one[kind]["CPU_seconds"] for kind in kinds)] for one in runs],
        axis=0,
    )
    ended = sum(one[kind]["stopped"] != "rel_error" for one in runs for kind in kinds)
    text += (
        f"\n\n95 % intervals. Wanted for c1 and c2: {LEAST_COVERED} to {MOST_COVERED} of 40 cover, and the ratio of the "
        f"median widths is within {LARGEST_CHANGE:.0%} of 1. Median CPU time: {seconds[0]:.1f} s for the suggestions, "
        f"{seconds[1]:.1f} s for the chains on the surrogate, {seconds[2]:.1f} s for those on the true function. "
        f"Chains that a budget ended: {ended} of {2 * len(runs)}."
    )
    results = {
        "draws": [one["draw"] for one in runs],
        "names": list(TRUTH),
        "covered": {kind: counts[kind].tolist() for kind in kinds},
        "median_width": {kind: widths[kind].tolist() for kind in kinds},
        "runs": runs,
    }
    write_report(folder, "MGH17 with noise of unknown size", text, results)
    draw_intervals(folder, runs)
