"""What a GPU gives to the programs of JAX: the same calls on all processors of a machine and on its GPU.

Each platform has a process of its own, in which nothing is compiled before. By the clock: the first call, compilation
included, and the median of three more. LAPACK on the processors is the third column where there is a counterpart.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np

from benchmarks.reporting import figure, markdown_table, save_plot, write_report

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)

PLATFORMS = ("cpu", "cuda")
ROWS = (1000, 4000)
TOYS = 4000
SIGNALS = 1000


def calls() -> Iterator[tuple[str, Callable[[], Any], Callable[[], Any] | None]]:
    """What is timed: a name, the call, and what LAPACK does in its place."""
    yield from _linear_algebra()
    yield from _workspaces()
    yield from _ensembles()


def _linear_algebra() -> Iterator[tuple[str, Callable[[], Any], Callable[[], Any] | None]]:
    from assay.numerics.linalg import LapackLinearAlgebra
    from assay.numerics.linalg_jax import JaxLinearAlgebra

    own, lapack = JaxLinearAlgebra(), LapackLinearAlgebra()
    for rows in ROWS:
        points = np.random.default_rng(0).random((rows, 6))
        squares = ((points[:, None] - points[None]) ** 2).sum(axis=-1)
        matrix, right = np.exp(-squares) + 1e-2 * np.eye(rows), points[:, :3]
        factor, other = own.factorise(matrix.copy()), lapack.factorise(matrix.copy())
        yield (
            f"factorise, {rows} rows",
            lambda matrix=matrix: own.factorise(matrix.copy()),
            lambda matrix=matrix: lapack.factorise(matrix.copy()),
        )
        yield (
            f"gradient of the evidence, {rows} rows",
            lambda factor=factor, right=right: own.evidence_gradient(factor, right, 3.0),
            lambda factor=other, right=right: lapack.evidence_gradient(factor, right, 3.0),
        )


def _workspaces() -> Iterator[tuple[str, Callable[[], Any], None]]:
    from assay.hep.batch import hypothesis_tests
    from assay.hep.build import build_model
    from assay.hep.hypothesis import hypothesis_test
    from assay.hep.toys import toy_test
    from assay.hep.workspace import Workspace
    from benchmarks.hep import workspace

    for name in ("two_bins", "twenty_parameters", "two_hundred_parameters"):
        model = build_model(Workspace.from_data(workspace(name)))
        words = name.replace("_", " ")
        yield f"one test, {words}", lambda model=model: hypothesis_test(model), None
        if name == "two_hundred_parameters":
            continue
        yield f"{TOYS} toys of each hypothesis, {words}", lambda model=model: toy_test(model, toys=TOYS), None
        models = [replace(model, nominal=model.nominal * size) for size in np.linspace(0.9, 1.1, SIGNALS)]
        yield f"{SIGNALS} signal points, {words}", lambda models=models: hypothesis_tests(models), None


def _ensembles() -> Iterator[tuple[str, Callable[[], Any], None]]:
    from assay.surrogates.dataset import Dataset
    from assay.surrogates.neural_ensemble import NeuralEnsemble

    generator = np.random.default_rng(0)
    points = generator.uniform(size=(2000, 4))
    data = Dataset.of(points, np.sin(6 * points[:, 0]) + points[:, 1] ** 2)
    ensemble = NeuralEnsemble()
    yield (
        "ensemble of 8 networks, 2000 rows",
        lambda: ensemble.fit(data, None, np.random.default_rng(0)),
        None,
    )


def timed(call: Callable[[], Any], repeats: int = 3) -> dict[str, float]:
    times = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return {"first": times[0], "later": median(times[1:])}


def run(platform: str) -> dict[str, Any]:
    import jax

    found: dict[str, Any] = {"device": jax.devices()[0].device_kind, "jax": jax.__version__, "calls": {}}
    for name, call, other in calls():
        found["calls"][name] = timed(call)
        if other is not None and platform == "cpu":
            found["calls"][name]["lapack"] = timed(other)["later"]
    return found


def measured(platform: str) -> dict[str, Any] | None:
    """One platform in a fresh process; None where it is missing."""
    threads = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {name: value for name, value in os.environ.items() if name not in threads}
    environment |= {"JAX_PLATFORMS": platform, "ASSAY_COMPILATION_CACHE": "off"}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.device", platform]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        LOGGER.info("%s: %s", platform, done.stderr.strip().splitlines()[-1:])
        return None
    return json.loads(done.stdout.splitlines()[-1])


def main(options: argparse.Namespace) -> None:
    raw = options.output / "raw" / "device"
    if not options.summary_only:
        raw.mkdir(parents=True, exist_ok=True)
        for platform in options.methods or PLATFORMS:
            found = measured(platform)
            LOGGER.info("%s %s", platform, found)
            if found is not None:
                (raw / f"{platform}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    results = {
        place.stem: json.loads(place.read_text(encoding="utf-8")) for place in sorted(raw.glob("*.json"))
    }
    folder = options.output / "device"
    write_report(
        folder, "Programs of JAX on a GPU", text(results), {"processors": os.cpu_count(), "results": results}
    )
    draw(results, folder)


def text(results: dict[str, Any]) -> str:
    rows = []
    for name, cpu in results["cpu"]["calls"].items():
        gpu = results.get("cuda", {}).get("calls", {}).get(name)
        cells = [
            cpu["first"],
            cpu["later"],
            cpu.get("lapack"),
            *((gpu["first"], gpu["later"]) if gpu else (None, None)),
        ]
        shown = ["" if cell is None else f"{cell:.3g}" for cell in cells]
        rows.append([name, *shown, f"{cpu['later'] / gpu['later']:.2g}" if gpu else ""])
    head = ["call, s", "processors, first", "later", "LAPACK", "GPU, first", "later", "times as fast"]
    devices = ", ".join(f"{found['device']} (JAX {found['jax']})" for found in results.values())
    return "\n".join(
        [
            __doc__ or "",
            "",
            f"Devices: {devices}; {os.cpu_count()} processors.",
            "",
            markdown_table(head, rows),
        ]
    )


def draw(results: dict[str, Any], folder: Any) -> None:
    names = list(results["cpu"]["calls"])
    drawing = figure(7.5, 0.32 * len(names) + 1.0)
    ax = drawing.subplots()
    for offset, (platform, found) in zip((0.2, -0.2), results.items(), strict=False):
        ax.barh(
            np.arange(len(names)) + offset,
            [found["calls"][name]["later"] for name in names],
            height=0.38,
            label=f"{found['device']}, {platform}",
        )
    ax.set_yticks(range(len(names)), names, fontsize="small")
    ax.invert_yaxis()
    ax.set_xscale("log")
    ax.set_xlabel("s, compiled")
    ax.legend(fontsize="small")
    save_plot(folder, drawing)


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1])))
