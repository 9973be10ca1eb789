"""Fit and predict with thousands of rows: our Gaussian process beside GPyTorch's exact one.

Four dimensions, a smooth function with noise. Both have a Matern-5/2 covariance with a length scale for each column, a
fitted noise and a constant mean in float64, begin at a length scale of a half, and are given the same number of values
and gradients of their likelihood, asked for by the same L-BFGS-B. Then mean and variance at 1000 new points. CPU seconds
on one thread, each run in a fresh process, without imports; medians. GPyTorch factorises, which is its exact way; its
default at this size is conjugate gradients, which is given too.
Beyond that, ours as a user has it, with the hyperparameters of a subset, and its memory.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.reporting import figure, markdown_table, save_plot, write_report
from benchmarks.suggest import kept

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)

Array = np.ndarray
ValueGradient = Callable[[Array], tuple[float, Array]]

LABELS = {
    "assay": "assay",
    "gpytorch": "GPyTorch, Cholesky",
    "gpytorch_default": "GPyTorch, its default",
    "assay_subset": "assay, as a user has it",
}
COLOURS = {
    "assay": "#0072b2",
    "gpytorch": "#d55e00",
    "gpytorch_default": "#e69f00",
    "assay_subset": "#56b4e9",
}
ROWS = {
    "assay": (1000, 3000),
    "gpytorch": (1000, 3000),
    "gpytorch_default": (3000,),
    "assay_subset": (3000, 10_000),
}
# Too long to be repeated.
ONCE = {("assay_subset", 10_000), ("gpytorch_default", 3000)}
EVALUATIONS = 12
NEW_POINTS = 1000
NOISE = 0.1


def function(points: Array) -> Array:
    return np.sin(4.0 * points[:, 0]) + points[:, 1] * points[:, 2] + 0.3 * np.cos(9.0 * points[:, 3])


def data(rows: int, seed: int) -> tuple[Array, Array, Array]:
    """Points, values and new points."""
    generator = np.random.default_rng([rows, seed])
    points = generator.random((rows, 4))
    values = function(points) + NOISE * generator.standard_normal(rows)
    return points, values, generator.random((NEW_POINTS, 4))


def minimised(objective: ValueGradient, start: Array, evaluations: int) -> Array:
    """The best vector that L-BFGS-B sees in so many evaluations."""
    from scipy.optimize import minimize

    best, least, count = start, np.inf, 0

    def counted(vector: Array) -> tuple[float, Array]:
        nonlocal best, least, count
        if count == evaluations:
            raise StopIteration
        count += 1
        value, gradient = objective(vector)
        if value < least:
            best, least = vector.copy(), value
        return value, gradient

    try:
        minimize(counted, start, jac=True, method="L-BFGS-B", options={"ftol": 0.0, "gtol": 0.0})
    except StopIteration:
        return best
    raise RuntimeError(f"the search ended after {count} of {evaluations} evaluations")


def run_assay(points: Array, values: Array, new: Array, evaluations: int) -> dict[str, Any]:
    from assay.surrogates.dataset import Dataset
    from assay.surrogates.gaussian_process import GaussianProcess
    from assay.surrogates.hyperpriors import FlatPrior

    began = time.process_time()
    dataset = Dataset.of(points, values)
    recipe = GaussianProcess(length_scale_prior=FlatPrior())
    objective = recipe.objective(dataset)
    best = minimised(objective, objective.start(None), evaluations)
    posterior = recipe.at(dataset, objective, best)
    fitted = time.process_time()
    mean, variance = posterior.mean_variance(new)
    return report(began, fitted, mean[:, 0], variance[:, 0], new)


def run_assay_subset(points: Array, values: Array, new: Array, evaluations: int) -> dict[str, Any]:  # noqa: ARG001
    from assay.surrogates.dataset import Dataset
    from assay.surrogates.gaussian_process import GaussianProcess

    began = time.process_time()
    fit = GaussianProcess().fit(Dataset.of(points, values), None, np.random.default_rng(0))
    fitted = time.process_time()
    mean, variance = fit.posterior.mean_variance(new)
    return {
        **report(began, fitted, mean[:, 0], variance[:, 0], new),
        "evaluations": fit.info["evaluations"],
        "rows_of_the_fit": fit.info["rows"],
    }


def run_gpytorch(
    points: Array, values: Array, new: Array, evaluations: int, *, factorises: bool = True
) -> dict[str, Any]:
    import gpytorch
    import torch

    torch.set_num_threads(1)

    class Model(gpytorch.models.ExactGP):
        def __init__(self, x: Any, y: Any, likelihood: Any) -> None:
            super().__init__(x, y, likelihood)
            self.mean_module = gpytorch.means.ConstantMean()
            self.covar_module = gpytorch.kernels.ScaleKernel(
                gpytorch.kernels.MaternKernel(nu=2.5, ard_num_dims=4)
            )

        def forward(self, x: Any) -> Any:
            return gpytorch.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))

    largest = gpytorch.settings.max_cholesky_size(len(points) + 1 if factorises else 800)
    with largest:
        began = time.process_time()
        offset, scale = values.mean(), values.std()
        x, y = torch.tensor(points), torch.tensor((values - offset) / scale)
        likelihood = gpytorch.likelihoods.GaussianLikelihood().double()
        model = Model(x, y, likelihood).double()
        model.covar_module.base_kernel.lengthscale = 0.5
        likelihood.noise = float(np.exp(-6.0))
        model.train()
        likelihood.train()
        marginal = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
        parameters = list(model.parameters())

        def load(vector: Array) -> None:
            at = 0
            with torch.no_grad():
                for parameter in parameters:
                    count = parameter.numel()
                    parameter.copy_(torch.tensor(vector[at : at + count]).view_as(parameter))
                    at += count

        def objective(vector: Array) -> tuple[float, Array]:
            load(vector)
            model.zero_grad()
            loss = -len(points) * marginal(model(x), y)
            loss.backward()
            slopes = [np.zeros(p.numel()) if p.grad is None else p.grad.numpy().ravel() for p in parameters]
            return float(loss), np.concatenate(slopes)

        start = np.concatenate([p.detach().numpy().ravel() for p in parameters])
        load(minimised(objective, start, evaluations))
        fitted = time.process_time()
        model.eval()
        with torch.no_grad():
            answer = model(torch.tensor(new))
            mean, variance = answer.mean.numpy(), answer.variance.numpy()
        return report(began, fitted, offset + scale * mean, scale**2 * variance, new)


def report(began: float, fitted: float, mean: Array, variance: Array, new: Array) -> dict[str, Any]:
    ended = time.process_time()
    error = mean - function(new)
    return {
        "fit_CPU_seconds": round(fitted - began, 4),
        "predict_CPU_seconds": round(ended - fitted, 4),
        "error": float(np.sqrt(np.mean(error**2))),
        "standardised_error": float(np.sqrt(np.mean(error**2 / variance))),
        "peak_GB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 3),
    }


RUNS: dict[str, Callable[..., dict[str, Any]]] = {
    "assay": run_assay,
    "assay_subset": run_assay_subset,
    "gpytorch": run_gpytorch,
    "gpytorch_default": lambda *data, **options: run_gpytorch(*data, factorises=False, **options),
}


def in_fresh_process(**order: Any) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.gp_size"]
    done = subprocess.run(command, input=json.dumps(order), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the run of {order} ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def summarise(folder: Path, found: dict[tuple[str, int], list[dict[str, Any]]], evaluations: int) -> None:
    """Table, plot and summary of what has been run."""
    keys = ("fit_CPU_seconds", "predict_CPU_seconds", "error", "standardised_error", "peak_GB")
    medians = {at: {key: median(run[key] for run in runs) for key in keys} for at, runs in found.items()}
    head = [
        "",
        "rows",
        "runs",
        "fit / s",
        "predict / s",
        "together / s",
        "error",
        "error / std",
        "memory / GB",
    ]
    lines = []
    for (name, rows), entry in medians.items():
        together = entry["fit_CPU_seconds"] + entry["predict_CPU_seconds"]
        numbers = (entry["fit_CPU_seconds"], entry["predict_CPU_seconds"], together)
        shown = [f"{number:.2f}" for number in numbers]
        shown += [f"{entry['error']:.4f}", f"{entry['standardised_error']:.2f}", f"{entry['peak_GB']:.2f}"]
        lines.append([LABELS[name], str(rows), str(len(found[name, rows])), *shown])
    ratios = {
        f"{name} over assay at {rows} rows": round(
            sum(medians[name, rows][key] for key in keys[:2])
            / sum(medians["assay", rows][key] for key in keys[:2]),
            2,
        )
        for name, rows in medians
        if name.startswith("gpytorch") and ("assay", rows) in medians
    }
    text = markdown_table(head, lines)
    text += f"\n\nFits are {evaluations} values and gradients of the likelihood; "
    text += "the fit of *as a user has it* is whole, with two starts, on a subset of at most 2000 rows.\n"
    text += "\n".join(f"\n* {key}: {value:g} times" for key, value in ratios.items())
    save_plot(folder, plot(medians))
    write_report(
        folder,
        "Gaussian processes with thousands of rows",
        text,
        {
            "evaluations": evaluations,
            "ratios": ratios,
            "medians": {f"{name}, {rows} rows": entry for (name, rows), entry in medians.items()},
        },
    )


def plot(medians: dict[tuple[str, int], dict[str, float]]) -> Any:
    """Seconds of fit and prediction, as bars."""
    drawing = figure(7.0, 0.6 + 0.45 * len(medians))
    axes = drawing.subplots()
    for place, ((name, _), entry) in enumerate(reversed(medians.items())):
        fit, predict = entry["fit_CPU_seconds"], entry["predict_CPU_seconds"]
        axes.barh(place, fit + predict, color=COLOURS[name])
        axes.annotate(f" {fit + predict:.1f}", (fit + predict, place), va="center")
    names = [f"{LABELS[name]}, {rows} rows" for name, rows in reversed(medians)]
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("fit and prediction, CPU seconds on one thread")
    axes.set_xscale("log")
    axes.spines[["top", "right"]].set_visible(False)
    return drawing


def main(options: argparse.Namespace) -> None:
    raw, evaluations = options.output / "raw" / "gp_size", options.evaluations or EVALUATIONS
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for seed in options.seeds or range(3):
        for name in options.methods or ROWS:
            for rows in ROWS[name]:
                path = raw / f"{name}-{rows}-{seed}.json"
                if ((name, rows) in ONCE and seed) or (options.summary_only and not path.exists()):
                    continue
                order = {"name": name, "rows": rows, "seed": seed, "evaluations": evaluations}
                run = kept(path, lambda order=order: in_fresh_process(**order))
                found.setdefault((name, rows), []).append(run)
    summarise(options.output / "gp_size", found, evaluations)


if __name__ == "__main__":
    order = json.load(sys.stdin)
    json.dump(
        RUNS[order["name"]](*data(order["rows"], order["seed"]), evaluations=order["evaluations"]), sys.stdout
    )
