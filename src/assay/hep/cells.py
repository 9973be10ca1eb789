"""Sums of what stands in cells over groups of them, as gathers: a scatter is a loop on a processor."""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.numerics.compile import jax_module

__all__ = ["members", "summed"]

jax = jax_module()
jnp = jax.numpy

Array = np.ndarray


def members(group: Array, groups: int) -> Array:
    """(groups, most members): the cells of each group, filled up with the number of cells.

    Arguments:
        group: (cells,), the group of each; cells of a group beyond the last one belong to none.

    Example:
        >>> members(np.array([1, 0, 1, 2]), 2).tolist()
        [[1, 4], [0, 2]]
    """
    counts = np.bincount(group, minlength=groups)[:groups]
    table = np.full((groups, counts.max(initial=0)), len(group))
    order = np.argsort(group, kind="stable")[: counts.sum()]
    rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    table[group[order], rank] = order
    return table


def summed(cells: Any, table: Array) -> Any:
    """Numbers of cells, (cells, ...), summed over the members of each group, (groups, ...).

    Example:
        >>> summed(np.array([1.0, 2.0, 4.0, 8.0]), members(np.array([1, 0, 1, 2]), 2)).tolist()
        [2.0, 5.0]
    """
    padded = jnp.concatenate([cells, jnp.zeros_like(cells[:1])])
    return padded.at[table].get(mode="promise_in_bounds").sum(axis=1)
