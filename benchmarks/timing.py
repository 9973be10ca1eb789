"""The work of one timing process, started by `benchmarks.suggest`: reads an order from standard input, writes an answer
to standard output, both JSON. A process times one engine, so that nothing of another is loaded."""

from __future__ import annotations

import importlib
import json
import sys
import time
from typing import Any

from benchmarks.engines.abstract import AbstractEngine, Hyperparameters
from benchmarks.suggestion_data import suggestion_data

ENGINES = {
    "assay": ("benchmarks.engines.assay_engine", "AssayEngine"),
    "assay_two_starts": ("benchmarks.engines.assay_engine", "assay_two_starts"),
    "assay_driver": ("benchmarks.engines.assay_engine", "AssayDriverEngine"),
    "botorch": ("benchmarks.engines.botorch_engine", "botorch"),
    "botorch_rust": ("benchmarks.engines.botorch_engine", "botorch_rust"),
}
REPEATS = 9
WARM_UP = 2
COLD_ROWS = range(10, 101)


def build(name: str) -> AbstractEngine:
    """A fresh engine; what it imports is imported here."""
    module, attribute = ENGINES[name]
    return getattr(importlib.import_module(module), attribute)()


def warm(name: str, rows: int) -> list[dict[str, Any]]:
    """Whole suggestions in one process, each on data of its own; two more before them are not counted.

    Each engine has made a suggestion with 20 rows fewer before, whose state it may start from.
    """
    repeats = []
    for repeat in range(-WARM_UP, REPEATS):
        points, values = suggestion_data(rows, max(repeat, 0))
        engine = build(name)
        before = max(rows - 20, 10)
        engine.suggest(points[:before], values[:before], 1000 + repeat)
        began = time.process_time()
        point = engine.suggest(points, values, repeat + WARM_UP)
        seconds = time.process_time() - began
        if repeat >= 0:
            repeats.append({"CPU_seconds": round(seconds, 6), "point": point.tolist()})
    return repeats


def fixed(name: str, rows: int, given: list[dict[str, Any]]) -> list[list[float]]:
    """Where each engine finds the maximum with hyperparameters that are the same for all: one point for each repeat."""
    engine = build(name)
    found = []
    for repeat, entry in enumerate(given):
        points, values = suggestion_data(rows, repeat)
        found.append(engine.maximise(points, values, Hyperparameters(**entry), repeat).tolist())
    return found


def cold(name: str) -> dict[str, float]:
    """A suggestion at each n from 10 to 100, in a fresh process, beyond the imports of the engine."""
    points, values = suggestion_data(COLD_ROWS[-1], 0)
    began = time.process_time()
    engine = build(name)
    imported = time.process_time()
    engine.suggest(points[: COLD_ROWS[0]], values[: COLD_ROWS[0]], 0)
    first = time.process_time()
    for rows in COLD_ROWS[1:]:
        engine.suggest(points[:rows], values[:rows], rows)
    ended = time.process_time()
    return {
        "import_CPU_seconds": round(imported - began, 4),
        "first_suggestion_CPU_seconds": round(first - imported, 4),
        "run_CPU_seconds": round(ended - imported, 4),
    }


def main() -> None:
    order = json.load(sys.stdin)
    jobs = {"warm": warm, "fixed": fixed, "cold": cold}
    json.dump(jobs[order.pop("job")](**order), sys.stdout)


if __name__ == "__main__":
    main()
