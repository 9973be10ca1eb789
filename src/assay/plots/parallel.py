"""All evaluated points at once: one upright axis for each parameter, one line for each point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from assay.plots.style import axes_for
from assay.plots.values import Axis

__all__ = ["parallel_coordinates", "rank_colours"]


def rank_colours(values: np.ndarray) -> np.ndarray:
    """Where each value stands among all: 0 for the smallest, 1 for the largest, equal steps between.

    Ranks, not values: a single bad outlier would leave one colour for all others.

    Example:
        >>> rank_colours(np.array([5.0, 1.0, 1000.0]))
        array([0.5, 0. , 1. ])
    """
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return ranks / max(len(values) - 1, 1)


def parallel_coordinates(
    columns: Mapping[str, Sequence[Any]],
    values: Sequence[float] | np.ndarray,
    *,
    log: Sequence[str] = (),
    name: str = "objective",
    ax: Any | None = None,
) -> Any:
    """One line for each evaluated point across the parameters, coloured by the rank of its objective.

    Use it to see where the good points lie in many dimensions. The best point is drawn thick, on top.

    Arguments:
        columns: the values (numbers or labels) of each parameter, in the order in which they stand.
        values: the objective of each point; points where it is not finite are left out.
        log: the parameters whose axis is logarithmic.
        name: of the objective, the last axis.
        ax: where to draw; new Axes when None.

    Returns:
        The Axes.

    Raises:
        MissingExtraError: without matplotlib.
        UsageError: when no point has a finite objective.
    """
    axes, objective = Axis.of_points(columns, log, name, values)
    panel = axes_for(ax, width=1.5 * len(axes) + 1.6)
    colours = import_module("matplotlib").colormaps["viridis"](rank_colours(objective))
    places = np.arange(len(axes))
    heights = np.column_stack([axis.height for axis in axes])
    worst_first = np.argsort(-objective, kind="stable")
    for row in worst_first.tolist():
        best = row == worst_first[-1]
        panel.plot(
            places,
            heights[row],
            color="#D55E00" if best else colours[row],
            linewidth=2.4 if best else 0.9,
            alpha=1.0 if best else 0.65,
            label="best" if best else None,
        )
    _draw_axes(panel, axes)
    panel.legend(frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0))
    panel.set_title("darker is better", loc="left", fontsize="medium", pad=14)
    return panel


def _draw_axes(ax: Any, axes: Sequence[Axis]) -> None:
    for place, axis in enumerate(axes):
        ax.axvline(place, color="#606060", linewidth=1.0)
        for height, text in axis.ticks:
            ax.annotate(
                text,
                (place, height),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize="x-small",
                bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "alpha": 0.75, "linewidth": 0},
            )
    ax.set_xticks(range(len(axes)), [axis.name for axis in axes])
    ax.tick_params(axis="x", length=0)
    ax.set_yticks([])
    ax.set_xlim(-0.1, len(axes) - 0.65)
    ax.set_ylim(-0.05, 1.05)
    ax.spines[:].set_visible(False)
