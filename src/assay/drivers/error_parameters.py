"""How large the errors of data probably are: an error model's own parameters at their most probable values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from assay.drivers.deriving import Derivation

__all__ = ["with_likely_errors"]

Array = np.ndarray

ROUNDS = 5


def with_likely_errors(derivation: Derivation, values: Mapping[str, Array], points: Array) -> Derivation:
    """The derivation with the error parameters that, with the best look, are most probable given the data.

    The best look and the error parameters depend on each other: they are found in turns, until the best look stays. Of
    early looks all residuals are large, and so are then the errors; they shrink as the model comes to match.

    Arguments:
        derivation: with one error model.
        values: observed outputs of each surrogate, by name, (looks, outputs).
        points: (looks, dimension), in unit coordinates.
    """
    from scipy.optimize import minimize  # only error models need it

    measure = derivation.error_measure
    if measure is None or not len(points):
        return derivation
    name = derivation.error_variable

    def loss_at(parameters: Array, rows: Array) -> Array:
        prior = measure.log_prob(parameters[None])[0]
        if not np.isfinite(prior):
            return np.full(len(rows), np.inf)
        chosen = replace(
            derivation, error_parameters=dict(zip(measure.names, parameters.tolist(), strict=True))
        )
        found = {key: rows_of[rows] for key, rows_of in values.items()}
        with np.errstate(all="ignore"):
            loss = chosen.of_observed(found, points[rows], name)[:, 0] - prior
        return np.where(np.isfinite(loss), loss, np.inf)

    everything = np.arange(len(points))
    parameters = np.array([derivation.first_error_parameters[key] for key in measure.names])
    best = -1
    for _ in range(ROUNDS):
        losses = loss_at(parameters, everything)
        if not np.isfinite(losses).any() or int(np.argmin(losses)) == best:
            break
        best = int(np.argmin(losses))
        found = minimize(
            lambda vector, row=best: float(loss_at(vector, np.array([row]))[0]),
            parameters,
            method="Nelder-Mead",
            options={
                "xatol": 1e-6 * max(float(np.abs(parameters).max()), 1e-12),
                "fatol": 1e-6,
                "maxiter": 400,
            },
        )
        parameters = found.x
    return replace(derivation, error_parameters=dict(zip(measure.names, parameters.tolist(), strict=True)))
