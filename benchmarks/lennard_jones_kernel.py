"""The Lennard-Jones energy learned from few distances: with a wall as prior and without, and what is better than both.

The study: a Laplacian kernel of length 0.1, ridge 1e-9, 500 random splits at each of ten ratios, the same for both models;
mean absolute error on the rest. Beyond it, 100 splits (the first ones) at 10, 25 and 45 distances: smoother kernels,
reciprocal distances, fitted lengths, derivatives, smooth priors. The splits of the judged runs are those of
`examples/lennard_jones_kernel`.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from examples.lennard_jones_kernel.lennard_jones import (
    DISTANCES,
    ENERGIES,
    MODELS,
    RATIOS,
    energy_slope,
    study_splits,
)

from assay.analysis.learning_curve import LearningCurve, Model, SurrogateModel
from assay.plots.learning_curve import learning_curves
from assay.surrogates.dataset import Dataset
from assay.surrogates.kernel_ridge import KernelRidge
from assay.surrogates.kernels.abstract import AbstractKernel, MappedKernel
from assay.surrogates.kernels.inputs import Reciprocal
from assay.surrogates.kernels.stationary import gaussian, laplacian, matern
from assay.surrogates.physical_priors import inverse_power, linear_wall, softplus_wall
from benchmarks.reporting import figure, markdown_table, save_plot, write_report
from benchmarks.suggest import kept

__all__ = ["main"]

LOGGER = logging.getLogger(__name__)
Array = np.ndarray

SPLITS, FURTHER_SPLITS = 500, 100
# The ratios of 10, 25 and 45 distances.
FURTHER_PLACES = (1, 4, 8)
RANGES = {"all sizes": (0, 50), "5 to 45": (0, 45), "15 to 45": (15, 45), "25 and more": (25, 50)}
SOFT = {"slope": (1.0, 500.0), "position": (0.9, 1.05), "width": (0.01, 0.2)}


def plain(kernel: AbstractKernel, **options: Any) -> Model:
    return SurrogateModel(KernelRidge(kernel, 1e-9, "none", **options))


def fitted(kernel: AbstractKernel, **options: Any) -> Model:
    return SurrogateModel(KernelRidge(kernel, 1e-9, "evidence", **options))


def with_derivatives(points: Array, values: Array, new: Array) -> Array:
    """Energies and their derivatives at the same distances, the length by evidence."""
    column = np.zeros(len(points), dtype=int)
    data = Dataset.of(points, values).extended(
        Dataset.of(points, energy_slope(points[:, 0]), derivative=column)
    )
    recipe = KernelRidge(gaussian(0.2), 1e-9, "evidence")
    return recipe.fit(data, None, np.random.default_rng(0)).posterior.mean_variance(new)[0][:, 0]


FURTHER: dict[str, Model] = {
    "Laplacian, length 0.1 (the study)": MODELS["no prior"],
    "the same with the linear wall (the study)": MODELS["wall"],
    "the same with a softplus wall, width 0.03": plain(
        laplacian(0.1), prior_mean=softplus_wall(150.0, 0.95, 0.03)
    ),
    "Matern 5/2, length 0.8": plain(matern(0.8)),
    "Gaussian, length 0.1": plain(gaussian(0.1)),
    "Gaussian, length 0.2": plain(gaussian(0.2)),
    "Gaussian, length 0.2, linear wall": plain(gaussian(0.2), prior_mean=linear_wall(150.0, 0.95)),
    "Gaussian, length 0.2, softplus wall, width 0.03": plain(
        gaussian(0.2), prior_mean=softplus_wall(150.0, 0.95, 0.03)
    ),
    "Gaussian, length by evidence": fitted(gaussian(0.2)),
    "Gaussian, length by leave-one-out": SurrogateModel(KernelRidge(gaussian(0.2), 1e-9, "cross_validation")),
    "Gaussian, length by evidence, softplus wall fitted": fitted(
        gaussian(0.2), prior_mean=softplus_wall(150.0, 0.95, 0.03, bounds=SOFT)
    ),
    "Gaussian, length by evidence, fitted strength/r¹²": fitted(
        gaussian(0.2), prior_mean=inverse_power(1.0, bounds={"strength": (0.0, 20.0)})
    ),
    "Gaussian in 1/r, length by evidence": fitted(MappedKernel(gaussian(0.2), Reciprocal())),
    "Gaussian, length by evidence, energies and derivatives": with_derivatives,
}


def errors(model: Model, place: int, numbers: range) -> list[float]:
    """Of one model at one ratio."""
    found = []
    for train, test in study_splits(place, numbers):
        predicted = model(DISTANCES[train], ENERGIES[train], DISTANCES[test])
        found.append(float(f"{np.abs(predicted - ENERGIES[test]).mean():.9g}"))
    return found


def study(raw: Path) -> LearningCurve:
    """The two models at all ratios."""
    found = {
        name: np.array(
            [
                kept(raw / f"{name.replace(' ', '_')}-{place}.json", _errors(model, place, range(SPLITS)))
                for place in range(len(RATIOS))
            ]
        )
        for name, model in MODELS.items()
    }
    sizes = np.array([len(study_splits(place, range(1))[0][0]) for place in range(len(RATIOS))])
    return LearningCurve(sizes, found)


def further(raw: Path) -> LearningCurve:
    """All models at three sizes."""
    found = {
        name: np.array(
            [
                kept(raw / f"further-{number}-{place}.json", _errors(model, place, range(FURTHER_SPLITS)))
                for place in FURTHER_PLACES
            ]
        )
        for number, (name, model) in enumerate(FURTHER.items())
    }
    return LearningCurve(np.array([10, 25, 45]), found)


def _errors(model: Model, place: int, numbers: range) -> Callable[[], list[float]]:
    return lambda: errors(model, place, numbers)


def study_table(curve: LearningCurve) -> str:
    ratio, interval = curve.ratio("wall", "no prior")
    better = curve.share_better("wall", "no prior")
    head = ["rows", "no prior", "std", "error of mean", "median", "wall", "std", "error of mean", "median"]
    head += ["ratio", "95 %", "wall better"]
    lines = []
    for place, size in enumerate(curve.sizes):
        line = [str(size)]
        for name in MODELS:
            spread = curve.errors[name][place].std()
            shown = curve.mean(name), None, curve.standard_error(name), curve.median(name)
            line += [f"{spread if part is None else part[place]:.5f}" for part in shown]
        low, high = interval[:, place]
        lines.append(
            [*line, f"{ratio[place]:.3f}", f"{low:.3f} to {high:.3f}", f"{100 * better[place]:.1f} %"]
        )
    return markdown_table(head, lines)


def laws_table(curve: LearningCurve) -> tuple[str, dict[str, Any]]:
    head, lines, numbers = (
        ["range", "model", "scale", "exponent", "95 %", "E∞", "AIC", "AIC without E∞"],
        [],
        {},
    )
    for text, (low, high) in RANGES.items():
        for name in MODELS:
            for weighted in (False, True):
                options = {"smallest": low, "largest": high, "weighted": weighted}
                law = curve.power_law(name, **options)
                other = curve.power_law(name, with_offset=True, **options)
                least, most = law.exponent_interval
                label = f"{name}, weighted" if weighted else name
                shown = [f"{law.scale:.3f}", f"{law.exponent:.3f}", f"{least:.3f} to {most:.3f}"]
                lines.append(
                    [text, label, *shown, f"{other.offset:.4f}", f"{other.aic:.1f}", f"{law.aic:.1f}"]
                )
                numbers[f"{text}, {label}"] = {"scale": law.scale, "exponent": law.exponent}
    return markdown_table(head, lines), numbers


def further_table(curve: LearningCurve) -> str:
    lines = []
    for name in curve.errors:
        shown = [
            f"{mean:.4f} ± {error:.4f}"
            for mean, error in zip(curve.mean(name), curve.standard_error(name), strict=True)
        ]
        lines.append([name, *shown])
    return markdown_table(["", "10 rows", "25 rows", "45 rows"], lines)


def main(options: argparse.Namespace) -> None:
    raw, folder = options.output / "raw" / "lennard_jones_kernel", options.output / "lennard_jones_kernel"
    curve, more = study(raw), further(raw)
    laws, numbers = laws_table(curve)
    text = study_table(curve)
    text += "\n\nPower laws of the mean errors; the weights are (mean/error of the mean)²; E∞ of a fit with an error that"
    text += "\nremains, which is to be preferred where its AIC is the smaller.\n\n" + laws
    text += (
        f"\n\nBeyond the study, {FURTHER_SPLITS} splits: the mean error and its standard error.\n\n"
        + further_table(more)
    )
    drawing = figure(6.0, 4.8)
    learning_curves(curve, laws={name: curve.power_law(name) for name in MODELS}, ax=drawing.subplots())
    save_plot(folder, drawing)
    means = {name: dict(zip(curve.sizes.tolist(), curve.mean(name).tolist(), strict=True)) for name in MODELS}
    beyond = {name: dict(zip([10, 25, 45], more.mean(name).tolist(), strict=True)) for name in FURTHER}
    results = {
        "splits": SPLITS,
        "seeds": "100000 k + i, i from 0, of the k-th ratio, by train_test_split of scikit-learn",
        "mean": means,
        "power_laws": numbers,
        "further_splits": FURTHER_SPLITS,
        "further_mean": beyond,
    }
    write_report(folder, "The Lennard-Jones energy from few distances", text, results)
