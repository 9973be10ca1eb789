"""The models of an exploration over two parameters: mean, uncertainty, and the truth beside them where it is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from assay.errors import UsageError
from assay.plots.grids import Axis, axes_of, points_of, usual_values
from assay.plots.samples import epoch_groups
from assay.plots.style import BAND, BEST, import_plotly
from assay.study.exploration.exploration import Exploration
from assay.study.exploration.functions import VectorFunction, takes_names

__all__ = ["plot_response"]

Array = np.ndarray

RESOLUTION, ROW_POINTS = 48, 340
BETWEEN = 0.07  # the columns, as a share of the width: room for a scale of colours
# Of the mean, the standard deviation, the truth and the error.
SCALES = ("Viridis", "Magma", "Viridis", "RdBu_r")


def plot_response(
    exploration: Exploration, f: Callable[..., Any] | None = None, colors: Sequence[str] | None = None
) -> Any:
    """For each response the mean and the standard deviation of its model over the first two parameters, all others at
    their usual values; with `f`, the truth and the error too. Crosses are samples, coloured by epoch.

    Arguments:
        exploration: with a model.
        f: the truth, as for `Exploration.evaluate`; called once for each point.
        colors: one for each epoch.

    Returns: a plotly figure; of a single parameter, a line with its band.

    Raises:
        MissingExtraError: without plotly.
        UsageError: when too little was evaluated, or fewer than one parameter has a range.
    """
    models = exploration.gp
    if models is None:
        raise UsageError("a picture of the response needs two successful evaluations of each response")
    ranged = [
        place for place, axis in enumerate(axes_of(exploration.study.space, RESOLUTION)) if axis is not None
    ]
    if not ranged:
        raise UsageError("a picture of the response needs a parameter with a range, got none")
    if len(ranged) == 1:
        return _line(exploration, models, ranged[0], f)
    return _planes(exploration, models, (ranged[0], ranged[1]), f, colors)


def _planes(
    exploration: Exploration,
    models: Sequence[Any],
    places: tuple[int, int],
    f: Callable[..., Any] | None,
    colors: Sequence[str] | None,
) -> Any:
    subplots = import_module("plotly.subplots")
    go = import_plotly()
    across, up = (_axis(exploration, place) for place in places)
    points = points_of(usual_values(exploration), [(across, up)])[0]
    shape = (len(up.values), len(across.values))
    titles = ["mean", "standard deviation"] + ([] if f is None else ["truth", "mean - truth"])
    figure = subplots.make_subplots(
        rows=len(models),
        cols=len(titles),
        subplot_titles=[f"{model.name}: {title}" for model in models for title in titles],
        shared_xaxes=True,
        shared_yaxes=True,
        horizontal_spacing=BETWEEN,
        vertical_spacing=60 / (ROW_POINTS * len(models)),
    )
    truth = None if f is None else _truth(f, exploration.names, points, len(models))
    for row, model in enumerate(models, start=1):
        mean, variance = model.predict(points)
        panels = [mean, np.sqrt(variance)]
        if truth is not None:
            panels += [truth[:, row - 1], mean - truth[:, row - 1]]
        for column, values in enumerate(panels, start=1):
            surface = go.Heatmap(
                x=across.values,
                y=up.values,
                z=values.reshape(shape),
                colorscale=SCALES[column - 1],
                zmid=0.0 if column == 4 else None,
                colorbar={
                    "len": 0.7 / len(models),
                    "thickness": 8,
                    "x": column * (1.0 + BETWEEN) / len(titles) - BETWEEN,
                    "xpad": 3,
                    "y": 1.0 - (row - 0.5) / len(models),
                },
                showscale=True,
            )
            figure.add_trace(surface, row=row, col=column)
            _add_samples(figure, exploration, places, colors, row, column)
    for axis, update in ((across, figure.update_xaxes), (up, figure.update_yaxes)):
        update(type="log" if axis.is_log else "linear")
    figure.update_xaxes(title=across.name, row=len(models))
    figure.update_yaxes(title=up.name, col=1)
    figure.update_layout(
        template="plotly_white",
        height=ROW_POINTS * len(models) + 80,
        width=330 * len(titles) + 60,
        legend={"orientation": "h", "y": -0.2 / len(models), "yanchor": "top", "yref": "paper"},
    )
    return figure


def _line(exploration: Exploration, models: Sequence[Any], place: int, f: Callable[..., Any] | None) -> Any:
    go = import_plotly()
    axis = _axis(exploration, place)
    points = points_of(usual_values(exploration), [(axis, None)])[0]
    truth = None if f is None else _truth(f, exploration.names, points, len(models))
    figure = go.Figure()
    samples, responses = exploration.evaluated[:, place], exploration.responses
    assert responses is not None
    for column, model in enumerate(models):
        mean, variance = model.predict(points)
        spread = 1.96 * np.sqrt(variance)
        shared: dict[str, Any] = {
            "x": axis.values,
            "line": {"width": 0},
            "hoverinfo": "skip",
            "showlegend": False,
        }
        figure.add_scatter(**shared, y=mean - spread)
        figure.add_scatter(
            **{**shared, "showlegend": True},
            y=mean + spread,
            fill="tonexty",
            name=f"{model.name}: 95 %",
            fillcolor=_faint(BAND),
        )
        figure.add_scatter(x=axis.values, y=mean, name=f"{model.name}: mean", line={"color": BEST})
        if truth is not None:
            figure.add_scatter(
                x=axis.values,
                y=truth[:, column],
                name=f"{model.name}: truth",
                line={"dash": "dot", "color": "black"},
            )
        figure.add_scatter(
            x=samples,
            y=responses[:, column],
            mode="markers",
            name=f"{model.name}: evaluated",
            marker={"color": "black"},
        )
    figure.update_xaxes(title=axis.name, type="log" if axis.is_log else "linear")
    figure.update_layout(template="plotly_white")
    return figure


def _axis(exploration: Exploration, place: int) -> Axis:
    axis = axes_of(exploration.study.space, RESOLUTION)[place]
    assert axis is not None
    return axis


def _truth(
    f: Callable[..., Any], names: tuple[str, ...], points: Sequence[dict[str, Any]], count: int
) -> Array:
    function = f if takes_names(f, names) else VectorFunction(f, names)
    values = [function(**point) for point in points]
    rows = [list(value.values()) if isinstance(value, dict) else value for value in values]
    return np.array(rows, dtype=float).reshape(len(points), count)


def _add_samples(
    figure: Any,
    exploration: Exploration,
    places: tuple[int, int],
    colors: Sequence[str] | None,
    row: int,
    column: int,
) -> None:
    samples = exploration.samples
    for label, colour, group in epoch_groups(exploration.rows, colors):
        figure.add_scatter(
            x=samples[group, places[0]],
            y=samples[group, places[1]],
            mode="markers",
            name=label,
            legendgroup=label,
            showlegend=row == column == 1,
            marker={"symbol": "cross-thin", "size": 8, "line": {"color": colour, "width": 2}},
            row=row,
            col=column,
        )


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.3)"
