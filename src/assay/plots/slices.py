"""The belief about the objective along each parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.errors import UsageError
from assay.plots.style import BAND, BEST, new_figure, tidy
from assay.plots.values import Slice

__all__ = ["slices"]


def slices(parts: Sequence[Slice], *, name: str = "objective", figure: Any | None = None) -> np.ndarray:
    """The median and the central 68 % and 95 % of the belief along each parameter, through a centre.

    Use it to see which parameters matter near the best point, and where the model does not know.

    Arguments:
        parts: one slice for each parameter.
        name: of the objective.
        figure: the matplotlib figure (or subfigure) to fill; a new one when None.

    Returns:
        The Axes, one for each slice, in a flat array.

    Raises:
        MissingExtraError: without matplotlib.
        UsageError: when there is no slice.
    """
    if not parts:
        raise UsageError("slices need at least one parameter that varies, got none")
    columns = 2 if len(parts) in (2, 4) else min(len(parts), 3)
    rows = -(-len(parts) // columns)
    panel: Any = new_figure(3.4 * columns + 0.4, 2.5 * rows + 0.3) if figure is None else figure
    grid = panel.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for ax, part in zip(grid, parts, strict=False):
        _draw(ax, part)
        first_in_row = ax.get_subplotspec().is_first_col()
        tidy(ax, "", part.name, name if first_in_row else "")
    for ax in grid[len(parts) :]:
        ax.set_visible(False)
    handles, labels = grid[0].get_legend_handles_labels()
    panel.legend(
        handles, labels, loc="outside upper right", ncols=len(labels), frameon=False, fontsize="small"
    )
    return grid[: len(parts)]


def _draw(ax: Any, part: Slice) -> None:
    outer_low, inner_low, median, inner_high, outer_high = part.quantiles
    if part.has_labels:
        places = np.arange(len(part.positions))
        ax.vlines(places, outer_low, outer_high, color=BAND, linewidth=2, alpha=0.45, label="95 %")
        ax.vlines(places, inner_low, inner_high, color=BAND, linewidth=7, alpha=0.6, label="68 %")
        ax.plot(places, median, "o", color=BEST, markersize=5, label="median")
        ax.set_xticks(places, [str(position) for position in part.positions])
        ax.set_xlim(-0.5, len(places) - 0.5)
        centre: Any = [str(position) for position in part.positions].index(str(part.centre))
    else:
        places = np.asarray(part.positions, dtype=np.float64)
        ax.fill_between(places, outer_low, outer_high, color=BAND, alpha=0.25, linewidth=0, label="95 %")
        ax.fill_between(places, inner_low, inner_high, color=BAND, alpha=0.45, linewidth=0, label="68 %")
        ax.plot(places, median, color=BEST, linewidth=1.6, label="median")
        ax.set_xlim(places[0], places[-1])
        if part.is_log:
            ax.set_xscale("log")
        centre = part.centre
    ax.axvline(centre, color="black", linewidth=0.8, linestyle=":", label="centre")
