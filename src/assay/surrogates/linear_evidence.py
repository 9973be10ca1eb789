"""The evidence of a Bayesian linear model: what decides its prior and its noise.

With the weights of group g of precision a_g and a noise of variance v n_i + k_i (k known), the log evidence L has

    ∂L/∂log a_g = (F_g - a_g Σ_g (w_j² + Σ_jj))/2,   ∂L/∂v = Σ_i n_i (e_i² b_i² - (1 - h_i) b_i)/2,

with w, Σ the posterior of the weights, e the residuals, h the leverages and b the precisions of the rows.

Source: D. J. C. MacKay, "Bayesian Interpolation", Neural Computation 4, 415 (1992).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.numerics.linear_model import LinearModel, compressed_rows

__all__ = ["LinearEvidence", "linear_evidence"]

Array = np.ndarray

# Of the logarithms of precisions and of the noise, for standardised outputs.
LOG_PRECISION_BOUNDS = (math.log(1e-8), math.log(1e8))
LOG_NOISE_BOUNDS = (math.log(1e-10), math.log(1e2))


@final
@dataclass(frozen=True)
class LinearEvidence:
    """The negative log posterior of (log a_1, ..., log a_G, log v) for one output; v is left out where it is fixed.

    Arguments:
        design, target: (rows, features) and (rows, 1), in latent units.
        noise_factor: (rows,), n_i.
        known: (rows,), k_i.
        group: (features,).
        fixed_noise: v, where it is not fitted.
        prior_width: the standard deviation of the normal prior of each log a_g; infinity for none.
        left_out: the rows that a compression emptied; then all n_i = 1 and all k_i are equal.
    """

    design: Array
    target: Array
    noise_factor: Array
    known: Array
    group: Array
    fixed_noise: float | None
    prior_width: float
    left_out: int

    @property
    def group_count(self) -> int:
        """G."""
        return int(self.group.max()) + 1

    @property
    def bounds(self) -> list[tuple[float, float]]:
        """The range of each entry of a vector."""
        fitted = [LOG_NOISE_BOUNDS] if self.fixed_noise is None else []
        return [LOG_PRECISION_BOUNDS] * self.group_count + fitted

    def parts(self, vector: Array) -> tuple[Array, float]:
        """(groups,) precisions, and v."""
        groups = self.group_count
        fixed = self.fixed_noise
        return np.exp(vector[:groups]), math.exp(vector[groups]) if fixed is None else fixed

    def model(self, vector: Array) -> tuple[LinearModel, Array]:
        """The weights' posterior, and the precisions of the rows."""
        precision, noise = self.parts(vector)
        row_precision = 1.0 / (noise * self.noise_factor + self.known)
        prior = LinearModel.prior(precision[self.group])
        return prior.given(self.design, self.target, row_precision), row_precision

    def __call__(self, vector: Array) -> tuple[float, Array]:
        """The value and its gradient."""
        precision, noise = self.parts(vector)
        model, row_precision = self.model(vector)
        weights, variance = model.mean[:, 0], model.weight_variance
        energy = precision[self.group] * (weights**2 + variance)
        gradient = [0.5 * np.bincount(self.group, 1.0 - energy, self.group_count)]
        value = self.log_evidence(model, row_precision)
        if self.fixed_noise is None:
            residual = (self.target - self.design @ model.mean)[:, 0]
            left = 1.0 - model.leverage(self.design, row_precision)
            by_row = self.noise_factor * row_precision * (residual**2 * row_precision - left)
            emptied = self.left_out * row_precision[0] if self.left_out else 0.0
            gradient.append(np.array([0.5 * noise * (by_row.sum() - emptied)]))
        scaled = vector[: self.group_count] / self.prior_width
        slopes = np.concatenate(gradient)
        slopes[: self.group_count] -= scaled / self.prior_width
        return 0.5 * float(scaled @ scaled) - value, -slopes

    def log_evidence(self, model: LinearModel, row_precision: Array) -> float:
        """The log density of the data in latent units, of all rows."""
        value = model.log_evidence().item()
        if self.left_out:
            value += 0.5 * self.left_out * (math.log(row_precision[0]) - math.log(2.0 * math.pi))
        return value


def linear_evidence(
    design: Array,
    target: Array,
    noise_factor: Array,
    known: Array,
    group: Array,
    fixed_noise: float | None,
    prior_width: float,
) -> LinearEvidence:
    """The evidence of rows, compressed where their noise is equal.

    Arguments: as of the class.
    """
    rows = len(design)
    if (noise_factor == 1.0).all() and (known == known[:1]).all():
        design, target = compressed_rows(design, target)
    kept = len(design)
    return LinearEvidence(
        design, target, noise_factor[:kept], known[:kept], group, fixed_noise, prior_width, rows - kept
    )
