"""Laws of the handbook found again by the defaults of `discover`: what is recommended, how exact it is, and how long it took.

Each may take 60 s of one processor, since all work is on one thread. Without noise, predictions in a box a fifth wider must be the truth to 1e-6 of its largest
value, and every row leaves out nothing that the data have; Kepler's law comes from published elements, which have few digits,
and the law of Dittus and Boelter from data with 5 % of noise: of these two the form is judged, and whether the truth is in the
intervals of the constants.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay.discovery.discover import discover
from assay.discovery.laws import Law
from benchmarks.reporting import COLOURS, figure, markdown_table, save_plot, write_report

__all__ = ["LAWS", "HandbookLaw", "judged", "main"]

LOGGER = logging.getLogger(__name__)
Array = np.ndarray

SEEDS = range(3)
MOST_SECONDS = 60.0
EXACT = 1e-6
WIDER = 0.2


@dataclass(frozen=True)
class HandbookLaw:
    """A law, where its data are drawn, and what it must look like where data have noise.

    Arguments:
        truth: the response, of the columns.
        ranges: of the columns.
        rows: how many are drawn.
        noise: relative, of the response.
        form: what the recommended equation must match; empty where predictions are judged.
        constants: the true values of the constants of that form.
        options: of `discover`.
    """

    truth: Callable[..., Array]
    ranges: Mapping[str, tuple[float, float]]
    rows: int
    noise: float = 0.0
    form: str = ""
    constants: tuple[float, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def data(self, seed: int, rows: int, wider: float = 0.0) -> dict[str, Array]:
        """Columns drawn uniformly, in ranges that are longer at their upper ends."""
        generator = np.random.default_rng(seed)
        return {
            name: generator.uniform(low, high + wider * (high - low), rows)
            for name, (low, high) in self.ranges.items()
        }


def judged(law: HandbookLaw, found: Law) -> tuple[bool, float]:
    """Whether what was found is the law, and its largest error in the wider box beside the largest value there."""
    data = law.data(99, 500, WIDER)
    truth = law.truth(**data)
    error = float(np.abs(found.predict(data) - truth).max() / np.abs(truth).max())
    if not law.form:
        return error <= EXACT, error
    if re.fullmatch(law.form, found.equation) is None:
        return False, error
    inside = [
        low <= value <= high
        for (low, high), value in zip(
            (one.interval(0.999) for one in found.constants), law.constants, strict=True
        )
    ]
    return all(inside), error


def _ergun(mu: Array, v: Array, e: Array, d: Array, rho: Array) -> Array:
    return 150 * mu * v * (1 - e) ** 2 / (e**3 * d**2) + 1.75 * rho * v**2 * (1 - e) / (e**3 * d)


LAWS: Mapping[str, HandbookLaw] = {
    "a sum": HandbookLaw(
        lambda A, B: A + B,
        {"A": (0.0, 1.0), "B": (0.0, 1.0)},
        5,
        options={"binary_operators": ["+", "*"], "unary_operators": []},
    ),
    "two waves": HandbookLaw(
        lambda v, m, r: v * np.sin(m / 2) + np.cos(1.1 * r), dict.fromkeys(["v", "m", "r"], (-5.0, 5.0)), 40
    ),
    "Ergun in SI": HandbookLaw(
        _ergun,
        {"mu": (1e-5, 1e-3), "v": (0.01, 1.0), "e": (0.3, 0.6), "d": (1e-4, 5e-3), "rho": (1.0, 1e3)},
        200,
        options={"units": {"mu": "Pa*s", "v": "m/s", "d": "m", "rho": "kg/m^3", "y": "Pa/m"}},
    ),
    "barometric": HandbookLaw(
        lambda n0, m, g, x, k, T: n0 * np.exp(-m * g * x / (k * T)),
        dict.fromkeys(["n0", "m", "g", "x", "k", "T"], (1.0, 5.0)),
        200,
    ),
    "Clausius and Mossotti": HandbookLaw(
        lambda n, a: 1 + n * a / (1 - n * a / 3), {"n": (0.0, 1.0), "a": (0.0, 1.0)}, 200
    ),
    "relativistic momentum": HandbookLaw(
        lambda m, v, c: m * v / np.sqrt(1 - v**2 / c**2),
        {"m": (1.0, 5.0), "v": (1.0, 2.0), "c": (3.0, 10.0)},
        200,
    ),
    "a damped product": HandbookLaw(
        lambda A, t, x: A * x * np.exp(-0.7 * t), dict.fromkeys(["A", "t", "x"], (1.0, 5.0)), 200
    ),
    "Dittus and Boelter, 5 % noise": HandbookLaw(
        lambda Re, Pr: 0.023 * Re**0.8 * Pr**0.4,
        {"Re": (1e4, 1e5), "Pr": (0.7, 100.0)},
        100,
        noise=0.05,
        form=r"[\d.]+\*Pr\^[\d.]+\*Re\^[\d.]+",
        constants=(0.023, 0.4, 0.8),
    ),
}

# Semi-major axes and sidereal periods: P. K. Seidelmann, Explanatory Supplement to the Astronomical Almanac, 1992.
PLANETS = {
    "a": [0.38709893, 0.72333199, 1.00000011, 1.52366231, 5.20336301, 9.53707032, 19.19126393, 30.06896348],
    "T": [0.2408467, 0.61519726, 1.0000174, 1.8808476, 11.862615, 29.447498, 84.016846, 164.79132],
}


def measured(name: str, seed: int) -> dict[str, Any]:
    """One search with the defaults."""
    law = LAWS.get(name)
    if law is None:
        data, response = {key: np.array(values) for key, values in PLANETS.items()}, "T"
        options: dict[str, Any] = {"units": {"a": "au", "T": "year"}}
    else:
        data, response, options = law.data(seed, law.rows), "y", dict(law.options)
        noise = 1 + law.noise * np.random.default_rng([seed, 1]).standard_normal(law.rows)
        data["y"] = law.truth(**data) * noise
    began, CPU_began = time.monotonic(), time.process_time()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="5 rows determine few laws")
        found = discover(data, response, seed=seed, **options).recommended
    seconds, CPU_seconds = time.monotonic() - began, time.process_time() - CPU_began
    if law is None:
        (constant,) = found.constants
        error = abs(constant.value - 1.0)
        is_right = found.equation.endswith("*a^1.5") and constant.unit == "year/au^1.5" and error < 1e-3
    else:
        is_right, error = judged(law, found)
    return {
        "law": name,
        "seed": seed,
        "equation": found.equation,
        "is_right": bool(is_right),
        "error": error,
        "seconds": round(seconds, 2),
        "CPU_seconds": round(CPU_seconds, 2),
    }


def main(options: argparse.Namespace) -> None:
    """Every law at every seed, and the report."""
    raw = options.output / "raw" / "laws"
    seeds = options.seeds or list(SEEDS)
    raw.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in (*LAWS, "Kepler, published elements"):
        for seed in seeds if name in LAWS else [0]:
            path = raw / f"{re.sub('[^a-z0-9]+', '_', name.lower())}-{seed}.json"
            if not path.exists() and not options.summary_only:
                path.write_text(json.dumps(measured(name, seed)) + "\n")
                LOGGER.info("%s, seed %d is done", name, seed)
            if path.exists():
                rows.append(json.loads(path.read_text()))
    _report(options, rows)


def _report(options: argparse.Namespace, rows: list[dict[str, Any]]) -> None:
    lines = [
        [
            row["law"],
            f"{row['seed']}",
            "yes" if row["is_right"] and row["CPU_seconds"] <= MOST_SECONDS else "no",
            f"{row['error']:.1e}",
            f"{row['seconds']:.1f}",
            f"{row['CPU_seconds']:.1f}",
            f"`{row['equation']}`",
        ]
        for row in rows
    ]
    head = ["law", "seed", f"right within {MOST_SECONDS:g} CPU s", "error", "wall s", "CPU s", "recommended"]
    right = sum(line[2] == "yes" for line in lines)
    text = f"{right} of {len(lines)}. All is done on one thread; wall times are those of a machine with other work.\n\n{markdown_table(head, lines)}"
    folder = options.output / "laws"
    write_report(folder, "Laws of the handbook, by the defaults of discover", text, {"rows": rows})
    drawing = figure(6.5, 3.2)
    axes = drawing.subplots()
    names = list(dict.fromkeys(row["law"] for row in rows))
    most = [max(row["CPU_seconds"] for row in rows if row["law"] == name) for name in names]
    axes.barh(names, most, color=COLOURS["assay"])
    axes.axvline(MOST_SECONDS, color="black", linewidth=1)
    axes.invert_yaxis()
    axes.set(xlabel="CPU seconds, the most of the seeds", xscale="log")
    save_plot(folder, drawing)
