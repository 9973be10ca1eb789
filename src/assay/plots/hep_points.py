"""Pictures of the limits of many signal points: a band over one mass, contours over two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.errors import UsageError
from assay.plots.hep import ONE_SIGMA, TWO_SIGMA, shown_name
from assay.plots.style import FAILED, new_figure, tidy

__all__ = ["limits_over_points", "varying_labels"]

Array = np.ndarray

GRID = np.linspace(0.0, 1.0, 201)


def limits_over_points(
    points: Sequence[Sequence[float | str]],
    observed: Sequence[float] | Array,
    expected: Sequence[Sequence[float]] | Array,
    *,
    labels: Sequence[str],
    interest: str = "mu",
) -> Any:
    """Upper limits over the parameters of signal points: a signal is excluded where its limit lies below 1.

    Where one parameter varies, the observed and the expected limits are curves with their bands; where two vary, the
    observed limits are colours, and curves show where the observed and the expected ones are 1.

    Arguments:
        points: (points, labels), the parameters, such as the values of a patch set.
        observed: (points,), limits; NaN where there is none.
        expected: (points, 5), at -2 to 2 standard deviations.
        labels: what the parameters are called.
        interest: the parameter that the limits are on.

    Returns: a Figure.

    Raises:
        UsageError: for parameters that `varying_labels` refuses, and for shapes that do not fit.
    """
    observed, expected = np.asarray(observed, dtype=float), np.asarray(expected, dtype=float)
    if observed.shape != (len(points),) or expected.shape != (len(points), 5):
        raise UsageError(
            f"a picture of limits must have an observed and five expected ones for each of {len(points)} signal points, "
            f"got arrays {observed.shape} and {expected.shape}"
        )
    varied = varying_labels(points, labels)
    table = np.array([[row[place] for place in varied] for row in points], dtype=float)
    figure = new_figure()
    names = [shown_name(labels[place]) for place in varied]
    draw = _band if len(varied) == 1 else _plane
    draw(figure, table, observed, expected, names, shown_name(interest))
    return figure


def varying_labels(points: Sequence[Sequence[float | str]], labels: Sequence[str]) -> list[int]:
    """The places of the labels whose values differ between signal points.

    Raises:
        UsageError: where they are not one or two, or not numbers, so that no picture has them as axes.
    """
    varied = [place for place in range(len(labels)) if len({row[place] for row in points}) > 1]
    words = [row[place] for row in points for place in varied if isinstance(row[place], str)]
    if words or not 1 <= len(varied) <= 2:
        got = f"the word {words[0]!r}" if words else f"{len(varied)}: {[labels[place] for place in varied]}"
        raise UsageError(
            f"a picture of limits must have signal points of which one or two parameters vary, as numbers, got {got}"
        )
    return varied


def _band(
    figure: Any, table: Array, observed: Array, expected: Array, names: list[str], interest: str
) -> None:
    order = np.argsort(table[:, 0], kind="stable")
    places, observed, expected = table[order, 0], observed[order], expected[order]
    ax = figure.subplots()
    for first, last, colour, label in ((0, 4, TWO_SIGMA, "± 2σ"), (1, 3, ONE_SIGMA, "± 1σ")):
        ax.fill_between(
            places,
            expected[:, first],
            expected[:, last],
            color=colour,
            linewidth=0,
            label=f"expected {label}",
        )
    ax.plot(places, expected[:, 2], color="black", linestyle="--", label="expected")
    ax.plot(places, observed, color="black", marker="o", markersize=3, label="observed")
    ax.axhline(1.0, color=FAILED, linewidth=0.8, label=f"{interest} = 1")
    ax.set_yscale("log")
    tidy(ax, "excluded where the limit lies below 1", names[0], f"upper limit on {interest}")
    ax.legend(frameon=False, fontsize="small")


def _plane(
    figure: Any, table: Array, observed: Array, expected: Array, names: list[str], interest: str
) -> None:
    from matplotlib.colors import LogNorm

    ax = figure.subplots()
    known = np.isfinite(observed)
    if not known.all():
        ax.plot(*table[~known].T, "x", color="black", label="no limit")
    colours = ax.scatter(
        *table[known].T,
        c=observed[known],
        norm=LogNorm(),
        cmap="viridis",
        s=40,
        zorder=3,
        label="signal points",
    )
    figure.colorbar(colours, ax=ax, label=f"observed upper limit on {interest}")
    for which, label, style in (
        ([observed], "observed limit 1", {"color": "black", "linestyle": "-", "linewidth": 2.0}),
        ([expected[:, 2]], "expected limit 1", {"color": FAILED, "linestyle": "-", "linewidth": 1.5}),
        (
            [expected[:, 1], expected[:, 3]],
            "expected ± 1σ",
            {"color": FAILED, "linestyle": ":", "linewidth": 1.0},
        ),
    ):
        curves = [curve for limits in which for curve in _curves_at_one(table, limits)]
        for place, curve in enumerate(curves):
            ax.plot(*curve.T, label=label if place == 0 else None, **style)
    tidy(ax, "excluded on the side of limits below 1", *names)
    ax.legend(frameon=False, fontsize="small")


def _curves_at_one(table: Array, limits: Array) -> list[Array]:
    """Where limits are 1, linear in their logarithm between signal points: curves (n, 2); none where that is nowhere."""
    from contourpy import contour_generator
    from matplotlib.tri import LinearTriInterpolator, Triangulation

    known = np.isfinite(limits)
    low, span = table.min(axis=0), np.ptp(table, axis=0)
    scaled = (table[known] - low) / span  # masses of different sizes are neighbours alike
    if len(scaled) < 3 or np.linalg.matrix_rank(scaled - scaled[0]) < 2:
        return []
    surface = LinearTriInterpolator(Triangulation(*scaled.T), np.log(limits[known]))
    across, up = np.meshgrid(GRID, GRID)
    lines = contour_generator(across, up, surface(across, up)).lines(0.0)
    return [low + span * line for line in lines]
