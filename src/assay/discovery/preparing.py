"""A Gaussian process before the search: it smooths the response, and says which columns matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from assay.discovery.table import Table
from assay.errors import UsageError
from assay.numerics.random import generator
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior

__all__ = ["prepared"]

Array = np.ndarray

SHUFFLES = 5


def prepared(table: Table, *, denoise: bool, most_columns: int | None, seed: int) -> Table:
    """The table with a smooth response, where that is asked for, and with the columns that matter most.

    How much a column matters is the mean square by which the process's mean changes when the column is shuffled.

    Arguments:
        table: checked.
        denoise: whether the response becomes the mean of a Gaussian process.
        most_columns: so many columns are kept at most; None for all.
        seed: of all chance.

    Raises:
        UsageError: for a number of columns that is not positive.

    Source: L. Breiman, Machine Learning 45, 5 (2001), section 10, for the shuffling.
    """
    if most_columns is not None and (
        isinstance(most_columns, bool) or not isinstance(most_columns, int) or most_columns < 1
    ):
        raise UsageError(f"select_k_features must be a whole number from 1 on, got {most_columns!r}")
    selects = most_columns is not None and most_columns < len(table.columns)
    if not denoise and not selects:
        return table
    names = list(table.columns)
    points = np.column_stack([_unit(table.columns[name]) for name in names])
    draws = generator(seed, 0, "discovery process")
    posterior = GaussianProcess().fit(Dataset.of(points, table.response), None, draws).posterior
    if selects:
        weights = [_importance(posterior, points, column, draws) for column in range(len(names))]
        kept = sorted(np.argsort(weights)[::-1][:most_columns].tolist())
        columns = {names[index]: table.columns[names[index]] for index in kept}
        table = replace(table, columns=columns, left_out=tuple(name for name in names if name not in columns))
    if denoise:
        table = replace(table, response=posterior.mean_variance(points)[0][:, 0])
    return table


def _unit(values: Array) -> Array:
    return (values - values.min()) / np.ptp(values)


def _importance(
    posterior: GaussianProcessPosterior, points: Array, column: int, draws: np.random.Generator
) -> float:
    mean = posterior.mean_variance(points)[0]
    changes = []
    for _ in range(SHUFFLES):
        shuffled = points.copy()
        shuffled[:, column] = draws.permutation(points[:, column])
        changes.append(np.mean((posterior.mean_variance(shuffled)[0] - mean) ** 2))
    return float(np.mean(changes))
