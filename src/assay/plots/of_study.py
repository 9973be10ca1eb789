"""Pictures of a study: its values are taken out here, and drawn by the files beside this one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from assay.errors import UsageError
from assay.plots.calibration import predicted_observed
from assay.plots.convergence import convergence
from assay.plots.front import front, hypervolume_over_time
from assay.plots.interactive import convergence_figure, parallel_coordinates_figure, slices_figure
from assay.plots.of_belief import draw_belief, log_names, study_slices
from assay.plots.parallel import parallel_coordinates
from assay.plots.style import new_figure
from assay.space.parameters import Fixed
from assay.study.study import Study

__all__ = [
    "draw",
    "draw_interactive",
    "plot_calibration",
    "plot_convergence",
    "plot_front",
    "plot_parallel",
]

ABOUT_A_QUANTITY = ("corner", "minima", "scan", "slices", "sobol")


def plot_convergence(study: Study, ax: Any | None = None) -> Any:
    """The best value against the number of evaluations; see `assay.plots.convergence`. Returns the Axes."""
    return convergence(_objectives(study), ax=ax)


def plot_parallel(study: Study, ax: Any | None = None) -> Any:
    """All evaluated points across all parameters; see `assay.plots.parallel`. Returns the Axes."""
    return parallel_coordinates(_columns(study), _objectives(study), log=log_names(study), ax=ax)


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


def draw(kind: str, study: Study, name: str | None = None) -> Any:
    """The matplotlib figure of a kind.

    Arguments:
        kind: acquisition, calibration, convergence, corner, front, minima, parallel, scan, slices or sobol.
        study: what is drawn.
        name: the quantity that corner, minima, scan, slices and sobol are about; left out, the objective.

    Raises:
        UsageError: when the driver has no such thing, or for a name where none is asked for.
    """
    if name is not None and kind not in ABOUT_A_QUANTITY:
        raise UsageError(
            f"the picture {kind!r} is about the whole study; a quantity is named for {', '.join(ABOUT_A_QUANTITY)}, "
            f"got {name!r}"
        )
    plots: dict[str, Callable[..., Any]] = {
        "convergence": plot_convergence,
        "parallel": plot_parallel,
        "calibration": plot_calibration,
    }
    if kind in plots:
        width = 1.5 * (len(study.space.design) + 1) + 1.6 if kind == "parallel" else 7.0
        return plots[kind](study, ax=new_figure(width).subplots()).figure
    return plot_front(study)[0].figure if kind == "front" else draw_belief(kind, study, name)


def draw_interactive(kind: str, study: Study, name: str | None = None) -> Any:
    """The plotly figure of a kind: convergence, slices (of a quantity, or the objective), parallel.

    Raises:
        UsageError: for any other, which is a picture for paper.
    """
    if kind == "convergence":
        return convergence_figure(_objectives(study))
    if kind == "slices":
        return slices_figure(study_slices(study, name=name))
    if kind == "parallel":
        return parallel_coordinates_figure(_columns(study), _objectives(study), log=log_names(study))
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
