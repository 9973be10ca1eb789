"""Many rows seen through few centres: a least-squares problem in whitened coordinates.

With a = L⁻¹ k(Z, row), the values at the centres are L w, w ~ N(0, I), and each row is a look at a·w whose noise is its
own and what the projection lacks of its variance.

Source: E. Snelson, Z. Ghahramani, "Sparse Gaussian processes using pseudo-inputs", NIPS 18, 1257 (2006).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.numerics.linalg import Factor

__all__ = ["Projection", "lacking", "projected", "projected_alpha", "solve_upper"]

Array = np.ndarray


@dataclass(frozen=True)
class Projection:
    """What many rows say about few centres: R, and R⁻ᵀ Σ a_i z_i/noise_i.

    Arguments:
        upper: R, (centres, centres).
        right: (centres, outputs).
    """

    upper: Array
    right: Array


def lacking(own: Array, whitened: Array) -> Array:
    """What the projection onto the centres lacks of the variance of rows: (rows,), not negative."""
    return np.maximum(own - np.einsum("mn,mn->n", whitened, whitened), 0.0)


def projected(
    whitened: Array, noise: Array, latent: Array, before: Projection | None
) -> tuple[Projection, Array]:
    """More rows told to a projection, by an orthogonal factorisation, which does not square its condition.

    Arguments:
        whitened: (centres, rows), a.
        noise: (rows,), in units of the signal variance.
        latent: (rows, outputs).

    Returns:
        The projection, and the squared residual of each output, less that of the rows before.
    """
    centres, outputs = len(whitened), latent.shape[1]
    upper = np.eye(centres + outputs)
    upper[centres:] = 0.0
    if before is not None:
        upper[:centres] = np.hstack([before.upper, before.right])
    root = 1.0 / np.sqrt(noise)
    step = 4 * centres
    for start in range(0, len(latent), step):
        tile = slice(start, start + step)
        rows = np.hstack([whitened[:, tile].T, latent[tile]]) * root[tile, None]
        upper = np.asarray(np.linalg.qr(np.vstack([upper, rows]), mode="r"))
    rest = upper[centres:, centres:]
    projection = Projection(upper[:centres, :centres], np.ascontiguousarray(upper[:centres, centres:]))
    return projection, np.einsum("rk,rk->k", rest, rest)


def projected_alpha(factor: Factor, projection: Projection) -> Array:
    """α = L⁻ᵀ R⁻¹ right."""
    return solve_upper(factor.lower.T, solve_upper(projection.upper, projection.right))


def solve_upper(upper: Array, right: Array, *, transpose: bool = False) -> Array:
    """U⁻¹ B, or U⁻ᵀ B."""
    from scipy.linalg import solve_triangular

    return solve_triangular(upper, right, trans=int(transpose), check_finite=False)
