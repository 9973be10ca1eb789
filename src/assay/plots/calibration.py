"""Whether the uncertainties are right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.plots.style import BAND, BEST, axes_for, tidy
from assay.plots.values import Residuals

__all__ = ["predicted_observed", "standardised_residuals"]


def predicted_observed(
    observed: Sequence[float],
    mean: Sequence[float],
    std: Sequence[float],
    *,
    name: str = "objective",
    ax: Any | None = None,
) -> Any:
    """What was predicted against what was observed, with 95 % intervals; good ones lie on the diagonal.

    Use it with leave-one-out predictions, or with points that the model has not seen.

    Arguments:
        observed, mean, std: shape (points,), in the unit of the objective; `std` is positive.
        name: of the objective.
        ax: where to draw; new Axes when None.

    Returns:
        The Axes.

    Raises:
        MissingExtraError: without matplotlib.
        UsageError: when lengths differ, a standard deviation is not positive, or there is no point.
    """
    data = Residuals.of(observed, mean, std)
    panel = axes_for(ax, width=5.2, height=4.8)
    panel.errorbar(
        data.observed,
        data.mean,
        yerr=1.96 * data.std,
        fmt="o",
        color=BEST,
        ecolor=BAND,
        markersize=3.5,
        elinewidth=1.1,
        label="prediction, 95 %",
    )
    ends = [data.observed.min(), data.observed.max()]
    panel.plot(ends, ends, color="black", linewidth=0.9, linestyle="--", label="equal")
    tidy(panel, _coverage(data), f"observed {name}", f"predicted {name}")
    panel.legend(frameon=False, loc="upper left")
    return panel


def standardised_residuals(
    observed: Sequence[float], mean: Sequence[float], std: Sequence[float], *, ax: Any | None = None
) -> Any:
    """The histogram of (observed - mean) / std beside the standard normal that it should follow.

    Use it to see whether uncertainties are too small (wide histogram) or too large (narrow).

    Arguments:
        observed, mean, std: shape (points,), in the unit of the objective; `std` is positive.
        ax: where to draw; new Axes when None.

    Returns:
        The Axes.

    Raises:
        MissingExtraError: without matplotlib.
        UsageError: when lengths differ, a standard deviation is not positive, or there is no point.
    """
    data = Residuals.of(observed, mean, std)
    panel = axes_for(ax, width=5.2)
    edges = np.linspace(-5, 5, 41)
    panel.hist(
        np.clip(data.standardised, -4.999, 4.999),
        bins=edges.tolist(),
        density=True,
        color=BAND,
        alpha=0.6,
        label="observed",
    )
    grid = np.linspace(-5, 5, 201)
    panel.plot(
        grid, np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi), color="black", linewidth=1.2, label="normal"
    )
    tidy(panel, _coverage(data), "standardised residual (beyond ±5 at the edge)", "density")
    panel.legend(frameon=False, loc="upper right")
    return panel


def _coverage(data: Residuals) -> str:
    inner, outer = (100 * data.coverage(half_width) for half_width in (1.0, 1.96))
    return f"68 % intervals cover {inner:.0f} %, 95 % intervals {outer:.0f} %"
