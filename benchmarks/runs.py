"""Closed-loop runs: one JSON file for each (method, problem, seed), so that what was interrupted goes on."""

from __future__ import annotations

import json
import logging
import time
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from assay.testing.problems import Problem
from benchmarks.methods.catalog import build_method
from benchmarks.versions import versions

__all__ = ["Run", "read_runs", "run_all", "run_once"]

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """What one run gave.

    Arguments:
        regret: after each evaluation, the true value at the point that the method recommends, less the minimum;
            null in the file while nothing feasible is known.
        recommended: the last recommendation.
        suggestion_CPU_seconds: the process's CPU time of each suggestion, the recommendation included.
    """

    method: str
    problem: str
    seed: int
    regret: list[float]
    recommended: list[float]
    suggestion_CPU_seconds: list[float]
    versions: dict[str, str]


def run_once(method: str, problem: Problem, seed: int, evaluations: int) -> Run:
    """One closed loop. The k-th evaluation draws the same noise for every method."""
    engine = build_method(method, problem, seed)
    noise = np.random.default_rng([seed, zlib.crc32(problem.name.encode())])
    regret: list[float] = []
    seconds: list[float] = []
    best = np.empty(0)
    for _ in range(evaluations):
        began = time.process_time()
        point = engine.suggest()
        spent = time.process_time() - began
        engine.tell(point, problem.observe(dict(zip(problem.names, point, strict=True)), noise))
        began = time.process_time()
        best = engine.recommend()
        seconds.append(round(spent + time.process_time() - began, 6))
        regret.append(float(f"{problem.regret(dict(zip(problem.names, best, strict=True))):.9g}"))
    return Run(method, problem.name, seed, regret, best.tolist(), seconds, versions())


def path_of(folder: Path, method: str, problem: str, seed: int) -> Path:
    return folder / method / f"{problem}-{seed}.json"


def run_all(
    methods: Iterable[str], problems: Iterable[Problem], seeds: Iterable[int], evaluations: int, folder: Path
) -> None:
    """All runs that are not in the folder yet, seed by seed, so that an early stop leaves whole seeds."""
    chosen = list(problems)
    names = list(methods)
    for seed in seeds:
        for problem in chosen:
            for method in names:
                path = path_of(folder, method, problem.name, seed)
                if path.exists():
                    continue
                run = run_once(method, problem, seed, evaluations)
                write_run(path, run)
                LOGGER.info(
                    "%s %s seed %d: regret %.3g, %.1f CPU s",
                    method, problem.name, seed, run.regret[-1], sum(run.suggestion_CPU_seconds),
                )  # fmt: skip


def write_run(path: Path, run: Run) -> None:
    """Write whole or not at all."""
    data = asdict(run)
    data["regret"] = [value if np.isfinite(value) else None for value in run.regret]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(data) + "\n")
    partial.replace(path)


def read_runs(folder: Path) -> list[Run]:
    """Every run in the folder, in the order of method, problem and seed."""
    found = []
    for path in sorted(folder.glob("*/*.json")):
        data = json.loads(path.read_text())
        data["regret"] = [float("inf") if value is None else value for value in data["regret"]]
        found.append(Run(**data))
    return sorted(found, key=lambda run: (run.method, run.problem, run.seed))
