"""Deb's front: the hypervolume after 50 evaluations, over 10 seeds, beside BoTorch's noisy expected improvement of it.

f1 = x1 and f2 = g(x2)/x1 with g = 20 + x2² - 10 cos(2 π x2) on [1, 4]², references (0, 0) and (5, 50). The front is
x2 = 1, f2 = 11/f1: it dominates a volume of 148.5 + 48.75 - 11 log 4. All methods begin with the same six Sobol'
points, and know that there is no noise. Ours has a quadratic trend below each process, BoTorch its defaults.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from examples.deb_front.deb_front import CONFIGURATION, LOWER, SPACE, UPPER, WHOLE, evaluate
from scipy.stats import qmc

import assay
from assay.numerics.hypervolume import hypervolume_history
from benchmarks.reporting import COLOURS, LABELS, figure, markdown_table, save_plot, write_report

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)
Array = np.ndarray

EVALUATIONS = 50
SEEDS = range(10)
START = 6


def deb(unit: Array) -> Array:
    """Deb's two objectives at points (rows, 2) of the unit square: (rows, 2)."""
    x1, x2 = (1.0 + 3.0 * unit).T
    return np.stack([x1, (20.0 + x2**2 - 10.0 * np.cos(2.0 * np.pi * x2)) / x1], axis=1)


def start(seed: int) -> Array:
    """The points that every method begins with."""
    return qmc.Sobol(2, rng=np.random.default_rng([seed, 7])).random_base2(3)[:START]


def run_assay(seed: int, evaluations: int) -> tuple[Array, list[float]]:
    """The driver with the objective `MultiMinimizer`, as examples/deb_front configures it."""
    study = assay.create_study(SPACE, seed=seed)
    study.configure(**CONFIGURATION)
    points, seconds = start(seed), []
    for x1, x2 in (1.0 + 3.0 * points).tolist():
        study.add_observation(_observation(x1, x2), design_value={"x1": x1, "x2": x2})
    while len(points) < evaluations:
        began = time.process_time()
        suggestion = study.get_suggestion()
        seconds.append(time.process_time() - began)
        x1, x2 = float(suggestion.values["x1"]), float(suggestion.values["x2"])
        study.add_observation(_observation(x1, x2), suggestion.id)
        points = np.concatenate([points, [[(x1 - 1.0) / 3.0, (x2 - 1.0) / 3.0]]])
    return deb(points), seconds


def _observation(x1: float, x2: float) -> assay.Observation:
    observation = assay.Observation()
    for name, value in evaluate(x1, x2).items():
        observation.add(value, model_name=name)
    return observation


def run_botorch(seed: int, evaluations: int) -> tuple[Array, list[float]]:
    """`qLogNoisyExpectedHypervolumeImprovement` on independent `SingleTaskGP`s, with BoTorch's defaults."""
    import torch
    from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import ModelListGP, SingleTaskGP
    from botorch.models.transforms import Standardize
    from botorch.optim import optimize_acqf
    from botorch.sampling import SobolQMCNormalSampler
    from gpytorch.mlls import SumMarginalLogLikelihood

    torch.manual_seed(seed)
    points, seconds = start(seed), []
    bounds = torch.tensor([[0.0, 0.0], [1.0, 1.0]], dtype=torch.double)
    while len(points) < evaluations:
        began = time.process_time()
        x, y = torch.as_tensor(points), -torch.as_tensor(deb(points))
        noise = 1e-7 * y.var(dim=0)
        model = ModelListGP(
            *[
                SingleTaskGP(
                    x,
                    y[:, [k]],
                    torch.full_like(y[:, [k]], float(noise[k])),
                    outcome_transform=Standardize(1),
                )
                for k in range(2)
            ]
        )
        fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
        acquisition = qLogNoisyExpectedHypervolumeImprovement(
            model,
            ref_point=-torch.tensor(UPPER, dtype=torch.double),
            X_baseline=x,
            prune_baseline=True,
            sampler=SobolQMCNormalSampler(torch.Size([128]), seed=seed),
        )
        found, _ = optimize_acqf(acquisition, bounds, 1, 10, 512)
        points = np.concatenate([points, found.detach().numpy()])
        seconds.append(time.process_time() - began)
    return deb(points), seconds


def run_random(seed: int, evaluations: int) -> tuple[Array, list[float]]:
    """Further Sobol' points."""
    count = (evaluations - 1).bit_length()
    return deb(qmc.Sobol(2, rng=np.random.default_rng([seed, 7])).random_base2(count)[:evaluations]), [0.0]


