"""From what an exploration is given as its sampler to points: one of ours, or anything with `sample(n, exploration)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from assay.drivers import samplers
from assay.drivers.samplers_abstract import AbstractSampler
from assay.errors import UsageError
from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.records import ParameterValue
from assay.space.space import Space

__all__ = ["configuration_of", "own_points", "sampler_of", "words_of"]

DEFAULT = "DiscrepancyVariance"


def sampler_of(choice: Any) -> Any:
    """One of our samplers from a name or plain data, None for the default; or what the user gave, if it can sample.

    Raises:
        UsageError: when it is neither.
    """
    if choice is None or isinstance(choice, str | Mapping | AbstractSampler):
        return samplers.sampler_of(DEFAULT if choice is None else choice)
    if hasattr(choice, "sample") or callable(choice):
        return choice
    raise UsageError(
        f"a sampler must be a name, a sampler, or have sample(n, exploration), got a {type(choice).__name__}"
    )


def configuration_of(sampler: Any) -> dict[str, Any] | None:
    """The configuration of one of our samplers; None for one of the user's own, of which the study knows nothing."""
    return sampler.configuration() if isinstance(sampler, AbstractSampler) else None


def words_of(sampler: Any) -> str:
    """A sampler as people read it: its name, and the keys of one of ours.

    Example:
        >>> words_of(sampler_of({"weight": 0.5}))
        'DiscrepancyVariance, weight 0.5, nugget 1e-06'
    """
    if not isinstance(sampler, AbstractSampler):
        return getattr(sampler, "__name__", type(sampler).__name__)
    keys = sampler.configuration()
    return ", ".join([keys.pop("type"), *(f"{name} {value}" for name, value in keys.items())])


def own_points(sampler: Any, space: Space, count: int, exploration: Any) -> list[dict[str, ParameterValue]]:
    """New points of a sampler of the user's: rows in the unit cube, one column for each parameter that varies.

    Raises:
        UsageError: when it returns something else, or points that no feasible one is near.
    """
    sample = sampler.sample if hasattr(sampler, "sample") else sampler
    units = np.asarray(sample(count, exploration), dtype=float)
    coordinates = Coordinates.of(space)
    if units.shape != (count, coordinates.design_dimension):
        raise UsageError(
            f"the sampler must return {count} rows of {coordinates.design_dimension} numbers, got shape {units.shape}"
        )
    if not ((units >= 0) & (units <= 1)).all():
        raise UsageError(f"the sampler must return numbers from 0 to 1, got {units.min()} to {units.max()}")
    for index in np.flatnonzero(coordinates.is_category):
        labels = coordinates.category_counts[index]
        units[:, index] = np.minimum(np.floor(units[:, index] * labels), labels - 1)
    feasible = FeasibleSet.of(space, coordinates)
    points = [feasible.project(point) for point in coordinates.snap(units)]
    if any(point is None for point in points):
        raise UsageError("the sampler returned a point that no feasible one is near")
    return [coordinates.decode(point) for point in points if point is not None]
