"""Which rows represent many: a greedy choice, by the variance that is left."""

from __future__ import annotations

import numpy as np

from assay.surrogates.kernels.abstract import AbstractKernel, covariance, own_variance
from assay.surrogates.kernels.sites import Sites

__all__ = ["inducing_rows"]

Array = np.ndarray

# Of the largest variance: what is left of a row below is rounding.
_NOTHING_LEFT = 1e-13


def inducing_rows(kernel: AbstractKernel, sites: Sites, count: int) -> Array:
    """The numbers of at most `count` rows, each the one of which those before say least, relative to its own variance.

    This is a Cholesky factorisation with pivots of the covariance of which no more than the chosen columns are computed:
    O(rows count²) operations and rows × count numbers. Fewer are chosen where they say everything about the others.

    Source: S. Fine, K. Scheinberg, "Efficient SVM training using low-rank kernel representations", Journal of Machine
    Learning Research 2, 243 (2001); J. Burt, C. E. Rasmussen, M. van der Wilk, Journal of Machine Learning Research 21,
    131 (2020).
    """
    own = own_variance(kernel, sites)
    left, chosen = np.ones(len(own)), []
    columns = np.empty((min(count, len(own)), len(own)))
    for step in range(len(columns)):
        row = int(left.argmax())
        if left[row] < _NOTHING_LEFT:
            break
        entry = covariance(kernel, sites, sites.rows(slice(row, row + 1)))[:, 0]
        entry = entry / np.sqrt(own * own[row])
        columns[step] = (entry - columns[:step, row] @ columns[:step]) / np.sqrt(left[row])
        left = left - columns[step] ** 2
        left[row] = 0.0
        chosen.append(row)
    return np.array(chosen)
