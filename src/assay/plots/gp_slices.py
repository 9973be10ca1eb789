"""Interactive slices of the model of a response: planes through all pairs of parameters, with sliders for the others."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module, resources
from itertools import combinations
from pathlib import Path
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.numerics.coordinates import Coordinates
from assay.plots.gp_slices_model import model_data
from assay.plots.grids import Axis, axes_of, points_of, usual_values
from assay.plots.style import BAND, BEST, import_plotly
from assay.space.parameters import Categorical
from assay.study.exploration.exploration import Exploration
from assay.surrogates.abstract import AbstractPosterior
from assay.surrogates.averaged_gaussian_process import AveragedPosterior

__all__ = ["GPSlices", "plot_gp"]

Array = np.ndarray

PANEL_POINTS, GAP_POINTS = 260, 64
# Multiplications up to which a page averages over the hyperparameters, a second or less for each movement of a slider.
AVERAGED_WORK = 2e8
BEST_ALONE = "mean below it, standard deviation above it, of the most probable hyperparameters alone"
DOTS = {"color": "white", "size": 5, "line": {"color": "black", "width": 1}}


@final
@dataclass(frozen=True)
class GPSlices:
    """A picture that computes its slices where it is looked at. Made by `Exploration.plot_gp`.

    Below the diagonal the mean, above it the standard deviation, on it a line with its central 95 %. The sliders hold the
    parameters that a panel does not show, and say how near to the slice a sample must lie to be shown.

    Arguments:
        figure: the plotly figure, with all parameters near their usual values.
        script: what makes it interactive in a page; empty where the model cannot be computed there.
    """

    figure: Any
    script: str

    def to_html(self, *, whole: bool = True) -> str:
        """A page, or with `whole` False a part of one that loads plotly.js from the network."""
        return self.figure.to_html(
            full_html=whole, include_plotlyjs=True if whole else "cdn", post_script=self.script or None
        )

    def write_html(self, path: str | Path) -> None:
        """Write the page; it needs no network."""
        Path(path).write_text(self.to_html(), encoding="utf-8")

    def show(self) -> Path:
        """Open the page in the browser; returns where it lies."""
        import tempfile
        import webbrowser

        path = Path(tempfile.mkdtemp(prefix="assay-slices-")) / "slices.html"
        self.write_html(path)
        webbrowser.open(path.as_uri())
        return path

    def _repr_html_(self) -> str:
        return self.to_html(whole=False)


def plot_gp(exploration: Exploration, response: int = 0, resolution: tuple[int, int] = (32, 32)) -> GPSlices:
    """Slices of the mean and the uncertainty of a response, averaged over the hyperparameters as `Exploration.gp` is, unless
    that would make the page slow.

    Arguments:
        exploration: with a model, and a parameter with a range at least.
        response: its place.
        resolution: points across and up.

    Raises:
        MissingExtraError: without plotly.
        UsageError: when too little was evaluated, or no parameter has a range.
    """
    models = exploration.gp
    if models is None:
        raise UsageError("slices of a model need two successful evaluations of each response")
    space = exploration.study.space
    axes = axes_of(space, max(resolution))
    ranged = [place for place, axis in enumerate(axes) if axis is not None]
    if not ranged:
        raise UsageError("slices of a model need a parameter with a range, got none")
    averaged = models[response].posterior
    is_averaged = _work(averaged, len(ranged), max(resolution)) <= AVERAGED_WORK
    posterior = averaged if is_averaged else exploration.posteriors()[response]
    sliders = _sliders(exploration, max(resolution))
    usual = usual_values(exploration)
    start = {**usual, **{slider["name"]: slider["natural"][slider["start"]] for slider in sliders}}
    panels = _Panels(exploration, posterior, ranged, start, max(resolution))
    for cell, place in enumerate(ranged):
        panels.add_line(cell, place)
    if len(ranged) == 1:
        panels.add_line_samples(
            ranged[0], exploration.rows.responses(exploration.response_names)[:, response]
        )
    for (left, across), (right, up) in combinations(enumerate(ranged), 2):
        panels.add_planes(left, across, right, up)
    _lay_out(panels, ranged, exploration.names, exploration.response_names[response])
    if not is_averaged:
        panels.figure.update_layout(title_subtitle_text=BEST_ALONE)
    model = model_data(posterior, Coordinates.of(space))
    if model is None:
        return GPSlices(panels.figure, "")
    data = {
        "model": model,
        "axes": sliders,
        "samples": _samples_data(exploration, response),
        "traces": panels.traces,
    }
    return GPSlices(
        panels.figure,
        f"{_program()}\nassaySlices(document.getElementById('{{plot_id}}'), {json.dumps(data)});",
    )


def _work(posterior: AbstractPosterior, ranged: int, resolution: int) -> float:
    """Multiplications of a page for all of its panels, where it averages over the members of a posterior."""
    if not isinstance(posterior, AveragedPosterior) or len(posterior.members) == 1:
        return 0.0
    rows = len(next(iter(posterior.members[0].blocks))[1].points)
    points = ranged * (ranged - 1) / 2 * resolution**2 + ranged * resolution
    return points * len(posterior.members) * rows * (rows + posterior.dimension)


def _program() -> str:
    return (resources.files("assay.plots") / "gp_slices.js").read_text(encoding="utf-8")


@final
class _Panels:
    """The figure, and what its traces are: kind, and the places of its axes among the parameters that vary."""

    def __init__(
        self,
        exploration: Exploration,
        posterior: AbstractPosterior,
        ranged: list[int],
        start: Mapping[str, Any],
        resolution: int,
    ) -> None:
        count = len(ranged)
        gap = GAP_POINTS / (PANEL_POINTS * count + GAP_POINTS * (count - 1))
        self.figure = import_module("plotly.subplots").make_subplots(
            rows=count, cols=count, horizontal_spacing=gap, vertical_spacing=gap
        )
        self.traces: list[dict[str, Any]] = []
        self._posterior, self._start = posterior, start
        self._names, self._samples = exploration.names, exploration.evaluated
        self._coordinates = Coordinates.of(exploration.study.space)
        self._varying = [column.name for column in self._coordinates.columns]
        self._axes = axes_of(exploration.study.space, resolution)

    def axis(self, place: int) -> Axis:
        """That of a parameter with a range."""
        axis = self._axes[place]
        assert axis is not None
        return axis

    def add_line(self, cell: int, place: int) -> None:
        """The mean along one parameter, with its central 95 %."""
        go, axis = import_plotly(), self.axis(place)
        mean, _ = self._moments(axis, None)
        low, high = self._posterior.quantiles(self._points(axis, None), np.array([0.025, 0.975]))[..., 0]
        plain: dict[str, Any] = {"x": axis.values, "showlegend": False, "line": {"width": 0}}
        band = {"fill": "tonexty", "fillcolor": f"{BAND}66"}
        for kind, trace in (
            ("low", go.Scatter(**plain, y=low)),
            ("high", go.Scatter(**plain, **band, y=high)),
            ("middle", go.Scatter(**{**plain, "line": {"color": BEST}}, y=mean)),
        ):
            self._add(trace, kind, (cell, cell), place, None)

    def add_line_samples(self, place: int, values: Array) -> None:
        """What was evaluated, where there is only one line."""
        points: dict[str, Any] = {"x": self._samples[:, place], "y": values, "marker": DOTS}
        trace = import_plotly().Scatter(**points, mode="markers", showlegend=False)
        self._add(trace, "line samples", (0, 0), place, None)

    def add_planes(self, left: int, across: int, right: int, up: int) -> None:
        """The mean below the diagonal and the standard deviation above it, both with the samples."""
        go, first, second = import_plotly(), self.axis(across), self.axis(up)
        dots: dict[str, Any] = {"x": self._samples[:, across], "y": self._samples[:, up], "marker": DOTS}
        for kind, values, cell, colours in zip(
            ("mean", "deviation"),
            self._moments(first, second),
            ((right, left), (left, right)),
            ("coloraxis", "coloraxis2"),
            strict=True,
        ):
            grid = values.reshape(len(second.values), len(first.values))
            surface = go.Heatmap(x=first.values, y=second.values, z=grid, coloraxis=colours)
            self._add(surface, kind, cell, across, up)
            self._add(go.Scatter(**dots, mode="markers", showlegend=False), "samples", cell, across, up)

    def _moments(self, across: Axis, up: Axis | None) -> tuple[Array, Array]:
        mean, variance = self._posterior.mean_variance(self._points(across, up))
        return mean[:, 0], np.sqrt(np.maximum(variance[:, 0], 0.0))

    def _points(self, across: Axis, up: Axis | None) -> Array:
        return self._coordinates.encode(points_of(self._start, [(across, up)])[0])

    def _add(self, trace: Any, kind: str, cell: tuple[int, int], across: int, up: int | None) -> None:
        self.figure.add_trace(trace, row=cell[0] + 1, col=cell[1] + 1)
        places = [
            None if place is None else self._varying.index(self._names[place]) for place in (across, up)
        ]
        self.traces.append({"kind": kind, "across": places[0], "up": places[1]})


def _lay_out(panels: _Panels, ranged: list[int], names: Sequence[str], response: str) -> None:
    count, figure = len(ranged), panels.figure
    for row, up in enumerate(ranged):
        for column, across in enumerate(ranged):
            # above the diagonal a panel shows the same plane as its mirror image below
            pair = (min(up, across), max(up, across)) if row != column else (across, None)
            for place, update in zip(pair, (figure.update_xaxes, figure.update_yaxes), strict=True):
                title = response if place is None else names[place]
                scale = "log" if place is not None and panels.axis(place).is_log else "linear"
                update(title=title, title_standoff=2, type=scale, row=row + 1, col=column + 1)
    extent = PANEL_POINTS * count + GAP_POINTS * (count - 1)
    line = "slice with its central 95 %" if count == 1 else "slices with their central 95 % on the diagonal"
    planes = "" if count == 1 else "mean below it, standard deviation above it"
    figure.update_layout(
        template="plotly_white",
        title={"text": f"{response}: {line}", "subtitle": {"text": planes}, "x": 0.02},
        margin={"l": 70, "r": 120, "t": 80, "b": 60},
        width=extent + 190,
        height=extent + 140,
        coloraxis={"colorscale": "Viridis", "colorbar": {"title": "mean", "len": 0.45, "y": 0.22}},
        coloraxis2={
            "colorscale": "Magma",
            "colorbar": {"title": "standard<br>deviation", "len": 0.45, "y": 0.78},
        },
    )


def _sliders(exploration: Exploration, resolution: int) -> list[dict[str, Any]]:
    """The places of a slider for every parameter that varies, in unit coordinates and natural ones."""
    space, coordinates = exploration.study.space, Coordinates.of(exploration.study.space)
    axes = dict(zip(exploration.names, axes_of(space, resolution), strict=True))
    domains = {item.name: item.domain for item in space.design if isinstance(item, Categorical)}
    usual = usual_values(exploration)
    found = []
    for index, column in enumerate(coordinates.columns):
        axis = axes[column.name]
        natural = list(axis.values if axis is not None else domains[column.name])
        units = coordinates.encode([{**usual, column.name: value} for value in natural])[:, index]
        start = int(np.argmin(np.abs(units - coordinates.encode([usual])[0, index])))
        found.append(
            {
                "name": column.name,
                "natural": natural,
                "unit": units.tolist(),
                "start": start,
                "labels": axis is None,
            }
        )
    return found


def _samples_data(exploration: Exploration, response: int) -> list[dict[str, Any]]:
    coordinates = Coordinates.of(exploration.study.space)
    trials = exploration.rows.finished
    if not trials:
        return []
    units = coordinates.encode([trial.suggestion.values for trial in trials]).tolist()
    values = exploration.rows.responses(exploration.response_names)[:, response]
    columns = [column.name for column in coordinates.columns]
    return [
        {
            "unit": unit,
            "natural": [trial.suggestion.values[name] for name in columns],
            "value": value if math.isfinite(value) else None,
        }
        for unit, trial, value in zip(units, trials, values.tolist(), strict=True)
    ]
