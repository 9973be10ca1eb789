"""The hyperparameters of a Gaussian process: maximum a posteriori by multi-start L-BFGS-B on their logarithms.

One vector holds, in this order: log length scales; log noise-to-signal ratio (where fitted); log signal variance
(where the known noise forbids profiling it out); the warping's parameters, output by output.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.numerics.linalg import AbstractLinearAlgebra
from assay.surrogates.evidence import (
    Evidence,
    EvidenceTable,
    Hyperparameters,
    evidence_gradient,
    evidence_value,
)
from assay.surrogates.evidence_large import LargeTable, large_evidence_gradient, large_evidence_value
from assay.surrogates.hyperpriors import AbstractLengthScalePrior
from assay.surrogates.kernels.profiles import AbstractRadialProfile
from assay.surrogates.scaling import OutputScaling, fitted_scaling, latent_moments
from assay.surrogates.warping import AbstractWarping

__all__ = ["Climb", "NoisePrior", "Objective", "climb"]

Array = np.ndarray

# Of the log posterior, relative, and of its gradient by a logarithm: ten times tighter ones cost an eighth more
# evaluations and gain less than 1e-4 of log posterior.
_TOLERANCES = {"ftol": 1e-6, "gtol": 1e-2}
# In logarithms: two optima of the hyperparameters are never this close.
_SAME_OPTIMUM = 0.3


@dataclass(frozen=True)
class NoisePrior:
    """log η ~ N(location, scale²) for the noise-to-signal ratio η, within [smallest, largest]."""

    location: float = -6.0
    scale: float = 3.0
    smallest: float = 1e-8
    largest: float = 10.0

    @property
    def bounds(self) -> tuple[float, float]:
        """Of log η."""
        return math.log(self.smallest), math.log(self.largest)

    def value_gradient(self, log_ratio: float) -> tuple[float, float]:
        """The log density of log η, up to a constant, and its derivative."""
        z = (log_ratio - self.location) / self.scale
        return -0.5 * z * z, -z / self.scale


@dataclass(frozen=True)
class Objective:
    """The negative log posterior of the hyperparameters, and the layout of their vector.

    Arguments:
        tables: groups of outputs that share their known noise: the outputs' numbers and the table of each.
        offset, scale: (outputs,), the standardisation.
        standardised: (rows, outputs), the residuals that the warping acts on, in standardised units.
        fixed_noise_ratio: η where it is not fitted, else None.
        correlated: whether the correlation of the outputs is learned; then they share one table.
        held: for each length scale None, or the logarithm that it is held at; empty: all are fitted.
    """

    algebra: AbstractLinearAlgebra
    profile: AbstractRadialProfile
    tables: tuple[tuple[Array, EvidenceTable | LargeTable], ...]
    offset: Array
    scale: Array
    standardised: Array
    warping: AbstractWarping
    length_scale_prior: AbstractLengthScalePrior
    noise_prior: NoisePrior
    fixed_noise_ratio: float | None
    signal_weight: float
    length_scale_bounds: tuple[float, float]
    correlated: bool = False
    held: tuple[float | None, ...] = ()

    @property
    def dimension(self) -> int:
        """The number of length scales."""
        return self.tables[0][1].dimension

    @property
    def fits_noise(self) -> bool:
        return self.fixed_noise_ratio is None

    @property
    def fits_signal(self) -> bool:
        return any(table.noise is not None for _, table in self.tables)

    @property
    def covariance_size(self) -> int:
        """The number of entries before the warping's parameters."""
        return self.dimension + self.fits_noise + self.fits_signal

    @property
    def bounds(self) -> list[tuple[float, float]]:
        """Of each entry of the vector."""
        low, high = self.length_scale_bounds
        free = (math.log(low), math.log(high))
        held = self.held or (None,) * self.dimension
        result = [free if value is None else (value, value) for value in held]
        if self.fits_noise:
            result.append(self.noise_prior.bounds)
        if self.fits_signal:
            result.append((math.log(1e-6), math.log(1e6)))
        return result + list(self.warping.bounds) * self.standardised.shape[1]

    def parts(self, vector: Array) -> tuple[Hyperparameters, Array]:
        """The hyperparameters, and the warping's parameters (outputs, parameters)."""
        outputs = self.standardised.shape[1]
        at = self.dimension
        ratio = self.fixed_noise_ratio
        if ratio is None:
            ratio = math.exp(vector[at])
            at += 1
        signal = None
        if self.fits_signal:
            signal = np.full(outputs, math.exp(vector[at]))
            at += 1
        weights = np.exp(-2.0 * vector[: self.dimension])
        return Hyperparameters(weights, ratio, signal), vector[at:].reshape(
            outputs, self.warping.parameter_count
        )

    def start(self, state: Mapping[str, Any] | None) -> Array:
        """The vector of an earlier fit; without one, the middle of the priors."""
        outputs = self.standardised.shape[1]
        known = {} if state is None else state
        parts = [
            np.array(
                known.get("log_length_scales", self.length_scale_prior.start(self.dimension)), dtype=float
            )
        ]
        if self.fits_noise:
            ratio = known.get("noise_ratio", math.exp(self.noise_prior.location))
            parts.append(np.array([math.log(max(ratio, self.noise_prior.smallest))]))
        if self.fits_signal:
            parts.append(np.array([math.log(np.mean(known.get("signal_variance", [1.0])))]))
        if self.warping.parameter_count and known.get("warping") == self.warping.name:
            parts.append(np.ravel(known["warping_parameters"]))
        else:
            parts += [self.warping.start(self.standardised[:, k]) for k in range(outputs)]
        return np.concatenate(parts)

    def draw(self, generator: np.random.Generator) -> Array:
        """A fresh vector: length scales and noise from their priors."""
        vector = self.start(None)
        vector[: self.dimension] = self.length_scale_prior.draw(self.dimension, generator)
        if self.fits_noise:
            vector[self.dimension] = (
                self.noise_prior.location + self.noise_prior.scale * generator.standard_normal()
            )
        low, high = np.array(self.bounds).T
        return np.clip(vector, low, high)

    def scaling(self, parameters: Array) -> OutputScaling:
        """Between own and latent units, for the warping's parameters (outputs, parameters)."""
        return fitted_scaling(self.warping, self.offset, self.scale, parameters, self.standardised)

    def value(self, vector: Array) -> float:
        """The negative log posterior alone, at a third of the cost."""
        hyperparameters, parameters = self.parts(vector)
        latent = self._latent(parameters)
        value = self.length_scale_prior.value_gradient(vector[: self.dimension])[0]
        for outputs, table in self.tables:
            own = hyperparameters.of_outputs(outputs)
            value += self._evidence_value(table, own, latent[:, outputs])
        if self.fits_noise:
            value += self.noise_prior.value_gradient(vector[self.dimension])[0]
        if self.warping.parameter_count:
            value += self._warping_gradient(parameters, np.zeros_like(latent))[0]
        return -value

    def __call__(self, vector: Array) -> tuple[float, Array]:
        """The negative log posterior (up to a constant) and its gradient by the vector."""
        hyperparameters, parameters = self.parts(vector)
        latent = self._latent(parameters)
        by_weights, by_ratio, by_signal = np.zeros(self.dimension), 0.0, 0.0
        by_latent = np.empty_like(latent)
        value = 0.0
        for outputs, table in self.tables:
            own = hyperparameters.of_outputs(outputs)
            evidence = self._evidence_gradient(table, own, latent[:, outputs])
            value += evidence.value
            by_weights += evidence.by_weights
            by_ratio += evidence.by_noise_ratio
            by_signal += evidence.by_log_signal
            by_latent[:, outputs] = evidence.by_latent
        prior, by_scales = self.length_scale_prior.value_gradient(vector[: self.dimension])
        value += prior
        gradient = [by_scales - 2.0 * hyperparameters.weights * by_weights]
        if self.fits_noise:
            prior, slope = self.noise_prior.value_gradient(vector[self.dimension])
            value += prior
            gradient.append(np.array([slope + hyperparameters.noise_ratio * by_ratio]))
        if self.fits_signal:
            gradient.append(np.array([by_signal]))
        if self.warping.parameter_count:
            added, by_parameters = self._warping_gradient(parameters, by_latent)
            value += added
            gradient.append(by_parameters)
        return -value, -np.concatenate(gradient)

    def _evidence_value(
        self, table: EvidenceTable | LargeTable, own: Hyperparameters, latent: Array
    ) -> float:
        rest = self.profile, own, latent, self.signal_weight
        if isinstance(table, LargeTable):
            return large_evidence_value(table, *rest, correlated=self.correlated)
        return evidence_value(self.algebra, table, *rest, correlated=self.correlated).value

    def _evidence_gradient(
        self, table: EvidenceTable | LargeTable, own: Hyperparameters, latent: Array
    ) -> Evidence:
        rest = self.profile, own, latent, self.signal_weight
        if isinstance(table, LargeTable):
            return large_evidence_gradient(table, *rest, correlated=self.correlated)
        return evidence_gradient(self.algebra, table, *rest, correlated=self.correlated)

    def _latent(self, parameters: Array) -> Array:
        if not self.warping.parameter_count:
            return self.standardised
        warped = [self.warping.forward(self.standardised[:, k], row)[0] for k, row in enumerate(parameters)]
        stacked = np.stack(warped, axis=1)
        offset, scale = latent_moments(stacked)
        return (stacked - offset) / scale

    def _warping_gradient(self, parameters: Array, by_latent: Array) -> tuple[float, Array]:
        """log |dz/du| and the warping's prior; the gradient of all by the warping's parameters."""
        value, gradient = 0.0, []
        for k, row in enumerate(parameters):
            values = self.standardised[:, k]
            warped, log_slope = self.warping.forward(values, row)
            by_warped, by_log_slope = self.warping.forward_gradient(values, row)
            offset, scale = latent_moments(warped[:, None])
            latent = (warped - offset) / scale
            centred = by_warped - by_warped.mean(axis=1, keepdims=True)
            by_scale = (centred * latent).mean(axis=1) / scale  # d log scale / d parameters
            by_z = centred / scale - latent * by_scale[:, None]
            prior, slope = self.warping.log_prior(row)
            value += float(log_slope.sum()) - len(values) * math.log(scale[0]) + prior
            gradient.append(
                by_z @ by_latent[:, k] + by_log_slope.sum(axis=1) - len(values) * by_scale + slope
            )
        return value, np.concatenate(gradient)


@dataclass(frozen=True)
class Climb:
    """The best vector found, its negative log posterior, and the number of evaluations over all starts."""

    vector: Array
    value: float
    evaluations: int


def climb(
    objective: Callable[[Array], tuple[float, Array]],
    bounds: list[tuple[float, float]],
    starts: list[Array],
    steps: int,
) -> Climb:
    """Minimise from each start, and keep the best end; a later start that comes near it is not climbed again."""
    from scipy.optimize import minimize

    low, high = np.array(bounds).T
    best = Climb(np.clip(starts[0], low, high), math.inf, 0)
    evaluations = 0

    def stop_near_the_best(vector: Array) -> None:
        if math.isfinite(best.value) and np.abs(vector - best.vector).max() < _SAME_OPTIMUM:
            raise StopIteration

    for start in starts:
        result = minimize(
            objective,
            np.clip(start, low, high),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            callback=stop_near_the_best,
            options={"maxiter": steps, **_TOLERANCES},
        )
        evaluations += int(result.nfev)
        if result.fun < best.value:
            best = Climb(result.x, float(result.fun), 0)
    return Climb(best.vector, best.value, evaluations)
