"""The NIST problem MGH17: two exponentials through 33 points, as a vector to be matched and as its sum of squares.

The model is y(s) = b1 + b2 exp(-b4 s) + b3 exp(-b5 s), with s = 0..32; b1 in [0, 10], b2 in [0.1, 4], b3 in [-4, -0.1],
b4 and b5 in [0.05, 1], and b2 + b3 <= 1. The certified minimum is 5.4648946975e-5.

Source: NIST Statistical Reference Datasets, nonlinear regression, MGH17 (Osborne 1972), rescaled by x = 10 s.
"""

from __future__ import annotations

import numpy as np

Y = np.array(
    [
        0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751,
        0.718, 0.685, 0.658, 0.628, 0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490,
        0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420, 0.414, 0.411, 0.406,
    ]
)  # fmt: skip
S = np.arange(33.0)
CERTIFIED = {
    "b1": 0.37541005211,
    "b2": 1.9358469127,
    "b3": -1.4646871366,
    "b4": 0.12867534640,
    "b5": 0.22122699662,
}
DOMAINS = {"b1": (0.0, 10.0), "b2": (0.1, 4.0), "b3": (-4.0, -0.1), "b4": (0.05, 1.0), "b5": (0.05, 1.0)}
SPACE = [{"name": name, "domain": list(domain)} for name, domain in DOMAINS.items()]
CERTIFIED_SUM_OF_SQUARES = 5.4648946975e-5


def model(b1: float, b2: float, b3: float, b4: float, b5: float) -> np.ndarray:
    """The model at the 33 points."""
    return b1 + b2 * np.exp(-b4 * S) + b3 * np.exp(-b5 * S)


def evaluate(b1: float, b2: float, b3: float, b4: float, b5: float) -> float:
    """The sum of squared residuals."""
    return float(np.sum((model(b1, b2, b3, b4, b5) - Y) ** 2))
