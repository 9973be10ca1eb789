"""The evidence of a Bayesian linear model: what decides its prior and its noises.

With the weights of group g of precision a_g, and rows of kind h of noise v_h n_i + k_i (k known), the log evidence L has

    ∂L/∂log a_g = (F_g - a_g Σ_g (w_j² + Σ_jj))/2,   ∂L/∂v_h = Σ_i∈h n_i (e_i² b_i² - (1 - h_i) b_i)/2,

with w, Σ the posterior of the weights, e the residuals, h the leverages and b the precisions of the rows.

Source: D. J. C. MacKay, "Bayesian Interpolation", Neural Computation 4, 415 (1992).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from assay.numerics.linear_model import LinearModel, compressed_rows

__all__ = ["LinearEvidence", "NoisyRows", "linear_evidence"]

Array = np.ndarray

# Of the logarithms of precisions and of the noises, for standardised outputs.
LOG_PRECISION_BOUNDS = (math.log(1e-8), math.log(1e8))
LOG_NOISE_BOUNDS = (math.log(1e-10), math.log(1e2))


@final
@dataclass(frozen=True)
class NoisyRows:
    """Rows of a linear model that share one unknown variance v.

    Arguments:
        design, target: (rows, features) and (rows, targets), in latent units.
        factor: (rows,), n_i: the noise of a row is v n_i + k_i.
        known: (rows,), k_i.
        left_out: the rows that a compression emptied; then all n_i = 1 and all k_i are equal.
        log_jacobian: what a scaling of the rows adds to the log density of the data.
    """

    design: Array
    target: Array
    factor: Array
    known: Array
    left_out: int = 0
    log_jacobian: float = 0.0

    def in_units_of_noise(self) -> NoisyRows:
        """The same with all n_i = 1; for rows without known noise."""
        scale = 1.0 / np.sqrt(self.factor)[:, None]
        jacobian = self.log_jacobian - 0.5 * float(np.log(self.factor).sum())
        unit = np.ones_like(self.factor)
        return replace(
            self,
            design=scale * self.design,
            target=scale * self.target,
            factor=unit,
            log_jacobian=jacobian,
        )

    def compressed(self) -> NoisyRows:
        """At most features + targets rows that say the same of w and v, where the noises of the rows are in fixed ratios."""
        if (self.factor != 1.0).any() and not self.known.any():
            return self.in_units_of_noise().compressed()
        if (self.factor != 1.0).any() or (self.known != self.known[:1]).any():
            return self
        design, target = compressed_rows(self.design, self.target)
        kept = len(design)
        emptied = self.left_out + len(self.factor) - kept
        return NoisyRows(design, target, self.factor[:kept], self.known[:kept], emptied, self.log_jacobian)


@final
@dataclass(frozen=True)
class LinearEvidence:
    """The negative log posterior of (log a_1, ..., log a_G, log v_1, ..., log v_H); v are left out where they are fixed.

    Arguments:
        kinds: the rows of each kind, h.
        group: (features,), g of each weight.
        fixed_noise: (kinds,), v, where they are not fitted.
        prior_width: the standard deviation of the normal prior of each log a_g; infinity for none.
    """

    kinds: tuple[NoisyRows, ...]
    group: Array
    fixed_noise: Array | None
    prior_width: float

    @property
    def group_count(self) -> int:
        """G."""
        return int(self.group.max()) + 1

    @property
    def bounds(self) -> list[tuple[float, float]]:
        """The range of each entry of a vector."""
        fitted = [LOG_NOISE_BOUNDS] * len(self.kinds) if self.fixed_noise is None else []
        return [LOG_PRECISION_BOUNDS] * self.group_count + fitted

    def parts(self, vector: Array) -> tuple[Array, Array]:
        """(groups,) precisions, and (kinds,) v."""
        groups = self.group_count
        noise = np.exp(vector[groups:]) if self.fixed_noise is None else self.fixed_noise
        return np.exp(vector[:groups]), noise

    def row_precisions(self, noise: Array) -> list[Array]:
        """(rows,) of each kind, b."""
        return [1.0 / (v * rows.factor + rows.known) for v, rows in zip(noise, self.kinds, strict=True)]

    def model(self, vector: Array) -> LinearModel:
        """The weights' posterior."""
        precision, noise = self.parts(vector)
        return LinearModel.prior(precision[self.group]).given(
            np.concatenate([rows.design for rows in self.kinds]),
            np.concatenate([rows.target for rows in self.kinds]),
            np.concatenate(self.row_precisions(noise)),
        )

    def __call__(self, vector: Array) -> tuple[float, Array]:
        """The value and its gradient."""
        precision, noise = self.parts(vector)
        model = self.model(vector)
        weights, variance = model.mean[:, 0], model.weight_variance
        energy = precision[self.group] * (weights**2 + variance)
        slopes = [0.5 * np.bincount(self.group, 1.0 - energy, self.group_count)]
        value = self.log_evidence(model, noise)
        if self.fixed_noise is None:
            parts = zip(self.kinds, noise, self.row_precisions(noise), strict=True)
            slopes.append(np.array([_noise_slope(model, rows, v, b) for rows, v, b in parts]))
        gradient = np.concatenate(slopes)
        scaled = vector[: self.group_count] / self.prior_width
        gradient[: self.group_count] -= scaled / self.prior_width
        return 0.5 * float(scaled @ scaled) - value, -gradient

    def log_evidence(self, model: LinearModel, noise: Array) -> float:
        """The log density of the data in latent units, of all rows."""
        value = model.log_evidence().item()
        for rows, precision in zip(self.kinds, self.row_precisions(noise), strict=True):
            value += rows.log_jacobian
            if rows.left_out:
                value += 0.5 * rows.left_out * (math.log(precision[0]) - math.log(2.0 * math.pi))
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
    """The evidence of rows of one kind, compressed where that leaves it as it is.

    Arguments: as of the classes.
    """
    rows = NoisyRows(design, target, noise_factor, known).compressed()
    fixed = None if fixed_noise is None else np.array([fixed_noise])
    return LinearEvidence((rows,), group, fixed, prior_width)


def _noise_slope(model: LinearModel, rows: NoisyRows, noise: float, row_precision: Array) -> float:
    """∂L/∂log v of the rows of a kind."""
    residual = (rows.target - rows.design @ model.mean)[:, 0]
    left = 1.0 - model.leverage(rows.design, row_precision)
    by_row = rows.factor * row_precision * (residual**2 * row_precision - left)
    emptied = rows.left_out * row_precision[0] if rows.left_out else 0.0
    return 0.5 * noise * float(by_row.sum() - emptied)
