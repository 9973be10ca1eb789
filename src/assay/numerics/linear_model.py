"""The Bayesian linear model on plain arrays: the posterior of weights given a design matrix.

    y = Φ w + e,   w ~ N(0, diag(a)⁻¹),   e_i ~ N(0, 1/b_i)

It is kept as a square root: an upper triangle R and z with

    cov w = (RᵀR)⁻¹,   E w = R⁻¹ z,

by a QR decomposition of the data above the prior, so that its error is of the order eps sqrt(cond) and not eps cond.
R has a positive diagonal, so that it is unique: the same standard normal numbers give the same draws with any LAPACK.
More rows are a smaller decomposition of the same kind. Leading axes are a batch: outputs, members of an ensemble.

Source: G. J. Bierman, Factorization Methods for Discrete Sequential Estimation, Academic Press, 1977.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from assay.errors import UsageError

__all__ = ["LinearModel", "compressed_rows"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class LinearModel:
    """The Gaussian belief about weights after some rows of data.

    Use `LinearModel.prior(precision, targets).given(design, target, row_precision)`. Several targets share the design, the
    precisions and therefore the covariance of their weights.

    Arguments:
        triangle: (..., features + targets, features + targets), upper: R, then z; below them the rest of the data.
        log_normaliser: (...,), what the log evidence of each target holds beside determinant and residual.
        feature_count: the number of features.

    Example:
        >>> design, target = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]), np.array([[1.0], [3.0], [5.0]])
        >>> model = LinearModel.prior(np.full(2, 1e-9)).given(design, target, np.ones(3))
        >>> model.mean[:, 0].round(6).tolist()
        [1.0, 2.0]
    """

    triangle: Array
    log_normaliser: Array
    feature_count: int

    @staticmethod
    def prior(precision: Array, targets: int = 1) -> LinearModel:
        """The belief before any data.

        Arguments:
            precision: (..., features), a, positive.
            targets: the number of columns of data to come.
        """
        features = precision.shape[-1]
        triangle = np.zeros((*precision.shape[:-1], features + targets, features + targets))
        index = np.arange(features)
        triangle[..., index, index] = np.sqrt(precision)
        return LinearModel(triangle, 0.5 * np.log(precision).sum(axis=-1), features)

    def given(self, design: Array, target: Array, row_precision: Array) -> LinearModel:
        """The belief after more rows, in O(features² rows) operations beside those of one small decomposition.

        Arguments:
            design: (..., rows, features), Φ.
            target: (..., rows, targets), y.
            row_precision: (..., rows), b, one over the variance of the noise; a row of precision 0 is as if it were not there.
        """
        weight = np.sqrt(row_precision)[..., None]
        shape = np.broadcast_shapes(
            self.triangle.shape[:-2], design.shape[:-2], target.shape[:-2], weight.shape[:-2]
        )
        rows = np.concatenate(
            [_broadcast(weight * design, shape), _broadcast(weight * target, shape)], axis=-1
        )
        # The heavier rows come first: a Householder decomposition is row-wise stable only then.
        stack = np.concatenate([rows, _broadcast(self.triangle, shape)], axis=-2)
        present = row_precision > 0.0
        logarithm = np.log(np.where(present, row_precision, 2.0 * math.pi)) - math.log(2.0 * math.pi)
        normaliser = self.log_normaliser + 0.5 * logarithm.sum(axis=-1)
        return LinearModel(_triangle(stack), np.broadcast_to(normaliser, shape), self.feature_count)

    def given_inputs(self, design: Array, row_precision: Array) -> LinearModel:
        """The belief after rows whose targets are not known yet: less variance, the same mean and evidence.

        Arguments:
            design: (..., rows, features), Φ.
            row_precision: (..., rows), b, one over the variance of the noise that the targets will have.
        """
        weighted = np.sqrt(row_precision)[..., None] * design
        shape = np.broadcast_shapes(self.triangle.shape[:-2], weighted.shape[:-2])
        stack = [_broadcast(weighted, shape), _broadcast(self.root, shape)]
        return self._with_root(_triangle(np.concatenate(stack, axis=-2)))

    def as_prior(self, share: float = 1.0) -> LinearModel:
        """What was learned, as the prior of other data: the density of the weights to the power `share`.

        Use it to keep a large dataset as one triangle. Of several learners that go on from it and whose information is
        added up later, each of n takes the share 1/n, since information adds up: (RᵀR, Rᵀz) share.

        Arguments:
            share: positive; 1 for the whole.
        """
        if not share > 0.0:
            raise UsageError(f"the share of a belief that becomes a prior must be positive, got {share}")
        features = self.feature_count
        triangle = np.zeros_like(self.triangle)
        triangle[..., :features, :] = math.sqrt(share) * self.triangle[..., :features, :]
        return LinearModel(triangle, _log_determinant(triangle[..., :features, :features]), features)

    def widened(self, directions: Array) -> LinearModel:
        """The belief with the same mean and evidence whose covariance is larger by directionsᵀ directions.

        Arguments:
            directions: (..., count, features), each a shift of the weights.
        """
        # With cov = R⁻¹R⁻ᵀ + DᵀD = SᵀS, the new R is the triangle of S⁻ᵀ.
        covariance_root = _triangle(
            np.concatenate([np.swapaxes(self.inverse_root, -1, -2), directions], axis=-2)
        )
        return self._with_root(_triangle(np.swapaxes(np.linalg.inv(covariance_root), -1, -2)))

    def _with_root(self, root: Array) -> LinearModel:
        """The belief with another covariance and the same mean and evidence."""
        features, shape = self.feature_count, root.shape[:-2]
        triangle = _broadcast(self.triangle, shape).copy()
        triangle[..., :features, :features] = root
        triangle[..., :features, features:] = root @ self.mean
        normaliser = self.log_normaliser + _log_determinant(root) - _log_determinant(self.root)
        return LinearModel(triangle, normaliser, features)

    @property
    def root(self) -> Array:
        """(..., features, features), R."""
        return self.triangle[..., : self.feature_count, : self.feature_count]

    @cached_property
    def inverse_root(self) -> Array:
        """(..., features, features), R⁻¹: the covariance of the weights is R⁻¹ R⁻ᵀ."""
        return np.linalg.solve(self.root, np.broadcast_to(np.eye(self.feature_count), self.root.shape))

    @property
    def projected(self) -> Array:
        """(..., features, targets), z: the mean of R w."""
        return self.triangle[..., : self.feature_count, self.feature_count :]

    @property
    def mean(self) -> Array:
        """(..., features, targets), the mean of the weights."""
        return self.inverse_root @ self.projected

    @property
    def covariance(self) -> Array:
        """(..., features, features), the covariance of the weights, equal for all targets."""
        return self.inverse_root @ np.swapaxes(self.inverse_root, -1, -2)

    @property
    def weight_variance(self) -> Array:
        """(..., features), the diagonal of the covariance."""
        return np.einsum("...ij,...ij->...i", self.inverse_root, self.inverse_root)

    def whitened(self, design: Array) -> Array:
        """Φ R⁻¹, (..., rows, features): its rows' inner products are the posterior covariances of the rows."""
        return design @ self.inverse_root

    def mean_variance(self, design: Array) -> tuple[Array, Array]:
        """Mean (..., rows, targets) and variance (..., rows) of Φ w, without noise."""
        whitened = self.whitened(design)
        return whitened @ self.projected, np.einsum("...ij,...ij->...i", whitened, whitened)

    def log_evidence(self) -> Array:
        """(..., targets), the log density of all data, the weights integrated out.

            log p(y) = Σ (log b_i - log 2π)/2 + Σ log(a_j)/2 - Σ log |R_jj| - ρ²/2,

        with ρ² the least of Σ b (y - Φ w)² + Σ a w².
        """
        return (self.log_normaliser - _log_determinant(self.root))[..., None] - 0.5 * self.residual

    @property
    def residual(self) -> Array:
        """(..., targets), ρ²."""
        rest = self.triangle[..., self.feature_count :, self.feature_count :]
        return np.einsum("...ij,...ij->...j", rest, rest)

    def leverage(self, design: Array, row_precision: Array) -> Array:
        """(..., rows), h_i: the derivative of the fit to a row by its datum; the rows are among those given.

        The sum of all leverages is the number of weights that the data determine.
        """
        return row_precision * self.mean_variance(design)[1]

    def leave_one_out(self, design: Array, target: Array, row_precision: Array) -> tuple[Array, Array]:
        """For each of the rows given, its mean (..., rows, targets) and variance (..., rows), noise included, given all others."""
        mean, variance = self.mean_variance(design)
        left = 1.0 - row_precision * variance
        return target - (target - mean) / left[..., None], 1.0 / (row_precision * left)

    def draws(self, count: int, generator: np.random.Generator) -> Array:
        """Weights drawn from the posterior: (count, ..., features, targets); a committee is a set of draws."""
        normal = generator.standard_normal((count, *self.projected.shape))
        return self.inverse_root @ (self.projected + normal)


