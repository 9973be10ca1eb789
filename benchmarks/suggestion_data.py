"""What the engines of the timing learn from; NumPy alone, so that it loads nothing on an engine's behalf."""

from __future__ import annotations

import numpy as np

from assay.testing.functions import hartmann6

__all__ = ["NOISE", "suggestion_data"]

Array = np.ndarray

# The last two coordinates of Hartmann 6 at its minimum: a function of four parameters with several minima.
FIXED = np.array([0.31165162, 0.65730053])
# Of the noise, in standard deviations of the values.
NOISE = 0.05


def suggestion_data(rows: int, repeat: int) -> tuple[Array, Array]:
    """Uniform random points (rows, 4) of the unit cube and noisy, standardised values (rows,)."""
    generator = np.random.default_rng([20260103, repeat])
    points = generator.random((500, 4))
    noise = NOISE * generator.standard_normal(500)
    truth = hartmann6(np.concatenate([points, np.tile(FIXED, (500, 1))], axis=1))[:rows]
    values = (truth - truth.mean()) / truth.std() + noise[:rows]
    return points[:rows], (values - values.mean()) / values.std()
