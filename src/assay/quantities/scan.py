"""A surrogate at several values of some of its parameters, all at once: a spectrum, a time series, a field profile.

Placements belong to a source, and are the same after each conditioning. So a set of scans is planned once; the plan
makes the sources from posteriors, and the variables that select from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.errors import UsageError
from assay.numerics.coordinates import Column, Coordinates
from assay.quantities.selectors import Selector
from assay.quantities.source import Placement, Source
from assay.surrogates.abstract import AbstractPosterior

__all__ = ["Scan", "ScanPlan", "plan_scans"]


@final
@dataclass(frozen=True)
class Scan:
    """A surrogate where some parameters are replaced by given values.

    Use it where a model is learned at single values of a parameter (an angle, a wavelength, a time) and the objective
    needs many at once. The outputs are, for each output of the surrogate, its value at each place.

    Arguments:
        input_surrogate: its name.
        scan_parameters: the names of the parameters that are replaced; each varies in the space.
        scan_values: for each place the parameters' values, in the order of the names.
        correlate_outputs: whether the places keep their covariance; False makes each independent of all others, which
            is cheaper to draw and forgets that errors have the same sign nearby.
        output_names: none given: the variable's name with a number.
    """

    input_surrogate: str
    scan_parameters: tuple[str, ...]
    scan_values: tuple[tuple[float | str, ...], ...]
    correlate_outputs: bool = True
    output_names: tuple[str, ...] = ()


@final
@dataclass(frozen=True)
class ScanPlan:
    """Where each surrogate is asked, and which of its values each name stands for; made by `plan_scans`.

    Arguments:
        output_names: of each surrogate.
        placements: of each surrogate, the empty one first, and whether each keeps its covariance with the others.
        variables: the scans and, for each surrogate that has any, its own name: the outputs at the point itself. They
            stand before all other variables of a graph.
    """

    output_names: Mapping[str, tuple[str, ...]]
    placements: Mapping[str, tuple[tuple[Placement, bool], ...]]
    variables: Mapping[str, Selector]

    def sources(self, posteriors: Mapping[str, AbstractPosterior]) -> dict[str, Source]:
        """The graph's sources from posteriors by the surrogate's name; those that are left out are left out."""
        return {
            self.source_name(surrogate): Source(
                posterior,
                tuple(placement for placement, _ in self.placements[surrogate]),
                self.output_names[surrogate],
                tuple(correlated for _, correlated in self.placements[surrogate]),
            )
            for surrogate, posterior in posteriors.items()
        }

    def source_name(self, surrogate: str) -> str:
        """What the source of a surrogate is called in the graph: its name, unless that is taken by its outputs."""
        return surrogate if len(self.placements[surrogate]) == 1 else f"{surrogate}@"


def plan_scans(
    output_names: Mapping[str, Sequence[str]], scans: Mapping[str, Scan], coordinates: Coordinates
) -> ScanPlan:
    """The plan of the scans of a study.

    Arguments:
        output_names: of each surrogate.
        scans: by the variable's name.
        coordinates: of the surrogates' points.

    Raises:
        UsageError: for an unknown surrogate or parameter, or a value outside a domain.

    Example:
        >>> from assay.space.space import Space
        >>> space = Space.from_data([{"name": "x", "domain": [0, 1]}, {"name": "angle", "domain": [0, 90]}])
        >>> scan = Scan("loss", ("angle",), ((0.0,), (45.0,)))
        >>> plan = plan_scans({"loss": ["loss"]}, {"spectrum": scan}, Coordinates.of(space))
        >>> [placement for placement, _ in plan.placements["loss"]]
        [{}, {1: 0.0}, {1: 0.5}]
        >>> plan.variables["spectrum"].output_names
        ('spectrum0', 'spectrum1')
    """
    placements: dict[str, list[tuple[Placement, bool]]] = {name: [({}, True)] for name in output_names}
    chosen: dict[str, list[int]] = {}
    for name, scan in scans.items():
        if scan.input_surrogate not in output_names:
            raise UsageError(
                f"input_surrogate of the variable {name!r} must be one of {', '.join(output_names)}, "
                f"got {scan.input_surrogate!r}"
            )
        known = placements[scan.input_surrogate]
        wanted = [(placement, scan.correlate_outputs) for placement in _placements(name, scan, coordinates)]
        known.extend(entry for place, entry in enumerate(wanted) if entry not in known + wanted[:place])
        chosen[name] = [known.index(entry) for entry in wanted]
    names = {surrogate: tuple(outputs) for surrogate, outputs in output_names.items()}
    plan = ScanPlan(names, {name: tuple(entries) for name, entries in placements.items()}, {})
    variables = {
        surrogate: _selector(plan, surrogate, [0], names[surrogate])
        for surrogate, entries in placements.items()
        if len(entries) > 1
    }
    for name, scan in scans.items():
        size = len(chosen[name]) * len(names[scan.input_surrogate])
        outputs = scan.output_names or tuple(f"{name}{place}" for place in range(size))
        if len(outputs) != size:
            raise UsageError(f"the variable {name!r} needs {size} output names, got {len(outputs)}")
        variables[name] = _selector(plan, scan.input_surrogate, chosen[name], outputs)
    return ScanPlan(plan.output_names, plan.placements, variables)


def _selector(plan: ScanPlan, surrogate: str, chosen: Sequence[int], outputs: tuple[str, ...]) -> Selector:
    places, count = len(plan.placements[surrogate]), len(plan.output_names[surrogate])
    entries = [(0, output * places + place) for output in range(count) for place in chosen]
    return Selector((plan.source_name(surrogate),), (count * places,), np.array(entries), outputs)


def _placements(name: str, scan: Scan, coordinates: Coordinates) -> list[Placement]:
    columns = [coordinates.index(parameter) for parameter in scan.scan_parameters]
    for place, values in enumerate(scan.scan_values):
        if len(values) != len(columns):
            raise UsageError(
                f"scan_values[{place}] of the variable {name!r} needs a value for each of "
                f"{', '.join(scan.scan_parameters)}, got {len(values)}"
            )
    return [
        {
            column: _unit(name, coordinates.columns[column], value)
            for column, value in zip(columns, values, strict=True)
        }
        for values in scan.scan_values
    ]


def _unit(name: str, column: Column, value: float | str) -> float:
    labels, (lower, upper) = column.labels, column.bounds
    if labels is not None and value not in labels:
        raise UsageError(
            f"the variable {name!r} may scan {column.name!r} over {', '.join(labels)}, got {value!r}"
        )
    if labels is None and column.kind != "unbounded" and not lower <= float(value) <= upper:
        raise UsageError(
            f"the variable {name!r} may scan {column.name!r} from {lower:g} to {upper:g}, got {value!r}"
        )
    return float(column.encode([value])[0])
