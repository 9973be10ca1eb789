"""The posterior of kernel ridge regression: a Gaussian process with any kernel, given all rows or seen through a few.

With centres Z (the rows themselves, or inducing ones), L Lᵀ their covariance and k(x) = k(x, Z):

    mean(x) = m(x) + k(x) α
    cov(x, x') = σ² (k(x, x') - a(x)·a(x') + b(x)·b(x')),   a(x) = L⁻¹ k(x)ᵀ,   b(x) = R⁻ᵀ a(x)

Without inducing rows L Lᵀ includes the ridge and b is absent. With them, each row of data is a noisy look at the projection,
its noise being the ridge and what the projection lacks of its variance; RᵀR = I + Σ_i a_i a_iᵀ/noise_i.

Source: C. E. Rasmussen, C. K. I. Williams, "Gaussian Processes for Machine Learning", 2006, chapters 2 and 8;
E. Snelson, Z. Ghahramani, "Sparse Gaussian processes using pseudo-inputs", NIPS 18, 1257 (2006).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from assay.errors import NumericalError, UsageError
from assay.numerics.linalg import AbstractLinearAlgebra, Factor
from assay.numerics.threads import blas_threads_for
from assay.surrogates.dataset import Dataset
from assay.surrogates.held_out import HeldOut, folds_of, held_out
from assay.surrogates.kernel_projection import Projection, lacking, projected, projected_alpha, solve_upper
from assay.surrogates.kernels.abstract import AbstractKernel, covariance, own_variance
from assay.surrogates.kernels.sites import Sites, sites_of, with_directions
from assay.surrogates.latent_gaussian import AbstractLatentGaussian
from assay.surrogates.prior_mean import AbstractPriorMean, prior_values
from assay.surrogates.scaling import OutputScaling

__all__ = ["Conditioned", "KernelPosterior", "known_noise"]

Array = np.ndarray

# The most covariances between points and centres that are held at once: 64 MB.
_MOST_PAIRS = 2**23
# Of a variance of one: a centre that would add less is none.
_LITTLE = 1e-8


@dataclass(frozen=True)
class Conditioned:
    """The centres and what the data said there, in units of the signal variance.

    Arguments:
        points, derivative: of the centres.
        factor: L.
        alpha: (centres, outputs).
        latent: (rows, outputs), the data less the prior mean where the centres are the rows; else None.
        projection: where the centres are inducing rows; else None.
    """

    points: Array
    derivative: Array
    factor: Factor
    alpha: Array
    latent: Array | None
    projection: Projection | None

    @property
    def sites(self) -> Sites:
        """Of the centres."""
        return sites_of(self.points, self.derivative)


@final
@dataclass(frozen=True)
class KernelPosterior(AbstractLatentGaussian):
    """What kernel ridge regression believes after its data.

    Arguments:
        kernel: with the hyperparameters that were found.
        ridge: noise variance over prior variance of each row.
        signal_variance: (outputs,), σ².
        prior_mean: what was believed before, with the parameters that were found.
        conditioned: the data.
        scaling: outputs are kept in their own units.
    """

    algebra: AbstractLinearAlgebra
    kernel: AbstractKernel
    ridge: float
    signal_variance: Array
    prior_mean: AbstractPriorMean | None
    conditioned: Conditioned
    scaling: OutputScaling

    @property
    def dimension(self) -> int:
        return self.conditioned.points.shape[1]

    @property
    def output_correlation(self) -> Array | None:
        return None

    @property
    def jitter(self) -> float:
        """What the factorisation added to the diagonal, in units of the signal variance; usually 0."""
        return self.conditioned.factor.jitter

    def latent_mean_variance(self, points: Array) -> tuple[Array, Array]:
        at_once = max(_MOST_PAIRS // len(self.conditioned.points), 1)
        parts = [self._moments(points[at : at + at_once]) for at in range(0, max(len(points), 1), at_once)]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def latent_mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        cross = self._cross(points)
        whitened, inside = self._whitened(cross)
        back = self._back(whitened, inside)
        mean = cross @ self.conditioned.alpha + self._prior(points)
        by_mean, by_unit = np.empty((*mean.shape, self.dimension)), np.empty(points.shape)
        for column, slopes in self._slopes(points):
            by_mean[..., column] = slopes @ self.conditioned.alpha
            by_unit[:, column] = -2.0 * np.einsum("pn,np->p", slopes, back)
        if self.prior_mean is not None:
            by_mean += self.prior_mean.value_gradient(points)[1]
        variance = _unit_variance(whitened, inside)[:, None] * self.signal_variance
        return mean, variance, by_mean, by_unit[:, None, :] * self.signal_variance[:, None]

    def latent_joint(self, points: Array) -> tuple[Array, Array]:
        cross = self._cross(points)
        whitened, inside = self._whitened(cross)
        unit = covariance(self.kernel, Sites(points), Sites(points)) - whitened.T @ whitened
        if inside is not None:
            unit += inside.T @ inside
        mean = cross @ self.conditioned.alpha + self._prior(points)
        return mean, self.signal_variance[:, None, None] * unit

    def grouped(self, groups: Array) -> tuple[Array, Array]:
        return self._grouped(groups)[:2]

    def grouped_pullback(self, groups: Array) -> tuple[Array, Array, Callable[[Array, Array], Array]]:
        mean, moments, back = self._grouped(groups)
        points = groups.reshape(-1, groups.shape[2])
        prior_slopes = None if self.prior_mean is None else self.prior_mean.value_gradient(points)[1]

        def pullback(mean_bar: Array, covariance_bar: Array) -> Array:
            unit_bar = np.tensordot(self.signal_variance, covariance_bar, (0, 1))
            symmetric = unit_bar + unit_bar.swapaxes(1, 2)
            flat_bar = mean_bar.reshape(len(points), -1)
            by_row = flat_bar @ self.conditioned.alpha.T
            by_row -= (symmetric @ back).reshape(by_row.shape)
            gradient = np.empty(points.shape)
            for column, slopes in self._slopes(points):
                gradient[:, column] = np.einsum("pn,pn->p", slopes, by_row)
            if prior_slopes is not None:
                gradient += (flat_bar[:, None, :] @ prior_slopes)[:, 0]
            gradient = gradient.reshape(groups.shape)
            for column in range(self.dimension):
                left = with_directions(groups, column).expanded(-1)
                own = self.kernel.jet(left, Sites(groups).expanded(-2)).left
                gradient[..., column] += (symmetric * own).sum(axis=2)
            return gradient

        return mean, moments, pullback

    def condition(self, data: Dataset) -> KernelPosterior:
        latent = data.values - prior_values(self.prior_mean, data)
        return self._extended(data, latent, known_noise(data) / self.signal_variance[0])

    def condition_on_inputs(self, points: Array) -> KernelPosterior:
        mean = self._cross(points) @ self.conditioned.alpha
        seeing = self if self.conditioned.projection is None else self._with_centres(points)
        return seeing._extended(Dataset.of(points, mean), mean, np.zeros(len(points)))

    def log_marginal_likelihood(self) -> float:
        """The log density of the data, given the hyperparameters.

            -½ Σ_k z_kᵀ K⁻¹ z_k/σ_k² - ½ n Σ_k log 2π σ_k² - ½ outputs log det K

        Raises:
            UsageError: with inducing rows.
        """
        latent, data = self._exact("the log marginal likelihood")
        rows, outputs = latent.shape
        quadratic = np.einsum("nk,nk->k", latent, data.alpha) / self.signal_variance
        constant = rows * np.log(2.0 * math.pi * self.signal_variance)
        return -0.5 * float(
            (quadratic + constant).sum() + outputs * self.algebra.log_determinant(data.factor)
        )

    def leave_out(self, folds: int | None = None, seed: int = 0) -> HeldOut:
        """Each row predicted from the rows of the other folds, in closed form, with these hyperparameters.

            e_B = (K⁻¹_BB)⁻¹ (K⁻¹ z)_B

        Use it as a check on predictions and on their deviations, where no data can be spared. Rows at one point are in
        one fold.

        Arguments:
            folds: the number of folds; None: each point alone.
            seed: of the folds.

        Raises:
            UsageError: with inducing rows.
        """
        _, data = self._exact("what is left out")
        inverse_lower = self.algebra.inverse_lower(data.factor)
        chosen = folds_of(data.points, folds, seed)
        return held_out(data.derivative < 0, inverse_lower, data.alpha, self.signal_variance, chosen)

    def _moments(self, points: Array) -> tuple[Array, Array]:
        cross = self._cross(points)
        unit = _unit_variance(*self._whitened(cross))
        mean = cross @ self.conditioned.alpha + self._prior(points)
        return mean, unit[:, None] * self.signal_variance

    def _grouped(self, groups: Array) -> tuple[Array, Array, Array]:
        """Mean, covariance, and C k for `grouped_pullback`: (groups, members, centres)."""
        shape = groups.shape[:2]
        points = groups.reshape(-1, groups.shape[2])
        cross = self._cross(points)
        whitened, inside = self._whitened(cross)
        unit = self.kernel.jet(Sites(groups).expanded(-1), Sites(groups).expanded(-2)).value
        unit = unit - _gram(whitened, shape)
        if inside is not None:
            unit += _gram(inside, shape)
        variance = np.einsum("pmm->pm", unit)
        np.maximum(variance, 0.0, out=variance)
        mean = cross @ self.conditioned.alpha + self._prior(points)
        back = self._back(whitened, inside).T.reshape(*shape, -1)
        return mean.reshape(*shape, -1), unit[:, None] * self.signal_variance[:, None, None], back

    def _extended(self, data: Dataset, latent: Array, noise: Array) -> KernelPosterior:
        old, new = self.conditioned, sites_of(data.points, data.derivative)
        own = own_variance(self.kernel, new)
        with blas_threads_for(len(old.points)):
            cross = covariance(self.kernel, old.sites, new)
            if old.projection is not None:
                whitened = self.algebra.solve_triangular(old.factor, cross)
                noise = noise + self.ridge * own + lacking(own, whitened)
                projection = projected(whitened, noise, latent, old.projection)[0]
                alpha = projected_alpha(old.factor, projection)
                return replace(self, conditioned=replace(old, alpha=alpha, projection=projection))
            corner = covariance(self.kernel, new, new) + np.diag(self.ridge * own + noise)
            factor = _extended_factor(self.algebra, old.factor, cross, corner)
            assert old.latent is not None
            together = np.concatenate([old.latent, latent])
            conditioned = Conditioned(
                np.concatenate([old.points, data.points]),
                np.concatenate([old.derivative, data.derivative]),
                factor,
                self.algebra.solve(factor, together),
                together,
                None,
            )
        return replace(self, conditioned=conditioned)

    def _with_centres(self, points: Array) -> KernelPosterior:
        """The same belief with further centres where the others leave something of the variance.

        The rows so far spoke of the old centres alone, so that R becomes that of a block with the identity.
        """
        old = self.conditioned
        assert old.projection is not None
        cross = covariance(self.kernel, old.sites, Sites(points))
        is_new = lacking(np.ones(len(points)), self.algebra.solve_triangular(old.factor, cross)) > _LITTLE
        fresh = np.unique(points[is_new], axis=0)
        new = Sites(fresh)
        cross, corner = covariance(self.kernel, old.sites, new), covariance(self.kernel, new, new)
        factor = _extended_factor(self.algebra, old.factor, cross, corner)
        upper = np.eye(len(old.points) + len(fresh))
        upper[: len(old.points), : len(old.points)] = old.projection.upper
        none = np.zeros((len(fresh), self.output_dimension))
        conditioned = Conditioned(
            np.concatenate([old.points, fresh]),
            np.concatenate([old.derivative, np.full(len(fresh), -1)]),
            factor,
            np.concatenate([old.alpha, none]),
            None,
            Projection(upper, np.concatenate([old.projection.right, none])),
        )
        return replace(self, conditioned=conditioned)

    def _exact(self, what: str) -> tuple[Array, Conditioned]:
        if self.conditioned.latent is None:
            raise UsageError(f"{what} of kernel ridge regression needs all rows, got inducing ones")
        return self.conditioned.latent, self.conditioned

    def _prior(self, points: Array) -> Array | float:
        return 0.0 if self.prior_mean is None else self.prior_mean.value(points)

    def _cross(self, points: Array) -> Array:
        return covariance(self.kernel, Sites(points), self.conditioned.sites)

    def _slopes(self, points: Array) -> Iterator[tuple[int, Array]]:
        """For each column, the derivative of the cross covariance by it: (points, centres)."""
        sites = self.conditioned.sites
        for column in range(self.dimension):
            yield column, covariance(self.kernel, with_directions(points, column), sites)

    def _whitened(self, cross: Array) -> tuple[Array, Array | None]:
        """a and b: (centres, points)."""
        whitened = self.algebra.solve_triangular(self.conditioned.factor, cross.T)
        projection = self.conditioned.projection
        return whitened, None if projection is None else solve_upper(
            projection.upper, whitened, transpose=True
        )

    def _back(self, whitened: Array, inside: Array | None) -> Array:
        """L⁻ᵀ (a - R⁻¹ b): (centres, points)."""
        projection = self.conditioned.projection
        if projection is not None and inside is not None:
            whitened = whitened - solve_upper(projection.upper, inside)
        return solve_upper(self.conditioned.factor.lower.T, whitened)


def known_noise(data: Dataset) -> Array:
    """The known noise of each row, in the output's unit squared: (rows,).

    Raises:
        UsageError: when there is some, and several outputs, which would not share a covariance.
    """
    if data.output_dimension > 1 and data.noise_variance.any():
        raise UsageError(
            f"known noise of kernel ridge regression needs one output, got {data.output_dimension}; fit each alone"
        )
    return data.noise_variance[:, 0]


def _extended_factor(algebra: AbstractLinearAlgebra, old: Factor, cross: Array, corner: Array) -> Factor:
    try:
        return algebra.extend(old, cross, corner)
    except NumericalError:
        # Singular to rounding: the whole matrix may still be factorised, with a larger jitter.
        lower = np.asarray(old.lower)
        whole = lower @ lower.T - old.jitter * np.eye(len(lower))
        return algebra.factorise(np.block([[whole, cross], [cross.T, corner]]))


def _unit_variance(whitened: Array, inside: Array | None) -> Array:
    variance = 1.0 - np.einsum("np,np->p", whitened, whitened)
    if inside is not None:
        variance += np.einsum("np,np->p", inside, inside)
    return np.maximum(variance, 0.0)


def _gram(whitened: Array, shape: tuple[int, int]) -> Array:
    members = whitened.T.reshape(*shape, -1)
    return members @ members.swapaxes(1, 2)
