"""How well a form predicts rows that it has not been fitted to: inside the data, and at their edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.discovery.forms import Form, fitted

__all__ = ["Splits", "Validation", "validated"]

Array = np.ndarray

FOLDS = 5
EDGE = 0.2  # the part of the rows that extrapolation is judged on


@final
@dataclass(frozen=True)
class Splits:
    """Which rows are left out together.

    Arguments:
        folds: (n,), the number of the fold of each row.
        edge: (n,), whether a row is one of those farthest from the middle.
    """

    folds: Array
    edge: Array

    @staticmethod
    def of(columns: Mapping[str, Array], generator: np.random.Generator) -> Splits:
        """Folds by chance, with equal inputs together; the edge by the largest of the standardised inputs."""
        rows = np.column_stack(list(columns.values()))
        _, place = np.unique(rows, axis=0, return_inverse=True)
        distinct = int(place.max()) + 1
        count = min(FOLDS, distinct) if distinct >= 2 * FOLDS else distinct
        fold_of = np.empty(distinct, dtype=int)
        fold_of[generator.permutation(distinct)] = np.arange(distinct) % count
        ranks = np.argsort(np.argsort(rows, axis=0), axis=0) / max(len(rows) - 1, 1) - 0.5
        distance = np.abs(ranks).max(axis=1)
        edge = np.zeros(len(rows), dtype=bool)
        edge[np.argsort(-distance, kind="stable")[: max(1, round(EDGE * len(rows)))]] = True
        return Splits(fold_of[place.ravel()], edge)


@final
@dataclass(frozen=True)
class Validation:
    """Weighted squared errors of prediction.

    Arguments:
        rows: (n,), of each row when it was left out.
        edge: the mean over the edge when it was left out.
    """

    rows: Array
    edge: float

    @property
    def inside(self) -> float:
        """The mean over all rows."""
        return float(self.rows.mean())


def validated(
    form: Form, columns: Mapping[str, Array], response: Array, weights: Array, values: Array, splits: Splits
) -> Validation:
    """The errors of a form that is fitted anew without the rows that it is judged on.

    Arguments:
        values: of the constants, where each fit starts.
    """
    rows = np.full(len(response), np.inf)
    for fold in range(int(splits.folds.max()) + 1):
        out = splits.folds == fold
        rows[out] = _errors(form, columns, response, weights, values, out)[out]
    edge = _errors(form, columns, response, weights, values, splits.edge)[splits.edge]
    return Validation(rows, float(edge.mean()))


def _errors(
    form: Form, columns: Mapping[str, Array], response: Array, weights: Array, values: Array, out: Array
) -> Array:
    kept = np.where(out, 0.0, weights)
    if np.count_nonzero(kept) < len(form.free):
        return np.full(len(response), np.inf)
    fit = fitted(form, columns, response, kept, start=values, steps=20)
    if fit is None:
        return np.full(len(response), np.inf)
    errors = weights * (response - form.predict(columns, fit.values)) ** 2 * len(weights) / weights.sum()
    return np.where(np.isfinite(errors), errors, np.inf)
