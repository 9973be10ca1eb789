"""The Pareto front of two objectives with what is believed about it, and the hypervolume over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.errors import UsageError
from assay.numerics.hypervolume import hypervolume_history, non_dominated
from assay.plots.style import BAND, BEST, FAILED, OBSERVED, axes_for, tidy

__all__ = ["Attainment", "front", "hypervolume_over_time"]

Array = np.ndarray

LEVELS = 200
"""Of the first objective, where a band is computed."""
PROBABILITIES = (0.025, 0.16, 0.5, 0.84, 0.975)


@dataclass(frozen=True)
class Attainment:
    """What is believed about a front: the least second objective within reach at each level of the first.

    Arguments:
        levels: (levels,), of the first objective, ascending.
        quantiles: (5, levels), at 2.5, 16, 50, 84 and 97.5 %; infinite where a front does not reach that far.
    """

    levels: Array
    quantiles: Array

    @staticmethod
    def of(draws: Array, upper: Sequence[float] | Array) -> Attainment:
        """From joint draws of both objectives at many points: (draws, points, 2), below the reference `upper`.

        Example:
            >>> draws = np.array([[[0.0, 2.0], [1.0, 1.0]], [[0.0, 3.0], [1.0, 1.0]]])
            >>> belief = Attainment.of(draws, [2.0, 4.0])
            >>> belief.quantiles[2, [0, -1]]
            array([2., 1.])
        """
        if draws.ndim != 3 or draws.shape[2] != 2 or not draws.size:
            raise UsageError(f"a band of fronts needs draws (draws, points, 2), got shape {draws.shape}")
        levels = np.linspace(draws[:, :, 0].min(), max(upper[0], draws[:, :, 0].min()), LEVELS)
        reached = np.stack([_least_within(draw, levels) for draw in draws])
        # No interpolation: a front that does not reach a level is infinitely far there.
        return Attainment(levels, np.quantile(reached, PROBABILITIES, axis=0, method="inverted_cdf"))


def front(
    values: Sequence[Sequence[float]] | Array,
    upper: Sequence[float] | Array,
    *,
    std: Array | None = None,
    belief: Attainment | None = None,
    names: tuple[str, str] = ("objective 1", "objective 2"),
    ax: Any | None = None,
) -> Any:
    """The evaluated points of two objectives, the front that they make, and what is believed about the true one.

    Use it to choose a compromise, and to see whether more evaluations could move the front.

    Arguments:
        values: (rows, 2), both minimised; a row with NaN is a failure and not shown.
        upper: the reference, where the front's stairs end.
        std: (rows, 2), standard deviations, drawn on the front's points; of the model's belief there, or of noise.
        belief: the band of the true front.
        names: of the objectives.
        ax: where to draw; new Axes when None.

    Returns:
        The Axes.

    Raises:
        MissingExtraError: without matplotlib.
        UsageError: when the values are not of two objectives, or all are missing.
    """
    rows = _checked(values)
    mask = non_dominated(rows)
    panel = axes_for(ax)
    if belief is not None:
        _draw_band(panel, belief, upper[1])
    panel.plot(*rows[~mask].T, "o", color=OBSERVED, markersize=3.5, alpha=0.8, label="dominated")
    ends = rows[mask][np.argsort(rows[mask, 0])]
    ends = ends[(ends < np.asarray(upper)).all(axis=1)]
    if len(ends):
        corners = np.vstack([[ends[0, 0], upper[1]], ends, [upper[0], ends[-1, 1]]])
        panel.plot(*corners.T, drawstyle="steps-post", color=BEST, linewidth=1.4)
    bars = None if std is None else np.asarray(std, dtype=float)[mask].T
    panel.errorbar(
        *rows[mask].T,
        xerr=None if bars is None else bars[0],
        yerr=None if bars is None else bars[1],
        fmt="o", color=BEST, markersize=4.5, elinewidth=0.9, label="front",
    )  # fmt: skip
    succeeded = len(rows) - np.isnan(rows).any(axis=1).sum()
    tidy(panel, f"{mask.sum()} of {succeeded} points are on the front", *names)
    panel.legend(frameon=False, loc="upper right")
    return panel


def hypervolume_over_time(
    values: Sequence[Sequence[float]] | Array,
    upper: Sequence[float] | Array,
    *,
    lower: Sequence[float] | Array | None = None,
    reference: float | None = None,
    ax: Any | None = None,
) -> Any:
    """The hypervolume after each evaluation, for any number of objectives.

    Use it to see whether a search for a front still gains.

    Arguments:
        values: (rows, objectives) in order of evaluation, all minimised; a row with NaN is a failure, a tick at the bottom.
        upper, lower: the references; no `lower`: none.
        reference: a hypervolume to compare with, such as that of the true front.
        ax: where to draw; new Axes when None.

    Returns:
        The Axes.

    Raises:
        MissingExtraError: without matplotlib.
        UsageError: when the values and references do not fit.
    """
    rows = np.asarray(values, dtype=float)
    history = hypervolume_history(
        rows, np.asarray(upper, dtype=float), None if lower is None else np.asarray(lower)
    )
    number = np.arange(1, len(rows) + 1)
    failed = number[np.isnan(rows).any(axis=1)]
    panel = axes_for(ax)
    panel.step(number, history, where="post", color=BEST, linewidth=1.8, label="hypervolume")
    if failed.size:
        height = np.full(failed.size, 0.015)
        transform = panel.get_xaxis_transform()
        panel.plot(failed, height, "|", color=FAILED, markersize=8, transform=transform, label="failed")
    if reference is not None:
        panel.axhline(reference, color="black", linewidth=0.9, linestyle="--", label="reference")
    panel.set_xlim(0, len(rows) + 1)
    panel.xaxis.get_major_locator().set_params(integer=True)
    tidy(panel, f"hypervolume {history[-1]:.6g} after {len(rows)} evaluations", "evaluation", "hypervolume")
    panel.legend(frameon=False, loc="lower right")
    return panel


def _checked(values: Sequence[Sequence[float]] | Array) -> Array:
    rows = np.asarray(values, dtype=float)
    if rows.ndim != 2 or rows.shape[1] != 2:
        raise UsageError(f"a picture of a front needs values (rows, 2), got shape {rows.shape}")
    if np.isnan(rows).any(axis=1).all():
        raise UsageError("a picture of a front needs at least one row without NaN, got none")
    return rows


def _least_within(draw: Array, levels: Array) -> Array:
    """The least second objective among the points (points, 2) whose first is at most each level: (levels,)."""
    order = np.argsort(draw[:, 0], kind="stable")
    least = np.concatenate([[np.inf], np.minimum.accumulate(draw[order, 1])])
    return least[np.searchsorted(draw[order, 0], levels, side="right")]


def _draw_band(panel: Any, belief: Attainment, top: float) -> None:
    """The central 95 % and 68 %, cut at the reference."""
    low, inner_low, _, inner_high, high = np.minimum(belief.quantiles, top)
    panel.fill_between(belief.levels, low, high, color=BAND, alpha=0.25, linewidth=0, label="95 %")
    panel.fill_between(
        belief.levels, inner_low, inner_high, color=BAND, alpha=0.45, linewidth=0, label="68 %"
    )
