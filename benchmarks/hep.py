"""Hypothesis tests of workspaces: beside pyhf and NextStat, each in a process of its own, CPU seconds.

Models: two bins; all modifiers (16 parameters); ten bins of five samples (21 parameters); a synthetic workspace of 200
parameters. Measured: the first test with bands, compilation included, with an empty cache; the same again (median); the
observed test alone; 10^4 simulated experiments; a hundred signal points in one mapped call against one by one.
NextStat gives bands only in scans, whose time is divided by their points. By default JAX hands a program that loops to another
thread and waits for it there; "assay_in_place" is the same with its option `jax_cpu_enable_async_dispatch` off.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np

from benchmarks.reporting import figure, markdown_table, save_plot, write_report

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)

ENGINES = ("assay", "assay_in_place", "pyhf_scipy", "pyhf_minuit", "pyhf_jax", "nextstat")
MODELS = ("two_bins", "all_modifiers", "twenty_parameters", "two_hundred_parameters")
SLOW = {
    ("pyhf_scipy", "two_hundred_parameters"),
    ("pyhf_minuit", "two_hundred_parameters"),
    ("pyhf_jax", "two_hundred_parameters"),
}
MAPPED = """One by one is `hypothesis_test` of each model, as a user would call it, with what Python spends; mapped is
`hypothesis_tests` of all. Mapping saves the call and the passage to plain numbers, about 0.1 ms for each model; the arithmetic
is the same, on one thread, and all members of a call go on until the last one ends. So it pays where a fit is short (two
bins), and little where the tables of derivatives are the work (21 parameters)."""
TOYS = 10_000
SIGNALS = 100
LEAST_SECONDS = 1.0


def synthetic(channels: int = 10, bins: int = 8, seed: int = 0) -> dict[str, Any]:
    """A workspace of 200 parameters: shared shapes and scales, statistical errors of every bin."""
    generator = np.random.default_rng(seed)
    entries, observations = [], []
    for channel in range(channels):
        samples, total = [], np.zeros(bins)
        for sample in range(4):
            nominal = generator.uniform(20.0, 80.0, bins) * np.exp(
                -np.arange(bins) * generator.uniform(0.0, 0.3)
            )
            nominal = nominal * (0.1 if sample == 0 else 1.0)
            total += nominal * (sample > 0)
            modifiers: list[dict[str, Any]] = [
                {"name": f"stat_{channel}", "type": "staterror", "data": (0.03 * nominal).tolist()}
            ]
            if sample == 0:
                modifiers.append({"name": "mu", "type": "normfactor", "data": None})
            for shape in range(3):
                slope = generator.normal(0.0, 0.03, bins)
                data = {
                    "hi_data": (nominal * (1 + slope)).tolist(),
                    "lo_data": (nominal * (1 - 0.9 * slope)).tolist(),
                }
                modifiers.append({"name": f"shape_{channel * 3 + shape}", "type": "histosys", "data": data})
            for scale in range(4):
                size = generator.uniform(0.02, 0.08)
                name = f"scale_{(channel * 9 + sample * 4 + scale) % 89}"
                modifiers.append(
                    {"name": name, "type": "normsys", "data": {"hi": 1 + size, "lo": 1 - 0.9 * size}}
                )
            samples.append({"name": f"sample_{sample}", "data": nominal.tolist(), "modifiers": modifiers})
        entries.append({"name": f"channel_{channel:02}", "samples": samples})
        observations.append(
            {"name": f"channel_{channel:02}", "data": generator.poisson(total).astype(float).tolist()}
        )
    return {
        "channels": entries,
        "observations": observations,
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }


def workspace(name: str) -> dict[str, Any]:
    from tests.hep.references import workspaces

    if name == "two_hundred_parameters":
        return synthetic()
    keys = {
        "two_bins": "uncorr_2bin_docs",
        "all_modifiers": "kitchen_sink_all_modifiers",
        "twenty_parameters": "big_10bins_5samples_20np",
    }
    return workspaces()[keys[name]].to_data()


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    found = call()
    return time.process_time() - began, found


def repeated(call: Callable[[], Any]) -> float:
    """The median CPU time of calls that take a second together, of at least three."""
    times: list[float] = []
    while len(times) < 3 or (sum(times) < LEAST_SECONDS and len(times) < 1000):
        times.append(timed(call)[0])
    return median(times)


def assay(name: str) -> dict[str, float]:
    os.environ["ASSAY_COMPILATION_CACHE"] = "off"
    from assay.hep.build import build_model
    from assay.hep.fit import fit
    from assay.hep.hypothesis import hypothesis_test
    from assay.hep.limits import upper_limits
    from assay.hep.toys import toy_test
    from assay.hep.workspace import Workspace

    read, model = timed(lambda: build_model(Workspace.from_data(workspace(name))))
    fitted, _ = timed(lambda: fit(model))
    first, tested = timed(lambda: hypothesis_test(model, 1.0))
    found = {
        "read": read,
        "fit_first": fitted,
        "parameters": float(model.layout.size),
        "first": first,
        "with_bands": repeated(lambda: hypothesis_test(model, 1.0)),
        "CLs": tested.cls,
    }
    found["observed"] = found["with_bands"]
    found["limits_first"], limits = timed(lambda: upper_limits(model))
    found["limits"], found["limit"] = repeated(lambda: upper_limits(model)), limits.observed
    if name in ("two_bins", "twenty_parameters"):
        toy_test(model, toys=2000)
        found["toys"] = timed(lambda: toy_test(model, toys=TOYS))[0]
        found.update(signal_points(model))
    return found


def assay_in_place(name: str) -> dict[str, float]:
    """A test where JAX computes on the thread that calls it: an option of the user's process, read before its first use."""
    import jax

    jax.config.update("jax_cpu_enable_async_dispatch", False)
    os.environ["ASSAY_COMPILATION_CACHE"] = "off"
    from assay.hep.build import build_model
    from assay.hep.hypothesis import hypothesis_test
    from assay.hep.workspace import Workspace

    model = build_model(Workspace.from_data(workspace(name)))
    first, tested = timed(lambda: hypothesis_test(model, 1.0))
    warm = repeated(lambda: hypothesis_test(model, 1.0))
    return {"first": first, "observed": warm, "with_bands": warm, "CLs": tested.cls}


