"""Pictures of a study: its values are taken out here, and drawn by the files beside this one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from assay.errors import UsageError
from assay.plots.calibration import predicted_observed
from assay.plots.convergence import convergence
from assay.plots.front import front, hypervolume_over_time
from assay.plots.interactive import convergence_figure, parallel_coordinates_figure, slices_figure
from assay.plots.parallel import parallel_coordinates
from assay.plots.slices import slices
from assay.plots.style import new_figure
from assay.plots.values import PROBABILITIES, Slice
from assay.space.parameters import Categorical, Continuous, DesignParameter, Discrete, Fixed, Integer
from assay.study.study import Study

__all__ = [
    "draw",
    "draw_interactive",
    "plot_calibration",
    "plot_convergence",
    "plot_front",
    "plot_parallel",
    "plot_slices",
    "study_slices",
]

POSITIONS = 101
"""Of a slice along a continuous parameter; an integer one has at most as many."""


def plot_convergence(study: Study, ax: Any | None = None) -> Any:
    """The best value against the number of evaluations; see `assay.plots.convergence`. Returns the Axes."""
    return convergence(_objectives(study), ax=ax)


def plot_parallel(study: Study, ax: Any | None = None) -> Any:
    """All evaluated points across all parameters; see `assay.plots.parallel`. Returns the Axes."""
    return parallel_coordinates(_columns(study), _objectives(study), log=_log_names(study), ax=ax)


def plot_slices(
    study: Study, centre: Mapping[str, Any] | None = None, figure: Any | None = None
) -> np.ndarray:
    """The belief along each parameter through a centre; see `assay.plots.slices`. Returns the Axes."""
    return slices(study_slices(study, centre), figure=figure)


def plot_calibration(study: Study, ax: Any | None = None) -> Any:
    """Each observation against its prediction from all others; see `assay.plots.calibration`. Returns the Axes.

    Both are in the model's own unit, in which its belief is Gaussian: centred, scaled, and warped where it warps.
    """
    belief = study.driver.belief()
    observed, mean, variance = belief.posterior.latent_leave_one_out()
    column = belief.column
    panel = predicted_observed(observed[:, column], mean[:, column], np.sqrt(variance[:, column]), ax=ax)
    panel.set_xlabel("observed, in the model's unit")
    panel.set_ylabel("predicted from all others")
    return panel


def plot_front(study: Study, figure: Any | None = None) -> np.ndarray:
    """The front of a study with a `MultiMinimizer`, beside its hypervolume over time; see `assay.plots.front`.

    Returns:
        The two Axes; of more than two objectives the first two are drawn.

    Raises:
        UsageError: when the driver has one objective only, or has seen too little.
    """
    found = study.driver.front()
    panels = (figure or new_figure(10.0)).subplots(1, 2)
    shown = found.evaluated[:, :2]
    front(shown, found.upper[:2], names=(found.names[0], found.names[1]), ax=panels[0])
    hypervolume_over_time(found.evaluated, found.upper, lower=found.lower, ax=panels[1])
    return panels


def study_slices(study: Study, centre: Mapping[str, Any] | None = None) -> list[Slice]:
    """The belief along each design parameter that varies, all others held at a centre.

    Arguments:
        study: with a driver that has a model, and two successful evaluations at least.
        centre: name to value; left out, the best point. The environment is the last one known.

    Raises:
        UsageError: when the driver has no model, or has seen too little.
    """
    best = study.best
    if centre is None and best is None:
        raise UsageError(f"slices of study {study.id!r} need a successful evaluation, and there is none")
    middle = {
        **study.state.environment,
        **(best["values"] if centre is None and best is not None else centre or {}),
    }
    varying = [parameter for parameter in study.space.design if not isinstance(parameter, Fixed)]
    positions = [_positions(parameter) for parameter in varying]
    points = [
        {**middle, parameter.name: position}
        for parameter, places in zip(varying, positions, strict=True)
        for position in places
    ]
    quantiles = study.driver.predict(points, output_type="quantiles", quantiles=PROBABILITIES)["quantiles"][
        :, :, 0
    ]
    ends = np.cumsum([len(places) for places in positions])[:-1]
    return [
        Slice(parameter.name, places, part, middle[parameter.name], parameter.name in _log_names(study))
        for parameter, places, part in zip(varying, positions, np.split(quantiles, ends, axis=1), strict=True)
    ]


def draw(kind: str, study: Study) -> Any:
    """The matplotlib figure of a kind: convergence, slices, parallel, calibration, front."""
    if kind == "front":
        return plot_front(study)[0].figure
    if kind == "slices":
        parts = study_slices(study)
        return slices(parts)[0].figure
    plots: dict[str, Callable[..., Any]] = {
        "convergence": plot_convergence,
        "parallel": plot_parallel,
        "calibration": plot_calibration,
    }
    width = 1.5 * (len(study.space.design) + 1) + 1.6 if kind == "parallel" else 7.0
    return plots[kind](study, ax=new_figure(width).subplots()).figure


def draw_interactive(kind: str, study: Study) -> Any:
    """The plotly figure of a kind: convergence, slices, parallel.

    Raises:
        UsageError: for calibration, which is a picture for paper.
    """
    if kind == "convergence":
        return convergence_figure(_objectives(study))
    if kind == "slices":
        return slices_figure(study_slices(study))
    if kind == "parallel":
        return parallel_coordinates_figure(_columns(study), _objectives(study), log=_log_names(study))
    raise UsageError(f"the picture {kind!r} cannot be written as .html; use .png, .svg or .pdf")


def _objectives(study: Study) -> list[float]:
    """The objective of each finished trial; NaN where it failed."""
    observed = study.driver.observed()
    return [
        observed.get(trial.number, math.nan)
        for trial in study.trials
        if trial.status in ("succeeded", "failed")
    ]


def _columns(study: Study) -> dict[str, list[Any]]:
    done = [trial for trial in study.trials if trial.status in ("succeeded", "failed")]
    names = [parameter.name for parameter in study.space.design if not isinstance(parameter, Fixed)]
    return {name: [trial.suggestion.values[name] for trial in done] for name in names}


def _log_names(study: Study) -> list[str]:
    return [item.name for item in study.space.design if isinstance(item, Continuous) and item.log]


def _positions(parameter: DesignParameter) -> list[Any]:
    match parameter:
        case Continuous(domain=(low, high), log=log):
            spaced = np.geomspace(low, high, POSITIONS) if log else np.linspace(low, high, POSITIONS)
            return np.clip(spaced, low, high).tolist()
        case Integer(domain=(low, high)):
            return sorted({round(place) for place in np.linspace(low, high, min(POSITIONS, high - low + 1))})
        case Discrete(domain=domain) | Categorical(domain=domain):
            return list(domain)
        case _:
            return [parameter.domain]
