"""Lower a discrepancy by exchanging the coordinates of two points in one column, which keeps every column's set of values.

All factors of the kernel but that of column k do not change while column k is permuted, so each column poses a quadratic
assignment problem: minimise Σ_ij Q_ij F(π_i, π_j) + Σ_i C(i, π_i) over permutations π of the column's values. With M = Q F(π, π),
the change by an exchange of any pair (r, s) follows from M in O(1), and M after it in O(n²): a whole neighbourhood costs
what a single evaluation of the discrepancy would.
"""

from __future__ import annotations

import numpy as np

from assay.numerics.discrepancy import CentredDiscrepancy, column_kernel, column_mean

__all__ = ["exchanged"]

Array = np.ndarray

# What an exchange must gain, in units of the sum over pairs divided by their number of points.
LEAST_GAIN = 1e-12


def exchanged(discrepancy: CentredDiscrepancy, points: Array, most_exchanges: int = 10**9) -> Array:
    """Points (points, dimension) with permuted columns, such that no exchange in a column lowers the discrepancy.

    Use it on a Latin hypercube before a descent by gradients, which hardly changes the order of points.

    Arguments:
        most_exchanges: where it ends at the latest.

    Source of the exchange's value: E. D. Taillard, "Robust taboo search for the quadratic assignment problem", Parallel
    Computing 17, 443 (1991).
    """
    points = points.copy()
    count, dimension = points.shape
    if count < 2 or dimension < 2:  # to permute the only column changes no set of points
        return points
    labels, fixed = discrepancy.labels, discrepancy.fixed
    own = [column_kernel(points[:, k], points[:, k], labels[k]) for k in range(dimension)]
    other = [column_kernel(points[:, k], fixed[:, k], labels[k]) for k in range(dimension)]
    own_product, other_product = np.prod(own, axis=0), np.prod(other, axis=0)
    means = np.stack([column_mean(points[:, k], labels[k]) for k in range(dimension)])
    unchanged, column, left = 0, 0, most_exchanges
    while unchanged < dimension and left > 0:
        rest, rest_fixed = own_product / own[column], other_product / other[column]
        rest_mean = np.prod(np.delete(means, column, axis=0), axis=0)
        # What it costs to give point i the value at place j: its pairs with the fixed points, with itself, and its mean.
        cost = 2.0 * rest_fixed @ other[column].T + np.outer(rest.diagonal(), own[column].diagonal())
        cost -= 2.0 * (count + len(fixed)) * np.outer(rest_mean, means[column])
        order, exchanges = _assigned(rest, own[column], cost, left)
        if exchanges:
            points[:, column] = points[order, column]
            own[column], other[column] = own[column][np.ix_(order, order)], other[column][order]
            own_product, other_product = rest * own[column], rest_fixed * other[column]
            means[column] = means[column][order]
        unchanged = 0 if exchanges else unchanged + 1
        left -= exchanges
        column = (column + 1) % dimension
    return points


def _assigned(weights: Array, kernel: Array, cost: Array, most_exchanges: int) -> tuple[Array, int]:
    """A permutation (points,) that no exchange of two betters, and the number of exchanges that led to it.

    Arguments:
        weights: Q, (points, points), symmetric.
        kernel: F, (points, points), symmetric, between the values as they stand.
        cost: C, (points, points).
    """
    count = len(weights)
    weights = weights - np.diag(weights.diagonal())
    kernel, cost = (
        kernel.copy(),
        cost.copy(),
    )  # both are permuted along: cost[i, j] is of what is now at place j
    product = weights @ kernel
    order, exchanges, idle, row = np.arange(count), 0, 0, 0
    threshold = -LEAST_GAIN * float(weights.sum()) / count
    while idle < count and exchanges < most_exchanges:
        own = product.diagonal()
        gain = product[row] + product[:, row] - own - own[row]
        gain -= weights[row] * (kernel.diagonal() + kernel[row, row] - 2.0 * kernel[row])
        gain = 2.0 * gain + cost[row] + cost[:, row] - cost.diagonal() - cost[row, row]
        gain[row] = 0.0
        best = int(gain.argmin())
        if gain[best] < threshold:
            pair, swapped = [row, best], [best, row]
            kernel[pair] = kernel[swapped]
            kernel[:, pair] = kernel[:, swapped]
            cost[:, pair] = cost[:, swapped]
            order[pair] = order[swapped]
            change = kernel[row] - kernel[best]
            product += np.outer(weights[:, row] - weights[:, best], change)
            product[:, pair] = weights @ kernel[:, pair]
            exchanges, idle = exchanges + 1, 0
        else:
            idle += 1
        row = (row + 1) % count
    return order, exchanges