def signal_points(model: Any) -> dict[str, float]:
    """A hundred signals in mapped calls, and one by one."""
    from assay.hep.batch import hypothesis_tests
    from assay.hep.hypothesis import hypothesis_test

    cells = [index for index, item in enumerate(model.layout.cell_names) if item[1] in ("signal", "s0")]
    models = []
    for scale in np.linspace(0.5, 2.0, SIGNALS):
        nominal = model.nominal.copy()
        nominal[cells] *= scale
        models.append(replace(model, nominal=nominal))
    together = hypothesis_tests(models)
    np.testing.assert_allclose(
        [tested.cls for tested in together[:2]], [hypothesis_test(some).cls for some in models[:2]], rtol=1e-8
    )
    alone = repeated(lambda: [hypothesis_test(some) for some in models])
    return {"signals_one_by_one": alone, "signals_mapped": repeated(lambda: hypothesis_tests(models))}


def pyhf(name: str, backend: str, optimiser: str) -> dict[str, float]:
    import pyhf as other
    from pyhf.infer import hypotest

    other.set_backend(backend, f"{optimiser}")
    whole = other.Workspace(workspace(name), validate=False)
    model = whole.model(validate=False)
    data = whole.data(model)

    def test() -> Any:
        return hypotest(1.0, data, model, test_stat="qtilde", return_expected_set=True)

    first, tested = timed(test)
    warm = repeated(test)
    return {"first": first, "with_bands": warm, "CLs": float(tested[0])}


def nextstat(name: str) -> dict[str, float]:
    other = importlib.import_module("nextstat")

    model = other.from_pyhf(json.dumps(workspace(name)))
    first, cls = timed(lambda: other.hypotest(1.0, model))
    found = {
        "first": first,
        "observed": repeated(lambda: other.hypotest(1.0, model)),
        "with_bands": repeated(lambda: other.cls_curve(model, [0.99, 1.0])) / 2,
        "CLs": float(cls),
    }
    if name in ("two_bins", "twenty_parameters"):
        found["toys"] = timed(lambda: other.hypotest_toys(1.0, model, n_toys=TOYS))[0]
    return found


