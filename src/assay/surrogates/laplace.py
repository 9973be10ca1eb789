"""What remains unknown of fitted hyperparameters: nodes of a Gaussian about the fit, weighted by the true density.

The negative log posterior J of the hyperparameters has its least value at the fit and the Hessian H there. Nodes
θ_i = θ̂ + H^(-1/2) ξ_i, with antithetic unit Gaussian ξ_i, have the importance weights

    w_i ∝ exp(J(θ̂) - J(θ_i) + |ξ_i|²/2),

bounded, so that one node never stands for all.

Source: L. Tierney, J. B. Kadane, "Accurate Approximations for Posterior Moments and Marginal Densities", Journal of
the American Statistical Association 81, 82 (1986).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["laplace_nodes"]

Array = np.ndarray

_STEP = 1e-3
# The standard deviation of a logarithm along any direction is at most this: flatter directions are at a bound, or
# their data say nothing.
_WIDEST = 3.0
_LOG_WEIGHT_RANGE = (-5.0, 1.0)


def laplace_nodes(
    value: Callable[[Array], float],
    gradient: Callable[[Array], Array],
    vector: Array,
    bounds: list[tuple[float, float]],
    pairs: int,
) -> tuple[list[Array], Array]:
    """Nodes and their weights, which sum to one; the same for the same arguments.

    Arguments:
        value, gradient: J and its gradient.
        vector: θ̂, where J is least.
        bounds: of each entry; nodes are clipped to them.
        pairs: the number of antithetic pairs of nodes.
    """
    low, high = np.array(bounds).T
    size = len(vector)
    steps = _STEP * np.eye(size)
    rows = [(gradient(vector + step) - gradient(vector - step)) / (2.0 * _STEP) for step in steps]
    curvature = 0.5 * (np.array(rows) + np.array(rows).T)
    eigenvalues, vectors = np.linalg.eigh(curvature)
    axes = vectors / np.sqrt(np.maximum(eigenvalues, _WIDEST**-2))
    half = np.random.default_rng(0).standard_normal((pairs, size))
    directions = np.concatenate([half, -half])
    nodes = [np.clip(vector + axes @ direction, low, high) for direction in directions]
    least = value(vector)
    log_weights = np.array(
        [least - value(node) + 0.5 * d @ d for node, d in zip(nodes, directions, strict=True)]
    )
    weights = np.exp(np.clip(log_weights, *_LOG_WEIGHT_RANGE))
    return nodes, weights / weights.sum()
