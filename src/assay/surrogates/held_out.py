"""What a linear smoother says of each row when the rows of its fold are left out, in closed form.

With P = K⁻¹, z the data and B a fold:

    e_B = z_B - mean_B = (P_BB)⁻¹ (P z)_B,   var_B = diag (P_BB)⁻¹

so that no model is fitted anew. With folds of one row it is leave-one-out.

Source: S. Sundararajan, S. S. Keerthi, Neural Computation 13, 1103 (2001), equations 3.4 and 3.5;
F. Ginsbourger, C. Schärer, "Fast calculation of Gaussian process multiple-fold cross-validation residuals and their
covariances", Journal of Computational and Graphical Statistics 34, 1 (2025).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from assay.errors import UsageError

__all__ = ["HeldOut", "folds_of", "held_out", "held_out_loss"]

Array = np.ndarray


@dataclass(frozen=True)
class HeldOut:
    """Errors and deviations of rows that were left out.

    Arguments:
        error: (rows, outputs), datum less prediction.
        variance: (rows, outputs), of the prediction, noise included.
        is_value: (rows,), False where the row is a derivative, whose error has another unit.
    """

    error: Array
    variance: Array
    is_value: Array

    @property
    def mean_absolute_error(self) -> float:
        """Of the rows that are values."""
        return float(np.abs(self.error[self.is_value]).mean())

    @property
    def standardised(self) -> Array:
        """Error over deviation; standard normal where the model is right."""
        return self.error / np.sqrt(self.variance)

    @property
    def calibration_factor(self) -> float:
        """What deviations must be multiplied by, for a mean square of the standardised errors of one."""
        return float(np.sqrt(np.mean(self.standardised**2)))

    def coverage(self, half_width: float) -> float:
        """The share of rows within so many deviations of their prediction."""
        return float(np.mean(np.abs(self.standardised) <= half_width))

    @property
    def mean_log_density(self) -> float:
        """Of the rows, each given the others."""
        log_density = -0.5 * (self.standardised**2 + np.log(2.0 * math.pi * self.variance))
        return float(log_density.mean())


def folds_of(points: Array, folds: int | None, seed: int) -> list[Array]:
    """The row numbers of each fold; rows at one point share a fold.

    Arguments:
        points: (rows, dimension).
        folds: their number, at least 2; None: one for each point.

    Raises:
        UsageError: when there are fewer than two, or fewer points than folds.
    """
    _, place = np.unique(points, axis=0, return_inverse=True)
    place = place.ravel()
    count = int(place.max()) + 1
    wanted = count if folds is None else folds
    if not 2 <= wanted <= count:
        raise UsageError(
            f"the folds of a cross-validation must be at least 2 and at most the {count} points, got {wanted}"
        )
    order = np.arange(count) if folds is None else np.random.default_rng(seed).permutation(count)
    fold_of_point = np.empty(count, dtype=int)
    fold_of_point[order] = np.arange(count) % wanted
    return [np.flatnonzero(fold_of_point[place] == fold) for fold in range(wanted)]


def held_out(
    is_value: Array, inverse_lower: Array, alpha: Array, signal_variance: Array, folds: list[Array]
) -> HeldOut:
    """The errors of rows that are left out fold by fold.

    Arguments:
        is_value: (rows,), False where a row is a derivative.
        inverse_lower: L⁻¹ with L Lᵀ = K, in units of the signal variance.
        alpha: (rows, outputs), P z.
        signal_variance: (outputs,).
        folds: the row numbers of each.
    """
    error, unit = np.empty_like(alpha), np.empty(len(alpha))
    for fold in folds:
        columns = inverse_lower[:, fold]
        covariance = np.linalg.solve(columns.T @ columns, np.eye(len(fold)))
        error[fold] = covariance @ alpha[fold]
        unit[fold] = covariance.diagonal()
    return HeldOut(error, unit[:, None] * signal_variance, is_value)


def held_out_loss(
    inverse: Array, alpha: Array, is_value: Array, folds: list[Array]
) -> tuple[float, Array, Array]:
    """Σ |e|² over the rows that are values, with its derivatives by the covariance (rows, rows) and the data.

    With c_B = (P_BB)⁻¹ e_B, where e is zero for derivatives, and U, V of a column for each fold,

        U = P_·B c_B,   V = P z - P_·B e_B,   d loss/d K = -2 U Vᵀ,   d loss/d z = 2 U 1
    """
    loss = 0.0
    by_covariance, by_latent = np.zeros_like(inverse), np.zeros_like(alpha)
    for output, weights in enumerate(alpha.T):
        chosen, error = np.zeros((len(weights), len(folds))), np.zeros((len(weights), len(folds)))
        for place, fold in enumerate(folds):
            block = inverse[np.ix_(fold, fold)]
            error[fold, place] = np.linalg.solve(block, weights[fold])
            shown = np.where(is_value[fold], error[fold, place], 0.0)
            loss += float(shown @ shown)
            chosen[fold, place] = np.linalg.solve(block, shown)
        left = inverse @ chosen
        by_covariance -= 2.0 * left @ (weights[:, None] - inverse @ error).T
        by_latent[:, output] = 2.0 * left.sum(axis=1)
    return loss, by_covariance, by_latent
