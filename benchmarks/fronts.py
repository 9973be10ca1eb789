"""Deb's front: the hypervolume after 50 evaluations, over 10 seeds, beside BoTorch's noisy expected improvement of it.

f1 = x1 and f2 = g(x2)/x1 with g = 20 + x2² - 10 cos(2 π x2) on [1, 4]², references (0, 0) and (5, 50). The front is
x2 = 1, f2 = 11/f1: it dominates a volume of 148.5 + 48.75 - 11 log 4. Both methods begin with the same six Sobol'
points, and know that there is no noise.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import qmc

from assay.acquisition.candidates import candidates
from assay.acquisition.hypervolume import LogExpectedHypervolumeImprovement
from assay.acquisition.search import Search, search
from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.numerics.hypervolume import hypervolume_history, non_dominated
from assay.quantities.selector import SelectedOutput
from assay.space.space import Space
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.hyperpriors import length_scale_prior
from benchmarks.reporting import COLOURS, LABELS, figure, markdown_table, save_plot, write_report

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)
Array = np.ndarray

EVALUATIONS = 50
SEEDS = range(10)
START = 6
LOWER, UPPER = np.zeros(2), np.array([5.0, 50.0])
WHOLE = 148.5 + 48.75 - 11.0 * math.log(4.0)
KERNELS = ("matern52", "squared_exponential")


def deb(unit: Array) -> Array:
    """Deb's two objectives at points (rows, 2) of the unit square: (rows, 2)."""
    x1, x2 = (1.0 + 3.0 * unit).T
    return np.stack([x1, (20.0 + x2**2 - 10.0 * np.cos(2.0 * np.pi * x2)) / x1], axis=1)


def start(seed: int) -> Array:
    """The points that every method begins with."""
    return qmc.Sobol(2, rng=np.random.default_rng([seed, 7])).random_base2(3)[:START]


def run_assay(seed: int, evaluations: int) -> tuple[Array, list[float]]:
    """One process for each objective, its kernel chosen by evidence, and the exact expected gain."""
    space = Space.from_data([{"name": name, "domain": [1.0, 4.0]} for name in ("x1", "x2")])
    coordinates = Coordinates.of(space)
    feasible = FeasibleSet.of(space, coordinates)
    points, seconds = start(seed), []
    states: list[dict[str, Any]] = [dict.fromkeys(KERNELS), dict.fromkeys(KERNELS)]
    while len(points) < evaluations:
        began = time.process_time()
        values, generator = deb(points), np.random.default_rng([seed, len(points)])
        quantities = [
            _belief(points, column, state, generator) for column, state in zip(values.T, states, strict=True)
        ]
        acquisition = LogExpectedHypervolumeImprovement.of(quantities, values, LOWER, UPPER)
        front = points[non_dominated(values)]
        starts = candidates(coordinates, feasible, front, (500, 500), generator, np.empty(0))
        found = search(acquisition, coordinates, feasible, starts, Search())
        points = np.concatenate([points, found.points[:1]])
        seconds.append(time.process_time() - began)
    return deb(points), seconds


def _belief(
    points: Array, values: Array, states: dict[str, Any], generator: np.random.Generator
) -> SelectedOutput:
    data, prior = Dataset.of(points, values), length_scale_prior("gamma")
    fits = {
        kernel: GaussianProcess(kernel, noise="none", length_scale_prior=prior).fit(
            data, states[kernel], generator
        )
        for kernel in KERNELS
    }
    states.update({kernel: dict(fitted.state) for kernel, fitted in fits.items()})
    return SelectedOutput(max(fits.values(), key=lambda fitted: fitted.info["log_posterior"]).posterior)


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
            ref_point=torch.as_tensor(-UPPER),
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
            volume = hypervolume_history(values, UPPER, LOWER)[-1]
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
            shares = [hypervolume_history(np.array(run["values"]), UPPER, LOWER) / WHOLE for run in runs]
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
