"""The classic test functions, on broadcast arrays: points (..., dimension) to values (...).

Definitions and optima follow Surjanovic and Bingham, "Virtual Library of Simulation Experiments", Simon
Fraser University; the constrained pair is the "mystery function" of Sasena, "Flexibility and efficiency
enhancements for constrained global design optimization with kriging approximations", University of Michigan,
2002.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

__all__ = [
    "ackley",
    "branin",
    "hartmann3",
    "hartmann6",
    "levy",
    "mystery",
    "mystery_slack",
    "rastrigin",
    "rosenbrock",
]

Array = np.ndarray

HARTMANN_WEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
HARTMANN3_SCALES = np.array([[3.0, 10.0, 30.0], [0.1, 10.0, 35.0], [3.0, 10.0, 30.0], [0.1, 10.0, 35.0]])
HARTMANN3_CENTRES = 1e-4 * np.array(
    [[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]], dtype=float
)
HARTMANN6_SCALES = np.array(
    [
        [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
        [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
        [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
        [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
    ]
)
HARTMANN6_CENTRES = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ],
    dtype=float,
)


def branin(points: Array) -> Array:
    """(x2 - 5.1/(4 pi^2) x1^2 + 5/pi x1 - 6)^2 + 10 (1 - 1/(8 pi)) cos x1 + 10."""
    x1, x2 = points[..., 0], points[..., 1]
    valley = x2 - 5.1 / (4 * np.pi**2) * x1**2 + 5 / np.pi * x1 - 6
    return valley**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x1) + 10


def _hartmann(points: Array, scales: Array, centres: Array) -> Array:
    exponent = np.sum(scales * (points[..., None, :] - centres) ** 2, axis=-1)
    return -np.sum(HARTMANN_WEIGHTS * np.exp(-exponent), axis=-1)


def hartmann3(points: Array) -> Array:
    """-sum_i a_i exp(-sum_j A_ij (x_j - P_ij)^2) in three dimensions; four local minima."""
    return _hartmann(points, HARTMANN3_SCALES, HARTMANN3_CENTRES)


def hartmann6(points: Array) -> Array:
    """-sum_i a_i exp(-sum_j A_ij (x_j - P_ij)^2) in six dimensions; the second minimum is 0.119 higher."""
    return _hartmann(points, HARTMANN6_SCALES, HARTMANN6_CENTRES)


def rosenbrock(points: Array) -> Array:
    """sum_j 100 (x_{j+1} - x_j^2)^2 + (1 - x_j)^2; a curved valley, values over six decades."""
    head, tail = points[..., :-1], points[..., 1:]
    return np.sum(100 * (tail - head**2) ** 2 + (1 - head) ** 2, axis=-1)


def ackley(points: Array) -> Array:
    """-20 exp(-0.2 sqrt(mean x^2)) - exp(mean cos 2 pi x) + 20 + e; a narrow funnel in a plain of ripples."""
    radius = np.sqrt(np.mean(points**2, axis=-1))
    ripples = np.mean(np.cos(2 * np.pi * points), axis=-1)
    return -20 * np.exp(-0.2 * radius) - np.exp(ripples) + 20 + np.e


def rastrigin(points: Array) -> Array:
    """10 d + sum_j x_j^2 - 10 cos 2 pi x_j; a bowl with a minimum at every integer."""
    return 10.0 * points.shape[-1] + np.sum(points**2 - 10 * np.cos(2 * np.pi * points), axis=-1)


def levy(points: Array) -> Array:
    """sin^2(pi w_1) + sum_j (w_j - 1)^2 (1 + 10 sin^2(pi w_j + 1)) + (w_d - 1)^2 (1 + sin^2 2 pi w_d),
    with w = 1 + (x - 1)/4."""
    w = 1 + (points - 1) / 4
    head, last = w[..., :-1], w[..., -1]
    middle = np.sum((head - 1) ** 2 * (1 + 10 * np.sin(np.pi * head + 1) ** 2), axis=-1)
    return np.sin(np.pi * w[..., 0]) ** 2 + middle + (last - 1) ** 2 * (1 + np.sin(2 * np.pi * last) ** 2)


def mystery(points: Array) -> Array:
    """2 + (x2 - x1^2)^2 / 100 + (1 - x1)^2 + 2 (2 - x2)^2 + 7 sin(x1/2) sin(0.7 x1 x2); many local minima."""
    x1, x2 = points[..., 0], points[..., 1]
    bowl = 2 + 0.01 * (x2 - x1**2) ** 2 + (1 - x1) ** 2 + 2 * (2 - x2) ** 2
    return bowl + 7 * np.sin(0.5 * x1) * np.sin(0.7 * x1 * x2)


def mystery_slack(points: Array, xp: ModuleType = np) -> Array:
    """sin(x1 - x2 - pi/8): not negative on two separate bands; the least value lies on the edge of one.

    `xp` is the array namespace, so that a peer can differentiate it in its own arrays.
    """
    return xp.sin(points[..., 0] - points[..., 1] - np.pi / 8)
