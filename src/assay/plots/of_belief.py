"""Pictures of what the models of a study's driver believe; its values are taken out here, and drawn by the files beside
this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from assay.drivers.analysing import sobol_of
from assay.drivers.belief import Belief, ObjectType
from assay.drivers.minima import minima_of
from assay.errors import UsageError
from assay.numerics.designs import sobol
from assay.numerics.random import generator
from assay.plots.acquisition import Promise, acquisition
from assay.plots.corner import corner
from assay.plots.minima import minima_table
from assay.plots.scan import Curve, scan
from assay.plots.slices import slices
from assay.plots.sobol import sobol_bars
from assay.plots.style import new_figure
from assay.plots.values import PROBABILITIES, Slice
from assay.quantities.configuration import Scan
from assay.space.parameters import Categorical, Continuous, DesignParameter, Discrete, Fixed, Integer
from assay.study.study import Study

__all__ = [
    "draw_belief",
    "log_names",
    "plot_acquisition",
    "plot_corner",
    "plot_minima",
    "plot_scan",
    "plot_slices",
    "plot_sobol",
    "study_curve",
    "study_slices",
]

POSITIONS = 101
"""Of a slice along a continuous parameter; an integer one has at most as many."""
SURVEY = 1024
"""Points of the space, the best of which is where an acquisition is cut."""
CHAIN_SECONDS = 120.0
"""The most time that the chains of a corner plot are given, where none is asked for."""


def plot_slices(
    study: Study,
    centre: Mapping[str, Any] | None = None,
    figure: Any | None = None,
    name: str | None = None,
) -> np.ndarray:
    """The belief along each parameter through a centre; see `assay.plots.slices`. Returns the Axes.

    Arguments:
        centre: name to value; left out, the best point.
        name: of a variable or surrogate of one output; left out, the objective.
    """
    return slices(study_slices(study, centre, name), name=name or "objective", figure=figure)


def study_slices(
    study: Study, centre: Mapping[str, Any] | None = None, name: str | None = None
) -> list[Slice]:
    """The belief along each design parameter that varies, all others held at a centre.

    Arguments:
        study: with a driver that has a model, and two successful evaluations at least.
        centre: name to value; left out, the best point. The environment is the last one known.
        name: of a variable, surrogate, or one of their outputs; left out, the objective.

    Raises:
        UsageError: when the driver has no model, or has seen too little.
    """
    middle = _centre(study, centre)
    varying = _varying(study)
    positions = [_positions(parameter) for parameter in varying]
    points = [
        {**middle, parameter.name: position}
        for parameter, places in zip(varying, positions, strict=True)
        for position in places
    ]
    found = study.driver.predict(points, _kind(name), name, output_type="quantiles", quantiles=PROBABILITIES)[
        "quantiles"
    ][:, :, 0]
    ends = np.cumsum([len(places) for places in positions])[:-1]
    return [
        Slice(parameter.name, places, part, middle[parameter.name], parameter.name in log_names(study))
        for parameter, places, part in zip(varying, positions, np.split(found, ends, axis=1), strict=True)
    ]


def plot_sobol(study: Study, name: str | None = None, ax: Any | None = None) -> Any:
    """Which parameters cause the variance of a quantity; see `assay.plots.sobol`. Returns the Axes.

    Arguments:
        name: of a variable, surrogate, or one of their outputs; left out, the objective.

    Raises:
        UsageError: when the driver has no model, or has seen too little.
    """
    return sobol_bars(sobol_of(study.driver.belief(), _kind(name), name), ax=ax)


def plot_minima(study: Study, name: str | None = None, ax: Any | None = None) -> Any:
    """The local minima of a quantity as a table; see `assay.plots.minima`. Returns the Axes.

    Arguments, Raises: as `plot_sobol`; the environment is the last one known.
    """
    environment = study.state.environment or None
    found = minima_of(study.driver.belief(), _kind(name), name, environment_value=environment)
    return minima_table(found, ax=ax)


def plot_corner(
    study: Study, name: str | None = None, figure: Any | None = None, max_time: float = CHAIN_SECONDS
) -> np.ndarray:
    """Draws of the parameters from their posterior; see `assay.plots.corner`. Returns the Axes.

    Arguments:
        name: of the `ChiSquaredValue` or `NegLogProbability`; left out, the objective's.
        max_time: seconds after which the chains end, whether or not they have converged.

    Raises:
        UsageError: when there is no such variable, or too little is known.
    """
    chains = study.driver.run_mcmc(
        name, max_time=max_time, environment=study.state.environment or None, thin_chains=True
    )
    return corner(chains, figure=figure)


def plot_scan(study: Study, name: str | None = None, ax: Any | None = None) -> Any:
    """The belief about a vector at the best point, beside its target; see `assay.plots.scan`. Returns the Axes.

    Arguments, Raises: as `study_curve`.
    """
    return scan(study_curve(study, name=name), ax=ax)


def study_curve(study: Study, centre: Mapping[str, Any] | None = None, name: str | None = None) -> Curve:
    """The belief about a vector at a point.

    Arguments:
        centre: name to value; left out, the best point. The environment is the last one known.
        name: of a variable or surrogate of several outputs; left out, what the objective's variable reads.

    Raises:
        UsageError: when the driver has no model, has seen too little, or the quantity has one output only.
    """
    belief, middle = study.driver.belief(), _centre(study, centre)
    settings = belief.derivation.settings
    entry = {item.name: item for item in settings.variables}.get(belief.derivation.objective_names[0])
    vector = name or getattr(entry, "input", None) or belief.derivation.surrogate_names[0]
    quantiles = belief.predict([middle], _kind(vector), vector, "quantiles", PROBABILITIES)["quantiles"]
    count = quantiles.shape[2]
    if count < 2:
        raise UsageError(
            f"a scan is the picture of a vector, and {vector!r} of study {study.id!r} has one output: name another"
        )
    target = None if vector == name and vector != getattr(entry, "input", None) else _target(entry, count)
    label, positions = _positions_of_entries(belief, vector, count)
    return Curve(vector, label, positions, quantiles[:, 0, :], target)


def plot_acquisition(study: Study, figure: Any | None = None) -> np.ndarray:
    """What the next look promises, along each parameter through the best of a survey; see `assay.plots.acquisition`.

    Returns: the Axes.

    Raises:
        UsageError: when the driver has no model, or has seen too little.
    """
    belief, varying = study.driver.belief(), _varying(study)
    survey = sobol(belief.coordinates, belief.feasible, SURVEY, generator(0, 0, "survey"))
    points = [belief.coordinates.decode(unit) for unit in survey]
    best = _centre(study, None)
    points.append({name: best[name] for name in points[0]})
    middle = points[int(np.argmax(study.driver.acquisition(points)))]
    parts = []
    for parameter in varying:
        places = _positions(parameter)
        values = study.driver.acquisition([{**middle, parameter.name: place} for place in places])
        parts.append(
            Promise(
                parameter.name, places, values, middle[parameter.name], parameter.name in log_names(study)
            )
        )
    return acquisition(parts, figure=figure)


def log_names(study: Study) -> list[str]:
    """The parameters that are shown on a logarithmic axis."""
    return [item.name for item in study.space.design if isinstance(item, Continuous) and item.log]


def _width_of_table(study: Study) -> float:
    """Of the table of minima, in inches."""
    return 1.6 * (len(_varying(study)) + 2) + 0.4


def draw_belief(kind: str, study: Study, name: str | None) -> Any:
    """The matplotlib figure of a kind: acquisition, corner, minima, scan, slices, sobol."""
    match kind:
        case "acquisition":
            return plot_acquisition(study)[0].figure
        case "corner":
            return plot_corner(study, name)[0, 0].figure
        case "minima":
            return plot_minima(study, name, new_figure(_width_of_table(study), 3.6).subplots()).figure
        case "scan":
            return plot_scan(study, name, new_figure().subplots()).figure
        case "slices":
            return plot_slices(study, name=name)[0].figure
        case _:
            return plot_sobol(study, name, new_figure().subplots()).figure


def _kind(name: str | None) -> ObjectType:
    return "objective" if name is None else "variable"


def _centre(study: Study, centre: Mapping[str, Any] | None) -> dict[str, Any]:
    best = study.best
    if centre is None and best is None:
        raise UsageError(
            f"a picture through the best point of study {study.id!r} needs a driver with one objective and a successful "
            "evaluation, or a centre"
        )
    return {**study.state.environment, **(best["values"] if centre is None and best else centre or {})}


def _varying(study: Study) -> list[DesignParameter]:
    return [parameter for parameter in study.space.design if not isinstance(parameter, Fixed)]


def _target(entry: Any, count: int) -> np.ndarray | None:
    target = getattr(entry, "target_vector", None)
    return None if target is None or len(target) != count else np.array(target)


def _positions_of_entries(belief: Belief, vector: str, count: int) -> tuple[str, np.ndarray]:
    """The values of the parameter that a `Scan` of one output goes along, else the numbers of the entries."""
    entry = {item.name: item for item in belief.derivation.settings.variables}.get(vector)
    if isinstance(entry, Scan) and len(entry.scan_parameters) == 1 and len(entry.scan_values) == count:
        return entry.scan_parameters[0], np.array(entry.scan_values)[:, 0]
    return "number of the output", np.arange(1, count + 1)


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
