"""How well a fit of a vector knows its parameters: linearised about the best point."""

from __future__ import annotations

import numpy as np

from assay.drivers.belief import Belief
from assay.drivers.deriving import target_covariance
from assay.errors import StudyError, UsageError
from assay.quantities.chi_squared import whitening
from assay.quantities.configuration import ChiSquaredValue
from assay.quantities.quantity import Quantity

__all__ = ["covariance_of", "moving_names", "parameter_covariance"]

Array = np.ndarray


def parameter_covariance(jacobian: Array, scatter: float | None) -> Array:
    """The covariance (J^T J)^-1 of the parameters of a least-squares fit.

    Arguments:
        jacobian: (K, N), of the K outputs in units of their uncertainties by the N parameters.
        scatter: chi-squared at the best point where it stands for unknown uncertainties: the covariance is multiplied
            by it, over K - N; None where they are known.

    Example:
        >>> parameter_covariance(np.array([[2.0], [0.0], [0.0]]), scatter=4.0).tolist()
        [[0.5]]

    Raises:
        StudyError: when a parameter has no effect on the outputs.
    """
    information = jacobian.T @ jacobian
    if np.linalg.matrix_rank(jacobian) < len(information):
        raise StudyError("the covariance needs outputs that determine every parameter, and one has no effect")
    factor = 1.0 if scatter is None else scatter / max(len(jacobian) - len(information), 1)
    return factor * np.linalg.inv(information)


def moving_names(belief: Belief) -> list[str]:
    """The names of the parameters that such a covariance is about: the continuous ones of the design."""
    columns = belief.coordinates.columns[: belief.coordinates.design_dimension]
    return [column.name for column in columns if column.kind == "continuous" and not column.is_integer]


def covariance_of(belief: Belief) -> Array:
    """The covariance of the continuous parameters of an objective that is a `ChiSquaredValue`, (N, N), in their own units.

    The derivatives are those of what the model expects at the best look; the rest is as for `ScipyLeastSquares`.

    Raises:
        UsageError: for another objective.
        StudyError: when a parameter has no effect on the outputs.
    """
    settings, coordinates = belief.derivation.settings, belief.coordinates
    entry = settings.variable(belief.derivation.objective_names[0])
    if not isinstance(entry, ChiSquaredValue):
        raise UsageError(
            f"the covariance of a fit needs an objective of type ChiSquaredValue, got {entry.name!r}, which is of type "
            f"{entry.type}"
        )
    best = int(np.argmin(belief.observed))
    place = belief.points[[best]]
    fitted = entry.input or belief.derivation.surrogate_names[0]
    slopes = Quantity(belief.graph, fitted).mean_variance_gradient(place)[2][0]
    names = moving_names(belief)
    moving = [index for index, column in enumerate(coordinates.columns) if column.name in names]
    by_natural = slopes[:, moving] / coordinates.natural_derivative(place)[0, moving]
    unknown = entry.uncertainty_vector is None and entry.covariance_matrix is None
    whitened = whitening(target_covariance(entry, len(slopes))[1], entry.name) @ by_natural
    return parameter_covariance(whitened, float(belief.observed[best]) if unknown else None)
