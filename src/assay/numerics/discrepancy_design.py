"""Points of low centred discrepancy, beside points that are fixed, on numbers, levels and labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.numerics.discrepancy import CentredDiscrepancy
from assay.numerics.discrepancy_exchange import exchanged

__all__ = ["MOST_STARTS", "low_discrepancy", "spread_values"]

Array = np.ndarray

# Work, in entries of arrays that are computed: of all starts, of the exchanges, of one descent. A second or less each.
STARTS_WORK, EXCHANGES_WORK, DESCENT_WORK = 6e4, 2e8, 5e7
MOST_STARTS = 24
MOST_DESCENTS, ROUNDS, MANY_POINTS = 6, 3, 300


def low_discrepancy(
    discrepancy: CentredDiscrepancy,
    levels: Sequence[Array | None],
    count: int,
    generator: np.random.Generator,
    most_starts: int = MOST_STARTS,
) -> Array:
    """Points that lower the discrepancy of the fixed ones and themselves as far as starts, exchanges and descents do.

    Use it for a first design, or to extend one. Each start is a Latin hypercube of the places that the fixed points leave
    free; coordinates are exchanged within columns, then numbers move along the gradient, until neither helps.

    Arguments:
        discrepancy: with the fixed points, and which columns hold labels.
        levels: for each column the allowed values, ascending, or None for the interval [0, 1].
        count: how many.
        generator: fixes the starts.
        most_starts: of few points; of many there are fewer.

    Returns:
        (count, dimension).

    Example:
        >>> empty = CentredDiscrepancy(np.empty((0, 2)), np.zeros(2, dtype=int))
        >>> points = low_discrepancy(empty, [None, None], 10, np.random.default_rng(0))
        >>> bool(empty.value(points) < 2.95e-3)
        True
    """
    work = count * (count + len(discrepancy.fixed)) * len(levels)
    starts = max(1, min(most_starts, int(STARTS_WORK / work)))
    ordered = [_exchanged(discrepancy, _start(discrepancy, levels, count, generator)) for _ in range(starts)]
    ordered.sort(key=discrepancy.value)
    found = [_settled(discrepancy, levels, points) for points in ordered[:MOST_DESCENTS]]
    return min(found, key=lambda pair: pair[1])[0]


def spread_values(
    fixed: Array, levels: Array | None, labels: int, count: int, generator: np.random.Generator
) -> Array:
    """Values of one column that fill what the fixed ones leave open, in random order: (count,).

    Arguments:
        fixed: (fixed,), the values that are there.
        levels: those that are allowed, or None for [0, 1].
        labels: the number of labels where they have no order, else 0.
    """
    allowed = np.arange(float(labels)) if labels else levels
    total = count + len(fixed)
    if allowed is not None and (labels or total >= len(allowed)):
        taken = (fixed[:, None] == allowed).sum(axis=0).astype(float)
        values = np.empty(count)
        for place in range(count):  # ties by lot
            index = int(np.argmin(taken + 0.5 * generator.random(len(allowed))))
            taken[index] += 1.0
            values[place] = allowed[index]
        return generator.permutation(values)
    free = np.setdiff1d(np.arange(total), np.minimum((fixed * total).astype(int), total - 1))
    chosen = free[((np.arange(count) + 0.5) * len(free) / count).astype(int)]
    values = (chosen + 0.5) / total
    if allowed is not None:
        values = allowed[np.minimum((values * len(allowed)).astype(int), len(allowed) - 1)]
    return generator.permutation(values)


def _start(
    discrepancy: CentredDiscrepancy,
    levels: Sequence[Array | None],
    count: int,
    generator: np.random.Generator,
) -> Array:
    columns = [
        spread_values(discrepancy.fixed[:, k], allowed, int(discrepancy.labels[k]), count, generator)
        for k, allowed in enumerate(levels)
    ]
    points = np.stack(columns, axis=1)
    if count <= MANY_POINTS:
        return points
    # Too many for all exchanges that pay: the order of a low-discrepancy sequence is a better beginning than chance.
    ranks = _recurrence(count, len(levels), generator).argsort(axis=0).argsort(axis=0)
    return np.take_along_axis(np.sort(points, axis=0), ranks, axis=0)


def _recurrence(count: int, dimension: int, generator: np.random.Generator) -> Array:
    """Multiples of the powers of 1/φ modulo 1 with φ^(dimension + 1) = φ + 1, from a random place.

    Source: M. Roberts, "The unreasonable effectiveness of quasirandom sequences" (2018); for one dimension the golden ratio.
    """
    ratio = 2.0
    for _ in range(64):
        ratio = (1.0 + ratio) ** (1.0 / (dimension + 1))
    steps = ratio ** -np.arange(1.0, dimension + 1.0)
    return (generator.random(dimension) + np.arange(count)[:, None] * steps) % 1.0


def _settled(
    discrepancy: CentredDiscrepancy, levels: Sequence[Array | None], points: Array
) -> tuple[Array, float]:
    """Numbers along the gradient and exchanges, in turns until neither helps; with the discrepancy."""
    moves = np.array([allowed is None for allowed in levels]) & (discrepancy.labels == 0)
    value = discrepancy.value(points)
    if not moves.any():
        return points, value
    for _ in range(ROUNDS):
        points = _descended(discrepancy, moves, points)
        before, value = value, discrepancy.value(points)
        if value > 0.99 * before:
            break
        points = _exchanged(discrepancy, points)
    return points, discrepancy.value(points)


def _exchanged(discrepancy: CentredDiscrepancy, points: Array) -> Array:
    work = EXCHANGES_WORK if len(points) <= MANY_POINTS else 0.5 * EXCHANGES_WORK
    return exchanged(discrepancy, points, max(int(work / len(points) ** 2), 1))


def _descended(discrepancy: CentredDiscrepancy, moves: Array, points: Array) -> Array:
    """Along the gradient to a local minimum in the box."""
    from scipy.optimize import minimize

    def function(flat: Array) -> tuple[float, Array]:
        trial = points.copy()
        trial[:, moves] = flat.reshape(len(points), -1)
        value, gradient = discrepancy.value_gradient(trial)
        return value / scale, gradient[:, moves].ravel() / scale

    scale = discrepancy.value(points)
    work = len(points) * (len(points) + len(discrepancy.fixed)) * points.shape[1]
    start = points[:, moves].ravel()
    end = minimize(
        function, start, jac=True, method="L-BFGS-B", bounds=[(0.0, 1.0)] * len(start),
        options={"maxfun": int(np.clip(DESCENT_WORK / work, 5, 200)), "ftol": 1e-7, "gtol": 1e-9},
    )  # fmt: skip
    moved = points.copy()
    moved[:, moves] = np.clip(end.x, 0.0, 1.0).reshape(len(points), -1)
    return moved if end.fun < 1.0 else points
