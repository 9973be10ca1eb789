"""Pictures of an inference: the Brazil band of a scan of CLs, pulls beside impacts, and yields before and after a fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.errors import UsageError
from assay.plots.style import BAND, BEST, FAILED, OBSERVED, axes_for, new_figure, tidy

__all__ = ["brazil_band", "fitted_yields", "p_value_scan", "pulls_and_impacts", "shown_name"]

Array = np.ndarray

ONE_SIGMA = "#7FBF7B"
TWO_SIGMA = "#F6E27A"
HEIGHT_PER_ROW = 0.28  # inches
LONG_NAME = 30  # letters, beyond which the name of a channel is written small
COLOURS = (
    "#9ECAE1", "#FDAE6B", "#A1D99B", "#756BB1", "#E6550D", "#C7C7C7", "#DD77AA", "#17BECF", "#31A354", "#FDD0A2",
    "#BCBDDC", "#8C6D31", "#3182BD", "#E7969C", "#637939", "#636363",
)  # fmt: skip


def brazil_band(
    values: Sequence[float] | Array,
    observed: Sequence[float] | Array,
    expected: Sequence[Sequence[float]] | Array,
    *,
    level: float = 0.05,
    name: str = "mu",
    ax: Any = None,
) -> Any:
    """CLs over the tested values, with what a measurement without a signal would see.

    Arguments:
        values: (points,), tested, rising.
        observed: (points,), CLs.
        expected: (points, 5), at -2 to 2 standard deviations.
        level: where a value counts as excluded.

    Returns: the Axes.

    Raises:
        UsageError: for shapes that do not fit.
    """
    values, observed, expected = _scanned(values, observed, expected)
    ax = axes_for(ax)
    ax.fill_between(
        values, expected[:, 0], expected[:, 4], color=TWO_SIGMA, label="expected ± 2σ", linewidth=0
    )
    ax.fill_between(
        values, expected[:, 1], expected[:, 3], color=ONE_SIGMA, label="expected ± 1σ", linewidth=0
    )
    ax.plot(values, expected[:, 2], color="black", linestyle="--", label="expected")
    ax.plot(values, observed, color="black", label="observed")
    ax.axhline(level, color=FAILED, linewidth=0.8, label=f"CLs = {level:g}")
    tidy(ax, f"excluded where CLs is below {level:g}", shown_name(name), "CLs")
    ax.set_ylim(0.0, 1.02)
    ax.legend(frameon=False, fontsize="small")
    return ax


def p_value_scan(
    values: Sequence[float] | Array,
    observed: Sequence[float] | Array,
    expected: Sequence[Sequence[float]] | Array,
    *,
    level: float = 0.05,
    name: str = "mu",
    ax: Any = None,
) -> Any:
    """p of a test of two sides over the tested values: the interval in which it is above a level.

    Only the median of the expected ones is drawn: a measurement may come out on either side of a value, so that p at the
    bands does not lie in their order.

    Arguments: as of `brazil_band`, with p in place of CLs.

    Returns: the Axes.

    Raises:
        UsageError: for shapes that do not fit.
    """
    values, observed, expected = _scanned(values, observed, expected)
    ax = axes_for(ax)
    ax.fill_between(
        values, 0.0, 1.0, where=list(observed >= level), color=BAND, alpha=0.25, linewidth=0,
        label=f"not excluded at {level:g}",
    )  # fmt: skip
    ax.plot(values, expected[:, 2], color="black", linestyle="--", label="expected without a signal")
    ax.plot(values, observed, color="black", label="observed")
    ax.axhline(level, color=FAILED, linewidth=0.8, label=f"p = {level:g}")
    tidy(ax, f"excluded where p is below {level:g}", shown_name(name), "p of two sides")
    ax.set_ylim(0.0, 1.02)
    ax.legend(frameon=False, fontsize="small")
    return ax


def _scanned(values: Any, observed: Any, expected: Any) -> tuple[Array, Array, Array]:
    """A scan as arrays of shapes that fit."""
    values, observed, expected = (np.asarray(part, dtype=float) for part in (values, observed, expected))
    if observed.shape != values.shape or expected.shape != (len(values), 5):
        raise UsageError(
            f"a scan must have as many observed numbers as values, and five expected ones for each, got {len(values)} "
            f"values, and arrays {observed.shape} and {expected.shape}"
        )
    return values, observed, expected


def pulls_and_impacts(
    names: Sequence[str],
    pulls: Sequence[float] | Array,
    constraints: Sequence[float] | Array,
    up: Sequence[float] | Array,
    down: Sequence[float] | Array,
    *,
    interest: str = "mu",
    most: int = 20,
) -> Any:
    """The parameters that move the parameter of interest most, and where the data pulled them.

    Arguments:
        names: of the nuisance parameters, the largest impact first.
        pulls: where each ended, in prefit uncertainties; NaN where nothing constrains it.
        constraints: its uncertainty after the fit over that before.
        up, down: the shifts of the parameter of interest.
        most: how many are drawn.

    Returns: a Figure with two Axes.
    """
    shown = min(most, len(names))
    figure = new_figure(7.5, 1.2 + HEIGHT_PER_ROW * max(shown, 4))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1, 1])
    rows = np.arange(shown)[::-1]
    for row, index in zip(rows, range(shown), strict=True):
        if np.isfinite(pulls[index]):
            left.errorbar(
                pulls[index], row, xerr=constraints[index], fmt="o", color=BEST, markersize=3, linewidth=1
            )
        else:
            left.text(
                0.0,
                row,
                "free",
                ha="center",
                va="center",
                fontsize="small",
                color=OBSERVED,
                backgroundcolor="white",
            )
    left.axvspan(-1, 1, color="#F0F0F0", zorder=0)
    left.axvline(0.0, color=OBSERVED, linewidth=0.8)
    right.locator_params(axis="x", nbins=5)
    right.barh(rows, np.asarray(up)[:shown], height=0.7, color=BEST, label="one σ up")
    right.barh(rows, np.asarray(down)[:shown], height=0.7, color=BAND, alpha=0.7, label="one σ down")
    right.axvline(0.0, color=OBSERVED, linewidth=0.8)
    left.set_yticks(rows, [shown_name(name) for name in names[:shown]], fontsize="small")
    tidy(left, "pulls", "(fit − prefit)/prefit uncertainty", "")
    tidy(right, "impacts", f"shift of {shown_name(interest)}", "")
    right.legend(frameon=False, fontsize="small")
    return figure


def fitted_yields(
    before: Any,
    after: Any,
    observed: Sequence[float] | Array,
    *,
    channels: Sequence[str] | None = None,
    most: int = 12,
) -> Any:
    """The counts of each channel over the samples that a fit found, with its uncertainty and what was expected before.

    Arguments:
        before, after: of `expected_yields`, before and after a fit.
        observed: (bins,), counts.
        channels: those that are drawn, by name and in this order; the first ones where they are left out.
        most: how many are drawn where they are left out.

    Returns: a Figure with one Axes for each channel.

    Raises:
        UsageError: for a channel that does not exist.
    """
    observed = np.asarray(observed, dtype=float)
    shown = [name for name, _ in after.channels[:most]] if channels is None else list(channels)
    across = min(len(shown), 3)
    down = -(-len(shown) // across)
    figure = new_figure(max(4.2 * across, 6.0), 3.4 * down)
    axes = figure.subplots(down, across, squeeze=False).ravel()
    names = _largest_first(after.samples)
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}
    for ax, channel in zip(axes, shown, strict=False):
        inside = after.of(channel)
        _stacked(ax, after.samples[channel], colours)
        bins = inside.stop - inside.start
        places, edges = np.arange(bins), np.arange(bins + 1) - 0.5
        low, high = (np.r_[part, part[-1]] for part in _around(after.bins[inside], after.std[inside]))
        ax.fill_between(
            edges, low, high, step="post", facecolor="none", edgecolor="#555555", hatch="////", linewidth=0, label="after the fit"
        )  # fmt: skip
        ax.stairs(
            before.bins[inside], edges, color="black", linestyle="--", linewidth=1, label="before the fit"
        )
        counts = observed[inside]
        ax.errorbar(
            places, counts, yerr=np.sqrt(counts), fmt="ko", markersize=4, linewidth=1, label="observed"
        )
        tidy(ax, shown_name(channel), "bin", "events")
        if len(channel) > LONG_NAME:
            ax.set_title(shown_name(channel), loc="left", fontsize="x-small")
        ax.set_xticks(places[:: -(-bins // 10)])
        ax.set_ylim(0.0, None)
    for ax in axes[len(shown) :]:
        ax.set_visible(False)
    if channels is None and len(shown) < len(after.channels):
        figure.suptitle(f"the first {len(shown)} of {len(after.channels)} channels", fontsize="medium")
    handles = {
        label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    stack = [shown_name(name) for name in reversed(names) if shown_name(name) in handles]
    labels = [label for label in handles if label not in stack] + stack  # from the top of the stack down
    figure.legend(
        [handles[label] for label in labels],
        labels,
        loc="outside right upper",
        frameon=False,
        fontsize="small",
    )
    return figure


def shown_name(name: str) -> str:
    """A name of a workspace as matplotlib can show it: formulas as formulas where they are right, else letter by letter.

    Example:
        >>> shown_name("$m_T$"), shown_name("$x_{$"), shown_name("_hidden")
        ('$m_T$', '\\\\$x_{\\\\$', ' _hidden')
    """
    from matplotlib.mathtext import MathTextParser

    if "$" in name:
        try:
            MathTextParser("path").parse(name)
        except ValueError:
            name = name.replace("$", r"\$")
    return f" {name}" if name.startswith("_") else name  # which no legend shows otherwise


def _largest_first(samples: dict[str, dict[str, Array]]) -> list[str]:
    """All samples, the one of the most events first: a signal usually comes last, on top."""
    totals: dict[str, float] = {}
    for parts in samples.values():
        for name, events in parts.items():
            totals[name] = totals.get(name, 0.0) + float(np.sum(events))
    return sorted(totals, key=lambda name: (-totals[name], name))


def _stacked(ax: Any, samples: dict[str, Array], colours: dict[str, str]) -> None:
    """Bars upon each other, in the order of the colours."""
    ground = np.zeros(len(next(iter(samples.values()))))
    for name, colour in colours.items():
        if name in samples:
            events = samples[name]
            ax.bar(
                np.arange(len(events)), events, width=1.0, bottom=ground, color=colour, label=shown_name(name)
            )
            ground = ground + events


def _around(middle: Array, width: Array) -> tuple[Array, Array]:
    return middle - width, middle + width
