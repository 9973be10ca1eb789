"""Whether a configuration fits a space: everything that reads parameters is built once, and thrown away.

A configuration alone can be checked for types, ranges and names of its own entries. Names of parameters, in expressions,
transformations and distributions, can only be checked with the space.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from assay.acquisition.configuration import Explorer, MultiMinimizer
from assay.drivers.configuration import ActiveLearningConfiguration
from assay.drivers.deriving import Derivation
from assay.drivers.locating import at_key
from assay.drivers.overriding import held_of
from assay.drivers.recipes import input_maps, recipes
from assay.drivers.robust import check_uncertain
from assay.errors import ConfigurationError
from assay.numerics.coordinates import Coordinates
from assay.quantities.abstract import AbstractVariable
from assay.quantities.configuration import NegLogProbability
from assay.quantities.quantity import Quantity
from assay.space.schema import shown
from assay.space.space import Space

__all__ = ["check_fits_space"]


def check_fits_space(settings: ActiveLearningConfiguration, space: Space) -> None:
    """Refuse a configuration that does not fit a space.

    Raises:
        ConfigurationError: one sentence with the path of the key, the rule, and what was got.
    """
    with np.errstate(all="ignore"):  # a value that overflows is refused by what it is given to
        _check_all(settings, space)


def _check_all(settings: ActiveLearningConfiguration, space: Space) -> None:
    coordinates = Coordinates.of(space)
    maps = input_maps(settings.transformations, coordinates)
    for index, entry in enumerate(settings.surrogates):
        with at_key(f"surrogates.{index}"):
            made = recipes(entry, coordinates, settings.deterministic, "identity", maps)
        held = held_of(settings, index, coordinates)
        with at_key(f"overrides.surrogates.{index}"):
            for recipe in made.values():
                held.of_recipe(recipe)
    derivation = Derivation(settings, coordinates)
    with at_key("parameter_distribution"):
        derivation.measure_of(settings.parameter_distribution)
    for index, entry in enumerate(settings.variables):
        if isinstance(entry, NegLogProbability):
            _check_priors(derivation, entry, f"variables.{index}")
    variables = derivation.variables
    _check_sizes(settings, variables)
    _check_objectives(settings, derivation)
    check_uncertain(settings, coordinates)
    _check_values(derivation)


def _check_priors(derivation: Derivation, entry: NegLogProbability, path: str) -> None:
    if entry.parameter_distribution is not None:
        with at_key(f"{path}.parameter_distribution"):
            derivation.measure_of(entry.parameter_distribution)
    if entry.error_model is not None:
        with at_key(f"{path}.error_model"):
            _ = derivation.first_error_parameters


def _check_sizes(settings: ActiveLearningConfiguration, variables: Mapping[str, AbstractVariable]) -> None:
    for index, entry in enumerate(settings.variables):
        told, count = getattr(entry, "output_dim", None), len(variables[entry.name].output_names)
        if told is not None and told != count:
            raise ConfigurationError(
                f"the driver's key 'variables.{index}.output_dim' must be the number of outputs of variable "
                f"{shown(entry.name)}, {count}, got {told}"
            )


def _check_objectives(settings: ActiveLearningConfiguration, derivation: Derivation) -> None:
    for index, entry in enumerate(settings.objectives):
        if isinstance(entry, Explorer):  # explores all outputs of a variable at once
            continue
        many = isinstance(entry, MultiMinimizer)
        key = f"objectives.{index}.{'variables' if many else 'variable'}"
        names = derivation.variables_of_objective(entry.name)
        if isinstance(entry, MultiMinimizer) and len(names) < len(entry.lower_reference):
            raise ConfigurationError(
                f"the driver's key {key!r} must name {len(entry.lower_reference)} variables, one for each reference, got "
                f"{shown(names)}"
            )
        for name in names:
            with at_key(key):
                owner, column = derivation.resolve(name)
            outputs = derivation.variables[owner].output_names
            if column is None and len(outputs) > 1:
                raise ConfigurationError(
                    f"the driver's key {key!r} must name a variable of one output, or one of the outputs "
                    f"{shown(list(outputs))} of {shown(owner)}, got {shown(name)}"
                )


def _check_values(derivation: Derivation) -> None:
    """Shapes that only meet when variables are computed."""
    if derivation.is_scanned:
        return
    values = {entry.name: np.ones((1, entry.output_dim)) for entry in derivation.settings.surrogates}
    point = np.full((1, derivation.coordinates.dimension), 0.5)
    point[:, derivation.coordinates.is_category] = 0.0
    graph = derivation.graph_of_known(values)
    for index, entry in enumerate(derivation.settings.variables):
        with at_key(f"variables.{index}"):
            Quantity(graph, entry.name).mean_variance(point)
