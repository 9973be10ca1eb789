"""Pictures of a campaign: the walks with what was picked, the learning curve, predictions beside labels, dimers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assay.errors import UsageError
from assay.plots.style import BAND, BEST, FAILED, OBSERVED, axes_for, new_figure, tidy

__all__ = ["campaign_learning", "dimers", "parity", "walks"]

Array = np.ndarray


def walks(stories: Sequence[tuple[int, Mapping[str, Any]]]) -> Any:
    """The score and the strength of the bias along all walks, one after the other, with the structures that were picked.

    Arguments:
        stories: for each suggestion its number, and a mapping with `trace` (columns `step`, `score`, `tau`, and where it is
            known `threshold`), `step` and `score` of what was picked. Those without a trace are passed over.

    Returns:
        A Figure with two Axes.

    Raises:
        UsageError: when there is no walk.
    """
    walked = [(number, story) for number, story in stories if "trace" in story]
    if not walked:
        raise UsageError("there is no walk to draw yet: no suggestion came from dynamics")
    figure = new_figure(8.0, 5.0)
    upper, lower = figure.subplots(2, 1, sharex=True)
    begin = 0.0
    for number, story in walked:
        trace = {name: np.asarray(column, dtype=float) for name, column in story["trace"].items()}
        upper.plot(begin + trace["step"], trace["score"], color=BEST, linewidth=1.0)
        if "threshold" in trace:
            upper.plot(
                begin + trace["step"], trace["threshold"], color="black", linewidth=0.8, linestyle="--"
            )
        lower.plot(begin + trace["step"], trace["tau"], color=OBSERVED, linewidth=1.0)
        upper.plot(
            begin + story["step"],
            story["score"],
            "o",
            color=FAILED,
            markersize=4,
            fillstyle="full" if story.get("picked", True) else "none",
        )
        upper.annotate(
            str(number),
            (begin + story["step"], story["score"]),
            fontsize="x-small",
            textcoords="offset points",
            xytext=(3, 3),
        )
        begin += float(story["steps"])
        for ax in (upper, lower):
            ax.axvline(begin, color="#DDDDDD", linewidth=0.6)
    upper.set_yscale("log")
    tidy(
        upper,
        "labelled: full dots were picked, open ones are the best of a walk that picked none\ndashed: the threshold",
        "",
        "score",
    )
    tidy(lower, "", "steps of all walks", "strength of the bias, tau")
    return figure


def campaign_learning(
    labels: Sequence[float] | Array, force_errors: Sequence[float] | Array, *, ax: Any = None
) -> Any:
    """The error of the forces at the test structures against the number of labels.

    Arguments:
        labels: (points,).
        force_errors: (points,), root mean squares in eV/A.

    Returns:
        The Axes.

    Raises:
        UsageError: when there is no point.
    """
    labels, force_errors = np.asarray(labels, dtype=float), np.asarray(force_errors, dtype=float)
    if not len(labels) or labels.shape != force_errors.shape:
        raise UsageError(
            "a learning curve needs errors at test structures: give the driver's key 'test' before the run"
        )
    ax = axes_for(ax)
    ax.plot(labels, force_errors, "o-", color=BEST, markersize=4)
    ax.set_yscale("log")
    tidy(ax, "errors of what was not learnt from", "labels", "error of the forces (eV/A)")
    return ax


def dimers(distances_A: Array, curves: Mapping[str, tuple[Array, Array]]) -> Any:
    """The energy of two atoms over their distance, with two standard deviations: a panel for each pair of species.

    Arguments:
        distances_A: (points,).
        curves: by the name of the pair, (points,) energies and (points,) deviations, in eV.

    Returns:
        A Figure.

    Raises:
        UsageError: when there is no pair.
    """
    if not curves:
        raise UsageError("there is no pair of atoms to draw: no labelled structure holds two of them")
    columns = min(3, len(curves))
    rows = -(-len(curves) // columns)
    figure = new_figure(1.2 + 3.6 * columns, 0.6 + 3.2 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax, (name, (energy, deviation)) in zip(panels, curves.items(), strict=False):
        ax.plot(distances_A, energy, color=BEST)
        ax.fill_between(
            distances_A,
            energy - 2.0 * deviation,
            energy + 2.0 * deviation,
            color=BAND,
            alpha=0.25,
            linewidth=0,
        )
        ax.set_yscale("symlog", linthresh=1.0)  # wells of an eV and walls of a thousand
        tidy(ax, f"{name}, ± 2 standard deviations", "distance (A)", "energy (eV)")
    for ax in panels[len(curves) :]:
        ax.set_visible(False)
    return figure


def parity(kinds: Mapping[str, tuple[Array, Array, str]]) -> Any:
    """What was predicted beside what was labelled, a panel for each kind of label; good predictions lie on the diagonal.

    Arguments:
        kinds: by their names, (labels,) labels, (labels,) errors (predicted minus labelled), and their unit.

    Returns:
        A Figure.

    Raises:
        UsageError: when there is no label.
    """
    if not kinds:
        raise UsageError(
            "there is nothing to draw: the test structures have no labels of a kind that was learnt"
        )
    figure = new_figure(1.0 + 3.6 * len(kinds), 4.0)
    panels = figure.subplots(1, len(kinds), squeeze=False).ravel()
    for ax, (kind, (label, error, unit)) in zip(panels, kinds.items(), strict=True):
        ends = [float(label.min()), float(label.max())]
        ax.plot(ends, ends, color="black", linewidth=0.9, linestyle="--")
        size = 5.0 if len(label) < 200 else 2.5
        ax.plot(label, label + error, "o", color=BEST, markersize=size, alpha=0.6, markeredgewidth=0.0)
        error_of_all = float(np.sqrt(np.mean(error**2)))
        tidy(ax, f"{kind}, error {error_of_all:.3g} {unit}", f"labelled ({unit})", f"predicted ({unit})")
    return figure
