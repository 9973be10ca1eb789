"""A surrogate as a random vector at every point, there and at the points that follow from it by replacing columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from assay.numerics.roots import root, root_pullback
from assay.quantities.abstract import AbstractSource
from assay.surrogates.abstract import AbstractPosterior
from assay.surrogates.latent_gaussian import AbstractLatentGaussian
from assay.surrogates.quadrature import warped_block_covariance
from assay.surrogates.scaling import OutputScaling

__all__ = ["Placement", "Source"]

Array = np.ndarray
Placement = Mapping[int, float]
"""Columns that are replaced, each with the unit coordinate that it gets; the empty one is the point itself."""


@final
@dataclass(frozen=True)
class Source(AbstractSource):
    """A surrogate as a random vector: for each output, its value at all placements.

    Use it below variables: the posterior's outputs at the point, or, for a scan, at several points at once with
    their covariance. Draws are mean + root·normal with the Cholesky root of the placements' covariance, in latent units
    where the posterior is Gaussian only there.

    Arguments:
        posterior: of the surrogate.
        placements: at least one.
        names: of the posterior's outputs; none given: their numbers.
        correlated: one for each placement, False where it is to be independent of all others; none given: True.

    Example:
        >>> from assay.surrogates.dataset import Dataset
        >>> from assay.surrogates.gaussian_process import GaussianProcess
        >>> x = np.linspace(0.0, 1.0, 8)
        >>> data = Dataset.of(np.stack([x, x[::-1] ** 2], axis=1), x)
        >>> fitted = GaussianProcess(noise="none").fit(data, None, np.random.default_rng(0))
        >>> source = Source(fitted.posterior, ({}, {1: 0.5}))
        >>> mean, variance = source.mean_variance(np.array([[0.2, 0.9], [0.4, 0.5]]))
        >>> mean.shape, bool(mean[1, 0] == mean[1, 1])
        ((2, 2), True)
    """

    posterior: AbstractPosterior
    placements: tuple[Placement, ...] = ({},)
    names: tuple[str, ...] | None = None
    correlated: tuple[bool, ...] | None = None

    @property
    def output_names(self) -> tuple[str, ...]:
        names = self.names or tuple(map(str, range(self.posterior.output_dimension)))
        if len(self.placements) == 1:
            return names
        return tuple(f"{name}@{place}" for name in names for place in range(len(self.placements)))

    @property
    def is_gaussian(self) -> bool:
        return self.posterior.is_gaussian

    @property
    def normal_dimension(self) -> int:
        return self.posterior.output_dimension * len(self.placements)

    def mean_variance(self, points: Array) -> tuple[Array, Array]:
        mean, variance = self.posterior.mean_variance(self._flat(points))
        return self._by_output(points, mean), self._by_output(points, variance)

    def mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        parts = self.posterior.mean_variance_gradient(self._flat(points))
        mean, variance, by_mean, by_variance = (self._by_output(points, part) for part in parts)
        kept = np.tile(self._kept, (self.posterior.output_dimension, 1))
        return mean, variance, by_mean * kept, by_variance * kept

    def mean_covariance(self, points: Array) -> tuple[Array, Array]:
        mean, blocks = self._block_moments(points)
        if not self.is_gaussian:
            mean, blocks = warped_block_covariance(self._own_units, mean, blocks)
        count, number, size, _ = blocks.shape
        whole = np.zeros((count, number, size, number, size))
        whole[:, np.arange(number), :, np.arange(number), :] = blocks.swapaxes(0, 1)
        return mean, whole.reshape(count, number * size, number * size)

    def quantiles(self, points: Array, probabilities: Array) -> Array:
        values = self.posterior.quantiles(self._flat(points), probabilities)
        return np.stack([self._by_output(points, value) for value in values])

    def distribution(self, points: Array) -> Callable[[Array], Array]:
        below, count, number = (
            self.posterior.distribution(self._flat(points)),
            len(points),
            len(self.placements),
        )

        def shares(values: Array) -> Array:
            *more, _, size = values.shape
            by_placement = values.reshape(*more, count, size // number, number).swapaxes(-1, -2)
            found = below(by_placement.reshape(*more, count * number, size // number))
            return found.reshape(*more, count, number, size // number).swapaxes(-1, -2).reshape(values.shape)

        return shares

    def block_moments(self, points: Array) -> tuple[Array, Array]:
        return self._block_moments(points)

    def block_moments_pullback(self, points: Array) -> tuple[Array, Array, Callable[[Array, Array], Array]]:
        mean, covariance, back = self._moments_pullback(points)
        correlation, shape = self.posterior.output_correlation, mean.shape
        if correlation is None:
            return (
                mean.reshape(len(points), -1),
                covariance,
                lambda mean_bar, blocks_bar: back(mean_bar.reshape(shape), blocks_bar),
            )
        roots = root(covariance)

        def pullback(mean_bar: Array, block_bar: Array) -> Array:
            bar = block_bar.reshape(*shape, *shape[1:])
            symmetric = bar + np.transpose(bar, (0, 3, 4, 1, 2))
            root_bar = np.einsum("paibj,ab,pbjc->paic", symmetric, correlation, roots, optimize=True)
            return back(mean_bar.reshape(shape), root_pullback(roots, root_bar))

        return mean.reshape(len(points), -1), _correlated(roots, correlation), pullback

    def draw(self, points: Array, normal: Array) -> Array:
        mean, covariance = self._moments(points)
        values = _drawn(mean, root(covariance), self._mixed(normal))
        return values if self.is_gaussian else self._own_units(values)

    def draw_pullback(self, points: Array, normal: Array) -> tuple[Array, Callable[[Array], Array]]:
        mean, covariance, back = self._moments_pullback(points)
        roots, mixed = root(covariance), self._mixed(normal)
        values, slope = _drawn(mean, roots, mixed), None
        if not self.is_gaussian:
            values, slope = self._own_units_slope(values)

        def pullback(bar: Array) -> Array:
            mean_bar, root_bar = _drawn_pullback(mixed, bar if slope is None else bar * slope, roots.shape)
            return back(mean_bar, root_pullback(roots, root_bar))

        return values, pullback

    # -- the points ----------------------------------------------------------------------------------------

    @cached_property
    def _kept(self) -> Array:
        """(placements, d), one where the column is the point's own, zero where it is replaced."""
        kept = np.ones((len(self.placements), self.posterior.dimension))
        for row, placement in zip(kept, self.placements, strict=True):
            row[list(placement)] = 0.0
        return kept

    @cached_property
    def _replaced(self) -> Array:
        """(placements, d), what stands where a column is replaced."""
        replaced = np.zeros((len(self.placements), self.posterior.dimension))
        for row, placement in zip(replaced, self.placements, strict=True):
            row[list(placement)] = list(placement.values())
        return replaced

    @cached_property
    def _mask(self) -> Array | None:
        """(placements, placements), zero between placements that are to be independent; None for none."""
        if self.correlated is None or all(self.correlated):
            return None
        together = np.array(self.correlated)
        return (together[:, None] & together) | np.eye(len(together), dtype=bool)

    def _groups(self, points: Array) -> Array:
        return points[:, None, :] * self._kept + self._replaced

    def _flat(self, points: Array) -> Array:
        return self._groups(points).reshape(-1, points.shape[1])

    def _by_output(self, points: Array, values: Array) -> Array:
        """(points·placements, outputs, ...) to (points, outputs·placements, ...)."""
        parts = values.reshape(len(points), len(self.placements), *values.shape[1:]).swapaxes(1, 2)
        return parts.reshape(len(points), -1, *values.shape[2:])

    # -- moments by output: mean (p, outputs, placements), covariance (p, outputs, placements, placements) --

    def _moments(self, points: Array) -> tuple[Array, Array]:
        """In own units where the posterior is Gaussian there, else in latent ones."""
        mean, covariance = self.posterior.grouped(self._groups(points))
        return self._scaled(mean, covariance)

    def _moments_pullback(self, points: Array) -> tuple[Array, Array, Callable[[Array, Array], Array]]:
        mean, covariance, back = self.posterior.grouped_pullback(self._groups(points))
        unit = 1.0 if self._affine is None else self._affine.unit
        factor = 1.0 if self._affine is None else self._affine.unit[:, None, None] ** 2
        if self._mask is not None:
            factor = factor * self._mask

        def pullback(mean_bar: Array, covariance_bar: Array) -> Array:
            groups_bar = back(mean_bar.swapaxes(1, 2) * unit, covariance_bar * factor)
            return np.einsum("pmd,md->pd", groups_bar, self._kept)

        return *self._scaled(mean, covariance), pullback

    def _scaled(self, mean: Array, covariance: Array) -> tuple[Array, Array]:
        if self._mask is not None:
            covariance = covariance * self._mask
        if self._affine is not None:
            mean = self._affine.from_latent(mean)
            covariance = covariance * self._affine.unit[:, None, None] ** 2
        return mean.swapaxes(1, 2), covariance

    def _block_moments(self, points: Array) -> tuple[Array, Array]:
        mean, covariance = self._moments(points)
        correlation = self.posterior.output_correlation
        if correlation is not None:
            covariance = _correlated(root(covariance), correlation)
        return mean.reshape(len(points), -1), covariance

    # -- units and correlations ----------------------------------------------------------------------------

    @property
    def _scaling(self) -> OutputScaling | None:
        return self.posterior.scaling if isinstance(self.posterior, AbstractLatentGaussian) else None

    @property
    def _affine(self) -> OutputScaling | None:
        return self._scaling if self.is_gaussian else None

    def _own_units(self, values: Array) -> Array:
        return self._own_units_slope(values)[0]

    def _own_units_slope(self, values: Array) -> tuple[Array, Array]:
        """Latent values (..., outputs·placements) in own units, with the slope of the map."""
        if self._scaling is None:
            return values, np.ones_like(values)
        split = values.reshape(*values.shape[:-1], -1, len(self.placements)).swapaxes(-1, -2)
        own, slope = self._scaling.from_latent_slope(split)
        return own.swapaxes(-1, -2).reshape(values.shape), slope.swapaxes(-1, -2).reshape(values.shape)

    def _mixed(self, normal: Array) -> Array:
        """Normals (S, outputs, placements), correlated between the outputs."""
        split = normal.reshape(len(normal), -1, len(self.placements))
        correlation = self.posterior.output_correlation
        if correlation is None:
            return split
        return np.einsum("ab,sbm->sam", root(correlation), split)


