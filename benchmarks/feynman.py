"""Equations of the Feynman table, found again: the first forty rows, without selection, beside pyoperon and gplearn.

Each engine has two hundred rows, the same operators and the same CPU seconds on one core; the equation that it recommends is
judged, and no other. Without noise its predictions must be the truth to 1e-6 of the truth's standard deviation in the ranges
of the table, and to 1e-4 in ranges a fifth longer. With noise of 1 % and 5 % of the response's root mean square it must be so
after its constants are fitted to the truth. pyoperon has three criteria to pick an equation of its front; at each level of
noise the one that does best there counts.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from pathlib import Path
from typing import Any

from benchmarks.feynman_engines import ENGINES
from benchmarks.feynman_table import JUDGED, Equation, drawn, equations, is_equivalent, is_exact
from benchmarks.reporting import COLOURS, figure, markdown_table, save_plot, write_report

__all__ = ["main", "measured"]

LOGGER = logging.getLogger(__name__)

NOISES = (0.0, 0.01, 0.05)
SEEDS = range(3)
CPU_SECONDS = 3.0


def measured(engine: str, equation: Equation, noise: float, seed: int) -> dict[str, Any]:
    """What an engine recommends for one draw, whether it is right, and the CPU seconds that it took."""
    draw = drawn(equation, noise, seed)
    began = time.process_time()
    found = ENGINES[engine](draw, seed, CPU_SECONDS)
    seconds = time.process_time() - began
    picks = {}
    for name, law in found.items():
        right = is_equivalent(equation, law.text) if noise else is_exact(equation, law.predict)
        picks[name] = {"equation": law.text, "is_right": bool(right)}
    return {
        "engine": engine,
        "row": equation.number,
        "equation": equation.name,
        "noise": noise,
        "seed": seed,
        "CPU_seconds": round(seconds, 3),
        "picks": picks,
    }


def main(options: argparse.Namespace) -> None:
    """Measure every case that is not there yet, and write the report."""
    raw = options.output / "raw" / "feynman"
    engines = options.methods or list(ENGINES)
    seeds = options.seeds or list(SEEDS)
    if not options.summary_only:
        for engine in engines:
            ENGINES[engine](drawn(equations()[-1], 0.0, 0), 0, 0.1)  # imports
        for seed in seeds:
            for noise in NOISES:
                for equation in equations()[:JUDGED]:
                    for engine in engines:
                        _case(raw, engine, equation, noise, seed)
    cases = [json.loads(path.read_text()) for path in sorted(raw.glob("*/*.json"))]
    _report(options.output / "feynman", cases)


def _case(raw: Path, engine: str, equation: Equation, noise: float, seed: int) -> None:
    path = raw / engine / f"{equation.name}-{noise:g}-{seed}.json"
    if path.exists():
        return
    case = measured(engine, equation, noise, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".part")
    scratch.write_text(json.dumps(case) + "\n")
    scratch.replace(path)
    LOGGER.info("%s of %s at %g, seed %d: %.1f s", engine, equation.name, noise, seed, case["CPU_seconds"])


def _report(folder: Path, cases: list[dict[str, Any]]) -> None:
    """Rates of each pick at each level of noise, over the cases that every engine has."""
    rates: dict[str, dict[float, list[bool]]] = {}
    for case in cases:
        for name in _picks(case["engine"], cases):
            pick = case["picks"].get(name, {"is_right": False})
            rates.setdefault(name, {}).setdefault(case["noise"], []).append(pick["is_right"])
    shares = {
        name: {noise: sum(found) / len(found) for noise, found in by_noise.items()}
        for name, by_noise in rates.items()
    }
    seconds = {
        engine: [case["CPU_seconds"] for case in cases if case["engine"] == engine] for engine in ENGINES
    }
    noises = sorted({case["noise"] for case in cases})
    closed = {f"{noise:g}": _closed(shares, noise) for noise in noises}
    rows = [
        [
            name,
            *(f"{100 * by_noise.get(noise, 0):.1f} ({len(rates[name].get(noise, []))})" for noise in noises),
        ]
        for name, by_noise in shares.items()
    ]
    rows.append(["part of the gap to 100 % closed", *(_percent(closed[f"{noise:g}"]) for noise in noises)])
    head = ["% right (cases)", *(f"noise {100 * noise:g} %" for noise in noises)]
    times = "; ".join(
        f"{engine}: mean {sum(spent) / len(spent):.2f}, most {max(spent):.2f}"
        for engine, spent in seconds.items()
        if spent
    )
    text = f"{markdown_table(head, rows)}\n\nCPU seconds of a case: {times}.\n\n{_by_equation(cases)}"
    results = {
        "shares": _named(shares),
        "gap_closed": closed,
        "CPU_seconds": CPU_SECONDS,
        "cases": len(cases),
    }
    write_report(folder, "The first forty equations of the Feynman table", text, results)
    _draw(folder, shares, noises)


def _picks(engine: str, cases: list[dict[str, Any]]) -> list[str]:
    return sorted({name for case in cases if case["engine"] == engine for name in case["picks"]})


def _best_of(shares: dict[str, dict[float, float]], noise: float, engine: str) -> float | None:
    found = [
        by_noise[noise] for name, by_noise in shares.items() if name.startswith(engine) and noise in by_noise
    ]
    return max(found, default=None)


def _closed(shares: dict[str, dict[float, float]], noise: float) -> float | None:
    """The part of the gap between pyoperon's best pick and everything that we close."""
    ours, theirs = (_best_of(shares, noise, engine) for engine in ("assay", "pyoperon"))
    return None if ours is None or theirs is None or theirs == 1 else (ours - theirs) / (1 - theirs)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _named(shares: dict[str, dict[float, float]]) -> dict[str, dict[str, float]]:
    return {
        name: {f"{noise:g}": share for noise, share in by_noise.items()} for name, by_noise in shares.items()
    }


def _by_equation(cases: list[dict[str, Any]]) -> str:
    """How often each equation is found, over the seeds; of pyoperon by the best of its criteria for that equation."""
    names = {case["row"]: case["equation"] for case in cases}
    noises = sorted({case["noise"] for case in cases})
    rows = []
    for number, name in sorted(names.items()):
        row = [name]
        for engine in ENGINES:
            for noise in noises:
                some = [
                    case
                    for case in cases
                    if (case["row"], case["noise"], case["engine"]) == (number, noise, engine)
                ]
                right = sum(any(pick["is_right"] for pick in case["picks"].values()) for case in some)
                row.append(f"{right}/{len(some)}")
        rows.append(row)
    head = ["equation", *(f"{engine}, {100 * noise:g} %" for engine in ENGINES for noise in noises)]
    return markdown_table(head, rows)


def _draw(folder: Path, shares: dict[str, dict[float, float]], noises: list[float]) -> None:
    drawing = figure(6.5, 3.4)
    axes = drawing.subplots()
    places = range(len(noises))
    for offset, engine in enumerate(ENGINES):
        heights = [100 * (_best_of(shares, noise, engine) or 0.0) for noise in noises]
        colour = COLOURS["assay"] if engine == "assay" else ("#d55e00", "#7f7f7f")[offset - 1]
        axes.bar([place + 0.27 * (offset - 1) for place in places], heights, 0.25, label=engine, color=colour)
    axes.set_xticks(list(places), [f"noise {100 * noise:g} %" for noise in noises])
    axes.set(ylabel="recommended equation is right, %", ylim=(0, 100))
    axes.legend()
    save_plot(folder, drawing)
