"""The posterior of MGH17's parameters by the true function, by quadrature and independent draws: frozen intervals.

The 33 points have the standard deviation sqrt(RSS / (33 - 5)) with the certified residual sum RSS; the prior is uniform in
the box and zero where b2 + b3 > 1. The model is linear in b1, b2 and b3, whose posterior given b4 and b5 is normal and is
integrated out; what is left is a ridge in two dimensions, on a fine grid. No Markov chain is used: the ridge bends and has
a long tail towards b4 = b5, in which chains of millions of steps fell short. Run it
(`python tests/oracles/mgh17_posterior.py`) to write mgh17_posterior.json anew.

Source: NIST StRD, "MGH17"; M. R. Osborne, in Numerical Methods for Nonlinear Optimization, 171 (1972).
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

__all__ = ["CERTIFIED", "LOWER", "PLACE", "SIGMA", "UPPER", "log_density"]

Array = np.ndarray

PLACE = Path(__file__).with_suffix(".json")
CERTIFIED = np.array([0.37541005211, 1.9358469127, -1.4646871366, 0.12867534640, 0.22122699662])
SIGMA = math.sqrt(5.4648946975e-5 / (33 - 5))
LOWER = np.array([0.0, 0.1, -4.0, 0.05, 0.05])
UPPER = np.array([10.0, 4.0, -0.1, 1.0, 1.0])
PLACES = np.arange(33.0)
OBSERVED = np.array(
    [
        0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751, 0.718, 0.685, 0.658, 0.628, 0.603,
        0.580, 0.558, 0.538, 0.522, 0.506, 0.490, 0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420, 0.414, 0.411,
        0.406,
    ]
)  # fmt: skip

DRAWS = 1_000_000


def log_density(points: Array) -> Array:
    """-chi2 / 2 inside the box and the constraint: (p, 5) to (p,)."""
    fast, slow = np.exp(-points[:, 4:] * PLACES), np.exp(-points[:, 3:4] * PLACES)
    residuals = points[:, :1] + points[:, 1:2] * slow + points[:, 2:3] * fast - OBSERVED
    inside = ((points >= LOWER) & (points <= UPPER)).all(axis=1) & (points[:, 1] + points[:, 2] <= 1)
    return np.where(inside, -0.5 * (residuals**2).sum(axis=1) / SIGMA**2, -np.inf)


def _on_ridge(slow: Array, fast: Array) -> tuple[Array, Array, Array]:
    """Given the rates b4 and b5 (p,), the best b1 to b3 (p, 3), their Fisher matrix (p, 3, 3), and the log marginal (p,)."""
    columns = [
        np.ones((len(slow), len(PLACES))),
        np.exp(-slow[:, None] * PLACES),
        np.exp(-fast[:, None] * PLACES),
    ]
    design = np.stack(columns, axis=2)
    fisher = design.transpose(0, 2, 1) @ design
    linear = np.linalg.solve(fisher, (OBSERVED @ design)[:, :, None])
    residuals = (design @ linear)[:, :, 0] - OBSERVED
    log_marginal = -0.5 * (residuals**2).sum(axis=1) / SIGMA**2 - 0.5 * np.linalg.slogdet(fisher)[1]
    return linear[:, :, 0], fisher / SIGMA**2, log_marginal


def draws(count: int, generator: np.random.Generator) -> Array:
    """Independent draws of the posterior, (fewer than count, 5): b4 and b5 from a fine grid along their ridge, the others from
    their normal density given these, and rejection outside of the box."""
    slow = np.linspace(0.105, 0.168, 800)
    scan = np.linspace(0.1695, 0.32, 1500)
    best = [scan[np.argmax(_on_ridge(np.full(len(scan), rate), scan)[2])] for rate in slow]
    offsets = np.linspace(-0.012, 0.012, 201)
    grid = np.stack(np.broadcast_arrays(slow[:, None], np.array(best)[:, None] + offsets), axis=2).reshape(
        -1, 2
    )
    linear, fisher, log_marginal = _on_ridge(*grid.T)
    weights = np.exp(log_marginal - log_marginal.max())
    chosen = generator.choice(len(grid), size=count, p=weights / weights.sum())
    factor = np.linalg.cholesky(np.linalg.inv(fisher))[chosen]
    moves = np.einsum("pij,pj->pi", factor, generator.standard_normal((count, 3)))
    points = np.concatenate([linear[chosen] + moves, grid[chosen]], axis=1)
    return points[np.isfinite(log_density(points))]


def main() -> None:
    samples = draws(DRAWS, np.random.default_rng(20))
    low, median, high = np.quantile(samples, [0.16, 0.5, 0.84], axis=0)
    data = {
        "medians": median.tolist(),
        "lower_uncertainty": (median - low).tolist(),
        "upper_uncertainty": (high - median).tolist(),
        "central_95": np.quantile(samples, [0.025, 0.975], axis=0).tolist(),
        "draws": len(samples),
    }
    PLACE.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
