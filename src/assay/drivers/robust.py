"""Robust optima: what is expected when parameters stray from what was set takes the place of what was set.

An average is learned from looks around a point, not only from one at it: where a look at the most promising point would
tell little that is new, the one nearby that tells most about it is taken instead.

Source: B. J. Williams, T. J. Santner, W. I. Notz, "Sequential design of computer experiments to minimize integrated
response functions", Statistica Sinica 10, 1133 (2000).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from assay.acquisition.configuration import Explorer
from assay.acquisition.search import Ranked
from assay.drivers.configuration import ActiveLearningConfiguration
from assay.drivers.deriving import leading
from assay.drivers.suggesting import Chosen, Domain, Looks, first_chosen
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
from assay.surrogates.smoothed import SmoothedPosterior, smoothed

__all__ = ["check_uncertain", "robust_posteriors", "telling_look"]

Array = np.ndarray

# Points at which a look might tell more.
AROUND = 256
# A look at the most promising point itself is preferred when it tells this share of the most that any tells.
WORTHWHILE = 0.5
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


def telling_look(
    posteriors: Mapping[str, AbstractPosterior],
    promising: Chosen,
    domain: Domain,
    looks: Looks,
    generators: Callable[[str], np.random.Generator],
) -> Chosen:
    """Where to look to learn the averages at a promising point.

    Arguments:
        posteriors: averages, over all the data.
        promising: the point, with figures for people.
        domain: where to look.
        looks: what was looked at.
        generators: purpose to generator.
    """
    averages = [average for average in posteriors.values() if isinstance(average, SmoothedPosterior)]
    # Every second look is at the promising point itself: the best look is an answer, not only the model.
    if not averages or len(looks.succeeded) % 2 == 0:
        return promising
    points = np.concatenate(
        [promising.point[None], _around(averages[0], promising.point, domain, looks, generators)]
    )
    told = np.zeros(len(points))
    for average in averages:
        known = average.condition_on_inputs(looks.pending) if len(looks.pending) else average
        told += known.told_by(promising.point, points).mean(axis=1)
    if told[0] >= WORTHWHILE * told.max():
        return promising
    order = np.argsort(-told, kind="stable")
    seen = np.concatenate([looks.succeeded, looks.failed, looks.pending])
    chosen = first_chosen([("around the optimum", Ranked(points[order], told[order]))], seen, domain)
    return replace(chosen, info={**promising.info, "origin": chosen.info["origin"]})


def _around(
    average: SmoothedPosterior,
    centre: Array,
    domain: Domain,
    looks: Looks,
    generators: Callable[[str], np.random.Generator],
) -> Array:
    """Points where the parameters might stray to, except where the nearest evaluation failed."""
    coordinates = domain.coordinates
    normal = generators("straying").standard_normal((AROUND, len(centre)))
    points = centre + average.deviations * normal
    points[:, coordinates.design_dimension :] = domain.environment
    points = coordinates.snap(points)
    points = points[domain.feasible.contains(points)]
    if len(looks.failed):
        failed, succeeded = (
            np.abs(points[:, None] - known).max(axis=2).min(axis=1, initial=np.inf)
            for known in (looks.failed, looks.succeeded)
        )
        points = points[succeeded <= failed]
    return points


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
