"""Pictures of an inference: the Brazil band of a scan of CLs, and pulls beside impacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.errors import UsageError
from assay.plots.style import BAND, BEST, FAILED, OBSERVED, axes_for, new_figure, tidy

__all__ = ["brazil_band", "pulls_and_impacts"]

Array = np.ndarray

ONE_SIGMA, TWO_SIGMA = "#7FBF7B", "#F6E27A"
HEIGHT_PER_ROW = 0.28  # inches


def brazil_band(
    values: Sequence[float] | Array,
    observed: Sequence[float] | Array,
    expected: Sequence[Sequence[float]] | Array,
    *,
    level: float = 0.05,
    name: str = "mu",
    ax: Any = None,
) -> Any:
    """CLs over the tested values, with what a measurement without a signal would see.

    Arguments:
        values: (points,), tested, rising.
        observed: (points,), CLs.
        expected: (points, 5), at -2 to 2 standard deviations.
        level: where a value counts as excluded.

    Returns: the Axes.

    Raises:
        UsageError: for shapes that do not fit.
    """
    values, observed, expected = (np.asarray(part, dtype=float) for part in (values, observed, expected))
    if observed.shape != values.shape or expected.shape != (len(values), 5):
        raise UsageError(
            f"a band needs CLs (points,) and expected ones (points, 5), got {observed.shape} and {expected.shape}"
        )
    ax = axes_for(ax)
    ax.fill_between(
        values, expected[:, 0], expected[:, 4], color=TWO_SIGMA, label="expected ± 2σ", linewidth=0
    )
    ax.fill_between(
        values, expected[:, 1], expected[:, 3], color=ONE_SIGMA, label="expected ± 1σ", linewidth=0
    )
    ax.plot(values, expected[:, 2], color="black", linestyle="--", label="expected")
    ax.plot(values, observed, color="black", label="observed")
    ax.axhline(level, color=FAILED, linewidth=0.8)
    tidy(ax, f"excluded where CLs is below {level:g}", name, "CLs")
    ax.set_ylim(0.0, 1.02)
    ax.legend(frameon=False, fontsize="small")
    return ax


def pulls_and_impacts(
    names: Sequence[str],
    pulls: Sequence[float] | Array,
    constraints: Sequence[float] | Array,
    up: Sequence[float] | Array,
    down: Sequence[float] | Array,
    *,
    interest: str = "mu",
    most: int = 20,
) -> Any:
    """The parameters that move the parameter of interest most, and where the data pulled them.

    Arguments:
        names: of the nuisance parameters, the largest impact first.
        pulls: where each ended, in prefit uncertainties; NaN where nothing constrains it.
        constraints: its uncertainty after the fit over that before.
        up, down: the shifts of the parameter of interest.
        most: how many are drawn.

    Returns: a Figure with two Axes.
    """
    shown = min(most, len(names))
    figure = new_figure(7.5, 1.2 + HEIGHT_PER_ROW * max(shown, 4))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1, 1])
    rows = np.arange(shown)[::-1]
    for row, index in zip(rows, range(shown), strict=True):
        if np.isfinite(pulls[index]):
            left.errorbar(
                pulls[index], row, xerr=constraints[index], fmt="o", color=BEST, markersize=3, linewidth=1
            )
    left.axvspan(-1, 1, color="#F0F0F0", zorder=0)
    left.axvline(0.0, color=OBSERVED, linewidth=0.8)
    right.barh(rows, np.asarray(up)[:shown], height=0.7, color=BEST, label="one σ up")
    right.barh(rows, np.asarray(down)[:shown], height=0.7, color=BAND, alpha=0.7, label="one σ down")
    right.axvline(0.0, color=OBSERVED, linewidth=0.8)
    left.set_yticks(rows, list(names[:shown]), fontsize="small")
    tidy(left, "pulls", "(fit − prefit)/prefit uncertainty", "")
    tidy(right, "impacts", f"shift of {interest}", "")
    right.legend(frameon=False, fontsize="small")
    return figure
