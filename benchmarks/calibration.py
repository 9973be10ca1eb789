"""Do the intervals of our model cover the truth as often as they say?

After a closed loop on the coating, the driver predicts at 200 fresh points that no suggestion saw: 100 anywhere in the
box, uniformly, and 100 within one length scale of the best point, uniformly in the ellipsoid whose half axes are the
fitted length scales, cut at the box. An interval is between two quantiles of the prediction: 16 and 84 % for the 68 %
interval, 2.5 and 97.5 % for the 95 % one. The standardised residual of a point is (z - m)/s in the units in which the
model is Gaussian, which is where the quantile of the truth lies on the standard normal's axis.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtr

from assay.surrogates.abstract import AbstractPosterior
from assay.surrogates.averaged_gaussian_process import AveragedPosterior
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior
from assay.surrogates.latent_gaussian import AbstractLatentGaussian
from assay.testing.problems import Problem
from benchmarks.methods.assay_method import AssayMethod
from benchmarks.reporting import COLOURS, figure, save_plot

__all__ = ["calibrate", "draw_calibration", "read_calibration"]

Array = np.ndarray

EVALUATIONS = 60
POINTS = 100
PLACES = ("anywhere", "near the best")
INTERVALS = {"68": (0.16, 0.84), "95": (0.025, 0.975)}


def in_ellipsoid(centre: Array, half_axes: Array, count: int, generator: np.random.Generator) -> Array:
    """Uniform points of an ellipsoid cut at the unit cube, by rejection: (count, dimension)."""
    lower = np.maximum(centre - half_axes, 0.0)
    upper = np.minimum(centre + half_axes, 1.0)
    kept = np.empty((0, len(centre)))
    while len(kept) < count:
        points = generator.uniform(lower, upper, (64 * count, len(centre)))
        inside = np.sum(((points - centre) / half_axes) ** 2, axis=1) <= 1
        kept = np.concatenate([kept, points[inside]])
    return kept[:count]


def length_scales_of(posterior: AbstractPosterior) -> Array:
    """Of a single process, or the weighted mean of an average's: (dimension,)."""
    if isinstance(posterior, AveragedPosterior):
        return np.average(
            [member.length_scales for member in posterior.members], axis=0, weights=posterior.weights
        )
    assert isinstance(posterior, GaussianProcessPosterior)
    return posterior.length_scales


def residuals(problem: Problem, seed: int) -> dict[str, Any]:
    """One closed loop, and what the model says at the fresh points afterwards."""
    method = AssayMethod(problem, seed)
    noise = np.random.default_rng(0)
    for _ in range(EVALUATIONS):
        point = method.suggest()
        method.tell(point, problem.observe(dict(zip(problem.names, point, strict=True)), noise))
    belief = method.driver.belief(method.history)
    generator = np.random.default_rng([seed, 68])
    best = belief.points[np.argmin(belief.observed)]
    posterior = belief.posterior
    assert isinstance(posterior, AbstractLatentGaussian)
    length_scales = length_scales_of(posterior)
    units = {
        "anywhere": generator.random((POINTS, problem.dimension)),
        "near the best": in_ellipsoid(best, length_scales, POINTS, generator),
    }
    found: dict[str, Any] = {"seed": seed, "length_scales": length_scales.tolist()}
    for place, points in units.items():
        natural = np.asarray(problem.lower) + points * (np.asarray(problem.upper) - np.asarray(problem.lower))
        truth = posterior.to_latent(problem.truth(natural)[:, None])[:, 0]
        mean, variance = posterior.latent_mean_variance(points)
        found[place] = ((truth - mean[:, 0]) / np.sqrt(variance[:, 0])).round(6).tolist()
    return found


def calibrate(problem: Problem, seeds: Sequence[int], raw: Path) -> None:
    """Every seed that is not in the folder yet."""
    raw.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        path = raw / f"{problem.name}-{seed}.json"
        if not path.exists():
            path.write_text(json.dumps(residuals(problem, seed)) + "\n")


def _read(raw: Path, seeds: Sequence[int]) -> dict[str, Array]:
    entries = [json.loads(path.read_text()) for path in sorted(raw.glob("*.json"))]
    entries = [entry for entry in entries if entry["seed"] in seeds]
    return {place: np.array([entry[place] for entry in entries]) for place in PLACES}


def read_calibration(raw: Path, seeds: Sequence[int]) -> dict[str, Any]:
    """The share of the truth that the intervals cover, for each place and both together; empty where nothing ran."""
    found = _read(raw, seeds)
    if not found["anywhere"].size:
        return {}
    found["together"] = np.concatenate(list(found.values()), axis=1)
    covered: dict[str, Any] = {"seeds": len(found["anywhere"]), "evaluations": EVALUATIONS}
    for place, residual in found.items():
        probability = ndtr(residual)
        covered[place] = {
            level: round(float(np.mean((probability >= low) & (probability <= high))), 4)
            for level, (low, high) in INTERVALS.items()
        }
    return covered


def draw_calibration(folder: Path, raw: Path, seeds: Sequence[int]) -> None:
    """Standardised residuals beside the standard normal, and the coverage of every central interval."""
    found = _read(raw, seeds)
    drawing = figure(10.0, 3.8)
    axes = drawing.subplots(1, 3)
    grid = np.linspace(-4, 4, 200)
    for panel, (place, residual) in zip(axes, found.items(), strict=False):
        flat = np.clip(residual.ravel(), -4, 4)
        panel.hist(flat, bins=np.linspace(-4, 4, 41), density=True, color=COLOURS["assay"], alpha=0.6)
        panel.plot(grid, np.exp(-0.5 * grid**2) / np.sqrt(2 * np.pi), color="black", linewidth=1)
        panel.set(title=f"fresh points {place}", xlabel="standardised residual")
    level = np.linspace(0.01, 0.99, 99)
    axes[2].plot(level, level, color="0.6", linewidth=1)
    for place, residual in found.items():
        inside = np.abs(2 * ndtr(residual.ravel()) - 1)
        style = "-" if place == PLACES[0] else "--"
        axes[2].plot(
            level, [np.mean(inside <= entry) for entry in level], style, color=COLOURS["assay"], label=place
        )
    axes[2].set(title="central intervals", xlabel="stated", ylabel="covered")
    axes[2].legend(frameon=False)
    save_plot(folder, drawing, "calibration.png")
