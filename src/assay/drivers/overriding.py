"""Values of a driver that are held by hand: keys of its configuration, and hyperparameters that are fitted otherwise.

A path leads to them, such as `scaling`, `objectives.0.min_val` or `surrogates.0.kernel.design_length_scales`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from assay.drivers.configuration import ActiveLearningConfiguration, validate
from assay.drivers.locating import at_key
from assay.errors import ConfigurationError
from assay.numerics.coordinates import Coordinates
from assay.space.schema import shown
from assay.surrogates.abstract import AbstractSurrogate
from assay.surrogates.configuration import GP, ExpressionParameter
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.scaling import OutputScaling
from assay.surrogates.transformed import TransformedSurrogate
from assay.surrogates.warping import warping

__all__ = ["HYPERPARAMETERS", "STRUCTURE", "Held", "held_of", "learned", "with_overrides"]

Array = np.ndarray

HYPERPARAMETERS = {
    "kernel.design_length_scales": "length scales of the parameters to choose, in their own units; of a `log` one, of its "
    "natural logarithm",
    "kernel.environment_length_scales": "length scales of the environment's parameters, in their own units",
    "noise_variance": "variance of the noise, in the output's own unit",
}
"""What a Gaussian process fits, and what it means."""

STRUCTURE = frozenset(
    {
        *("type", "name", "names", "input", "inputs", "input_surrogate", "output_dim", "output_names"),
        *("variable", "variables", "overrides", "transformations", "surrogates", "objectives"),
    }
)
"""Keys that say what there is, not how it behaves: they cannot be overridden."""

_HYPERPARAMETER = re.compile(r"surrogates\.(\d+)\.(" + "|".join(map(re.escape, HYPERPARAMETERS)) + ")")


@final
@dataclass(frozen=True)
class Held:
    """The hyperparameters of one surrogate that are held.

    Arguments:
        length_scales: for each column None, or the length scale in unit coordinates; empty: all are fitted.
        noise_variance: in the output's own unit; None: fitted, or as the driver is told.
    """

    length_scales: tuple[float | None, ...] = ()
    noise_variance: float | None = None

    @property
    def key(self) -> list[Any] | None:
        """The same as plain data; None where nothing is held."""
        return None if self == Held() else [list(self.length_scales), self.noise_variance]

    def of_recipe(self, recipe: AbstractSurrogate) -> AbstractSurrogate:
        """The recipe that keeps them."""
        if isinstance(recipe, TransformedSurrogate):
            return replace(recipe, recipe=self.of_recipe(recipe.recipe))
        if self == Held() or not isinstance(recipe, GaussianProcess):
            return recipe
        held = replace(recipe, held_length_scales=self.length_scales)
        return held if self.noise_variance is None else replace(held, noise="none")

    def of_data(self, data: Dataset) -> Dataset:
        """The data whose noise is known."""
        if not self.noise_variance:
            return data
        added = np.where(data.is_value, self.noise_variance, 0.0)
        return replace(data, noise_variance=data.noise_variance + added[:, None])


def with_overrides(settings: ActiveLearningConfiguration) -> ActiveLearningConfiguration:
    """The configuration with the overridden keys in place.

    Raises:
        ConfigurationError: for a path that leads nowhere or to what cannot be overridden, or a value that breaks a rule.
    """
    changed: dict[str, Any] = {}
    for path, value in settings.overrides.items():
        found = _HYPERPARAMETER.fullmatch(path)
        if found is None:
            changed = changed or settings.model_dump()
            _set(changed, path, value)
        else:
            _check_hyperparameter(settings, path, int(found[1]), found[2], value)
    return validate(changed) if changed else settings


def held_of(settings: ActiveLearningConfiguration, index: int, coordinates: Coordinates) -> Held:
    """What is held of the surrogate of that index.

    Raises:
        ConfigurationError: when the number of length scales is not that of the parameters.
    """
    prefix = f"surrogates.{index}."
    # `with_overrides` has checked their types.
    own: dict[str, Any] = {path: settings.overrides.get(prefix + path) for path in HYPERPARAMETERS}
    design, environment, noise = own.values()
    entry = settings.surrogates[index]
    if noise is not None and isinstance(entry, GP) and entry.warping_function in ("log", "sinh"):
        raise ConfigurationError(
            f"the driver's key 'overrides.{prefix}noise_variance' needs the surrogate's warping_function 'identity' or "
            f"'auto', got {shown(entry.warping_function)}"
        )
    if design is None and environment is None:
        return Held((), noise)
    units, count = _spans(settings, index, coordinates)
    scales: list[float | None] = [None] * len(units)
    for name, given, columns in (
        ("kernel.design_length_scales", design, slice(0, count)),
        ("kernel.environment_length_scales", environment, slice(count, None)),
    ):
        if given is None:
            continue
        with at_key(f"overrides.{prefix}{name}"):
            if len(given) != len(units[columns]):
                raise ConfigurationError(
                    f"as many length scales are needed as there are parameters, {len(units[columns])}, got {shown(given)}"
                )
        scales[columns] = (np.array(given) / units[columns]).tolist()
    return Held(tuple(scales), noise)


def _spans(settings: ActiveLearningConfiguration, index: int, coordinates: Coordinates) -> tuple[Array, int]:
    """What a length of one in unit coordinates is in own units, for each column that a surrogate sees, and how many of
    these columns are of the design."""
    seen = settings.surrogates[index].input
    if seen is not None:
        (entry,) = [entry for entry in settings.transformations if entry.name == seen]
        ends = [
            part.bounds if isinstance(part, ExpressionParameter) else [min(part.values), max(part.values)]
            for part in entry.parameters
        ]
        return np.array([high - low for low, high in ends]), len(ends)
    widths = [
        1.0
        if column.labels is not None
        else math.log(column.bounds[1] / column.bounds[0])
        if column.log
        else column.bounds[1] - column.bounds[0]
        for column in coordinates.columns
    ]
    return np.array(widths), coordinates.design_dimension


def _set(data: Any, path: str, value: Any) -> None:
    """Change the leaf that a path leads to."""
    *steps, last = path.split(".")
    holder = data
    for step in steps:
        if isinstance(holder, list) and step.isdecimal() and int(step) < len(holder):
            holder = holder[int(step)]
        else:
            holder = holder.get(step) if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or last not in holder or last in STRUCTURE or steps[:1] == ["overrides"]:
        raise ConfigurationError(
            "the driver's key 'overrides' must hold paths of values that can be set, such as 'scaling' or "
            f"'surrogates.0.noise_variance', got {shown(path)}"
        )
    holder[last] = value


def _check_hyperparameter(
    settings: ActiveLearningConfiguration, path: str, index: int, name: str, value: Any
) -> None:
    if index >= len(settings.surrogates) or not isinstance(settings.surrogates[index], GP):
        raise ConfigurationError(
            f"the driver's key 'overrides' must hold hyperparameters of surrogates of type 'GP' only, got {shown(path)}"
        )
    if name == "noise_variance":
        if not _is_number(value) or value < 0:
            raise ConfigurationError(
                f"the driver's key 'overrides.{path}' must be a number, 0 or more, got {shown(value)}"
            )
        return
    if not isinstance(value, list) or not value or not all(_is_number(item) and item > 0 for item in value):
        raise ConfigurationError(
            f"the driver's key 'overrides.{path}' must be a list of positive numbers, got {shown(value)}"
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def learned(
    settings: ActiveLearningConfiguration,
    index: int,
    coordinates: Coordinates,
    kept: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The hyperparameters of a surrogate by path, in own units: those that are held, else those of its last fit; None where
    there was none. One list for each output where these are fitted alone.

    Arguments:
        kept: what the last fit left.
    """
    if not isinstance(settings.surrogates[index], GP):
        return {}
    units, count = _spans(settings, index, coordinates)
    found: dict[str, Any] = dict.fromkeys(HYPERPARAMETERS)
    if kept is not None:
        state = kept["states"][kept["kernel"]]
        alone = state.get("outputs")
        parts = [_own_units(one, units, count) for one in alone or [state]]
        found = {
            name: [
                one for part in parts for one in (part[name] if name == "noise_variance" else [part[name]])
            ]
            if alone
            else parts[0][name]
            for name in HYPERPARAMETERS
        }
    held = {name: settings.overrides.get(f"surrogates.{index}.{name}") for name in HYPERPARAMETERS}
    return {**found, **{name: value for name, value in held.items() if value is not None}}


def _own_units(state: Mapping[str, Any], units: Array, count: int) -> dict[str, Any]:
    scales = np.exp(np.array(state["log_length_scales"], dtype=float)) * units
    scaling = OutputScaling.of_state(warping(state["warping"]), state)
    latent = np.array(state["signal_variance"], dtype=float) * state["noise_ratio"]
    return {
        "kernel.design_length_scales": scales[:count].tolist(),
        "kernel.environment_length_scales": scales[count:].tolist(),
        # Under a warping the noise has no one variance in the output's own unit.
        "noise_variance": (latent * scaling.unit**2).tolist() if state["warping"] == "identity" else None,
    }
