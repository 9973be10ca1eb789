"""Robust optima: what is expected when parameters stray from what was set takes the place of what was set."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from assay.acquisition.configuration import Explorer
from assay.drivers.configuration import ActiveLearningConfiguration
from assay.drivers.deriving import leading
from assay.errors import ConfigurationError
from assay.numerics.coordinates import Column, Coordinates
from assay.quantities.configuration import (
    Collector,
    Interpolation,
    LinearCombination,
    MultiSelector,
    SingleSelector,
    VariableEntry,
)
from assay.space.schema import shown
from assay.surrogates.abstract import AbstractPosterior
from assay.surrogates.configuration import GP, SurrogateEntry
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior
from assay.surrogates.smoothed import smoothed

__all__ = ["check_uncertain", "robust_posteriors"]

Array = np.ndarray

_KEY = "acquisition_function.parameter_uncertainties"


def robust_posteriors(
    settings: ActiveLearningConfiguration,
    coordinates: Coordinates,
    posteriors: Mapping[str, AbstractPosterior],
) -> Mapping[str, AbstractPosterior]:
    """The averages of the posteriors over what their parameters stray; themselves where none strays.

    Raises:
        ConfigurationError: when an average is not Gaussian, or not that of what is wanted.
    """
    if not settings.acquisition_function.parameter_uncertainties:
        return posteriors
    check_uncertain(settings, coordinates)
    deviations = _unit_deviations(settings, coordinates)
    averages = {}
    for name, posterior in posteriors.items():
        assert isinstance(posterior, GaussianProcessPosterior)  # `check_uncertain` has refused others
        averages[name] = smoothed(posterior, deviations)
    return averages


def check_uncertain(settings: ActiveLearningConfiguration, coordinates: Coordinates) -> None:
    """Refuse uncertainties of parameters that no closed form averages over.

    Raises:
        ConfigurationError: one sentence with the path of the key, the rule, and what was got.
    """
    if not settings.acquisition_function.parameter_uncertainties:
        return
    names = [entry.name for entry in settings.acquisition_function.parameter_uncertainties]
    known = [column.name for column in coordinates.columns if _strays(column)]
    for index, name in enumerate(names):
        if name not in known or name in names[:index]:
            raise ConfigurationError(
                f"the driver's key '{_KEY}.{index}.name' must name a continuous parameter that is not logarithmic, once, one "
                f"of {', '.join(map(shown, known)) or 'none'}, got {shown(name)}"
            )
    for index, entry in enumerate(settings.surrogates):
        if not _is_plain(entry):
            raise ConfigurationError(
                f"the driver's key '{_KEY}' needs 'surrogates.{index}' to be a GP without input, prior_mean and warping, "
                f"got surrogate {shown(entry.name)}"
            )
    for index, entry in enumerate(settings.variables):
        if not _is_linear(entry):
            raise ConfigurationError(
                f"the driver's key '{_KEY}' needs 'variables.{index}' to be linear in the surrogates, with the same "
                f"coefficients everywhere, got the {entry.type} {shown(entry.name)}"
            )
    if isinstance(leading(settings.objectives), Explorer):
        raise ConfigurationError(
            f"the driver's key '{_KEY}' needs an objective that seeks an optimum, got an Explorer"
        )


def _strays(column: Column) -> bool:
    return column.kind in ("continuous", "unbounded") and not column.log and not column.is_integer


def _is_plain(entry: SurrogateEntry) -> bool:
    return (
        isinstance(entry, GP)
        and entry.input is None
        and entry.prior_mean is None
        and entry.warping_function in ("auto", "identity")
    )


def _is_linear(entry: VariableEntry) -> bool:
    if isinstance(entry, LinearCombination):
        return not any(isinstance(item, str) for item in entry.coefficients or ())
    return isinstance(entry, SingleSelector | MultiSelector | Collector | Interpolation)


def _unit_deviations(settings: ActiveLearningConfiguration, coordinates: Coordinates) -> Array:
    deviations = np.zeros(coordinates.dimension)
    spans = coordinates.natural_derivative(np.zeros((1, coordinates.dimension)))[0]
    for entry in settings.acquisition_function.parameter_uncertainties:
        place = coordinates.index(entry.name)
        deviations[place] = entry.uncertainty / abs(spans[place])
    return deviations
