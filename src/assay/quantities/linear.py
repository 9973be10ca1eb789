"""Chains of affine variables above Gaussian sources: one affine map, exact moments, and the way back.

A node is offset + Σ_s T_s s over independent Gaussian vectors s: the sources, and the own normals of noisy variables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.quantities.abstract import Affine

__all__ = [
    "GaussianMoments",
    "LinearForm",
    "SourceMoments",
    "apply",
    "composed",
    "composed_pullback",
    "identity",
]

Array = np.ndarray


@final
@dataclass(frozen=True)
class LinearForm:
    """offset + Σ_s T_s s.

    Arguments:
        offset: (p, k) or (1, k).
        matrices: by the name of the source or the noisy variable, (p, k, K) or (1, k, K).
    """

    offset: Array
    matrices: Mapping[str, Array]


def identity(name: str, size: int) -> LinearForm:
    """A source as a form."""
    return LinearForm(np.zeros((1, size)), {name: np.eye(size)[None]})


def composed(affine: Affine, inputs: Sequence[LinearForm], name: str) -> LinearForm:
    """An affine map of forms as a form; its own normals go by `name`."""
    offset = affine.offset
    matrices: dict[str, Array] = {}
    for matrix, form in zip(affine.matrices, inputs, strict=True):
        offset = offset + apply(matrix, form.offset)
        for source, inner in form.matrices.items():
            product = matrix @ inner
            matrices[source] = matrices[source] + product if source in matrices else product
    if affine.root is not None:
        matrices[name] = affine.root
    return LinearForm(offset, matrices)


def composed_pullback(
    affine: Affine,
    inputs: Sequence[LinearForm],
    name: str,
    offset_bar: Array,
    matrix_bars: Mapping[str, Array],
) -> tuple[list[tuple[Array, dict[str, Array]]], Array | None]:
    """From the bars of a composed form to those of each input's form, and to the gradient by the points.

    Arguments:
        offset_bar: (p, k).
        matrix_bars: (p, k, K) by source.
    """
    by_input, by_matrix = [], []
    for matrix, form in zip(affine.matrices, inputs, strict=True):
        transposed = np.swapaxes(matrix, 1, 2)
        inner_bars = {source: transposed @ matrix_bars[source] for source in form.matrices}
        by_input.append((apply(transposed, offset_bar), inner_bars))
        if affine.pullback is not None:
            bar = offset_bar[:, :, None] * form.offset[:, None, :]
            for source, inner in form.matrices.items():
                bar = bar + matrix_bars[source] @ np.swapaxes(inner, 1, 2)
            by_matrix.append(bar)
    if affine.pullback is None:
        return by_input, None
    return by_input, affine.pullback(offset_bar, by_matrix, matrix_bars.get(name))


def apply(matrix: Array, vectors: Array) -> Array:
    """Matrix (p or 1, k, K) times vectors (p or 1, K): (p, k)."""
    if len(matrix) == 1:
        return vectors @ matrix[0].T
    return np.einsum("pkj,pj->pk", matrix, np.broadcast_to(vectors, (len(matrix), vectors.shape[1])))


@final
@dataclass(frozen=True)
class SourceMoments:
    """Mean (p, K) and the covariance of each block (p, blocks, size, size) of an independent Gaussian vector."""

    mean: Array
    covariance: Array

    @staticmethod
    def unit(count: int, size: int) -> SourceMoments:
        """Those of standard normals."""
        return SourceMoments(np.zeros((count, size)), np.ones((count, size, 1, 1)))

    @property
    def is_independent(self) -> bool:
        """Whether no two values covary."""
        return self.covariance.shape[-1] == 1

    def times(self, matrix: Array) -> Array:
        """Matrix (p or 1, k, K) times the covariance: (p, k, K)."""
        if self.is_independent:
            return matrix * self.covariance[:, None, :, 0, 0]
        count, blocks, size, _ = self.covariance.shape
        parts = matrix.reshape(len(matrix), -1, blocks, size).swapaxes(1, 2)
        return (parts @ self.covariance).swapaxes(1, 2).reshape(count, -1, blocks * size)

    def covariance_bar(self, left: Array, right: Array) -> Array:
        """The blocks of leftᵀ right: (p, blocks, size, size)."""
        if self.is_independent:
            return (left * right).sum(axis=1)[:, :, None, None]
        count, blocks, size, _ = self.covariance.shape
        left = left.reshape(len(left), -1, blocks, size).swapaxes(1, 2)
        right = right.reshape(count, -1, blocks, size).swapaxes(1, 2)
        return np.swapaxes(left, 2, 3) @ right


@final
@dataclass(frozen=True)
class GaussianMoments:
    """The exact moments of a form, given those of what it is made of."""

    form: LinearForm
    sources: Mapping[str, SourceMoments]

    def mean(self) -> Array:
        """(p, k)."""
        return self.form.offset + sum(
            apply(matrix, self.sources[name].mean) for name, matrix in self.form.matrices.items()
        )

    def variance(self) -> Array:
        """(p, k)."""
        total: Array | float = 0.0
        for name, matrix in self.form.matrices.items():
            source = self.sources[name]
            if source.is_independent:
                total = total + apply(matrix**2, source.covariance[:, :, 0, 0])
            else:
                total = total + (source.times(matrix) * matrix).sum(axis=2)
        return np.asarray(total)

    def covariance(self) -> Array:
        """(p, k, k)."""
        return np.asarray(
            sum(
                self.sources[name].times(matrix) @ np.swapaxes(matrix, 1, 2)
                for name, matrix in self.form.matrices.items()
            )
        )

    @property
    def is_independent(self) -> bool:
        """Whether no two outputs covary, seen from the form alone: one source, one value of it for each output."""
        if len(self.form.matrices) != 1:
            return False
        ((name, matrix),) = self.form.matrices.items()
        used = matrix[0] != 0.0 if len(matrix) == 1 else (matrix != 0.0).any(axis=0)
        return self.sources[name].is_independent and bool(
            (used.sum(axis=0) <= 1).all() and (used.sum(axis=1) <= 1).all()
        )

    def pullback(
        self, mean_bar: Array, covariance_bar: Array
    ) -> tuple[tuple[Array, dict[str, Array]], dict[str, tuple[Array, Array]]]:
        """From the bars of the mean (p, k) and of the covariance (p, k, k), or of the variance (p, k), to those of the
        form (offset, matrices by source) and of each source's moments."""
        whole = covariance_bar.ndim == 3
        symmetric = 0.5 * (covariance_bar + np.swapaxes(covariance_bar, 1, 2)) if whole else covariance_bar
        matrix_bars, source_bars = {}, {}
        for name, matrix in self.form.matrices.items():
            source = self.sources[name]
            weighted = symmetric @ matrix if whole else symmetric[:, :, None] * matrix
            matrix_bars[name] = mean_bar[:, :, None] * source.mean[:, None, :] + 2.0 * source.times(weighted)
            source_bars[name] = (
                apply(np.swapaxes(matrix, 1, 2), mean_bar),
                source.covariance_bar(matrix, weighted),
            )
        return (mean_bar, matrix_bars), source_bars
