"""From the configuration of a surrogate to the surrogate."""

from __future__ import annotations

import numpy as np

from assay.drivers.configuration import GP
from assay.numerics.coordinates import Coordinates
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.hyperpriors import length_scale_prior

__all__ = ["build_surrogate", "feasibility_surrogate"]

DEFAULT_LENGTH_SCALE_PRIOR = "gamma"

_MATERN = {1: "matern12", 3: "matern32", 5: "matern52"}


def build_surrogate(settings: GP, coordinates: Coordinates, deterministic: bool | None) -> GaussianProcess:
    """The surrogate of one entry of `surrogates`.

    Arguments:
        settings: the entry.
        coordinates: of the space; they say which columns hold labels.
        deterministic: what the driver was told; `detect_noise` of the entry decides where it is given.
    """
    fits_noise = settings.detect_noise if settings.detect_noise is not None else deterministic is not True
    kernel = settings.kernel
    return GaussianProcess(
        kernel=_MATERN[kernel.matern_order] if kernel.type == "Matern" else "squared_exponential",
        mean=settings.mean_function,
        noise="fit" if fits_noise else "none",
        warping=settings.warping_function,
        length_scale_prior=length_scale_prior(kernel.length_scale_prior or DEFAULT_LENGTH_SCALE_PRIOR),
        restarts=settings.num_restarts,
        categories=_categories(coordinates),
    )


def feasibility_surrogate(coordinates: Coordinates) -> GaussianProcess:
    """The model of the labels -1 (success) and +1 (failure); its fitted noise covers failures without a pattern."""
    return GaussianProcess(
        kernel="matern52",
        mean="constant",
        noise="fit",
        warping="identity",
        restarts=1,
        categories=_categories(coordinates),
    )


def _categories(coordinates: Coordinates) -> tuple[int, ...]:
    return tuple(int(index) for index in np.flatnonzero(coordinates.is_category))
