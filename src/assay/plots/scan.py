"""The belief about a whole curve at one point: a spectrum, a scan, residuals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.plots.style import BAND, BEST, OBSERVED, axes_for, tidy

__all__ = ["Curve", "scan"]


@final
@dataclass(frozen=True)
class Curve:
    """The belief about a vector at one point.

    Arguments:
        name: of the vector.
        label: of the positions.
        positions: (K,), of its entries.
        quantiles: (5, K), at 2.5, 16, 50, 84 and 97.5 %.
        target: (K,), what it is to match; None where there is none.
    """

    name: str
    label: str
    positions: np.ndarray
    quantiles: np.ndarray
    target: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.quantiles.shape != (5, len(self.positions)) or len(self.positions) < 2:
            raise UsageError(
                f"the curve of {self.name!r} needs at least 2 positions and quantiles (5, positions), "
                f"got {len(self.positions)} and {self.quantiles.shape}"
            )


def scan(curve: Curve, *, ax: Any | None = None) -> Any:
    """The median and the central 68 % and 95 % of the belief about a curve, beside what it is to match.

    Use it for models of a vector, to see where it is known and where it is off.

    Arguments:
        curve: what is believed.
        ax: the Axes to draw into; new ones when None.

    Returns:
        The Axes.

    Raises:
        MissingExtraError: without matplotlib.
    """
    panel = axes_for(ax)
    outer_low, inner_low, median, inner_high, outer_high = curve.quantiles
    panel.fill_between(
        curve.positions, outer_low, outer_high, color=BAND, alpha=0.25, linewidth=0, label="95 %"
    )
    panel.fill_between(
        curve.positions, inner_low, inner_high, color=BAND, alpha=0.45, linewidth=0, label="68 %"
    )
    panel.plot(curve.positions, median, color=BEST, linewidth=1.4, label="median")
    if curve.target is not None:
        panel.plot(curve.positions, curve.target, "o", color=OBSERVED, markersize=3.5, label="target")
    tidy(panel, "", curve.label, curve.name)
    panel.legend(frameon=False, fontsize="small")
    return panel
