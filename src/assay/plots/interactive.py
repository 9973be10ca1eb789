"""The same pictures as plotly figures, for the page and the notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assay.errors import UsageError
from assay.plots.parallel import rank_colours
from assay.plots.style import BAND, BEST, FAILED, OBSERVED, import_plotly
from assay.plots.values import Axis, Convergence, Slice

__all__ = ["convergence_figure", "parallel_coordinates_figure", "slices_figure"]

_LAYOUT: dict[str, Any] = {"template": "plotly_white", "margin": {"l": 60, "r": 20, "t": 50, "b": 50}}


def convergence_figure(values: Sequence[float] | np.ndarray, *, name: str = "objective") -> Any:
    """As `assay.plots.convergence.convergence`: the objective of each evaluation and the best so far.

    Raises:
        MissingExtraError: without plotly.
        UsageError: when there is no value.
    """
    go = import_plotly()
    data = Convergence.of(values)
    figure = go.Figure(
        [
            go.Scatter(
                x=data.number,
                y=data.value,
                mode="markers",
                name="evaluation",
                marker={"color": OBSERVED, "size": 5},
            ),
            go.Scatter(
                x=data.number,
                y=data.best,
                mode="lines",
                name="best so far",
                line={"color": BEST, "shape": "hv"},
            ),
        ]
    )
    for number in data.failed.tolist():
        figure.add_vline(x=number, line={"color": FAILED, "width": 1}, opacity=0.5)
    figure.update_layout(**_LAYOUT, xaxis_title="evaluation", yaxis_title=name)
    figure.update_yaxes(type="log" if data.is_log else "linear")
    return figure


def slices_figure(parts: Sequence[Slice], *, name: str = "objective") -> Any:
    """As `assay.plots.slices.slices`, with one slice shown at a time and a menu to choose it.

    Raises:
        MissingExtraError: without plotly.
        UsageError: when there is no slice.
    """
    if not parts:
        raise UsageError("slices need at least one parameter that varies, got none")
    figure = import_plotly().Figure()
    for index, part in enumerate(parts):
        outer_low, inner_low, median, inner_high, outer_high = part.quantiles
        shared: dict[str, Any] = {"x": list(part.positions), "visible": index == 0, "line": {"width": 0}}
        for label, low, high, opacity in (
            ("95 %", outer_low, outer_high, 0.25),
            ("68 %", inner_low, inner_high, 0.45),
        ):
            figure.add_scatter(**shared, y=low, showlegend=False, hoverinfo="skip")
            figure.add_scatter(**shared, y=high, fill="tonexty", name=label, fillcolor=_faded(BAND, opacity))
        figure.add_scatter(**{**shared, "line": {"color": BEST}}, y=median, name="median")
    traces = len(figure.data) // len(parts)
    buttons = [
        {
            "label": part.name,
            "method": "update",
            "args": [
                {"visible": [index == trace // traces for trace in range(len(figure.data))]},
                {"xaxis.title.text": part.name, "xaxis.type": _axis_type(part)},
            ],
        }
        for index, part in enumerate(parts)
    ]
    figure.update_layout(
        **_LAYOUT, xaxis_title=parts[0].name, yaxis_title=name, updatemenus=[{"buttons": buttons}]
    )
    figure.update_xaxes(type=_axis_type(parts[0]))
    return figure


def parallel_coordinates_figure(
    columns: Mapping[str, Sequence[Any]],
    values: Sequence[float] | np.ndarray,
    *,
    log: Sequence[str] = (),
    name: str = "objective",
) -> Any:
    """As `assay.plots.parallel.parallel_coordinates`, where ranges can be selected on each axis.

    Raises:
        MissingExtraError: without plotly.
        UsageError: when no point has a finite objective.
    """
    go = import_plotly()
    axes, objective = Axis.of_points(columns, log, name, values)
    dimensions = [
        {
            "label": axis.name,
            "values": axis.height,
            "range": [0, 1],
            "tickvals": [height for height, _ in axis.ticks],
            "ticktext": [text for _, text in axis.ticks],
        }
        for axis in axes
    ]
    line = {"color": rank_colours(objective), "colorscale": "Viridis"}
    figure = go.Figure(go.Parcoords(dimensions=dimensions, line=line))
    figure.update_layout(**_LAYOUT)
    return figure


def _axis_type(part: Slice) -> str:
    if part.has_labels:
        return "category"
    return "log" if part.is_log else "linear"


def _faded(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
