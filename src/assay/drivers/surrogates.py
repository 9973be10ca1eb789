"""From the configuration of a surrogate to the surrogate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from assay.numerics.coordinates import Coordinates
from assay.surrogates.configuration import GP, MATERN
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.hyperpriors import length_scale_prior

__all__ = ["TURNS", "Turn", "build_surrogates", "feasibility_surrogate"]

DEFAULT_LENGTH_SCALE_PRIOR = "gamma"


@final
@dataclass(frozen=True)
class Turn:
    """One of the models that take turns, and how it looks.

    Arguments:
        warping: of the surrogate.
        margin: the improvement, in standard deviations of the data, that counts as one; see `suggest_unit`.
    """

    warping: str
    margin: float | None


# For each word of the configuration. A warped model is quick to descend through decades but greedy; a plain one that
# asks for more than the last digits of the present minimum looks around. In turns they avoid each other's worst cases;
# two looks around for each descent find the right basin more often (benchmarks/README.md).
GLOBAL_MARGIN = 0.1
TURNS = {
    "identity": (Turn("identity", None),),
    "sinh": (Turn("sinh", None),),
    "auto": (Turn("auto", 0.0), Turn("identity", GLOBAL_MARGIN), Turn("identity", GLOBAL_MARGIN)),
}

# The noise-to-signal ratio that stands for none, where a smooth vector is modelled: its squares are wanted to more digits
# than its entries. On MGH17 the least sum came ten times nearer to the certified one than with the usual 1e-8, and within
# 1 % of it in two thirds of the evaluations.
SMOOTH_VECTOR_NOISE_RATIO = 1e-10


def build_surrogates(
    settings: GP, coordinates: Coordinates, deterministic: bool | None, warping: str
) -> dict[str, GaussianProcess]:
    """The surrogates of one entry of `surrogates`, by kernel: one, or those that the data choose between.

    A squared exponential knows a smooth function from far fewer looks than a Matern kernel, which is right for all
    others; which one it is, the evidence says.

    Arguments:
        settings: the entry.
        coordinates: of the space; they say which columns hold labels.
        deterministic: what the driver was told; `detect_noise` of the entry decides where it is given.
        warping: the one whose turn it is.
    """
    fits_noise = settings.detect_noise if settings.detect_noise is not None else deterministic is not True
    matern = MATERN[settings.kernel.matern_order]
    kernels = {
        "auto": (matern, "squared_exponential"),
        "Matern": (matern,),
        "SquaredExponential": ("squared_exponential",),
    }[settings.kernel.type]
    common = GaussianProcess(
        mean=settings.mean_function,
        noise="fit" if fits_noise else "none",
        warping=warping,
        length_scale_prior=length_scale_prior(
            settings.kernel.length_scale_prior or DEFAULT_LENGTH_SCALE_PRIOR
        ),
        restarts=settings.num_restarts,
        categories=_categories(coordinates),
    )
    built = {kernel: replace(common, kernel=kernel) for kernel in kernels}
    smooth = built.get("squared_exponential")
    if smooth is not None and settings.output_dim > 1:
        built["squared_exponential"] = replace(smooth, deterministic_noise_ratio=SMOOTH_VECTOR_NOISE_RATIO)
    return built


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
