"""A Gaussian process as the few numbers that a page computes it from."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
from scipy.stats import qmc

from assay.numerics.coordinates import Coordinates
from assay.surrogates.abstract import AbstractPosterior
from assay.surrogates.averaged_gaussian_process import AveragedPosterior
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior
from assay.surrogates.process import Process
from assay.surrogates.quadrature import hermite_rule

__all__ = ["model_data"]

Array = np.ndarray

# Up to so many rows, for all members together, the page holds L⁻¹; beyond, as many directions as the variance at reference points
# needs, up to a share of it that no picture shows. Below the least variance, in units of the prior's, are only rounding errors.
EXACT_ROWS, REFERENCES, VARIANCE_SHARE, LEAST_VARIANCE = 300, 1024, 1e-3, 1e-14


def model_data(posterior: AbstractPosterior, coordinates: Coordinates) -> dict[str, Any] | None:
    """The numbers of a Gaussian process, or of an average over some, its warping included; None for one with a prior mean, a
    polynomial trend, or derivatives among its rows.

    With k(x) the covariances of a point with the rows, the latent mean of a member is k(x)·alpha and its latent variance, in
    units of the signal variance, 1 + trend - |D k(x)|², D being `directions`; `share` is its weight.

    Arguments:
        posterior: in unit coordinates.
        coordinates: of its space.
    """
    if isinstance(posterior, AveragedPosterior) and posterior.before is None:
        weights = posterior.weights if posterior.weights.ndim == 1 else posterior.weights[:, 0]
        processes, shares = posterior.members, weights.tolist()
    elif isinstance(posterior, GaussianProcessPosterior):
        processes, shares = (posterior,), [1.0]
    else:
        return None
    members = []
    for process, share in zip(processes, shares, strict=True):
        found = _member_data(process, coordinates, int(EXACT_ROWS / math.sqrt(len(processes))))
        if found is None:
            return None
        members.append({"share": share, **found})
    scaling = posterior.scaling
    nodes, weights = hermite_rule()
    return {
        "members": members,
        "warping": {"name": scaling.warping.name, "parameters": scaling.parameters[0].tolist()},
        "outer": [float(scaling.offset[0]), float(scaling.scale[0])],
        "inner": [float(scaling.latent_offset[0]), float(scaling.latent_scale[0])],
        "nodes": nodes.tolist(),
        "nodeWeights": weights.tolist(),
    }


def _member_data(
    posterior: GaussianProcessPosterior, coordinates: Coordinates, exact_rows: int
) -> dict[str, Any] | None:
    """One process; None where a page cannot compute it."""
    if len(posterior.blocks) > 1 or posterior.prior_mean is not None:
        return None
    process = next(iter(posterior.blocks))[1]
    trend = process.prior.trend
    if trend.size > 1 or (process.derivative >= 0).any():
        return None
    directions = _directions(process, coordinates, exact_rows)
    return {
        "profile": process.prior.profile.name,
        "weights": process.prior.weights.tolist(),
        "labels": process.prior.categories.tolist(),
        "trend": float(trend.variance) if trend.size else 0.0,
        "points": process.points.tolist(),
        "alpha": process.alpha[:, 0].tolist(),
        "directions": base64.b64encode(directions.astype("<f8").tobytes()).decode("ascii"),
        "signal": float(posterior.signal_variance[0]),
    }


def _directions(process: Process, coordinates: Coordinates, exact_rows: int) -> Array:
    """D: (directions, rows)."""
    inverse = process.explicit_inverse()
    if len(process.points) <= exact_rows:
        return inverse
    draws = qmc.Sobol(coordinates.dimension, rng=np.random.default_rng(0)).random(REFERENCES)
    counts = coordinates.category_counts
    references = np.where(counts > 0, np.floor(draws * counts), draws)
    sides = ((references, np.full(REFERENCES, -1)), (process.points, process.derivative))
    whitened = process.prior.covariance(*sides) @ inverse.T
    left, sizes, right = np.linalg.svd(whitened, full_matrices=False)
    parts = (left * sizes) ** 2  # of the squared length of each reference point's row
    missing = np.cumsum(parts[:, ::-1], axis=1)[:, ::-1]  # without this direction and those after it
    wanted = VARIANCE_SHARE * np.maximum(process.mean_variance(references)[1], LEAST_VARIANCE)
    enough = np.flatnonzero((missing <= wanted[:, None]).all(axis=0))
    return right[: enough[0] if len(enough) else None] @ inverse
