"""Sobol' indices as bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.analysis.sobol import SobolIndices
from assay.errors import UsageError
from assay.plots.style import BAND, BEST, axes_for, tidy

__all__ = ["SobolBars", "sobol_bars"]


@final
@dataclass(frozen=True)
class SobolBars:
    """The indices of one output, the parameter with the largest total first.

    Arguments:
        names: (parameters,).
        first_order, total_order, first_order_error, total_order_error: (parameters,).
    """

    names: tuple[str, ...]
    first_order: np.ndarray
    total_order: np.ndarray
    first_order_error: np.ndarray
    total_order_error: np.ndarray

    @staticmethod
    def of(indices: SobolIndices, output: int = 0) -> SobolBars:
        """The bars of an output.

        Raises:
            UsageError: when there is no such output, or it does not vary.
        """
        if not 0 <= output < indices.total_order.shape[1]:
            raise UsageError(
                f"the output of Sobol' bars must be below {indices.total_order.shape[1]}, got {output}"
            )
        total = indices.total_order[:, output]
        if np.isnan(total).any():
            raise UsageError(
                f"output {output} does not vary with any parameter, so that it has no Sobol' indices"
            )
        order = np.argsort(-total, kind="stable")
        return SobolBars(
            tuple(indices.names[index] for index in order),
            indices.first_order[order, output],
            total[order],
            indices.first_order_error[order, output],
            indices.total_order_error[order, output],
        )


def sobol_bars(indices: SobolIndices, output: int = 0, *, ax: Any | None = None) -> Any:
    """Which parameters cause the variance: alone (dark) and together with others (light), with their errors.

    Arguments:
        indices: of one or more outputs.
        output: which.
        ax: the Axes to draw into; new ones when None.

    Returns:
        The Axes.

    Raises:
        MissingExtraError: without matplotlib.
        UsageError: when the output has no indices.
    """
    bars = SobolBars.of(indices, output)
    panel = axes_for(ax, height=0.9 + 0.4 * len(bars.names))
    places = np.arange(len(bars.names))
    panel.barh(places, bars.total_order, color=BAND, alpha=0.55, height=0.72, label="total")
    panel.barh(places, bars.first_order, color=BEST, height=0.4, label="alone (first order)")
    panel.errorbar(
        bars.total_order, places, xerr=bars.total_order_error, fmt="none", ecolor="black", elinewidth=0.8
    )
    panel.errorbar(
        bars.first_order, places, xerr=bars.first_order_error, fmt="none", ecolor="black", elinewidth=0.8
    )
    panel.set_yticks(places, bars.names)
    panel.invert_yaxis()
    panel.set_xlim(min(0.0, float(bars.first_order.min())), max(1.0, float(bars.total_order.max())))
    tidy(panel, "", "share of the variance", "")
    panel.legend(frameon=False, fontsize="small", loc="lower right")
    return panel
