"""A vector whose entries stand at positions, seen at other positions: a spectrum between its wavelengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.errors import UsageError
from assay.numerics.linalg import LapackLinearAlgebra
from assay.numerics.roots import root
from assay.quantities.abstract import AbstractAffineVariable, Affine, Place
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.kernels.pairs import rows_covariance
from assay.surrogates.kernels.profiles import radial_profile

__all__ = ["Interpolation"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class Interpolation(AbstractAffineVariable):
    """W y + ε: a Gaussian process along the positions, given the input's entries, with a constant of unknown size.

    Use it where a model gives a curve at some positions and the objective needs others. With the covariances k between
    output and input positions, C among the input's, c among the output's, and u = 1 - k C⁻¹ 1,

        W = k C⁻¹ + u 1ᵀC⁻¹/(1ᵀC⁻¹1),   cov ε = σ² (c - k C⁻¹ kᵀ + u uᵀ/(1ᵀC⁻¹1))

    so that the rows of W sum to one, a Gaussian stays one, and ε vanishes at the input's positions. Made by
    `Interpolation.of`.

    Arguments:
        input_name: the vector y.
        matrix: W, (K', K).
        noise_root: (K', K'), of cov ε.
        names: of the outputs, K'.

    Source: C. E. Rasmussen, C. K. I. Williams, "Gaussian Processes for Machine Learning", 2006, equations 2.41 and 2.42
    with a constant basis and an infinitely wide prior of its coefficient.
    """

    input_name: str
    matrix: Array
    noise_root: Array
    names: tuple[str, ...]

    @staticmethod
    def of(
        name: str,
        input_name: str,
        input_positions: Sequence[Sequence[float] | float],
        output_positions: Sequence[Sequence[float] | float],
        *,
        kernel: str = "matern52",
        observed: Array | None = None,
        length_scales: Sequence[float] | None = None,
        deviation: float | None = None,
        output_names: Sequence[str] = (),
    ) -> Interpolation:
        """An interpolation as a user writes it.

        Arguments:
            name: of the variable.
            input_name: of what is interpolated.
            input_positions: K positions in M dimensions; a number each where M = 1.
            output_positions: K' of them.
            kernel: "matern12", "matern32", "matern52" or "squared_exponential", along the positions.
            observed: (rows, K), observed input vectors that length scales and deviation are fitted to.
            length_scales: (M,), in the positions' unit; none given: fitted to `observed`, and without it half the
                extent of the positions.
            deviation: σ, in the unit of the values; none given: fitted to `observed`, and without it zero, so that the
                interpolation counts as exact.
            output_names: K' names; none given: the variable's name with a number.

        Raises:
            UsageError: when shapes do not agree, or a length scale or the deviation has the wrong sign.

        Example:
            >>> between = Interpolation.of("v", "loss", [0.0, 1.0, 2.0], [1.0, 1.5], length_scales=[1.0])
            >>> np.round(between.matrix, 3).tolist()
            [[0.0, 1.0, 0.0], [-0.122, 0.61, 0.512]]
        """
        at, to = (
            _table(name, "input_positions", input_positions),
            _table(name, "output_positions", output_positions),
        )
        if at.shape[1] != to.shape[1]:
            raise UsageError(
                f"input_positions and output_positions of the variable {name!r} must have one number of dimensions, "
                f"got {at.shape[1]} and {to.shape[1]}"
            )
        names = tuple(output_names) or tuple(f"{name}{place}" for place in range(len(to)))
        if len(names) != len(to):
            raise UsageError(f"the variable {name!r} needs {len(to)} output names, got {len(names)}")
        scales, sigma = _checked(name, at.shape[1], length_scales, deviation)
        extent = np.ptp(np.concatenate([at, to]), axis=0)
        extent = np.where(extent > 0.0, extent, 1.0)
        fitted_scales, fitted_sigma = 0.5 * extent, 0.0
        if observed is not None and (scales is None or sigma is None) and len(at) > 1:
            fitted_scales, fitted_sigma = _fitted(name, kernel, at, extent, np.asarray(observed, dtype=float))
        matrix, covariance = _conditioned(kernel, at, to, fitted_scales if scales is None else scales)
        size = fitted_sigma if sigma is None else sigma
        return Interpolation(input_name, matrix, size * root(covariance), names)

    @property
    def output_names(self) -> tuple[str, ...]:
        return self.names

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input_name,)

    @property
    def own_normals(self) -> int:
        return len(self.names) if self.noise_root.any() else 0

    def affine(self, place: Place) -> Affine:  # noqa: ARG002 - the same everywhere
        own = self.noise_root[None] if self.own_normals else None
        return Affine(np.zeros((1, len(self.names))), (self.matrix[None],), own)


def _conditioned(kernel: str, at: Array, to: Array, length_scales: Array) -> tuple[Array, Array]:
    """W and cov ε/σ²."""
    profile, categories = radial_profile(kernel), np.zeros(at.shape[1], dtype=bool)
    algebra, weights = LapackLinearAlgebra(), 1.0 / length_scales**2

    def covariance(left: Array, right: Array) -> Array:
        sides = (left, np.full(len(left), -1)), (right, np.full(len(right), -1))
        return rows_covariance(np, profile, *sides, categories, weights)

    factor, cross = algebra.factorise(covariance(at, at)), covariance(at, to)
    plain = algebra.solve(factor, cross).T
    sums = algebra.solve(factor, np.ones((len(at), 1)))[:, 0]
    left_over = 1.0 - plain.sum(axis=1)
    whitened = algebra.solve_triangular(factor, cross)
    rest = covariance(to, to) - whitened.T @ whitened + np.outer(left_over, left_over) / sums.sum()
    np.fill_diagonal(rest, np.maximum(rest.diagonal(), 0.0))
    return plain + np.outer(left_over, sums) / sums.sum(), rest


def _fitted(name: str, kernel: str, at: Array, extent: Array, observed: Array) -> tuple[Array, float]:
    """Length scales and deviation of a process that every observed vector is a draw of."""
    if observed.ndim != 2 or observed.shape[1] != len(at):
        raise UsageError(
            f"observed vectors of the variable {name!r} must have shape (rows, {len(at)}), got {observed.shape}"
        )
    recipe = GaussianProcess(kernel=kernel, noise="none", mean="constant")
    data = Dataset.of((at - at.min(axis=0)) / extent, observed.T)
    posterior = recipe.fit(data, None, np.random.default_rng(0)).posterior
    variance = posterior.signal_variance * posterior.scaling.unit**2
    return posterior.length_scales * extent, float(np.sqrt(variance.mean()))


def _table(name: str, key: str, positions: Sequence[Sequence[float] | float]) -> Array:
    try:
        table = np.array(positions, dtype=float)
    except ValueError:
        table = np.empty((0, 0, 0))
    if table.ndim == 1:
        table = table[:, None]
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise UsageError(
            f"{key} of the variable {name!r} must be finite numbers, or lists of equal length of them"
        )
    if key == "input_positions" and len(np.unique(table, axis=0)) < len(table):
        raise UsageError(f"{key} of the variable {name!r} must differ from one another, got one twice")
    return table


def _checked(
    name: str, dimension: int, length_scales: Sequence[float] | None, deviation: float | None
) -> tuple[Array | None, float | None]:
    scales = None if length_scales is None else np.asarray(length_scales, dtype=float)
    if scales is not None and (scales.shape != (dimension,) or not (scales > 0.0).all()):
        raise UsageError(
            f"the variable {name!r} needs {dimension} positive length scales, got {scales.tolist()}"
        )
    if deviation is not None and not deviation >= 0.0:
        raise UsageError(f"the deviation of the variable {name!r} must not be negative, got {deviation:g}")
    return scales, deviation
