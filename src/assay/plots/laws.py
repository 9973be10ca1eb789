"""Laws that were found: the front of complexity and loss, and a law beside the data that it is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from assay.discovery.laws import Law, Laws
from assay.errors import UsageError
from assay.plots.style import BAND, BEST, OBSERVED, axes_for, tidy

__all__ = ["pareto", "parity", "residuals"]

Array = np.ndarray

ROUNDING = 1e-16
LONGEST = 60  # characters of an equation in a title


def pareto(laws: Laws, *, ax: Any | None = None) -> Any:
    """The error of each law against its complexity, on the rows that it was fitted to and on rows that were left out.

    Use it to see where a more complex equation stops to pay.

    Arguments:
        laws: what `discover` gave.
        ax: where to draw; new Axes when None.

    Returns:
        The Axes.

    Raises:
        MissingExtraError: without matplotlib.
    """
    table = laws.table
    panel = axes_for(ax)
    curves = {
        "fit": np.sqrt(table["loss"]),
        "rows left out": table["cross_validation"],
        "rows at the edge left out": table["extrapolation"],
    }
    # Zero has no place on a logarithmic axis, and what is far below the rest is rounding.
    least = ROUNDING * max(float(values.max()) for values in curves.values())
    for (label, values), style, colour in zip(
        curves.items(), ("o-", "s--", "^:"), (BEST, BAND, OBSERVED), strict=True
    ):
        panel.plot(
            table["complexity"], np.maximum(values, least), style, color=colour, markersize=4, label=label
        )
    chosen = laws.recommended.complexity
    panel.axvline(chosen, color="black", linewidth=0.9, linestyle="--", label="recommended")
    panel.set_yscale("log")
    panel.xaxis.get_major_locator().set_params(integer=True)
    tidy(panel, _shortened(str(laws.recommended)), "complexity", "root mean square error")
    panel.legend(frameon=False)
    return panel


def parity(law: Law, data: Mapping[str, Any], *, probability: float = 0.95, ax: Any | None = None) -> Any:
    """What a law says of each row, with its interval, against what was observed.

    Arguments:
        law: one that was found.
        data: its columns and the response, (n,) each, in the units that the law was found in.
        probability: of the intervals.
        ax: where to draw; new Axes when None.

    Returns:
        The Axes.

    Raises:
        MissingExtraError: without matplotlib.
        UsageError: when a column is missing.
    """
    observed = _observed(law, data)
    predicted = law.predict(data)
    low, high = law.predict_interval(data, probability)
    panel = axes_for(ax, 4.6, 4.6)
    ends = [min(observed.min(), predicted.min()), max(observed.max(), predicted.max())]
    panel.plot(ends, ends, color="black", linewidth=0.9, linestyle="--")
    panel.errorbar(
        observed, predicted, yerr=[predicted - low, high - predicted],
        fmt="o", color=BEST, ecolor=BAND, markersize=3.5, elinewidth=0.9,
    )  # fmt: skip
    inside = float(np.mean((low <= observed) & (observed <= high)))
    title = f"{inside:.0%} of the rows are inside their {probability:.0%} intervals"
    tidy(panel, title, f"{law.response_name} observed", f"{law.response_name} by the law")
    return panel


def residuals(law: Law, data: Mapping[str, Any], *, against: str | None = None, ax: Any | None = None) -> Any:
    """What a law leaves over of each row, against a column or the prediction.

    Use it to see what the law misses: a pattern is a term that is not in it.

    Arguments:
        law: one that was found.
        data: its columns and the response, (n,) each, in the units that the law was found in.
        against: the name of a column; the prediction when None.
        ax: where to draw; new Axes when None.

    Returns:
        The Axes.

    Raises:
        MissingExtraError: without matplotlib.
        UsageError: when a column is missing.
    """
    predicted = law.predict(data)
    left = _observed(law, data) - predicted
    if against is not None and against not in data:
        raise UsageError(f"residuals can be drawn against {sorted(map(str, data))}, got {against!r}")
    places = predicted if against is None else np.asarray(data[against], dtype=float)
    panel = axes_for(ax)
    panel.axhline(0.0, color="black", linewidth=0.9, linestyle="--")
    panel.plot(places, left, "o", color=BEST, markersize=3.5)
    label = f"{law.response_name} by the law" if against is None else against
    title = f"root mean square {np.sqrt(np.mean(left**2)):.3g}"
    tidy(panel, title, label, f"{law.response_name} observed - law")
    return panel


def _observed(law: Law, data: Mapping[str, Any]) -> Array:
    if law.response_name not in data:
        raise UsageError(
            f"the data must hold the response {law.response_name!r}, got {sorted(map(str, data))}"
        )
    return np.asarray(data[law.response_name], dtype=float)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
