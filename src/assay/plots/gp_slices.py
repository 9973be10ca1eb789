"""Interactive slices of the model of a response: planes through all pairs of parameters, with sliders for the others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module, resources
from itertools import combinations
from pathlib import Path
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.numerics.coordinates import Coordinates
from assay.plots.grids import axes_of, points_of, usual_values
from assay.plots.style import BAND, BEST, import_plotly
from assay.space.parameters import Categorical
from assay.study.exploration import Exploration
from assay.surrogates.abstract import AbstractPosterior
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior

__all__ = ["GPSlices", "model_data", "plot_gp"]

Array = np.ndarray

PANEL_POINTS = 260


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
    """Slices of the mean and the uncertainty of a response.

    Arguments:
        exploration: with a model, and a parameter with a range at least.
        response: its place.
        resolution: points across and up.

    Raises:
        MissingExtraError: without plotly.
        UsageError: when too little was evaluated, or no parameter has a range.
    """
    posteriors = exploration.posteriors()
    if not posteriors:
        raise UsageError("slices of a model need two successful evaluations of each response")
    space = exploration.study.space
    axes = axes_of(space, max(resolution))
    ranged = [place for place, axis in enumerate(axes) if axis is not None]
    if not ranged:
        raise UsageError("slices of a model need a parameter with a range, got none")
    sliders = _sliders(exploration, max(resolution))
    usual = usual_values(exploration)
    start = {**usual, **{slider["name"]: slider["natural"][slider["start"]] for slider in sliders}}
    traces, figure = _figure(exploration, posteriors[response], ranged, start, max(resolution))
    model = model_data(posteriors[response])
    if model is None:
        return GPSlices(figure, "")
    data = {
        "model": model,
        "axes": sliders,
        "samples": _samples_data(exploration),
        "traces": traces,
    }
    return GPSlices(
        figure, f"{_program()}\nassaySlices(document.getElementById('{{plot_id}}'), {json.dumps(data)});"
    )


def model_data(posterior: AbstractPosterior) -> dict[str, Any] | None:
    """The numbers that a Gaussian process is computed from elsewhere; None for one with a warped output, a prior mean, a
    polynomial trend, derivatives among its rows, or more than a thousand of them."""
    if (
        not isinstance(posterior, GaussianProcessPosterior)
        or len(posterior.blocks) > 1
        or not posterior.is_gaussian
        or posterior.prior_mean is not None
    ):
        return None
    (_, process), *_ = posterior.blocks
    scaling = posterior.scaling
    trend = process.prior.trend
    if process.inverse_lower is None or trend.size > 1 or (process.derivative >= 0).any():
        return None
    unit = float(scaling.scale[0] * scaling.latent_scale[0])
    return {
        "profile": process.prior.profile.name,
        "weights": process.prior.weights.tolist(),
        "labels": process.prior.categories.tolist(),
        "trend": float(trend.variance) if trend.size else 0.0,
        "points": process.points.tolist(),
        "alpha": process.alpha[:, 0].tolist(),
        "lower": [row[: place + 1] for place, row in enumerate(process.inverse_lower.tolist())],
        "signal": float(posterior.signal_variance[0]),
        "offset": float(scaling.offset[0] + scaling.scale[0] * scaling.latent_offset[0]),
        "unit": unit,
    }


def _program() -> str:
    return (resources.files("assay.plots") / "gp_slices.js").read_text(encoding="utf-8")


def _figure(
    exploration: Exploration,
    posterior: AbstractPosterior,
    ranged: list[int],
    start: Mapping[str, Any],
    resolution: int,
) -> tuple[list[dict[str, Any]], Any]:
    """The figure at the places where the sliders start, and what its traces are: kind and places among the parameters that vary."""
    go, subplots = import_plotly(), import_module("plotly.subplots")
    coordinates = Coordinates.of(exploration.study.space)
    axes = axes_of(exploration.study.space, resolution)
    names = exploration.names
    count = len(ranged)
    figure = subplots.make_subplots(
        rows=count, cols=count, horizontal_spacing=0.3 / (count + 4), vertical_spacing=0.3 / (count + 4)
    )
    traces: list[dict[str, Any]] = []
    varying = [column.name for column in coordinates.columns]

    def moments(across: int, up: int | None) -> tuple[Array, Array]:
        first, second = axes[across], None if up is None else axes[up]
        assert first is not None
        points = coordinates.encode(points_of(start, [(first, second)])[0])
        mean, variance = posterior.mean_variance(points)
        return mean[:, 0], np.sqrt(np.maximum(variance[:, 0], 0.0))

    def add(trace: Any, kind: str, cell: tuple[int, int], across: int, up: int | None) -> None:
        figure.add_trace(trace, row=cell[0] + 1, col=cell[1] + 1)
        places = {"across": varying.index(names[across])}
        traces.append({"kind": kind, **places, "up": None if up is None else varying.index(names[up])})

    for cell, place in enumerate(ranged):
        axis = axes[place]
        assert axis is not None
        mean, deviation = moments(place, None)
        plain: dict[str, Any] = {"x": axis.values, "showlegend": False, "line": {"width": 0}}
        add(go.Scatter(**plain, y=mean - 1.96 * deviation), "low", (cell, cell), place, None)
        band = go.Scatter(**plain, y=mean + 1.96 * deviation, fill="tonexty", fillcolor=f"{BAND}66")
        add(band, "high", (cell, cell), place, None)
        line = go.Scatter(**{**plain, "line": {"color": BEST}}, y=mean)
        add(line, "middle", (cell, cell), place, None)
    samples = exploration.evaluated
    for (left, across), (right, up) in combinations(enumerate(ranged), 2):
        mean, deviation = moments(across, up)
        first, second = axes[across], axes[up]
        assert first is not None
        assert second is not None
        shape = (len(second.values), len(first.values))
        for kind, values, cell, colour in (
            ("mean", mean, (right, left), "coloraxis"),
            ("deviation", deviation, (left, right), "coloraxis2"),
        ):
            surface = go.Heatmap(x=first.values, y=second.values, z=values.reshape(shape), coloraxis=colour)
            add(surface, kind, cell, across, up)
            marker = {"color": "white", "size": 5, "line": {"color": "black", "width": 1}}
            dots = go.Scatter(
                x=samples[:, across], y=samples[:, up], mode="markers", marker=marker, showlegend=False
            )
            add(dots, "samples", cell, across, up)
    _lay_out(figure, exploration, ranged, resolution)
    return traces, figure


def _lay_out(figure: Any, exploration: Exploration, ranged: list[int], resolution: int) -> None:
    axes, count, names = axes_of(exploration.study.space, resolution), len(ranged), exploration.names
    for row, up in enumerate(ranged):
        for column, across in enumerate(ranged):
            # above the diagonal a panel shows the same plane as its mirror image below
            pair = (min(up, across), max(up, across)) if row != column else (across, None)
            for place, update in zip(pair, (figure.update_xaxes, figure.update_yaxes), strict=True):
                if place is not None:
                    axis = axes[place]
                    assert axis is not None
                    scale = "log" if axis.is_log else "linear"
                    update(title=names[place], type=scale, row=row + 1, col=column + 1)
    figure.update_layout(
        template="plotly_white",
        width=PANEL_POINTS * count + 220,
        height=PANEL_POINTS * count + 80,
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


def _samples_data(exploration: Exploration) -> list[dict[str, Any]]:
    coordinates = Coordinates.of(exploration.study.space)
    trials = exploration.rows.finished
    if not trials:
        return []
    units = coordinates.encode([trial.suggestion.values for trial in trials]).tolist()
    return [
        {"unit": unit, "natural": [trial.suggestion.values[column.name] for column in coordinates.columns]}
        for unit, trial in zip(units, trials, strict=True)
    ]
