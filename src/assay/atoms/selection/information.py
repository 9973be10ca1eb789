"""What a set of rows would add to a linear model: log-determinants, extrapolation grades, diverse batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.linalg

from assay.errors import UsageError

__all__ = ["active_set", "diverse_batch", "extrapolation_grade", "information_gain"]

Array = np.ndarray


def information_gain(whitened_rows: Array) -> float:
    """What a structure's labels would tell of the weights, 1/2 log det(I + H S H') in nats.

    When to use it: to compare structures of different sizes or with different labels in one currency.

    Arguments:
        whitened_rows: (rows, n), H R^-1 with each row divided by the noise of its label; S = R^-1 R^-T.

    Example:
        >>> round(information_gain(np.array([[np.sqrt(np.e**2 - 1.0), 0.0]])), 12)
        1.0
    """
    rows, features = whitened_rows.shape
    root = _root_of_one_plus(whitened_rows.T if rows <= features else whitened_rows)
    return float(np.log(np.abs(np.diag(root))).sum())


def diverse_batch(candidates: Sequence[Array], count: int) -> list[int]:
    """The candidates that tell most together, chosen greedily by their joint information gain.

    Every choice conditions the others on it, so a second structure like the first tells little. Greedy choice reaches
    at least 1 - 1/e of the best gain of a batch of this size.

    Arguments:
        candidates: each (rows, n), `whitened_rows` of `information_gain`.
        count: how many are chosen; all of them where there are fewer.

    Returns:
        Their indices in the order of choice.

    Example:
        >>> diverse_batch([np.array([[2.0, 0.0]]), np.array([[1.9, 0.0]]), np.array([[0.0, 1.0]])], 2)
        [0, 2]

    Source: Krause, Singh and Guestrin, J. Mach. Learn. Res. 9, 235 (2008).
    """
    if count < 1:
        raise UsageError(f"a batch has at least one structure, got a count of {count}")
    left = {index: np.asarray(rows, dtype=np.float64) for index, rows in enumerate(candidates)}
    chosen: list[int] = []
    while left and len(chosen) < count:
        best = max(left, key=lambda index: information_gain(left[index]))
        taken = left.pop(best)
        chosen.append(best)
        # S' = S - S U'(I + U U')^-1 U S; in whitened coordinates the rows shrink by the root of I - U'(I + U U')^-1 U.
        root = _root_of_one_plus(taken)
        left = {
            index: scipy.linalg.solve_triangular(root, rows.T, lower=False, trans=1).T
            for index, rows in left.items()
        }
    return chosen


def _root_of_one_plus(rows: Array) -> Array:
    """An upper triangle R with R'R = I + rows' rows, without the squares, which a first label's tiny noise would overflow."""
    return np.linalg.qr(np.concatenate([np.eye(rows.shape[1]), rows]))[1]


def active_set(rows: Array, tolerance: float = 1.01, sweeps: int = 1000) -> list[int]:
    """The n rows that span the largest volume, |det A| (MaxVol), by pivoting and then by exchanges.

    Arguments:
        rows: (m, n) with m >= n and rank n.
        tolerance: exchanges go on while one enlarges the volume by more than this factor, above 1.
        sweeps: how many exchanges there are at most.

    Returns:
        n indices of rows.

    Raises:
        UsageError: for rows that do not span all features.

    Example:
        >>> sorted(active_set(np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 3.0]])))
        [0, 2]

    Source: Podryabinkin and Shapeev, Comput. Mater. Sci. 140, 171 (2017).
    """
    count, features = rows.shape
    decomposition: Any = scipy.linalg.qr(rows.T, mode="economic", pivoting=True)
    _, triangle, order = decomposition
    diagonal = np.abs(np.diag(triangle))
    if count < features or diagonal[-1] <= 1e-12 * diagonal[0]:
        raise UsageError(f"an active set needs rows that span {features} features, got {count} that do not")
    chosen = [int(index) for index in order[:features]]
    for _ in range(sweeps):
        grades = np.linalg.solve(rows[chosen].T, rows.T).T
        row, place = np.unravel_index(np.argmax(np.abs(grades)), grades.shape)
        if abs(grades[row, place]) <= tolerance:
            break
        chosen[place] = int(row)
    return chosen


def extrapolation_grade(rows: Array, active_rows: Array) -> float:
    """How far outside the active set the rows reach, max |rows A^-1|: up to 1 is interpolation.

    When to use it: D-optimal selection; usual limits are to select above 2 and to stop above 10.

    Arguments:
        rows: (r, n), of a structure or of its atoms.
        active_rows: (n, n), the rows of `active_set`.

    Example:
        >>> extrapolation_grade(np.array([[2.0, 0.5]]), np.eye(2))
        2.0
    """
    return float(np.abs(np.linalg.solve(active_rows.T, rows.T)).max())
