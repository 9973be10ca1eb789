"""Draws from a posterior, each parameter alone and each pair together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, final

import numpy as np

from assay.analysis.chains import MarkovChains
from assay.errors import UsageError
from assay.plots.style import BAND, BEST, FAILED, new_figure

__all__ = ["Joint", "Marginal", "corner"]

SHARES = (0.95, 0.68)
"""Of the draws inside the contours of a pair."""

BINS = 40
SPAN = 0.999  # of the draws that an axis shows


@final
@dataclass(frozen=True)
class Marginal:
    """A histogram of one parameter.

    Arguments:
        edges: (bins + 1,).
        density: (bins,), with integral one.
        central: (3,), the quantiles at 16, 50 and 84 %.
    """

    edges: np.ndarray
    density: np.ndarray
    central: np.ndarray

    @staticmethod
    def of(samples: np.ndarray) -> Marginal:
        """Of samples (samples,).

        Example:
            >>> Marginal.of(np.linspace(0, 1, 1001)).central.round(2).tolist()
            [0.16, 0.5, 0.84]
        """
        low, high = np.quantile(samples, [0.5 - SPAN / 2, 0.5 + SPAN / 2])
        if not high > low:
            low, high = low - 0.5, high + 0.5
        density, edges = np.histogram(samples, bins=BINS, range=(low, high), density=True)
        return Marginal(edges, density, np.quantile(samples, [0.16, 0.5, 0.84]))


@final
@dataclass(frozen=True)
class Joint:
    """A smoothed histogram of two parameters, with the levels that hold `SHARES` of the draws.

    Arguments:
        x, y: (bins,), the middles.
        density: (bins of y, bins of x).
        levels: (2,), ascending.
    """

    x: np.ndarray
    y: np.ndarray
    density: np.ndarray
    levels: np.ndarray

    @staticmethod
    def of(x: np.ndarray, y: np.ndarray, x_edges: np.ndarray, y_edges: np.ndarray) -> Joint:
        """Of samples (samples,) each, in the bins of their marginals."""
        from scipy.ndimage import gaussian_filter

        counts, _, _ = np.histogram2d(y, x, bins=[y_edges, x_edges])
        density = gaussian_filter(counts, 1.0, mode="constant")
        falling = np.sort(density.ravel())[::-1]
        inside = np.cumsum(falling) / max(float(falling.sum()), 1e-300)
        levels = np.array(
            [falling[min(np.searchsorted(inside, share), falling.size - 1)] for share in SHARES]
        )
        return Joint((x_edges[1:] + x_edges[:-1]) / 2, (y_edges[1:] + y_edges[:-1]) / 2, density, levels)


def corner(
    chains: MarkovChains, *, truths: Mapping[str, float] | None = None, figure: Any | None = None
) -> np.ndarray:
    """The posterior of each parameter on the diagonal and of each pair below it.

    Use it to see asymmetric uncertainties, correlations and several solutions. The lines of a histogram are the median and
    the quantiles at 16 and 84 %; the areas of a pair hold 68 % and 95 % of the draws.

    Arguments:
        chains: of one parameter or more.
        truths: name to known value, which is marked.
        figure: the matplotlib figure (or subfigure) to fill; a new one when None.

    Returns:
        The Axes (parameters, parameters); those above the diagonal are hidden.

    Raises:
        MissingExtraError: without matplotlib.
        UsageError: when a truth has no parameter.
    """
    unknown = set(truths or {}) - set(chains.names)
    if unknown:
        raise UsageError(
            f"truths of a corner plot must name its parameters {', '.join(chains.names)}, got {unknown}"
        )
    count, samples = len(chains.names), chains.samples
    size = 1.7 * count + 1.0
    panel: Any = new_figure(size, size) if figure is None else figure
    grid = panel.subplots(count, count, sharex="col", squeeze=False)
    marginals = [Marginal.of(samples[:, index]) for index in range(count)]
    for row in range(count):
        for column in range(count):
            ax = grid[row, column]
            if column > row:
                ax.set_visible(False)
            elif column == row:
                _draw_marginal(ax, marginals[row])
                ax.set_title(_in_words(chains.names[row], marginals[row].central), fontsize="small")
            else:
                edges = marginals[column].edges, marginals[row].edges
                _draw_joint(ax, Joint.of(samples[:, column], samples[:, row], *edges))
            _mark(ax, chains.names[column], chains.names[row] if column < row else None, truths or {})
            if row == count - 1:
                ax.set_xlabel(chains.names[column])
                ax.tick_params(axis="x", labelrotation=45)
            if column == 0 and row:
                ax.set_ylabel(chains.names[row])
            elif column < row:
                ax.set_yticklabels([])
    return grid


def _in_words(name: str, central: np.ndarray) -> str:
    low, median, high = central
    return f"{name} = {median:.4g} (+{high - median:.2g}, -{median - low:.2g})"


def _draw_marginal(ax: Any, marginal: Marginal) -> None:
    ax.stairs(marginal.density, marginal.edges, fill=True, color=BAND, alpha=0.5)
    for place, style in zip(marginal.central, ("--", "-", "--"), strict=True):
        ax.axvline(place, color=BEST, linestyle=style, linewidth=1.0)
    ax.set_yticks([])
    ax.spines[["top", "right", "left"]].set_visible(False)


def _draw_joint(ax: Any, joint: Joint) -> None:
    top = float(joint.density.max())
    levels = [level for level in joint.levels if level < top]
    if levels and all(low < high for low, high in pairwise(levels)):
        ax.contourf(
            joint.x,
            joint.y,
            joint.density,
            levels=[*levels, top * 1.001],
            colors=[BAND, BEST][-len(levels) :],
            alpha=0.6,
        )
    ax.set_xlim(joint.x[0], joint.x[-1])
    ax.set_ylim(joint.y[0], joint.y[-1])


def _mark(ax: Any, across: str, upright: str | None, truths: Mapping[str, float]) -> None:
    if across in truths:
        ax.axvline(truths[across], color=FAILED, linewidth=1.0)
    if upright is not None and upright in truths:
        ax.axhline(truths[upright], color=FAILED, linewidth=1.0)
