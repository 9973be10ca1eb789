"""Does it pay to look where laws disagree? `LawSearch`, beside a Latin hypercube of the same size and `discover`.

Both have the same number of evaluations, with normal noise of 5 % of the response's root mean square, and the same search for
laws in what was observed, by linear algebra. A Latin hypercube is drawn for each number of evaluations; `LawSearch` runs once
to the largest number and is judged on the way. What is judged is the recommended law: whether its form is exact, which it is
when its predictions are the truth once its constants are fitted to it, and its error in ranges a fifth longer, outside those
that were looked at.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import qmc

from assay.drivers.abstract import History, Request
from assay.drivers.law_search import LawSearch
from assay.errors import NumericalError
from assay.numerics.coordinates import Coordinates
from assay.records import Measurement, Outcome, Suggestion, Trial
from assay.space.parameters import Continuous
from assay.space.space import Space
from benchmarks.feynman_table import Equation, is_equivalent
from benchmarks.reporting import COLOURS, figure, markdown_table, save_plot, write_report

__all__ = ["LAWS", "main"]

LOGGER = logging.getLogger(__name__)
Array = np.ndarray

SEEDS = range(10)
SIZES = (16, 24, 32)
NOISE = 0.05
WIDER = 0.2
CHECKED_ROWS = 2000
LEAST_DRAWN = 1e-3
METHODS = ("LawSearch", "Latin hypercube")

LAWS = tuple(
    Equation(number, name, formula, ranges)
    for number, (name, formula, ranges) in enumerate(
        [
            ("substrate inhibition", "10*s/(2 + s + s^2/3)", {"s": (0.1, 20.0)}),
            ("Ergun", "150*(1 - e)^2/(e^3*Re) + 1.75*(1 - e)/e^3", {"Re": (1.0, 1000.0), "e": (0.3, 0.6)}),
            ("Dittus and Boelter", "0.023*Re^0.8*Pr^0.4", {"Re": (1e4, 1e5), "Pr": (0.7, 100.0)}),
            ("a damped product", "A*x*exp(-0.7*t)", dict.fromkeys(["A", "t", "x"], (1.0, 5.0))),
            (
                "relativistic momentum",
                "m*v/sqrt(1 - v^2/c^2)",
                {"m": (1.0, 5.0), "v": (1.0, 2.0), "c": (2.2, 10.0)},
            ),
        ],
        start=1,
    )
)


def space_of(law: Equation) -> Space:
    return Space.from_data([Continuous(name, limits) for name, limits in law.ranges.items()])


def observed(law: Equation, seed: int, number: int, values: Mapping[str, Any]) -> Trial:
    """One evaluation with its noise, which is that of its number."""
    typical = law.truth(law.points(np.random.default_rng(_key(law)), CHECKED_ROWS))
    noise = NOISE * float(np.sqrt(np.mean(typical**2)))
    error = np.random.default_rng([seed, number, *_key(law)]).standard_normal()
    value = law.truth({name: np.array([values[name]], float) for name in law.ranges})[0]
    outcome = Outcome("succeeded", (Measurement((float(value + noise * error),)),))
    return Trial(Suggestion(number, dict(values)), "succeeded", outcome)


def searched(law: Equation, seed: int) -> History:
    """What `LawSearch` looked at."""
    space, driver = space_of(law), LawSearch.from_data({})
    history = History(space, (), seed)
    for number in range(SIZES[-1]):
        proposal = driver.suggest(history, Request(number))
        trial = observed(law, seed, number, proposal.values)
        history = History(space, (*history.trials, trial), seed, proposal.state)
    return history


def at_once(law: Equation, seed: int, size: int) -> History:
    """A Latin hypercube of low discrepancy."""
    space = space_of(law)
    coordinates = Coordinates.of(space)
    chance = np.random.default_rng([seed, size, *_key(law)])
    design = qmc.LatinHypercube(len(law.ranges), optimization="random-cd", rng=chance).random(size)
    trials = [observed(law, seed, number, coordinates.decode(point)) for number, point in enumerate(design)]
    return History(space, tuple(trials), seed)


def judged(law: Equation, history: History) -> dict[str, Any]:
    """The recommended law, whether its form is exact, and its error outside the ranges, both as root mean squares, over the truth."""
    try:
        found = LawSearch.from_data({}).laws(history).recommended
    except NumericalError:
        return {"equation": "", "is_exact": False, "error": None}
    points = law.points(np.random.default_rng([1, *_key(law)]), CHECKED_ROWS, WIDER)
    outside = np.any([points[name] > high for name, (_, high) in law.ranges.items()], axis=0)
    points = {name: values[outside] for name, values in points.items()}
    truth = law.truth(points)
    with np.errstate(all="ignore"):
        error = float(np.sqrt(np.mean((found.predict(points) - truth) ** 2) / np.mean(truth**2)))
    return {
        "equation": found.equation,
        "is_exact": is_equivalent(law, found.equation),
        "error": error if np.isfinite(error) else None,
    }


def measured(law: Equation, method: str, seed: int) -> dict[str, Any]:
    """All numbers of evaluations of one method."""
    began = time.process_time()
    if method == "LawSearch":
        whole = searched(law, seed)
        histories = [History(whole.space, whole.trials[:size], seed) for size in SIZES]
    else:
        histories = [at_once(law, seed, size) for size in SIZES]
    seconds = time.process_time() - began
    found = [judged(law, history) for history in histories]
    return {
        "law": law.name,
        "method": method,
        "seed": seed,
        "found": {str(size): entry for size, entry in zip(SIZES, found, strict=True)},
        "CPU_seconds_of_looks": round(seconds, 2),
    }


def main(options: argparse.Namespace) -> None:
    """Measure what is missing, seed by seed, and write the report."""
    seeds = options.seeds or list(SEEDS)
    raw = options.output / "raw" / "law_search"
    raw.mkdir(parents=True, exist_ok=True)
    if not options.summary_only:
        for seed in seeds:
            for law in LAWS:
                for method in options.methods or METHODS:
                    _run(raw, law, method, seed)
    cases = [json.loads(path.read_text()) for path in sorted(raw.glob("*.json"))]
    _report(options.output / "law_search", [case for case in cases if case["seed"] in seeds])


def _run(raw: Path, law: Equation, method: str, seed: int) -> None:
    path = raw / f"{law.number}-{METHODS.index(method)}-{seed}.json"
    if path.exists():
        return
    case = measured(law, method, seed)
    scratch = path.with_suffix(".part")
    scratch.write_text(json.dumps(case) + "\n")
    scratch.replace(path)
    marks = " ".join("x" if entry["is_exact"] else "-" for entry in case["found"].values())
    LOGGER.info("%s, %s, seed %d: %s, %.0f s", law.name, method, seed, marks, case["CPU_seconds_of_looks"])


def _key(law: Equation) -> list[int]:
    return [zlib.crc32(law.name.encode())]


# -- the report --------------------------------------------------------------------------------------------


def _report(folder: Path, cases: list[dict[str, Any]]) -> None:
    entries: dict[str, dict[str, dict[str, Any]]] = {}
    for law in LAWS:
        for method in METHODS:
            some = [case for case in cases if (case["law"], case["method"]) == (law.name, method)]
            if some:
                entries.setdefault(law.name, {})[method] = _entry(some)
    summary = {"laws": entries, "sizes": list(SIZES), "noise": NOISE, "comparison": _comparison(entries)}
    head = ["law", "method", *(f"{size} looks" for size in SIZES), "CPU s a look"]
    rows = [
        [
            law,
            method,
            *(
                f"{exact}/{len(entry['seeds'])}, {_percent(error)}"
                for exact, error in zip(entry["exact"], entry["median_error"], strict=True)
            ),
            f"{entry['CPU_seconds_a_look']:.2f}",
        ]
        for law, methods in entries.items()
        for method, entry in methods.items()
    ]
    text = (
        "Seeds whose recommended law has the exact form, and the median error outside the ranges: its root mean square over that of"
        f" the truth.\n\n{markdown_table(head, rows)}\n\n{' '.join(summary['comparison'].values())}"
    )
    write_report(folder, "Looks where laws disagree, beside a Latin hypercube", text, summary)
    _draw(folder, entries)


def _entry(cases: list[dict[str, Any]]) -> dict[str, Any]:
    by_size = [[case["found"][str(size)] for case in cases] for size in SIZES]
    errors = [[np.inf if one["error"] is None else one["error"] for one in some] for some in by_size]
    medians = [float(np.median(some)) for some in errors]
    looks = SIZES[-1] if cases[0]["method"] == "LawSearch" else sum(SIZES)
    return {
        "seeds": sorted(case["seed"] for case in cases),
        "exact": [sum(one["is_exact"] for one in some) for some in by_size],
        "median_error": [error if np.isfinite(error) else None for error in medians],
        "CPU_seconds_a_look": float(np.median([case["CPU_seconds_of_looks"] for case in cases])) / looks,
    }


def _percent(error: float | None) -> str:
    return "–" if error is None else f"{100 * error:.2g} %"


def _comparison(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """In words, for each law: where `LawSearch` is better and where it is not."""
    words = {}
    for law, methods in entries.items():
        if len(methods) < len(METHODS):
            continue
        ours, theirs = (methods[name] for name in METHODS)
        parts = []
        for what, sign in (("exact", 1), ("median_error", -1)):
            pairs = [
                (sign * (np.inf if a is None else a), sign * (np.inf if b is None else b))
                for a, b in zip(ours[what], theirs[what], strict=True)
            ]
            better, worse = sum(a > b for a, b in pairs), sum(a < b for a, b in pairs)
            name = "form" if what == "exact" else "error"
            parts.append(f"by {name} better at {better} and worse at {worse} of {len(SIZES)} sizes")
        words[law] = f"{law[0].upper()}{law[1:]}: {', '.join(parts)}."
    return words


def _draw(folder: Path, entries: Mapping[str, Mapping[str, Any]]) -> None:
    drawing = figure(2.6 * len(entries), 5.0)
    panels = drawing.subplots(2, len(entries), sharex=True, sharey="row", squeeze=False)
    for (above, below), (law, methods) in zip(panels.T, entries.items(), strict=True):
        for method, entry in methods.items():
            colour = COLOURS["assay"] if method == METHODS[0] else COLOURS["random"]
            share = [100 * exact / len(entry["seeds"]) for exact in entry["exact"]]
            above.plot(SIZES, share, "o-", color=colour, label=method)
            errors = [np.nan if error is None else max(error, LEAST_DRAWN) for error in entry["median_error"]]
            below.plot(SIZES, errors, "o-", color=colour)
        above.set(title=law, ylim=(-3, 103))
        below.set(yscale="log", xlabel="evaluations", xticks=SIZES)
    panels[0, 0].set_ylabel("exact form, % of seeds")
    panels[1, 0].set_ylabel("error outside, median")
    panels[0, 0].legend(fontsize=8)
    save_plot(folder, drawing)
