"""The error of models against the number of rows they learned from, on two logarithmic axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from assay.analysis.learning_curve import LearningCurve
from assay.analysis.power_law import PowerLaw
from assay.plots.style import BEST, FAILED, axes_for, tidy

__all__ = ["learning_curves"]

# Of models in turn: they can be told apart by the colour-blind, and in grey.
_COLOURS = (BEST, FAILED, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = "os^Dv<>"


def learning_curves(
    curve: LearningCurve,
    *,
    laws: Mapping[str, PowerLaw] | None = None,
    level: float = 0.95,
    unit: str = "",
    ax: Any | None = None,
) -> Any:
    """The mean error of each model with its bootstrap interval, the middle half of the splits, and a power law.

    Use it to see whether models differ in the offset or in the slope: parallel lines learn at the same rate.

    Arguments:
        curve: of the models, as `assay.analysis.learning_curve.learning_curve` gives it.
        laws: by model, a fit that is drawn over all sizes and named with its exponent; None: none.
        level: of the intervals of the mean.
        unit: of the error.
        ax: where to draw; new Axes when None.

    Returns:
        The Axes.

    Raises:
        MissingExtraError: without matplotlib.
    """
    panel = axes_for(ax, width=5.6, height=4.6)
    fine = np.geomspace(curve.sizes[0], curve.sizes[-1], 100)
    for place, name in enumerate(curve.errors):
        colour = _COLOURS[place % len(_COLOURS)]
        mean = curve.mean(name)
        low, high = curve.interval(name, level=level)
        lower, upper = curve.quantiles(name, [0.25, 0.75])
        law = None if laws is None else laws.get(name)
        panel.fill_between(curve.sizes, lower, upper, color=colour, alpha=0.12, linewidth=0)
        panel.errorbar(
            curve.sizes,
            mean,
            # A mean may lie on the edge of its interval, to rounding.
            yerr=np.maximum([mean - low, high - mean], 0.0),
            fmt=_MARKERS[place % len(_MARKERS)],
            color=colour,
            markersize=4.5,
            elinewidth=1.1,
            capsize=2,
            label=name if law is None else f"{name}: N^{law.exponent:.2f}",
        )
        if law is not None:
            panel.plot(fine, law(fine), color=colour, linewidth=1.2)
    panel.set_xscale("log")
    panel.set_yscale("log")
    splits = next(iter(curve.errors.values())).shape[1]
    shown = f"mean of {splits} splits, {100 * level:.0f} % interval" if splits > 1 else "one split"
    tidy(panel, f"{shown}; band: middle half", "training rows N", f"error / {unit}" if unit else "error")
    panel.legend(frameon=False)
    return panel
