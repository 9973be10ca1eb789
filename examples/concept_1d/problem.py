"""Hyperactive learning in one dimension: the quartic, the basis that learns it, and the belief about its weights.

    f(x) = (x + 2)(x + 1)(x + 1/2)(x - 2),   φ_i(x) = exp(-(x - c_i)²/(2 l)),   l = 1/2,   ten centres in [-2.5, 2.5]

A particle of unit mass moves on the mean of the belief, of which it can be made to seek what is unknown. Its deep well is on the
right; the left one is behind a barrier.
"""

from __future__ import annotations

import numpy as np

from assay.numerics.linear_model import LinearModel

__all__ = [
    "PRIOR_PRECISION",
    "REFERENCE",
    "WINDOW",
    "belief_after",
    "feature_slopes",
    "features",
    "potential",
    "root_mean_square_error",
]

Array = np.ndarray

ROOTS = np.array([-2.0, -1.0, -0.5, 2.0])
CENTRES = np.linspace(-2.5, 2.5, 10)
LENGTH_SQUARED = 0.5
# A prior standard deviation of 10 for each weight; labels are taken to have a noise of 1.
PRIOR_PRECISION = 0.01
WINDOW = (-3.0, 2.5)
REFERENCE = np.linspace(*WINDOW, 100)


def potential(x: Array) -> Array:
    """f, of any shape."""
    return np.prod(np.asarray(x)[..., None] - ROOTS, axis=-1)


def features(x: Array) -> Array:
    """φ: (..., 10)."""
    return np.exp(-((np.asarray(x)[..., None] - CENTRES) ** 2) / (2.0 * LENGTH_SQUARED))


def feature_slopes(x: Array) -> Array:
    """dφ/dx: (..., 10)."""
    return -(np.asarray(x)[..., None] - CENTRES) / LENGTH_SQUARED * features(x)


def belief_after(points: Array) -> LinearModel:
    """The belief about the weights after labels: (..., points); what stands before is a batch of separate beliefs."""
    prior = LinearModel.prior(np.full(len(CENTRES), PRIOR_PRECISION))
    return prior.given(features(points), potential(points)[..., None], np.ones(np.shape(points)[-1:]))


def root_mean_square_error(belief: LinearModel) -> Array:
    """Of the mean of the belief on the window."""
    mean = (features(REFERENCE) @ belief.mean)[..., 0]
    return np.sqrt(((mean - potential(REFERENCE)) ** 2).mean(axis=-1))