RUNS: dict[str, Callable[[str], dict[str, float]]] = {
    "assay": assay,
    "assay_in_place": assay_in_place,
    "nextstat": nextstat,
    "pyhf_scipy": lambda name: pyhf(name, "numpy", "scipy"),
    "pyhf_minuit": lambda name: pyhf(name, "numpy", "minuit"),
    "pyhf_jax": lambda name: pyhf(name, "jax", "scipy"),
}


def measured(engine: str, name: str) -> dict[str, float] | None:
    """One engine and model in a fresh process; None where it cannot run."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.hep", engine, name]
    # More threads of BLAS than processors wait for each other, whichever library calls it.
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        LOGGER.info("%s on %s: %s", engine, name, done.stderr.strip().splitlines()[-1:])
        return None
    return json.loads(done.stdout.splitlines()[-1])


def kept(folder: Any, engine: str, name: str) -> dict[str, float] | None:
    """What was measured, from disk where an earlier run that was cut off left it."""
    place = folder / f"{name}-{engine}.json"
    if not place.exists():
        found = measured(engine, name)
        folder.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(found), encoding="utf-8")
    return json.loads(place.read_text(encoding="utf-8"))


def main(options: argparse.Namespace) -> None:
    results: dict[str, dict[str, dict[str, float] | None]] = {}
    for name in MODELS:
        results[name] = {}
        for engine in options.methods or ENGINES:
            if (engine, name) in SLOW:
                continue
            results[name][engine] = kept(options.output / "raw" / "hep", engine, name)
            LOGGER.info("%s %s %s", name, engine, results[name][engine])
    folder = options.output / "hep"
    write_report(folder, "Hypothesis tests of workspaces", text(results), {"results": results})
    draw(results, folder)


def text(results: dict[str, dict[str, dict[str, float] | None]]) -> str:
    rows = []
    for name, engines in results.items():
        own = engines.get("assay") or {}
        for engine, found in engines.items():
            if found is None:
                rows.append([name, engine, "does not run", "", "", "", "", ""])
                continue
            ratio = found["with_bands"] / own["with_bands"] if own else float("nan")
            cells = [found.get(key) for key in ("first", "observed", "with_bands", "toys")]
            shown = [
                "" if cell is None else f"{cell * (1 if place in (0, 3) else 1e3):.3g}"
                for place, cell in enumerate(cells)
            ]
            rows.append([name, engine, *shown, f"{ratio:.3g}", f"{found['CLs']:.9f}"])
    table = markdown_table(
        ["model", "engine", "first, s", "observed, ms", "with bands, ms", "10^4 toys, s", "of ours", "CLs"],
        rows,
    )
    lines = [__doc__ or "", "", table, ""]
    for name, engines in results.items():
        own = engines.get("assay")
        if own is None:
            continue
        lines.append(
            f"- {name}: {own['parameters']:.0f} parameters; at first, compilation included, a fit {own['fit_first']:.1f} s, "
            f"a test {own['first']:.1f} s, six limits {own['limits_first']:.1f} s; limits then "
            f"{own['limits'] * 1e3:.1f} ms; observed limit {own['limit']:.7g}"
        )
        if "signals_mapped" in own:
            ratio = own["signals_one_by_one"] / own["signals_mapped"]
            lines.append(
                f"  - {SIGNALS} signal points: {own['signals_mapped'] * 1e3:.1f} ms in mapped calls, "
                f"{own['signals_one_by_one'] * 1e3:.1f} ms one by one, {ratio:.1f} times as much"
            )
    lines += ["", MAPPED]
    return "\n".join(lines)


def draw(results: dict[str, dict[str, dict[str, float] | None]], folder: Any) -> None:
    drawing = figure(7.0, 3.6)
    ax = drawing.subplots()
    for place, engine in enumerate(ENGINES):
        heights = [(engines.get(engine) or {}).get("with_bands", np.nan) for engines in results.values()]
        ax.bar(np.arange(len(results)) + 0.14 * (place - 2.5), heights, width=0.13, label=engine)
    ax.set_yscale("log")
    ax.set_xticks(range(len(results)), [name.replace("_", "\n") for name in results])
    ax.set_ylabel("CPU s of a test with bands")
    ax.legend(fontsize="small")
    save_plot(folder, drawing)


if __name__ == "__main__":
    print(json.dumps(RUNS[sys.argv[1]](sys.argv[2])))
