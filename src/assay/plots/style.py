"""How our pictures look: colours that the colour-blind can tell apart, and Axes that belong to the caller."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from assay.errors import missing_extra

__all__ = ["BAND", "BEST", "FAILED", "OBSERVED", "axes_for", "import_plotly", "new_figure", "tidy"]

BEST = "#0072B2"
OBSERVED = "#8C8C8C"
FAILED = "#D55E00"
BAND = "#56B4E9"


def new_figure(width: float = 7.0, height: float = 4.2) -> Any:
    """A figure of its own, that pyplot does not know: for writing to a file. Sizes in inches.

    Raises:
        MissingExtraError: without matplotlib.
    """
    try:
        figure = import_module("matplotlib.figure")
    except ModuleNotFoundError:
        raise missing_extra("matplotlib", "plots") from None
    return figure.Figure(figsize=(width, height), layout="constrained", dpi=150)


def axes_for(ax: Any | None, width: float = 7.0, height: float = 4.2) -> Any:
    """The caller's Axes, or new ones that a notebook shows.

    Raises:
        MissingExtraError: without matplotlib.
    """
    if ax is not None:
        return ax
    try:
        pyplot = import_module("matplotlib.pyplot")
    except ModuleNotFoundError:
        raise missing_extra("matplotlib", "plots") from None
    return pyplot.subplots(figsize=(width, height), layout="constrained")[1]


def tidy(ax: Any, title: str, xlabel: str, ylabel: str) -> None:
    """Words, a light grid below the data, and no box."""
    ax.set_title(title, loc="left", fontsize="medium")
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(visible=True, color="#E6E6E6", linewidth=0.6)
    ax.set_axisbelow(True)


def import_plotly() -> Any:
    """plotly.graph_objects.

    Raises:
        MissingExtraError: without plotly.
    """
    try:
        return import_module("plotly.graph_objects")
    except ModuleNotFoundError:
        raise missing_extra("plotly", "plots") from None
