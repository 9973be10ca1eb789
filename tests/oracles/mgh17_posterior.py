"""The posterior of MGH17's parameters by the true function, sampled by emcee alone: medians and intervals, frozen.

The 33 points have the standard deviation sqrt(RSS / (33 - 5)) with the certified residual sum RSS; the prior is uniform in
the box and zero where b2 + b3 > 1. Run it (`python tests/oracles/mgh17_posterior.py`) to write mgh17_posterior.json anew; it takes
a few minutes.

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

WALKERS, STEPS, BURN_IN = 64, 60_000, 10_000
SEED = 20


def log_density(points: Array) -> Array:
    """-chi2 / 2 inside the box and the constraint: (p, 5) to (p,)."""
    fast, slow = np.exp(-points[:, 4:] * PLACES), np.exp(-points[:, 3:4] * PLACES)
    residuals = points[:, :1] + points[:, 1:2] * slow + points[:, 2:3] * fast - OBSERVED
    inside = ((points >= LOWER) & (points <= UPPER)).all(axis=1) & (points[:, 1] + points[:, 2] <= 1)
    return np.where(inside, -0.5 * (residuals**2).sum(axis=1) / SIGMA**2, -np.inf)


def main() -> None:
    import emcee

    generator = np.random.default_rng(SEED)
    start = CERTIFIED * (1 + 1e-4 * generator.standard_normal((WALKERS, 5)))
    moves = [
        (emcee.moves.DEMove(), 0.7),
        (emcee.moves.DESnookerMove(), 0.2),
        (emcee.moves.StretchMove(), 0.1),
    ]
    sampler = emcee.EnsembleSampler(WALKERS, 5, log_density, vectorize=True, moves=moves)
    random_state = np.random.RandomState(SEED).get_state()
    sampler.run_mcmc(emcee.State(start, random_state=random_state), STEPS, skip_initial_state_check=True)
    tau = sampler.get_autocorr_time(discard=BURN_IN, quiet=True)
    samples = np.asarray(sampler.get_chain(discard=BURN_IN, flat=True, thin=10))
    low, median, high = np.quantile(samples, [0.16, 0.5, 0.84], axis=0)
    data = {
        "medians": median.tolist(),
        "lower_uncertainty": (median - low).tolist(),
        "upper_uncertainty": (high - median).tolist(),
        "central_95": np.quantile(samples, [0.025, 0.975], axis=0).tolist(),
        "tau": tau.tolist(),
        "calls": WALKERS * STEPS,
        "effective_draws": (WALKERS * (STEPS - BURN_IN) / tau).tolist(),
    }
    PLACE.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
