"""What an evaluation costs beside the model: a thousand trivial ones through Dask, beside `distributed` alone, in one run.

Both keep 16 in flight on the same two workers. Ours suggests by Sobol' points, evaluates in processes of their own, makes
each outcome durable on its worker and each event durable in the journal before it counts.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from distributed import Client, LocalCluster

from assay.executors.distributed import DaskExecutor
from assay.executors.local import LocalExecutor
from assay.study.evaluation import ExecutorChoice
from assay.study.study import create_study
from benchmarks.reporting import figure, markdown_table, save_plot, write_report

logger = logging.getLogger(__name__)

IN_FLIGHT = 16
WORKERS = 2
EVALUATIONS = 1000
SEEDS = [0, 1, 2, 3, 4]
BUDGET_MS = 10.0
MODEL = "assay.testing.models:square"
ROWS = {
    "raw": "`distributed` alone",
    "dask": "assay through Dask",
    "local": "assay through its own pool",
}


def CPU_seconds() -> float:
    """Processor time of this process and of all that it started, those that have ended included."""
    own = psutil.Process()
    times = []
    for process in (own, *own.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # its parent has reaped it meanwhile, and counts it
            times.append(process.cpu_times())
    return sum(entry.user + entry.system + entry.children_user + entry.children_system for entry in times)


def measured(work: Callable[[], object], count: int) -> dict[str, float]:
    """Milliseconds for each of `count` evaluations."""
    wall, own, every = time.perf_counter(), time.process_time(), CPU_seconds()
    work()
    return {
        "wall_ms": (time.perf_counter() - wall) / count * 1e3,
        "runner_CPU_ms": (time.process_time() - own) / count * 1e3,
        "CPU_ms": (CPU_seconds() - every) / count * 1e3,
    }


def raw(executor: Executor, count: int) -> None:
    """The loop that anybody would write."""
    pending: set[Future[Any]] = set()
    begun = ended = 0
    while ended < count:
        while len(pending) < IN_FLIGHT and begun < count:
            pending.add(executor.submit(pow, begun, 2))
            begun += 1
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        ended += len(done)


def ours(executor: ExecutorChoice, count: int, seed: int) -> None:
    """A study as anybody would write it, with its defaults."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        study = create_study(
            [{"name": "x", "domain": [0.0, 1.0]}],
            driver="RandomSearch",
            study_id="trivial",
            store=Path(folder) / "store.db",
            seed=seed,
        )
        study.configure(max_iter=count, num_parallel=IN_FLIGHT, method="sobol")
        study.run(MODEL, executor)
        assert study.state.succeeded == count


def one_run(client: Client, count: int, seed: int) -> dict[str, dict[str, float]]:
    """Each of them once, `distributed` alone before and after ours."""
    alone = client.get_executor(pure=False)
    through_dask = partial(DaskExecutor, client=client, workers=IN_FLIGHT)
    through_pool = partial(LocalExecutor, workers=IN_FLIGHT)
    return {
        "raw": measured(lambda: raw(alone, count), count),
        "dask": measured(lambda: ours(through_dask, count, seed), count),
        "raw_after": measured(lambda: raw(alone, count), count),
        "local": measured(lambda: ours(through_pool, count, seed), count),
    }


def main(options: argparse.Namespace) -> None:
    count = options.evaluations or EVALUATIONS
    runs: dict[str, dict[str, dict[str, float]]] = {}
    loads: dict[str, float] = {}  # how many processes wanted a processor meanwhile
    threads = IN_FLIGHT // WORKERS
    with (
        LocalCluster(
            n_workers=WORKERS,
            threads_per_worker=threads,
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs=logging.ERROR,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        raw(client.get_executor(pure=False), 200)  # whatever is imported and connected first
        for seed in options.seeds or SEEDS:
            runs[str(seed)] = one_run(client, count, seed)
            loads[str(seed)] = os.getloadavg()[0]
            more = excess_ms(runs[str(seed)])
            logger.info(
                "run %d: %.1f ms each more than distributed alone, load %.1f", seed, more, loads[str(seed)]
            )
            for name, times in runs[str(seed)].items():
                logger.info("  %-9s %s", name, "  ".join(f"{key} {ms:6.2f}" for key, ms in times.items()))
    report(options.output / "dask", count, runs, loads)


def excess_ms(run: dict[str, dict[str, float]]) -> float:
    """The wall time of ours beyond that of `distributed` just before and just after."""
    return run["dask"]["wall_ms"] - (run["raw"]["wall_ms"] + run["raw_after"]["wall_ms"]) / 2.0


def report(
    folder: Path, count: int, runs: dict[str, dict[str, dict[str, float]]], loads: dict[str, float]
) -> None:
    excess = [excess_ms(run) for run in runs.values()]
    keys = ("wall_ms", "runner_CPU_ms", "CPU_ms")
    rows = [
        [text, *(f"{statistics.median(run[name][key] for run in runs.values()):.1f}" for key in keys)]
        for name, text in ROWS.items()
    ]
    table = markdown_table(
        ["ms for each evaluation", "wall", "CPU of the runner", "CPU of all processes"], rows
    )
    listed = ", ".join(f"{ms:.1f}" for ms in excess)
    text = (
        f"{count} trivial evaluations, {IN_FLIGHT} in flight, Sobol' points, {WORKERS} Dask workers, durability at its "
        f"default; medians of {len(runs)} runs.\n\n{table}\n\nMore than `distributed` alone, in ms of wall time, run by "
        f"run: {listed}; the budget is {BUDGET_MS:g} on a machine that is free. Load averages meanwhile, on "
        f"{os.cpu_count()} processors: {', '.join(f'{load:.0f}' for load in loads.values())}."
    )
    drawing = figure(5.0, 3.2)
    axes = drawing.subplots()
    axes.bar(range(len(runs)), excess, color="#0072b2", width=0.6)
    axes.axhline(BUDGET_MS, color="#7f7f7f", linestyle="--", linewidth=1.0)
    axes.set_xlabel("run")
    axes.set_ylabel("ms each beyond distributed alone")
    save_plot(folder, drawing)
    write_report(
        folder, "Evaluations through Dask", text, {"excess_ms": excess, "load_averages": loads, "runs": runs}
    )
