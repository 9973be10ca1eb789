"""Does it pay to choose points by a model? The fit after 40 evaluations, beside Latin hypercubes of 40 points at once.

The functions are those on which MED's sampler was measured: its manual's example, its tests' function, and a peak that stands
alone (its width is ours: nobody wrote it down). The judge is the same for all: the driver's own Gaussian process, fitted anew to
the 40 points, and its R² at 2000 uniform points that the seed fixes.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import qmc

from assay.drivers.abstract import History, Request
from assay.drivers.exploration import AdaptiveSampling
from assay.numerics.coordinates import Coordinates
from assay.records import Measurement, Outcome, Suggestion, Trial
from assay.space.parameters import Continuous
from assay.space.space import Space
from benchmarks.reporting import COLOURS, figure, markdown_table, save_plot, write_report

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)
Array = np.ndarray

SEEDS = range(20)
BATCHES = (16, 12, 12)
EVALUATIONS = sum(BATCHES)
TESTS = 2000


@dataclass(frozen=True)
class Function:
    """A function of points (points, dimension) in the cube between two numbers."""

    dimension: int
    lower: float
    upper: float
    value: Callable[[Array], Array]


FUNCTIONS = {
    "manual, 3-D": Function(3, -9.0, 10.0, lambda x: x[:, 0] * np.sin(0.5 * x[:, 1]) + np.cos(1.1 * x[:, 2])),
    "smooth, 2-D": Function(2, 0.0, 9.0, lambda x: np.sin(1.1 * x[:, 0]) + np.cos(0.5 * x[:, 1])),
    "peak, 2-D": Function(
        2, 0.0, 1.0, lambda x: np.exp(-((x[:, 0] - 0.7) ** 2 + (x[:, 1] - 0.35) ** 2) / (2.0 * 0.08**2))
    ),
}


@dataclass(frozen=True)
class Method:
    """How 40 points are chosen.

    Arguments:
        weight: of what the models do not know; None for SciPy's Latin hypercube. With 2/13 a batch of 12 has the plain mean of
            its log determinant as the second term.
        batches: their sizes; each is chosen when the one before it is evaluated.
        workers: how many evaluations run at once after the first batch; results come in the order of the suggestions.
    """

    weight: float | None
    batches: tuple[int, ...]
    workers: int = 1


ONE_BY_ONE = (16, *[1] * 24)
METHODS = {
    "Latin hypercube of 40": Method(None, (EVALUATIONS,)),
    "w = 0: 40": Method(0.0, (EVALUATIONS,)),
    "w = 2/13: 16 + 12 + 12": Method(2.0 / 13.0, BATCHES),
    "w = 1: 16 + 12 + 12": Method(1.0, BATCHES),
    "w = 1: 16 + 24": Method(1.0, (16, 24)),
    "w = 1: 16 + 24 · 1": Method(1.0, ONE_BY_ONE),
    "w = 1: 16 + 24 · 1 on 4 workers": Method(1.0, ONE_BY_ONE, 4),
}
BASELINE, DEFAULT = "Latin hypercube of 40", "w = 1: 16 + 24 · 1"


def explored(function: Function, method: Method, seed: int) -> tuple[History, float]:
    """The history of one exploration, and the CPU seconds of its choices."""
    names = [f"x{index}" for index in range(function.dimension)]
    space = Space.from_data([Continuous(name, (function.lower, function.upper)) for name in names])
    coordinates = Coordinates.of(space)
    sampler = {"type": "DiscrepancyVariance", "weight": method.weight or 0.0}
    driver = AdaptiveSampling.from_data({"sampler": sampler})
    known: list[Trial] = []
    state, seconds = None, 0.0
    for count in method.batches:
        began = time.process_time()
        if method.weight is None:
            randomness = np.random.default_rng(seed)
            design = qmc.LatinHypercube(function.dimension, optimization="random-cd", rng=randomness)
            values = [coordinates.decode(point) for point in design.random(count)]
        else:
            running = method.workers - 1 if known else 0
            seen = [
                trial if place < len(known) - running else Trial(trial.suggestion, "open")
                for place, trial in enumerate(known)
            ]
            batch = driver.propose(History(space, tuple(seen), seed, state), Request(len(seen)), count)
            values, state = [dict(proposal.values) for proposal in batch], batch[0].state
        seconds += time.process_time() - began
        observed = function.value(np.array([[float(point[name]) for name in names] for point in values]))
        known += [
            Trial(
                Suggestion(len(known) + place, point),
                "succeeded",
                Outcome("succeeded", (Measurement((float(value),)),)),
            )
            for place, (point, value) in enumerate(zip(values, observed, strict=True))
        ]
    return History(space, tuple(known), seed), seconds


def quality(function: Function, history: History) -> float:
    """R² of the driver's Gaussian process, fitted anew."""
    belief = AdaptiveSampling.from_data({}).belief(history, as_chosen=True)
    points = np.random.default_rng([history.seed, 2000]).random((TESTS, function.dimension))
    truth = function.value(function.lower + (function.upper - function.lower) * points)
    mean = belief.posteriors["loss"].mean_variance(points)[0][:, 0]
    return 1.0 - float(np.mean((mean - truth) ** 2) / np.var(truth))


