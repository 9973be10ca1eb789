"""The correlation of a process's outputs, learned from their whitened residuals, and what it adds to the evidence.

The rows' covariance is R, shared by all outputs, and that of the outputs B, so cov(z) = R ⊗ B. With S = Zᵀ R⁻¹ Z,
n observations and an inverse Wishart prior of B that is worth κ observations and whose scale is the outputs' own
variances (empirical Bayes), the mode of B is S with its entries off the diagonal shrunk:

    B_kk = S_kk/n,   B_kl = S_kl/(n + κ),   C_kl = B_kl/sqrt(B_kk B_ll)

and the log evidence is that of independent outputs and the gain -½ (n + κ) log det C, which is never negative. κ is the
number of outputs, so that C is well conditioned with fewer rows than outputs. As every output sees the same rows, B
alters no prediction of a mean: it alters the hyperparameters and says which outputs err together.

Source: E. Bonilla, K. Chai, C. Williams, "Multi-task Gaussian Process Prediction", NIPS 2007, section 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Correlation", "learned_correlation"]

Array = np.ndarray


@dataclass(frozen=True)
class Correlation:
    """What the residuals say.

    Arguments:
        matrix: (outputs, outputs), C.
        gain: what it adds to the log evidence.
        by_quadratic: (outputs, outputs), the derivative of the gain by each entry of S.
    """

    matrix: Array
    gain: float
    by_quadratic: Array


def learned_correlation(quadratic: Array, count: float) -> Correlation:
    """The correlation from S.

    Arguments:
        quadratic: (outputs, outputs), S, with pseudo-observations of the prior of the variances on its diagonal.
        count: n, with the same pseudo-observations.

    Example:
        >>> found = learned_correlation(np.array([[10.0, 9.0], [9.0, 10.0]]), 10.0)
        >>> found.matrix.round(3).tolist()
        [[1.0, 0.75], [0.75, 1.0]]
    """
    shrinkage = float(len(quadratic))
    variance = quadratic.diagonal() / count
    size = np.sqrt(variance)
    units = size[:, None] * size
    matrix = quadratic / ((count + shrinkage) * units)
    np.fill_diagonal(matrix, 1.0)
    lower = np.linalg.cholesky(matrix)
    gain = -(count + shrinkage) * float(np.log(lower.diagonal()).sum())
    inverse = np.linalg.inv(matrix) / units
    by_quadratic = -0.5 * inverse
    own = -shrinkage / count * inverse.diagonal() + (count + shrinkage) / count / variance
    by_quadratic[np.diag_indices_from(by_quadratic)] += 0.5 * own
    return Correlation(matrix, gain, by_quadratic)
