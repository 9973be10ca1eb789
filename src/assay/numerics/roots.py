"""Cholesky roots of many small covariance matrices at once, and their derivative backwards.

With C = L Lᵀ and Φ the lower triangle whose diagonal is halved:

    bar C = (X + Xᵀ)/2,   X = L⁻ᵀ Φ(Lᵀ bar L) L⁻¹

Source: I. Murray, "Differentiation of the Cholesky decomposition", arXiv:1602.07527 (2016), equations 8 to 10.
"""

from __future__ import annotations

import numpy as np

__all__ = ["root", "root_pullback"]

Array = np.ndarray

# Relative to the mean of a diagonal: it moves a standard deviation in its fifth digit where a matrix is singular, as
# the covariance of a smooth function at many close points is.
_JITTER = 1e-10
# Of a variance: below it a matrix counts as zero, whose root has no derivative.
_NOTHING = 1e-60


def root(covariance: Array) -> Array:
    """The lower triangular root of each matrix: (..., size, size) to the same shape.

    A matrix that is singular to rounding is raised by as much as it needs.

    Example:
        >>> root(np.array([[[4.0]], [[9.0]]])).ravel().tolist()
        [2.0, 3.0]
    """
    if covariance.shape[-1] == 1:
        return np.sqrt(np.maximum(covariance, 0.0))
    size = covariance.shape[-1]
    diagonal = np.einsum("...ii->...i", covariance).mean(axis=-1)[..., None, None]
    raised = covariance + (_JITTER * diagonal + _NOTHING) * np.eye(size)
    try:
        return np.linalg.cholesky(raised)
    except np.linalg.LinAlgError:
        # Rounding has made some matrix indefinite; how much is known only from its eigenvalues.
        lowest = np.linalg.eigvalsh(covariance)[..., 0]
        missing = 2.0 * np.maximum(-lowest, 0.0)[..., None, None]
        return np.linalg.cholesky(raised + missing * np.eye(size))


def root_pullback(lower: Array, lower_bar: Array) -> Array:
    """From the bar of `root`'s result to that of the matrices, symmetric; zero where the matrix is zero."""
    diagonal = np.einsum("...ii->...i", lower)
    is_something = (np.abs(diagonal).max(axis=-1) > 1e3 * np.sqrt(_NOTHING))[..., None, None]
    safe = np.where(is_something, lower, np.eye(lower.shape[-1]))
    if lower.shape[-1] == 1:
        return np.where(is_something, 0.5 * lower_bar / safe, 0.0)
    inverse = np.linalg.inv(safe)
    inner = np.tril(np.swapaxes(safe, -1, -2) @ lower_bar)
    np.einsum("...ii->...i", inner)[...] *= 0.5
    whole = np.swapaxes(inverse, -1, -2) @ inner @ inverse
    return np.where(is_something, 0.5 * (whole + np.swapaxes(whole, -1, -2)), 0.0)
