"""The optical filter (examples/filter): a vector with its derivatives beside scalar optimisation at equal evaluations.

All methods see the same function and the same derivatives; they differ in what they are told of it:

- vector, derivatives: the 50 transmittances with their 450 derivatives; both means are linear in them.
- vector: the transmittances alone.
- scalar: the one number  stopped + max(0, 0.4 - passed),  and no derivatives.
- scalar, derivatives: the logarithm of that number, with its nine derivatives.
- two numbers, derivatives: both means with their derivatives, and the bound as a bound.

Without derivatives the starting design, and the scalar's warping, are what the driver chooses; with derivatives all begin
with six points. What counts is the least mean above 1300 nm among spectra with a mean of at least 40 % below.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from examples.filter import filter as example

import assay
from benchmarks.reporting import figure, markdown_table, save_plot, write_report

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)

Array = np.ndarray
Told = tuple[Array, Array]

SEEDS = range(5)
EVALUATIONS = 40
REFERENCE = json.loads((Path(example.__file__).parent / "reference.json").read_text())["stopped"]
TWO_NUMBERS: dict[str, Any] = {
    "deterministic": True,
    "num_initial": example.CONFIGURATION["num_initial"],
    "surrogates": [{"type": "GP", "output_dim": 2, "output_names": ["passed", "stopped"]}],
    "variables": [
        {"type": "SingleSelector", "name": name, "select_by_name": name.removeprefix("mean_")}
        for name in ("mean_passed", "mean_stopped")
    ],
    "objectives": [
        {"type": "Minimizer", "variable": "mean_stopped"},
        {"type": "Constrainer", "variable": "mean_passed", "lower_bound": example.LEAST_PASSED},
    ],
}


def _two_numbers(values: Array, derivatives: Array) -> Told:
    return np.array(example.bands(values)), np.stack(example.bands(derivatives), axis=1)


def _penalised(values: Array, derivatives: Array) -> Told:
    (passed, stopped), (by_passed, by_stopped) = example.bands(values), example.bands(derivatives)
    missing = example.LEAST_PASSED - passed
    slope = by_stopped - by_passed * (missing > 0.0)
    return np.array([stopped + max(missing, 0.0)]), slope[:, None]


def _logarithm(values: Array, derivatives: Array) -> Told:
    value, slope = _penalised(values, derivatives)
    return np.log10(value), slope / (value * np.log(10.0))


@final
@dataclass(frozen=True)
class Method:
    """How a study sees the filter.

    Arguments:
        configuration: of its driver.
        told: from the spectrum (50,) and its derivatives (9, 50) to outputs (k,) and theirs (9, k).
        derivatives: whether they are told.
    """

    configuration: dict[str, Any]
    told: Callable[[Array, Array], Told]
    derivatives: bool = True

    def evaluate(self, **thicknesses_nm: float) -> assay.Observation:
        values, derivatives = self.told(
            *example.transmittance(np.array([thicknesses_nm[name] for name in example.DOMAINS]))
        )
        observation = assay.Observation()
        observation.add(values.tolist())
        for name, derivative in zip(example.DOMAINS, derivatives, strict=True):
            if self.derivatives:
                observation.add(derivative.tolist(), derivative=name)
        return observation


def _as_it_is(values: Array, derivatives: Array) -> Told:
    return values, derivatives


METHODS = {
    "vector, derivatives": Method(example.CONFIGURATION, _as_it_is),
    "vector": Method({**example.CONFIGURATION, "num_initial": None}, _as_it_is, derivatives=False),
    "scalar": Method({"deterministic": True}, _penalised, derivatives=False),
    "scalar, derivatives": Method(
        {"deterministic": True, "num_initial": example.CONFIGURATION["num_initial"]}, _logarithm
    ),
    "two numbers, derivatives": Method(TWO_NUMBERS, _two_numbers),
}


def run(method: Method, seed: int, evaluations: int) -> dict[str, Any]:
    """Both means of each spectrum."""
    began = time.process_time()
    study = assay.create_study(example.SPACE, seed=seed)
    study.configure(max_iter=evaluations, **method.configuration)
    for _ in range(evaluations):  # asked, not run: no rule stops a method early
        suggestion = study.get_suggestion()
        study.add_observation(method.evaluate(**suggestion.kwargs), suggestion.id)
    seconds = time.process_time() - began
    points = [[trial.suggestion.values[name] for name in example.DOMAINS] for trial in study.trials]
    passed, stopped = example.bands(example.transmittance(np.array(points))[0])
    return {"passed": passed.tolist(), "stopped": stopped.tolist(), "CPU_seconds": seconds}


def least(found: dict[str, Any]) -> Array:
    """The least mean above 1300 nm after each evaluation; infinite before the first spectrum that counts."""
    passed, stopped = np.array(found["passed"]), np.array(found["stopped"])
    return np.minimum.accumulate(np.where(passed >= example.LEAST_PASSED, stopped, np.inf))


def run_or_read(name: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    folder = options.output / "raw" / "problems" / "filter" / name.replace(", ", "_").replace(" ", "_")
    place = folder / f"{seed}.json"
    if not place.exists() and not options.summary_only:
        found = run(METHODS[name], seed, options.evaluations or EVALUATIONS)
        folder.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(found) + "\n")
        LOGGER.info("%s, seed %d: %.6f, %.0f CPU s", name, seed, least(found)[-1], found["CPU_seconds"])
    return json.loads(place.read_text())


def main(options: argparse.Namespace) -> None:
    """Run what is missing, then summarise."""
    seeds = options.seeds or list(SEEDS)
    found = {name: [run_or_read(name, seed, options) for seed in seeds] for name in METHODS}
    ours = np.array([least(one)[-1] for one in found["vector, derivatives"]])
    rows, ends = [], {}
    for name, runs in found.items():
        last = np.array([least(one)[-1] for one in runs])
        ends[name] = [float(value) if np.isfinite(value) else None for value in last]
        seconds = np.median([one["CPU_seconds"] for one in runs])
        beaten = "" if name == "vector, derivatives" else f"{(ours < last).sum()} of {len(seeds)}"
        each = [f"{1e4 * value:.2f}" if np.isfinite(value) else "none" for value in last]
        rows.append([name, *each, f"{1e4 * np.median(last):.2f}", beaten, f"{seconds:.0f}"])
    head = [
        "told",
        *(f"seed {seed}" for seed in seeds),
        "median",
        "the vector is better in",
        "CPU s of a run",
    ]
    count = len(found["scalar"][0]["passed"])
    text = (
        f"Least mean transmittance above 1300 nm, times 10⁴, after {count} evaluations; {1e4 * REFERENCE:.2f} is the least of many local searches.\n\n"
        + markdown_table(head, rows)
    )
    folder = options.output / "problems" / "filter"
    write_report(folder, "Optical filter", text, {"seeds": seeds, "reference": REFERENCE, "least": ends})
    drawing = figure(6.0, 4.0)
    axes = drawing.subplots()
    for number, (name, runs) in enumerate(found.items()):
        for place, one in enumerate(runs):
            curve = least(one)
            count = np.arange(1, len(curve) + 1)
            axes.semilogy(
                count, curve, color=f"C{number}", alpha=0.6, label=name if place == 0 else "_nolegend_"
            )
    axes.axhline(REFERENCE, color="0.6", linewidth=0.8)
    axes.legend(frameon=False, fontsize=8)
    axes.set(xlabel="evaluations", ylabel="least mean transmittance above 1300 nm")
    save_plot(folder, drawing)
