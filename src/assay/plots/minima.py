"""Local minima as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.analysis.minima import Minima
from assay.errors import UsageError
from assay.plots.style import axes_for

__all__ = ["MinimaTable", "minima_table"]


@final
@dataclass(frozen=True)
class MinimaTable:
    """Local minima in words: one row for each, the lowest first.

    Arguments:
        header: names of the columns: the value, each parameter that varies, and where the minimum lies.
        rows: texts; a value with its uncertainty, a parameter with its width.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @staticmethod
    def of(found: Minima) -> MinimaTable:
        """The table of some minima.

        Raises:
            UsageError: when there is none.
        """
        if not len(found.values):
            raise UsageError("a table of minima needs at least one, got none")
        rows = []
        for index, position in enumerate(found.positions):
            entries = [_with(found.values[index], found.uncertainties[index])]
            entries += [
                _with(position[name], width)
                for name, width in zip(found.names, found.widths[index], strict=True)
            ]
            rows.append((*entries, "inside" if found.gradient_vanishes[index] else "on an edge"))
        return MinimaTable(("value", *found.names, "lies"), tuple(rows))


def _with(value: Any, width: float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.5g} ± {width:.2g}" if np.isfinite(width) and width > 0 else f"{value:.5g}"


def minima_table(found: Minima, *, ax: Any | None = None) -> Any:
    """The minima as a picture of a table: value ± uncertainty, parameter ± width, and whether an edge holds them.

    Arguments:
        found: at least one.
        ax: the Axes to draw into; new ones when None.

    Returns:
        The Axes.

    Raises:
        MissingExtraError: without matplotlib.
        UsageError: when there is no minimum.
    """
    table = MinimaTable.of(found)
    panel = axes_for(ax, width=1.6 * len(table.header) + 0.4, height=0.5 + 0.3 * len(table.rows))
    panel.set_axis_off()
    drawn = panel.table(
        cellText=table.rows, colLabels=table.header, loc="center", cellLoc="center", edges="horizontal"
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(9)
    drawn.scale(1.0, 1.4)
    return panel
