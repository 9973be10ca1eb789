"""How far each study of a benchmark came, on average."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.plots.style import axes_for, tidy
from assay.study.benchmark import Benchmark

__all__ = ["BenchmarkCurve", "benchmark_curves", "benchmark_values", "plot_benchmark"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class BenchmarkCurve:
    """One study's line and band.

    Arguments:
        name: of the study.
        x, y: (points,), where it has an average.
        lower, upper: (points,), one standard deviation to both sides.
    """

    name: str
    x: Array
    y: Array
    lower: Array
    upper: Array


def benchmark_values(data: Mapping[Any, Any]) -> list[BenchmarkCurve]:
    """What is drawn of `Benchmark.get_data`: the samples that have an average.

    Raises:
        UsageError: when there is no study.
    """
    if not data["names"]:
        raise UsageError("a picture of a benchmark needs a study, and there is none")
    curves = []
    for name, x, y, sdev in zip(data["names"], data["X"], data["Y"], data["sdev"], strict=True):
        known = np.isfinite(y)
        x, y, sdev = x[known], y[known], np.nan_to_num(sdev[known])
        curves.append(BenchmarkCurve(name, x, y, y - sdev, y + sdev))
    return curves


def benchmark_curves(
    data: Mapping[Any, Any],
    *,
    xlabel: str = "evaluations",
    ylabel: str = "objective",
    ax: Any | None = None,
) -> Any:
    """A line for each study, with a band of one standard deviation between repetitions.

    Arguments:
        data: as `Benchmark.get_data` gives it.
        xlabel, ylabel: what it was asked for.
        ax: where to draw; new Axes when None.

    Returns:
        The Axes.

    Raises:
        MissingExtraError: without matplotlib.
        UsageError: when there is no study.
    """
    curves = benchmark_values(data)
    panel = axes_for(ax)
    for curve in curves:
        (line,) = panel.plot(curve.x, curve.y, linewidth=1.8, label=curve.name)
        panel.fill_between(curve.x, curve.lower, curve.upper, color=line.get_color(), alpha=0.15, linewidth=0)
    tidy(panel, f"{len(curves)} studies", xlabel, ylabel)
    panel.legend(frameon=False)
    return panel


def plot_benchmark(benchmark: Benchmark, ax: Any | None = None, **asked: Any) -> Any:
    """The picture of a benchmark; `asked` are arguments of `Benchmark.get_data`. Returns the Axes."""
    quantity = str(asked.get("y_type", "objective")).replace("_", " ")
    return benchmark_curves(
        benchmark.get_data(**asked),
        xlabel="seconds" if asked.get("x_type") == "time" else "evaluations",
        ylabel=f"log10 of the {quantity}" if asked.get("log_scale") else quantity,
        ax=ax,
    )
