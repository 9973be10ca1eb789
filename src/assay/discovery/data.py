"""What a user has as data, as named columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from assay.errors import UsageError

__all__ = ["columns_of"]


def columns_of(data: Any) -> dict[str, Any]:
    """Named columns of a data frame, a mapping, an array, a list of records, or the path of a CSV file.

    Columns of an array without names are called x1, x2, ….

    Raises:
        UsageError: for anything else, and for a file that cannot be read.

    Example:
        >>> sorted(columns_of(np.ones((3, 2))))
        ['x1', 'x2']
    """
    if isinstance(data, (str, Path)):
        return _of_file(Path(data))
    if isinstance(data, Mapping) or hasattr(data, "columns"):
        return {str(name): data[name] for name in data}
    if isinstance(data, (list, tuple)) and data and all(isinstance(row, Mapping) for row in data):
        return _of_records(data)
    try:
        values = np.asarray(data)
        if values.dtype.names:
            return {name: values[name] for name in values.dtype.names}
        values = values.astype(float)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.ndim != 2:
        raise UsageError(
            f"data must be a data frame, a mapping from names to columns, an array (rows, columns) or a CSV file, got {data!r:.60}"
        )
    return {f"x{index}": column for index, column in enumerate(values.T, start=1)}


def _of_file(place: Path) -> dict[str, Any]:
    import pandas as pd

    try:
        table = pd.read_csv(place, skipinitialspace=True)
    except (OSError, ValueError) as error:  # a ParserError is a ValueError
        raise UsageError(
            f"data must be in a CSV file with names in its first line, got {place}: {error}"
        ) from None
    return {str(name): table[name].to_numpy() for name in table}


def _of_records(rows: list[Mapping[str, Any]] | tuple[Mapping[str, Any], ...]) -> dict[str, Any]:
    names = list(rows[0])
    for index, row in enumerate(rows):
        if set(row) != set(names):
            raise UsageError(f"every row must have the keys {names}, got {list(row)} in row {index}")
    return {str(name): [row[name] for row in rows] for name in names}
