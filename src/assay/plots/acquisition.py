"""Where the next look is worth most: the acquisition along each parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.plots.style import BEST, FAILED, new_figure, tidy

__all__ = ["Promise", "acquisition"]


DEPTH = 40.0
"""What is shown below the highest promise, in units of its logarithm: what is beyond counts for nothing."""


@final
@dataclass(frozen=True)
class Promise:
    """The logarithm of the acquisition along one parameter.

    Arguments:
        name: of the parameter.
        positions: along it, numbers or labels.
        values: (positions,); minus infinity where no look is allowed.
        centre: where the other parameters' promises were computed.
        is_log: whether the parameter is shown on a logarithmic axis.
    """

    name: str
    positions: Sequence[Any]
    values: np.ndarray
    centre: Any
    is_log: bool = False

    @property
    def has_labels(self) -> bool:
        return any(isinstance(position, str) for position in self.positions)


def acquisition(parts: Sequence[Promise], *, figure: Any | None = None) -> np.ndarray:
    """The logarithm of what a look promises along each parameter, through the look that promises most.

    Use it to see why a search goes where it goes, and whether another place promises nearly as much.

    Arguments:
        parts: one for each parameter.
        figure: the matplotlib figure (or subfigure) to fill; a new one when None.

    Returns:
        The Axes, one for each part, in a flat array.

    Raises:
        MissingExtraError: without matplotlib.
        UsageError: when there is no part.
    """
    if not parts:
        raise UsageError("a picture of the acquisition needs at least one parameter that varies, got none")
    columns = min(len(parts), 3)
    rows = -(-len(parts) // columns)
    panel: Any = new_figure(3.4 * columns + 0.4, 2.5 * rows + 0.3) if figure is None else figure
    grid = panel.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for ax, part in zip(grid, parts, strict=False):
        finite = np.where(np.isfinite(part.values), part.values, np.nan)
        if part.has_labels:
            labels = [str(position) for position in part.positions]
            ax.plot(np.arange(len(labels)), finite, "o", color=BEST)
            ax.set_xticks(np.arange(len(labels)), labels)
            place: Any = labels.index(str(part.centre))
        else:
            ax.plot(part.positions, finite, color=BEST, linewidth=1.4)
            ax.set_xscale("log" if part.is_log else "linear")
            place = part.centre
        ax.axvline(place, color=FAILED, linewidth=0.9, linestyle="--")
        tidy(ax, "", part.name, "log acquisition" if ax.get_subplotspec().is_first_col() else "")
    top = max(float(np.max(part.values)) for part in parts)
    if np.isfinite(top) and grid[0].get_ylim()[0] < top - DEPTH:
        grid[0].set_ylim(top - DEPTH, top + DEPTH / 20)
    for ax in grid[len(parts) :]:
        ax.set_visible(False)
    return grid[: len(parts)]
