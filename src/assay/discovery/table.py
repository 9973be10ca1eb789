"""The data that a law is looked for in: named columns, a response, weights; checked before anything is searched."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.space.syntax import RESERVED

__all__ = ["Table"]

Array = np.ndarray

FEW_ROWS = 8
SAME_DIRECTION = 1e-12  # beside one, in the cosine


@final
@dataclass(frozen=True)
class Table:
    """Columns that may be in the law, and the response.

    Arguments:
        columns: by name, (n,) each.
        response: (n,).
        response_name: how it is called.
        weights: (n,), one over the variance where that is known.
        replicate_error: the standard deviation of rows with the same inputs, pooled; None without such rows.
        left_out: the names of columns that were found not to matter.
    """

    columns: Mapping[str, Array]
    response: Array
    response_name: str
    weights: Array
    replicate_error: float | None
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.response)

    @staticmethod
    def of(data: Mapping[str, Any], response: str | int | Any, standard_error: Any = None) -> Table:
        """Check data and gather it.

        Arguments:
            data: columns by name.
            response: the name or the number of the response's column, or its values.
            standard_error: of the response, one number or one for each row; None where unknown.

        Raises:
            UsageError: for a column or a response that is constant, not finite, no number or badly named, for different lengths, and
                where there are fewer than two rows.
        """
        held = {name: _numbers(name, values) for name, values in data.items()}
        if isinstance(response, int) and not isinstance(response, bool):
            if not -len(held) <= response < len(held):
                raise UsageError(
                    f"the number of the response must be that of one of {len(held)} columns, got {response}"
                )
            response = list(held)[response]
        if isinstance(response, str):
            if response not in held:
                raise UsageError(f"the response must be one of the columns {sorted(held)}, got {response!r}")
            name, values = response, held.pop(response)
        else:
            name, values = "response", _numbers("response", response)
        if not held:
            raise UsageError("a law needs a column beside the response, got none")
        if len(values) < 2:
            raise UsageError(f"a law can be determined from two rows at least, got {len(values)}")
        if np.ptp(values) == 0:
            raise UsageError(
                f"the response {name!r} must vary for a law to explain it, got {values[0]} in every row"
            )
        for column, entries in held.items():
            _check_column(column, entries, len(values))
        _warn_of_ratios(held)
        if len(values) < FEW_ROWS:
            message = f"{len(values)} rows determine few laws; what is recommended may be one of many"
            warnings.warn(message, UserWarning, stacklevel=3)
        return Table(
            held, values, name, _weights(standard_error, len(values)), _replicate_error(held, values)
        )


def _numbers(name: str, column: Any) -> Array:
    try:
        values = np.asarray(column, dtype=float)
    except (TypeError, ValueError):
        raise UsageError(
            f"column {name!r} must hold numbers, got {_first_other(column)!r:.60}; leave it out"
        ) from None
    if values.ndim != 1:
        raise UsageError(f"column {name!r} must have one value for each row, got shape {values.shape}")
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        raise UsageError(
            f"column {name!r} must be finite, got {values[wrong[0]]} in row {wrong[0]}"
            f" ({wrong.size} such rows); leave them out"
        )
    return values


def _first_other(column: Any) -> Any:
    """The first entry that is no number; the whole where it is no column."""
    for entry in column if isinstance(column, Iterable) and not isinstance(column, str) else ():
        try:
            float(entry)
        except (TypeError, ValueError):
            return entry
    return column


def _check_column(name: str, values: Array, rows: int) -> None:
    if not name.isidentifier() or name.startswith("_") or name in RESERVED:
        raise UsageError(
            f"the name of a column must be a word that begins with a letter and is no function or constant, got {name!r}"
        )
    if len(values) != rows:
        raise UsageError(f"column {name!r} must have {rows} rows like the response, got {len(values)}")
    if np.ptp(values) == 0:
        raise UsageError(
            f"column {name!r} must vary for a law to depend on it, got {values[0]} in every row; leave it out"
        )


def _warn_of_ratios(columns: Mapping[str, Array]) -> None:
    directions = {name: values / np.abs(values).max() for name, values in columns.items()}
    directions = {name: values / np.linalg.norm(values) for name, values in directions.items()}
    for one, other in itertools.combinations(directions, 2):
        if abs(directions[one] @ directions[other]) >= 1.0 - SAME_DIRECTION:
            message = f"columns {one!r} and {other!r} are in a fixed ratio, so that no law can tell them apart; leave one out"
            warnings.warn(message, UserWarning, stacklevel=4)


def _weights(standard_error: Any, rows: int) -> Array:
    if standard_error is None:
        return np.ones(rows)
    try:
        errors = np.broadcast_to(np.asarray(standard_error, dtype=float), rows)
    except (TypeError, ValueError):
        raise UsageError(
            f"standard_error must be one number or {rows} of them, got {standard_error!r:.60}"
        ) from None
    if not (np.isfinite(errors) & (errors > 0)).all():
        raise UsageError(f"standard_error must be positive, got {errors.min()}")
    return 1.0 / errors**2


def _replicate_error(columns: Mapping[str, Array], response: Array) -> float | None:
    rows = np.column_stack(list(columns.values()))
    _, place, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    freedom = int((counts - 1).sum())
    if not freedom:
        return None
    means = np.bincount(place.ravel(), response) / counts
    return math.sqrt(float(((response - means[place.ravel()]) ** 2).sum()) / freedom)