def main(options: argparse.Namespace) -> None:
    """Run what is missing, seed by seed, and write the report."""
    seeds = options.seeds or list(SEEDS)
    raw, folder = options.output / "raw" / "exploration_sampling", options.output / "exploration_sampling"
    methods = options.methods or list(METHODS)
    if not options.summary_only:
        for seed in seeds:
            _run(raw, methods, seed)
    summary = _summary(raw, seeds)
    write_report(
        folder, "Adaptive sampling beside one Latin hypercube", _text(summary), {"seeds": seeds, **summary}
    )
    _draw(folder, summary)


def _run(raw: Path, methods: list[str], seed: int) -> None:
    raw.mkdir(parents=True, exist_ok=True)
    for name, function in FUNCTIONS.items():
        for method in methods:
            path = raw / f"{list(FUNCTIONS).index(name)}-{list(METHODS).index(method)}-{seed}.json"
            if path.exists():
                continue
            history, seconds = explored(function, METHODS[method], seed)
            found = {
                "function": name,
                "method": method,
                "seed": seed,
                "R2": quality(function, history),
                "CPU_seconds": round(seconds, 3),
            }
            path.write_text(json.dumps(found) + "\n")
            LOGGER.info("%s, %s, seed %d: R² %.4f, %.1f CPU s", name, method, seed, found["R2"], seconds)


def _summary(raw: Path, seeds: list[int]) -> dict[str, Any]:
    """R² by function, method and seed, the paired comparison with the Latin hypercube, and CPU seconds a batch."""
    found = [json.loads(path.read_text()) for path in sorted(raw.glob("*.json"))]
    summary: dict[str, Any] = {}
    for name in FUNCTIONS:
        baseline = _runs(found, name, BASELINE, seeds)
        for method, recipe in METHODS.items():
            runs = _runs(found, name, method, seeds)
            if not runs:
                continue
            scores, batches = [run["R2"] for run in runs.values()], len(recipe.batches)
            seconds = np.median([run["CPU_seconds"] for run in runs.values()]) / batches
            entry = {
                "seeds": list(runs),
                "R2": scores,
                "median_R2": float(np.median(scores)),
                "CPU_seconds_per_batch": float(seconds),
            }
            pairs = [(run["R2"], baseline[seed]["R2"]) for seed, run in runs.items() if seed in baseline]
            if pairs:
                entry["median_R2_of_baseline"] = float(np.median([other for _, other in pairs]))
                entry["seeds_that_beat_it"] = sum(score > other for score, other in pairs)
                # By how much the error that is left, as a root mean square, is the smaller.
                entry["median_error_ratio"] = float(np.median([np.sqrt((1 - a) / (1 - b)) for a, b in pairs]))
            summary.setdefault(name, {})[method] = entry
    return {"functions": summary}


def _runs(found: list[dict[str, Any]], name: str, method: str, seeds: list[int]) -> dict[int, dict[str, Any]]:
    """What was measured, by seed."""
    chosen = {run["seed"]: run for run in found if run["function"] == name and run["method"] == method}
    return {seed: chosen[seed] for seed in seeds if seed in chosen}


def _text(summary: dict[str, Any]) -> str:
    parts = []
    for name, methods in summary["functions"].items():
        rows = [
            [
                method,
                f"{entry['median_R2']:.5f}",
                f"{min(entry['R2']):.5f}",
                f"{np.sqrt(1.0 - entry['median_R2']):.4f}",
                f"{entry['median_error_ratio']:.3f}" if "median_error_ratio" in entry else "–",
                f"{entry['seeds_that_beat_it']}/{len(entry['R2'])}" if "seeds_that_beat_it" in entry else "–",
                f"{entry['CPU_seconds_per_batch']:.2f}",
            ]
            for method, entry in methods.items()
        ]
        head = [
            "method",
            "R², median",
            "R², least",
            "error, median",
            "error ratio, median",
            "seeds better",
            "CPU s a batch",
        ]
        verdict = "\n\n" + " ".join(_verdict(methods, method) for method in METHODS if method.startswith("w"))
        parts.append(f"## {name}\n\n{markdown_table(head, rows)}{verdict}")
    return "\n\n".join(
        [
            "The error is the root-mean-square error over the standard deviation of the function; its ratio is to that of the Latin "
            f'hypercube of the same seed, below 1 is better. The default of the driver is "{DEFAULT}".',
            *parts,
        ]
    )


def _verdict(methods: dict[str, Any], method: str) -> str:
    """Whether a method beats the Latin hypercube in the median, in words."""
    if method not in methods:
        return ""
    wins = methods[method]["median_R2"] > methods[method]["median_R2_of_baseline"]
    return f'"{method}" {"beats" if wins else "does NOT beat"} the Latin hypercube in the median.'


def _draw(folder: Path, summary: dict[str, Any]) -> None:
    drawing = figure(10.0, 3.6)
    panels = np.atleast_1d(drawing.subplots(1, len(summary["functions"]), sharey=True))
    for panel, (name, methods) in zip(panels, summary["functions"].items(), strict=True):
        for method, entry in methods.items():
            error = np.sqrt(np.maximum(1.0 - np.array(entry["R2"]), 1e-12))
            colour = COLOURS["assay"] if method == DEFAULT else COLOURS["random"]
            place = list(METHODS).index(method)
            panel.plot(error, np.full(len(error), place), ".", color=colour, alpha=0.4)
            panel.plot(np.median(error), place, "|", color=colour, markersize=16, markeredgewidth=2)
        panel.set(title=name, xscale="log", xlabel="relative root-mean-square error")
    panels[0].set_yticks(range(len(METHODS)), list(METHODS))
    panels[0].set_ylim(len(METHODS) - 0.5, -0.5)
    save_plot(folder, drawing)
