"""The best value against the number of evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from assay.plots.style import BEST, FAILED, OBSERVED, axes_for, tidy
from assay.plots.values import Convergence

__all__ = ["convergence"]


def convergence(
    values: Sequence[float] | np.ndarray,
    *,
    scale: Literal["auto", "linear", "log"] = "auto",
    reference: float | None = None,
    name: str = "objective",
    ax: Any | None = None,
) -> Any:
    """The objective of each evaluation and the best so far; failed evaluations are ticks at the bottom.

    Use it to see whether a study still improves.

    Arguments:
        values: the objective in order of evaluation, NaN for a failure.
        scale: of the objective's axis; "auto" is logarithmic where all are positive and span a factor of 30.
        reference: a value to compare with, such as a known optimum, in the unit of the objective.
        name: of the objective.
        ax: where to draw; new Axes when None.

    Returns:
        The Axes.

    Raises:
        MissingExtraError: without matplotlib.
        UsageError: when there is no value.
    """
    data = Convergence.of(values)
    panel = axes_for(ax)
    panel.plot(data.number, data.value, "o", color=OBSERVED, markersize=3.5, alpha=0.8, label="evaluation")
    panel.step(data.number, data.best, where="post", color=BEST, linewidth=1.8, label="best so far")
    if data.failed.size:
        height = np.full(data.failed.size, 0.015)
        panel.plot(
            data.failed,
            height,
            "|",
            color=FAILED,
            markersize=8,
            transform=panel.get_xaxis_transform(),
            label="failed",
        )
    if reference is not None:
        panel.axhline(reference, color="black", linewidth=0.9, linestyle="--", label="reference")
    if scale == "log" or (scale == "auto" and data.is_log and (reference is None or reference > 0)):
        panel.set_yscale("log")
    panel.set_xlim(0, data.number[-1] + 1)
    panel.xaxis.get_major_locator().set_params(integer=True)
    finite = data.best[np.isfinite(data.best)]
    title = (
        f"best {finite[-1]:.6g} after {data.number[-1]} evaluations"
        if finite.size
        else "no evaluation succeeded"
    )
    tidy(panel, title, "evaluation", name)
    panel.legend(frameon=False, loc="upper right")
    return panel
