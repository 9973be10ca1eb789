"""Where an exploration has looked, in one, two or three dimensions, or in all pairs of more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.plots.style import FAILED, OBSERVED, import_plotly
from assay.study.exploration.exploration import Exploration
from assay.study.exploration.rows import Rows

__all__ = ["EPOCH_COLOURS", "epoch_groups", "plot_samples"]

Array = np.ndarray

EPOCH_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#F0E442", "#882255")
BROUGHT = "#000000"


def epoch_groups(rows: Rows, colours: Sequence[str] | None = None) -> list[tuple[str, str, list[int]]]:
    """Name, colour and places of the rows of each epoch, of those that were brought along, of the failed and the queued.

    Arguments:
        rows: of an exploration.
        colours: one for each epoch, from the first again when there are more epochs.
    """
    palette = list(colours or EPOCH_COLOURS)
    failed = {place for place, trial in enumerate(rows.finished) if trial.status == "failed"}
    groups = []
    for number, (first, last) in enumerate(rows.epochs):
        places = [place for place in range(first, last) if place not in failed]
        groups.append((f"epoch {number + 1}", palette[number % len(palette)], places))
    in_epochs = {place for first, last in rows.epochs for place in range(first, last)}
    brought = [place for place in range(len(rows.finished)) if place not in in_epochs and place not in failed]
    queued = list(range(len(rows.finished), len(rows.finished) + len(rows.queued)))
    groups += [
        ("brought along", BROUGHT, brought),
        ("failed", FAILED, sorted(failed)),
        ("queue", OBSERVED, queued),
    ]
    return [group for group in groups if group[2]]


def plot_samples(
    exploration: Exploration, colors: Sequence[str] | None = None, marker_size: float = 7
) -> Any:
    """A point for each sample, coloured by epoch; crosses failed, rings wait in the queue.

    Arguments:
        exploration: with at least one sample.
        colors: one for each epoch.
        marker_size: in points.

    Returns: a plotly figure: a line, a plane, a space, or a matrix of all pairs beyond three parameters.

    Raises:
        MissingExtraError: without plotly.
    """
    go = import_plotly()
    names, points = list(exploration.names), exploration.samples
    traces = []
    for label, colour, places in epoch_groups(exploration.rows, colors):
        part = points[places]
        marker = {"color": colour, "size": marker_size, "symbol": _symbol(label)}
        shared: dict[str, Any] = {"name": label, "marker": marker}
        if len(names) == 1:
            traces.append(go.Scatter(x=part[:, 0], y=np.zeros(len(part)), mode="markers", **shared))
        elif len(names) == 2:
            traces.append(go.Scatter(x=part[:, 0], y=part[:, 1], mode="markers", **shared))
        elif len(names) == 3:
            traces.append(go.Scatter3d(x=part[:, 0], y=part[:, 1], z=part[:, 2], mode="markers", **shared))
        else:
            columns = [{"label": name, "values": part[:, place]} for place, name in enumerate(names)]
            traces.append(go.Splom(dimensions=columns, diagonal_visible=False, **shared))
    figure = go.Figure(traces)
    figure.update_layout(
        template="plotly_white", margin={"l": 60, "r": 20, "t": 40, "b": 50}, showlegend=True
    )
    # "-" leaves it to plotly, which knows labels from numbers.
    scales = ["log" if getattr(item, "log", False) else "-" for item in exploration.study.space.design]
    if len(names) <= 2:
        figure.update_xaxes(title=names[0], type=scales[0])
        figure.update_yaxes(
            title=names[1] if len(names) == 2 else "",
            type=scales[1] if len(names) == 2 else "linear",
            showticklabels=len(names) == 2,
        )
    elif len(names) == 3:
        axes = zip("xyz", names, scales, strict=True)
        figure.update_layout(
            scene={f"{axis}axis": {"title": {"text": name}, "type": scale} for axis, name, scale in axes}
        )
    else:
        for place, scale in enumerate(scales, start=1):
            figure.update_layout({f"{axis}axis{place}": {"type": scale} for axis in "xy"})
    return figure


def _symbol(label: str) -> str:
    return {"failed": "x", "queue": "circle-open"}.get(label, "circle")
