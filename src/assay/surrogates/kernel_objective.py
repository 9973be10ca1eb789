"""What a fit of kernel ridge regression minimises, and its gradient by every hyperparameter at once.

With K the covariance of the rows in units of the signal variance, ridge and known noise included, and z the data less the
prior mean:

    evidence           -½ Σ_k z_kᵀ K⁻¹ z_k/σ_k² - ½ n Σ_k log 2π σ_k² - ½ outputs log det K,   σ_k² = z_kᵀ K⁻¹ z_k/n
    cross-validation   -½ n log (Σ e²/n) with e the errors of rows that their fold leaves out (`held_out`)

One vector holds, in this order: the logarithms of the kernel's hyperparameters; that of the ridge; the prior mean's
parameters as shares of their ranges; and the logarithm of the signal variance where known noise forbids profiling it out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from assay.numerics.linalg import AbstractLinearAlgebra, Factor, unpack_lower
from assay.surrogates.dataset import Dataset
from assay.surrogates.held_out import held_out_loss
from assay.surrogates.kernel_posterior import known_noise
from assay.surrogates.kernels.abstract import AbstractKernel, covariance
from assay.surrogates.kernels.sites import sites_of
from assay.surrogates.prior_mean import AbstractFittedPriorMean, AbstractPriorMean, prior_values

__all__ = ["Criterion", "KernelObjective", "Parts", "profiled_signal"]

Array = np.ndarray
Criterion = Literal["none", "evidence", "cross_validation"]

# The cube root of the rounding unit: it balances the two errors of a central difference.
_STEP = 6e-6
# Keeps logarithms of a variance finite for data that are constant zero.
_SMALLEST = 1e-300
_RIDGES = (1e-12, 10.0)


@dataclass(frozen=True)
class Parts:
    """What a vector stands for; `signal` is None where it is profiled out."""

    kernel: AbstractKernel
    ridge: float
    prior_mean: AbstractPriorMean | None
    signal: float | None


@dataclass(frozen=True)
class KernelObjective:
    """The negative criterion of the hyperparameters given data, and the layout of their vector.

    Arguments:
        given: what the recipe says, from which the fit starts and around which the bounds lie.
        criterion: "none" leaves everything but a signal variance as given.
        fits_ridge: whether the ridge is fitted.
        folds: of the cross-validation.
        widest: by what factor a hyperparameter of the kernel may differ from what is given.
    """

    algebra: AbstractLinearAlgebra
    data: Dataset
    given: Parts
    criterion: Criterion
    fits_ridge: bool
    folds: list[Array]
    widest: float

    @property
    def start(self) -> Array:
        """The vector of what is given."""
        entries = [
            np.log(np.array(self.given.kernel.hyperparameters)),
            [math.log(max(self.given.ridge, _RIDGES[0]))],
        ]
        for value, (low, high) in zip(*self._prior_parameters, strict=True):
            entries.append([(value - low) / (high - low)])
        if self.fits_signal:
            latent = self.data.values - prior_values(self.given.prior_mean, self.data)
            entries.append([math.log(max(float(np.mean(latent[self.data.is_value] ** 2)), _SMALLEST))])
        return np.concatenate(entries)

    def start_of(self, state: Mapping[str, Any]) -> Array:
        """The vector of an earlier fit."""
        vector = self.start
        count = len(self.given.kernel.hyperparameters)
        vector[:count] = np.log(state["hyperparameters"])
        vector[count] = math.log(max(state["ridge"], _RIDGES[0]))
        bounds = self._prior_parameters[1]
        for place, (value, (low, high)) in enumerate(zip(state["prior_parameters"], bounds, strict=True)):
            vector[count + 1 + place] = (value - low) / (high - low)
        if self.fits_signal:
            vector[-1] = math.log(state["signal_variance"][0])
        return vector

    @property
    def bounds(self) -> list[tuple[float, float]]:
        """Of each entry; equal where it is not fitted."""
        free = self.criterion != "none"
        start, spread = self.start, math.log(self.widest) if free else 0.0
        count = len(self.given.kernel.hyperparameters)
        result = [(value - spread, value + spread) for value in start[:count]]
        ridge = start[count]
        result.append(
            (math.log(_RIDGES[0]), math.log(_RIDGES[1])) if free and self.fits_ridge else (ridge, ridge)
        )
        shares = start[count + 1 : count + 1 + len(self._prior_parameters[0])]
        result += [(0.0, 1.0) if free else (share, share) for share in shares]
        if self.fits_signal:
            result.append((start[-1] - math.log(1e6), start[-1] + math.log(1e6)))
        return result

    @property
    def fits_signal(self) -> bool:
        return bool(self.data.noise_variance.any())

    def parts(self, vector: Array) -> Parts:
        """What the vector stands for; what is not fitted is as given, to the bit."""
        count = len(self.given.kernel.hyperparameters)
        kernel, ridge, prior_mean = self.given.kernel, self.given.ridge, self.given.prior_mean
        if self.criterion != "none":
            kernel = kernel.with_hyperparameters(np.exp(vector[:count]).tolist())
            ridge = math.exp(vector[count]) if self.fits_ridge else ridge
            prior_mean = self._prior_at(vector[count + 1 :])
        return Parts(kernel, ridge, prior_mean, math.exp(vector[-1]) if self.fits_signal else None)

    def draw(self, generator: np.random.Generator) -> Array:
        """A fresh start: within a factor of ten of what is given, and anywhere for the ridge and the prior mean."""
        start, (low, high) = self.start, np.array(self.bounds).T
        count = len(self.given.kernel.hyperparameters)
        anywhere = low + (high - low) * generator.random(len(start))
        near = start + math.log(10.0) * (2.0 * generator.random(len(start)) - 1.0)
        drawn = np.where(np.arange(len(start)) < count, near, anywhere)
        if self.fits_signal:
            drawn[-1] = start[-1]
        return np.clip(drawn, low, high)

    def __call__(self, vector: Array) -> tuple[float, Array]:
        """The negative criterion and its gradient by the vector."""
        parts = self.parts(vector)
        sites = sites_of(self.data.points, self.data.derivative)
        latent = self.data.values - prior_values(parts.prior_mean, self.data)
        matrix = covariance(parts.kernel, sites, sites)
        own = matrix.diagonal().copy()
        known = known_noise(self.data) / (parts.signal or 1.0)
        np.einsum("ii->i", matrix)[:] += parts.ridge * own + known
        factor = self.algebra.factorise(matrix)
        alpha = self.algebra.solve(factor, latent)
        if self.criterion == "cross_validation":
            value, by_entry, by_latent, by_signal = self._cross_validated(factor, alpha)
        else:
            value, by_entry, by_latent, by_signal = self._evidence(factor, alpha, latent, parts)
        by_own = by_entry.diagonal()
        gradient = []
        for tangent in parts.kernel.tangents(column := sites.expanded(-1), row := sites.expanded(-2)):
            change = np.broadcast_to(tangent.chosen(column, row), by_entry.shape)
            gradient.append(np.vdot(by_entry, change) + parts.ridge * (by_own @ change.diagonal()))
        gradient.append(parts.ridge * float(by_own @ own))
        gradient += self._by_prior(vector, by_latent)
        if self.fits_signal:
            gradient.append(by_signal - float(by_own @ known))
        low, high = np.array(self.bounds).T
        return -value, -np.where(low == high, 0.0, np.array(gradient))

    def _evidence(
        self, factor: Factor, alpha: Array, latent: Array, parts: Parts
    ) -> tuple[float, Array, Array, float]:
        rows, outputs = latent.shape
        quadratic = np.einsum("nk,nk->k", latent, alpha)
        signal = profiled_signal(latent, alpha) if parts.signal is None else np.full(outputs, parts.signal)
        constant = rows * np.log(2.0 * math.pi * signal)
        value = -0.5 * float(
            (quadratic / signal + constant).sum() + outputs * self.algebra.log_determinant(factor)
        )
        lower = unpack_lower(self.algebra.evidence_gradient(factor, alpha / np.sqrt(signal), outputs), rows)
        by_entry = lower + np.tril(lower, -1).T
        by_signal = 0.5 * float((quadratic / signal - rows).sum())
        return value, by_entry, -alpha / signal, by_signal

    def _cross_validated(self, factor: Factor, alpha: Array) -> tuple[float, Array, Array, float]:
        inverse_lower = self.algebra.inverse_lower(factor)
        inverse = inverse_lower.T @ inverse_lower
        loss, by_entry, by_latent = held_out_loss(inverse, alpha, self.data.is_value, self.folds)
        count = int(self.data.is_value.sum()) * alpha.shape[1]
        loss = max(loss, _SMALLEST)
        slope = -0.5 * count / loss
        return -0.5 * count * math.log(loss / count), slope * by_entry, slope * by_latent, 0.0

    def _by_prior(self, vector: Array, by_latent: Array) -> list[float]:
        at = len(self.given.kernel.hyperparameters) + 1
        shares = vector[at : at + len(self._prior_parameters[0])]
        slopes = []
        for place in range(len(shares)):
            step = _STEP * (np.arange(len(shares)) == place)
            ends = np.minimum(shares + step, 1.0), np.maximum(shares - step, 0.0)
            above, below = (prior_values(self._prior_at(end), self.data) for end in ends)
            width = float((ends[0] - ends[1])[place])
            slopes.append(-float(np.vdot(by_latent, above - below)) / width)
        return slopes

    @property
    def _prior_parameters(self) -> tuple[tuple[float, ...], tuple[tuple[float, float], ...]]:
        prior_mean = self.given.prior_mean
        if not isinstance(prior_mean, AbstractFittedPriorMean):
            return (), ()
        return prior_mean.parameters, prior_mean.parameter_bounds

    def _prior_at(self, shares: Array) -> AbstractPriorMean | None:
        prior_mean = self.given.prior_mean
        if not isinstance(prior_mean, AbstractFittedPriorMean):
            return prior_mean
        values = [
            low + share * (high - low)
            for share, (low, high) in zip(shares, prior_mean.parameter_bounds, strict=False)
        ]
        return prior_mean.with_parameters(values)


def profiled_signal(latent: Array, alpha: Array) -> Array:
    """The signal variance of each output at its optimum: (outputs,)."""
    return np.maximum(np.einsum("nk,nk->k", latent, alpha) / len(latent), _SMALLEST)