def _correlated(roots: Array, correlation: Array) -> Array:
    """One block of all values: ρ_ab root_a root_bᵀ, so that moments are those of the draws."""
    count, outputs, size, _ = roots.shape
    whole = np.einsum("paic,ab,pbjc->paibj", roots, correlation, roots, optimize=True)
    return whole.reshape(count, 1, outputs * size, outputs * size)


def _drawn(mean: Array, roots: Array, normal: Array) -> Array:
    """mean + root·normal: (S, p, outputs·placements)."""
    count, outputs, size = mean.shape
    if size == 1:
        values = roots[..., 0, 0] * normal[..., 0][:, None]
        values += mean[..., 0]
        return values
    values = roots @ np.transpose(normal, (1, 2, 0))
    values += mean[..., None]
    return np.moveaxis(values, -1, 0).reshape(len(normal), count, outputs * size)


def _drawn_pullback(normal: Array, bar: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """From the bar of draws to those of the mean (p, outputs, placements) and of the roots."""
    count, outputs, size, _ = shape
    mean_bar = bar.sum(axis=0).reshape(shape[:3])
    if size == 1:
        return mean_bar, np.einsum("spk,sk->pk", bar, normal[..., 0])[..., None, None]
    split = np.transpose(bar.reshape(len(bar), count, outputs, size), (2, 1, 3, 0))
    root_bar = split.reshape(outputs, count * size, -1) @ np.transpose(normal, (1, 0, 2))
    return mean_bar, np.transpose(root_bar.reshape(outputs, count, size, size), (1, 0, 2, 3))