def compressed_rows(design: Array, target: Array) -> tuple[Array, Array]:
    """At most features + targets rows that say as much as all rows do, where the rows have equal noise.

    An orthogonal map of the rows leaves every sum of squares of residuals as it is; the rows that it empties are left out, so
    a log evidence of the compressed rows lacks (log b - log 2π)/2 for each.

    Arguments:
        design: (..., rows, features).
        target: (..., rows, targets).
    """
    features = design.shape[-1]
    if design.shape[-2] <= features + target.shape[-1]:
        return design, target
    triangle = _triangle(np.concatenate([design, target], axis=-1))
    return triangle[..., :features], triangle[..., features:]


def _broadcast(matrices: Array, shape: tuple[int, ...]) -> Array:
    return np.broadcast_to(matrices, shape + matrices.shape[-2:])


def _log_determinant(root: Array) -> Array:
    return np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum(axis=-1)


def _triangle(stack: Array) -> Array:
    """The triangle of a QR decomposition, with a diagonal that is not negative."""
    # The type checker takes it for the pair that other modes give.
    triangle = np.asarray(np.linalg.qr(stack, mode="r"))
    sign = np.where(np.diagonal(triangle, axis1=-2, axis2=-1) < 0.0, -1.0, 1.0)
    return sign[..., None] * triangle
