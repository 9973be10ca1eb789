"""The model of one response in natural units, and what its variance comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, final

import numpy as np

from assay.errors import StudyError, UsageError, missing_extra
from assay.space.parameters import Continuous, Integer
from assay.space.space import Space
from assay.study.exploration.rows import Rows
from assay.surrogates.abstract import AbstractPosterior
from assay.surrogates.averaged_gaussian_process import AveragedPosterior
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior

__all__ = ["GIVEN_DATA", "ResponseModel", "sensitivity_of", "sobol_table"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class ResponseModel:
    """What is believed of one response after everything that was evaluated. Made by `Exploration.gp`.

    Arguments:
        name: the response.
        belief: of the study's driver.
        names: the parameters, in order.
    """

    name: str
    belief: Any
    names: tuple[str, ...]

    @property
    def posterior(self) -> AbstractPosterior:
        """The Gaussian process in unit coordinates."""
        return self.belief.posteriors[self.name]

    def predict(self, points: Any) -> tuple[Array, Array]:
        """Mean and variance of the response, without noise.

        Arguments:
            points: a table, mappings from name to value, or rows of all parameters in order.

        Returns:
            (points,) each.
        """
        if not hasattr(points, "to_dict") and not (len(points) and isinstance(points[0], dict)):
            points = [dict(zip(self.names, row, strict=True)) for row in points]
        found = self.belief.predict(points, object_type="surrogate", name=self.name)
        return found["mean"][:, 0], np.maximum(found["variance"][:, 0], 0.0)

    def leave_one_out(self) -> tuple[Array, Array, Array]:
        """Each value beside its prediction from all others: whether the model can be believed.

        Returns: in the order of their numbers, (values,) each: what was measured; the median that is predicted; and what lies
        between them in standard deviations of the prediction, noise included, in the unit in which the model is Gaussian.
        Of a model that is right they are about as draws of a unit Gaussian.

        Raises:
            UsageError: for a model that is no Gaussian process.
        """
        posterior = self.posterior
        if not isinstance(posterior, GaussianProcessPosterior | AveragedPosterior):
            raise UsageError(
                f"the model of {self.name!r} is no Gaussian process: nothing can be left out of it"
            )
        observed, mean, variance = posterior.latent_leave_one_out()
        values, predicted = (posterior.from_latent(part)[:, 0] for part in (observed, mean))
        return values, predicted, ((observed - mean) / np.sqrt(variance))[:, 0]


# Of SALib, those that take what was evaluated as it is, with their modules.
GIVEN_DATA = {"rbd_fast": "rbd_fast", "delta": "delta", "pawn": "pawn", "hdmr": "enhanced_hdmr"}


def sobol_table(found: Mapping[str, Any]) -> Any:
    """The Sobol' indices of one response as a table, one row for each parameter."""
    import pandas as pd

    columns = ("first_order", "first_order_error", "total_order", "total_order_error")
    return pd.DataFrame({key: np.array(found[key])[:, 0] for key in columns}, index=pd.Index(found["names"]))


def sensitivity_of(method: str, space: Space, rows: Rows, response: str, **keys: Any) -> Any:
    """The indices of a method of SALib for what was evaluated, as a table with one row for each parameter.

    Arguments:
        method: one of `GIVEN_DATA`.
        space: its parameters in a range count.
        rows: of an exploration.
        response: its name.
        keys: further ones of the method.

    Raises:
        UsageError: for another method, or one that needs other points or keys.
        StudyError: before anything was evaluated with success.
        MissingExtraError: without SALib.
    """
    if method not in GIVEN_DATA:
        raise UsageError(f"the sensitivity must be sobol or one of {', '.join(GIVEN_DATA)}, got {method!r}")
    ranged = [item for item in space.design if isinstance(item, Continuous | Integer)]
    problem = {
        "num_vars": len(ranged),
        "names": [item.name for item in ranged],
        "bounds": [list(item.domain) for item in ranged],
    }
    points, values = rows.known([item.name for item in ranged], response)
    if not len(points):
        raise StudyError(f"nothing is known yet of the response {response!r}: evaluate samples first")
    try:
        analyse = import_module(f"SALib.analyze.{GIVEN_DATA[method]}").analyze
    except ModuleNotFoundError:
        raise missing_extra("SALib", "sensitivity") from None
    import pandas as pd

    try:
        found = analyse(problem, points, values, **keys)
    except (RuntimeError, ValueError) as error:  # such as too few points for a method
        raise UsageError(f"{method} cannot be used here: {error}") from None
    index = list(found.get("Term", problem["names"]))  # hdmr has terms of two parameters too
    columns = {
        key: np.ravel(part)
        for key, part in found.items()
        if key not in ("names", "Term") and np.shape(part) == (len(index),)
    }
    return pd.DataFrame(columns, index=pd.Index(index))
