"""The uncertainty of a linear model that cannot follow its data, however many there are.

With a true function outside the model and little noise, the posterior of the weights shrinks with the number of rows,
and the errors do not. The smallest change of the weights, in the metric of the posterior, by which the model meets row i
exactly is

    δ_i = Σ φ_i r_i / (φ_i·Σ φ_i),

with r_i its residual and Σ the covariance. The spread of these changes is the uncertainty that the misfit leaves. It
does not shrink with the number of rows; a calibration on held-out rows takes care of the factor of order one that is left.

Source: T. D. Swinburne and D. Perez, "Parameter uncertainties for imperfect surrogate models in the low-noise regime",
arXiv:2402.01810 and 2502.07104.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from assay.errors import UsageError
from assay.numerics.linear_model import LinearModel

__all__ = ["pointwise_shifts", "widened_for_misfit"]

Array = np.ndarray


def pointwise_shifts(
    model: LinearModel, design: Array, target: Array, row_precision: Array, least_share: float = 0.0
) -> Array:
    """The changes δ of the weights that meet single rows: (rows kept, features).

    Arguments:
        model: the posterior of one target, given these rows.
        design, target, row_precision: (rows, features), (rows, 1), (rows,).
        least_share: the share of the rows, those of the least leverage, that is left out; in [0, 1). A row that had no say
            in the fit may need an absurd change.
    """
    if not 0.0 <= least_share < 1.0:
        raise UsageError(f"the share of rows of least leverage must be in [0, 1), got {least_share}")
    whitened = model.whitened(design)
    variance = np.einsum("ij,ij->i", whitened, whitened)
    leverage = row_precision * variance
    kept = (leverage >= np.quantile(leverage, least_share)) & (leverage > 0.0)
    residual = target[kept, 0] - whitened[kept] @ model.projected[:, 0]
    return (residual / variance[kept])[:, None] * (whitened[kept] @ model.inverse_root.T)


def widened_for_misfit(
    model: LinearModel, shifts: Array, form: Literal["ensemble", "hypercube"] = "hypercube"
) -> LinearModel:
    """The belief whose covariance holds the spread of the shifts beside its own.

    Arguments:
        shifts: (count, features), of `pointwise_shifts`.
        form: "ensemble": the mean of δδᵀ, which covers a typical error; "hypercube": that of a uniform density on the box
            of the shifts along their principal axes, which covers the largest.
    """
    if form == "ensemble":
        return model.widened(shifts / np.sqrt(len(shifts)))
    axes = np.linalg.svd(shifts, full_matrices=False)[2]
    along = shifts @ axes.T
    low, high = along.min(axis=0), along.max(axis=0)
    second_moment = (low**2 + low * high + high**2) / 3.0
    return model.widened(np.sqrt(second_moment)[:, None] * axes)