METHODS: dict[str, Callable[[int, int], tuple[Array, list[float]]]] = {
    "assay": run_assay,
    "botorch": run_botorch,
    "random": run_random,
}


def run_all(methods: Sequence[str], seeds: Sequence[int], evaluations: int, folder: Path) -> None:
    """All runs that are not in the folder yet."""
    for seed in seeds:
        for method in methods:
            place = folder / method / f"{seed}.json"
            if place.exists():
                continue
            values, seconds = METHODS[method](seed, evaluations)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps({"values": values.tolist(), "CPU_seconds": seconds}) + "\n")
            volume = hypervolume_history(values, np.array(UPPER), np.array(LOWER))[-1]
            LOGGER.info(
                "%s seed %d: %.5f of the front's volume, %.1f CPU s",
                method,
                seed,
                volume / WHOLE,
                sum(seconds),
            )


def read_runs(folder: Path, seeds: Sequence[int]) -> dict[str, tuple[Array, Array]]:
    """For each method whose runs are whole: the share of the front's volume (seeds, evaluations), and the CPU time of
    each suggestion."""
    found = {}
    for method in METHODS:
        places = [folder / method / f"{seed}.json" for seed in seeds]
        if all(place.exists() for place in places):
            runs = [json.loads(place.read_text()) for place in places]
            shares = [
                hypervolume_history(np.array(run["values"]), np.array(UPPER), np.array(LOWER)) / WHOLE
                for run in runs
            ]
            found[method] = np.array(shares), np.concatenate([run["CPU_seconds"] for run in runs])
    return found


def summary_of(runs: dict[str, tuple[Array, Array]]) -> dict[str, Any]:
    """The shares after all evaluations, and the paired differences to BoTorch's."""
    summary: dict[str, Any] = {
        method: {
            "median_share": float(np.median(shares[:, -1])),
            "by_seed": shares[:, -1].tolist(),
            "CPU_seconds_per_suggestion": float(np.median(seconds)),
        }
        for method, (shares, seconds) in runs.items()
    }
    if {"assay", "botorch"} <= set(runs):
        ours, theirs = runs["assay"][0][:, -1], runs["botorch"][0][:, -1]
        summary["median_paired_difference"] = float(np.median(ours / theirs - 1.0))
    return summary


def text_of(summary: dict[str, Any]) -> str:
    rows = [
        [
            LABELS[method],
            f"{summary[method]['median_share']:.5f}",
            f"{min(summary[method]['by_seed']):.5f}",
            f"{1e3 * summary[method]['CPU_seconds_per_suggestion']:.0f}",
        ]
        for method in METHODS
        if method in summary
    ]
    parts = [
        f"Share of the true front's volume {WHOLE:.4f} that is dominated after the last evaluation.",
        markdown_table(["method", "median", "least", "CPU ms per suggestion"], rows),
    ]
    if "median_paired_difference" in summary:
        difference = 100.0 * summary["median_paired_difference"]
        parts.append(
            f"The median paired difference of assay to BoTorch is {difference:+.3f} %; the goal is at least -1 %."
        )
    return "\n\n".join(parts)


def draw(folder: Path, runs: dict[str, tuple[Array, Array]]) -> None:
    """What is missing of the volume, over evaluations: median and quartiles over the seeds."""
    drawing = figure(7.0, 4.2)
    axes = drawing.subplots()
    for method, (shares, _) in runs.items():
        low, middle, high = np.quantile(1.0 - shares, [0.25, 0.5, 0.75], axis=0)
        count = np.arange(1, len(middle) + 1)
        axes.plot(count, middle, color=COLOURS[method], label=LABELS[method])
        axes.fill_between(count, low, high, color=COLOURS[method], alpha=0.15, linewidth=0)
    axes.set(yscale="log", xlabel="evaluations", ylabel="missing share of the front's volume")
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    save_plot(folder, drawing)


def main(options: argparse.Namespace) -> None:
    """Run what is missing, then summarise."""
    raw, folder = options.output / "raw" / "fronts", options.output / "fronts"
    seeds = options.seeds or list(SEEDS)
    if not options.summary_only:
        run_all(options.methods or list(METHODS), seeds, options.evaluations or EVALUATIONS, raw)
    runs = read_runs(raw, seeds)
    summary = summary_of(runs)
    write_report(folder, "Deb's front", text_of(summary), {"seeds": list(seeds), **summary})
    draw(folder, runs)
