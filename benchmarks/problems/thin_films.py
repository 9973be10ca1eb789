"""Three layers from a noisy spectrum: how often the 95 % interval of each parameter covers its truth, over noise draws.

Each draw has a study of its own: 36 evaluations by BayesianLeastSquares, then Markov chains on the surrogate. Beside
it stands the standard deviation that least squares on the true function gives at its minimum.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
from examples.thin_films import thin_films
from scipy.optimize import least_squares

from benchmarks.problems._draws import draws_of
from benchmarks.reporting import COLOURS, figure, markdown_table, save_plot, write_report

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)

DRAWS = range(40)
EVALUATIONS = 36
NAMES = tuple(thin_films.TRUTH)
LEAST_COVERED, MOST_COVERED = 34, 40


def run(draw: int, evaluations: int) -> dict[str, Any]:
    """The interval of each parameter, and what least squares on the true function says."""
    began = time.process_time()
    study = thin_films.study_of(draw, evaluations)
    learnt = time.process_time()
    chains = study.driver.run_mcmc()
    sampled = time.process_time()
    lower, upper = chains.interval(0.95)
    target = thin_films.measured(draw)
    fit = least_squares(
        lambda point: (np.array(thin_films.evaluate(*point)) - target) / thin_films.NOISE,
        list(thin_films.TRUTH.values()),
        x_scale=[high - low for low, high in thin_films.DOMAINS.values()],
    )
    result = {
        "draw": draw,
        "lower": np.asarray(lower).tolist(),
        "upper": np.asarray(upper).tolist(),
        "deviation": chains.samples.std(axis=0).tolist(),
        "deviation_of_least_squares": np.sqrt(np.diag(np.linalg.inv(fit.jac.T @ fit.jac))).tolist(),
        "excess_chi_squared": float(study.driver.min_objective or np.nan) - 2.0 * float(fit.cost),
        "least_ess": float(np.min(chains.ess)),
        "largest_rhat": float(np.max(chains.rhat)),
        "stopped": chains.stopped,
        "CPU_seconds": [learnt - began, sampled - learnt],
    }
    LOGGER.info("draw %d: %s", draw, result)
    return result


def covered(runs: list[dict[str, Any]]) -> np.ndarray:
    """(draws, parameters), whether the interval holds the truth."""
    truth = np.array(list(thin_films.TRUTH.values()))
    return np.array([(np.array(one["lower"]) <= truth) & (truth <= np.array(one["upper"])) for one in runs])


def draw_intervals(folder: Path, runs: list[dict[str, Any]]) -> None:
    drawing = figure(10.0, 4.5)
    for axes, name, place in zip(drawing.subplots(2, 3).ravel(), NAMES, range(len(NAMES)), strict=True):
        ends = np.array([[one["lower"][place], one["upper"][place]] for one in runs])
        good = covered(runs)[:, place]
        for index, (low, high) in enumerate(ends):
            axes.plot([index, index], [low, high], color=COLOURS["assay"] if good[index] else "#d55e00")
        axes.axhline(thin_films.TRUTH[name], color="0.5", linewidth=0.8)
        axes.set(title=f"{name}: {int(good.sum())} of {len(runs)}")
    save_plot(folder, drawing)


def main(options: argparse.Namespace) -> None:
    """Run what is missing, then summarise."""
    folder = options.output / "problems/thin_films"
    runs = draws_of(
        options, "thin_films", DRAWS, lambda number: run(number, options.evaluations or EVALUATIONS)
    )
    counts = covered(runs).sum(axis=0)
    ratio = np.median(
        [np.array(one["deviation"]) / np.array(one["deviation_of_least_squares"]) for one in runs], axis=0
    )
    rows = [
        [name, f"{count} of {len(runs)}", f"{part:.2f}"]
        for name, count, part in zip(NAMES, counts, ratio, strict=True)
    ]
    text = markdown_table(
        ["parameter", "95 % intervals that cover", "deviation over that of least squares"], rows
    )
    seconds = np.median([one["CPU_seconds"] for one in runs], axis=0)
    excess = np.median([one["excess_chi_squared"] for one in runs])
    ended = sum(one["stopped"] != "rel_error" for one in runs)
    rhat = max(one["largest_rhat"] for one in runs)
    text += (
        f"\n\nWanted: {LEAST_COVERED} to {MOST_COVERED} of 40. Median CPU time: {seconds[0]:.1f} s for the suggestions, "
        f"{seconds[1]:.1f} s for the chains. The best evaluation is above the least chi-squared by {excess:.2g} in the median. "
        f"The largest R-hat is {rhat:.3f}; chains that a budget ended: {ended}."
    )
    results = {"draws": [one["draw"] for one in runs], "covered": counts.tolist(), "runs": runs}
    write_report(folder, "Thin films", text, results)
    draw_intervals(folder, runs)
