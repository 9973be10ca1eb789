"""Pareto fronts and the volume that they dominate, exactly, for any number of objectives; all are minimised.

The region that no point of a front dominates is the union of the boxes below its *local upper bounds*. They are
kept up to date point by point, and each gives one box of a disjoint partition: n + 1 boxes for two objectives,
at most 2 n + 1 for three. The same boxes, turned round in the first objective, partition what is dominated, so
that the hypervolume is a sum of products without a further algorithm.

Sources: K. Klamroth, R. Lacour, D. Vanderpooten, European Journal of Operational Research 245, 767 (2015), algorithm 3
(the bounds); R. Lacour, K. Klamroth, C. M. Fonseca, Computers & Operations Research 79, 347 (2017), section 3 (the boxes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.errors import UsageError

__all__ = ["Boxes", "hypervolume", "hypervolume_history", "non_dominated", "non_dominated_boxes"]

Array = np.ndarray


@dataclass(frozen=True)
class Boxes:
    """Disjoint boxes, from `lower` up to `upper`: (boxes, objectives) each; a lower end may be -inf."""

    lower: Array
    upper: Array

    def __len__(self) -> int:
        return len(self.lower)

    @property
    def volume(self) -> float:
        """Of all together; infinite where a lower end is."""
        return float(np.prod(self.upper - self.lower, axis=1).sum())


def non_dominated(values: Array) -> Array:
    """Which rows no other row dominates; of equal rows the first counts, and a row with NaN never does.

    A row dominates another when it is nowhere larger and somewhere smaller.

    Arguments:
        values: (rows, objectives).

    Returns:
        (rows,), True on the front.

    Example:
        >>> non_dominated(np.array([[1.0, 3.0], [2.0, 2.0], [2.0, 3.0], [3.0, 1.0]]))
        array([ True,  True, False,  True])
    """
    mask = np.zeros(len(values), dtype=bool)
    kept = np.empty(values.shape)
    count = 0
    # In lexicographic order no row can be dominated by a later one.
    for index in np.lexsort(values.T[::-1]):
        row = values[index]
        if not (np.isnan(row).any() or (kept[:count] <= row).all(axis=1).any()):
            kept[count] = row
            mask[index] = True
            count += 1
    return mask


def non_dominated_boxes(values: Array, lower: Array, upper: Array) -> Boxes:
    """What between two references no point dominates, as disjoint boxes.

    Use it to find what a further point would gain: the volume of the boxes above that point.

    Arguments:
        values: (rows, objectives), of which the front is taken; rows that are not below `upper` do not count.
        lower, upper: (objectives,), the references; `lower` may be -inf.

    Raises:
        UsageError: for fewer than two objectives, or a `lower` that is not below `upper`.

    Example:
        >>> boxes = non_dominated_boxes(np.array([[1.0, 1.0]]), np.zeros(2), np.full(2, 3.0))
        >>> len(boxes), boxes.volume
        (2, 5.0)
    """
    bounds, cells = _cells(values, lower, upper)
    start = cells.copy()
    start[:, 0] = lower[0]
    kept = (start < bounds).all(axis=1)
    return Boxes(start[kept], bounds[kept])


def hypervolume(values: Array, upper: Array, lower: Array | None = None) -> float:
    """The volume that a set of points dominates, below the reference `upper`.

    Arguments:
        values: (rows, objectives); rows with NaN, or not below `upper`, dominate nothing.
        upper: (objectives,), the worst values that count.
        lower: (objectives,), what is better counts no more than this; None for no such end.

    Raises:
        UsageError: for fewer than two objectives, or a `lower` that is not below `upper`.

    Example:
        >>> hypervolume(np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([3.0, 3.0]))
        3.0
    """
    bounds, cells = _cells(values, np.full(len(upper), -np.inf) if lower is None else lower, upper)
    height = upper[0] - bounds[:, 0]
    dominated = (height > 0.0) & (cells[:, 1:] < bounds[:, 1:]).all(axis=1)
    base = np.prod(bounds[dominated, 1:] - cells[dominated, 1:], axis=1)
    return float(height[dominated] @ base)


def hypervolume_history(values: Array, upper: Array, lower: Array | None = None) -> Array:
    """The hypervolume of the first 1, 2, ... rows: (rows,). Arguments and errors are those of `hypervolume`.

    Example:
        >>> hypervolume_history(np.array([[1.0, 2.0], [np.nan, 0.0], [2.0, 1.0]]), np.array([3.0, 3.0]))
        array([2., 2., 3.])
    """
    history = np.zeros(len(values))
    front, volume = np.empty((0, len(upper))), 0.0
    for index, row in enumerate(values):
        if not (np.isnan(row).any() or (front <= row).all(axis=1).any()):
            front = np.concatenate([front[~(front >= row).all(axis=1)], row[None]])
            volume = hypervolume(front, upper, lower)
        history[index] = volume
    return history


def _cells(values: Array, lower: Array, upper: Array) -> tuple[Array, Array]:
    """The local upper bounds, and where their boxes begin in all objectives but the first: (bounds, objectives) each.

    Above a cell of the last objectives, the first objective is dominated from the bound upwards and free below.
    """
    _check(values, lower, upper)
    below = values[(values < upper).all(axis=1)]
    front = np.maximum(below, lower)
    front = front[non_dominated(front)]
    front = front[np.lexsort(front.T[::-1])]
    if len(upper) == 2:
        edges = np.concatenate([front[:, 0], upper[:1]])
        tops = np.concatenate([upper[1:], front[:, 1]])
        ends = np.concatenate([front[:, 1], lower[1:]])
        return np.stack([edges, tops], axis=1), np.stack([np.full(len(edges), lower[0]), ends], axis=1)
    bounds, defining = _local_upper_bounds(front, lower, upper)
    cells = np.maximum.accumulate(defining, axis=1)
    start = np.stack([cells[:, max(k - 1, 0), k] for k in range(len(upper))], axis=1)
    return bounds, start


def _local_upper_bounds(front: Array, lower: Array, upper: Array) -> tuple[Array, Array]:
    """The bounds (bounds, objectives), and for each the point that defines each of its components.

    The second is (bounds, objectives, objectives): row k touches the bound in objective k.
    """
    size = len(upper)
    bounds = upper[None]
    defining = np.where(np.eye(size, dtype=bool), upper, lower)[None]
    for point in front:
        hit = (point < bounds).all(axis=1)
        parents, their = bounds[hit], defining[hit]
        new_bounds, new_defining = [bounds[~hit]], [defining[~hit]]
        for objective in range(size):
            others = np.delete(their[:, :, objective], objective, axis=1).max(axis=1)
            valid = point[objective] >= others
            child, child_defining = parents[valid], their[valid]
            child[:, objective] = point[objective]
            child_defining[:, objective] = point
            new_bounds.append(child)
            new_defining.append(child_defining)
        bounds, defining = np.concatenate(new_bounds), np.concatenate(new_defining)
    return bounds, defining


def _check(values: Array, lower: Array, upper: Array) -> None:
    size = len(upper)
    if size < 2 or values.ndim != 2 or values.shape[1] != size or len(lower) != size:
        raise UsageError(
            f"a front needs values (rows, objectives) and references of two or more objectives, got values of shape "
            f"{values.shape} and references of {len(lower)} and {size}"
        )
    if not (lower < upper).all() or not np.isfinite(upper).all():
        raise UsageError(
            f"the lower reference of a front must be below the upper one, and that finite, got "
            f"{lower.tolist()!r} and {upper.tolist()!r}"
        )
