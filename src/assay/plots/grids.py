"""Grids over parameters, for pictures of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.space.parameters import Continuous, Discrete, Integer
from assay.space.space import Space

__all__ = ["Axis", "axes_of", "points_of", "usual_values"]


@final
@dataclass(frozen=True)
class Axis:
    """The values of a parameter along which a picture is drawn.

    Arguments:
        name: the parameter.
        values: in ascending order.
        is_log: whether it lives on a logarithmic scale.
    """

    name: str
    values: tuple[float, ...]
    is_log: bool = False


def axes_of(space: Space, resolution: int) -> list[Axis | None]:
    """An axis for each design parameter that is a number and varies; None for labels and fixed ones.

    Example:
        >>> space = Space.from_data([{"name": "n", "type": "integer", "domain": [1, 3]}])
        >>> axes_of(space, 32)[0].values
        (1, 2, 3)
    """
    axes: list[Axis | None] = []
    for item in space.design:
        match item:
            case Continuous(name=name, domain=(low, high), log=log):
                spaced = np.geomspace(low, high, resolution) if log else np.linspace(low, high, resolution)
                axes.append(Axis(name, tuple(np.clip(spaced, low, high).tolist()), log))
            case Integer(name=name, domain=(low, high)):
                spaced = np.linspace(low, high, min(resolution, high - low + 1))
                axes.append(Axis(name, tuple(sorted({round(place) for place in spaced}))))
            case Discrete(name=name, domain=domain):
                axes.append(Axis(name, tuple(domain)))
            case _:
                axes.append(None)
    return axes


def usual_values(exploration: Any) -> dict[str, Any]:
    """The value of each parameter that its table gives."""
    values = exploration.parameters["value"]
    return {item.name: item.validate(_plain(values[item.name])) for item in exploration.study.space.design}


def points_of(
    usual: Mapping[str, Any], pairs: Sequence[tuple[Axis, Axis | None]]
) -> list[list[dict[str, Any]]]:
    """For each pair of axes the points of its plane, the second axis outermost; for a single axis those of its line."""
    found = []
    for across, up in pairs:
        outer: Sequence[dict[str, Any]] = [{}] if up is None else [{up.name: value} for value in up.values]
        found.append([{**usual, **part, across.name: value} for part in outer for value in across.values])
    return found


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
