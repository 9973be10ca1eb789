"""The parameters of an exploration as a table: the same thing as the space of a study, in the form that scripts know."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from assay.errors import SpaceError
from assay.space.parameters import Categorical, Continuous, DesignParameter, Discrete, Fixed, Integer
from assay.space.space import Space

__all__ = [
    "create_parameters",
    "plain_table",
    "space_of_parameters",
    "table_of",
    "table_of_space",
    "units_of",
]

KINDS = ("continuous", "integer", "fixed")
# What the space understands; further columns are the user's own.
_COLUMNS = ("type", "log", "choices", "ordered", "unit", "text")


def create_parameters(
    names: Sequence[str],
    minimums: Sequence[Any],
    maximums: Sequence[Any],
    values: Sequence[Any] | None = None,
    *,
    constraints: Sequence[str | Mapping[str, str]] = (),
    **columns: Any,
) -> Any:
    """The parameters of a simulation as a pandas table with the columns `value`, `min` and `max`, one row for each.

    Use it for an `Exploration`, and in a script between its two marks.

    Arguments:
        names: letters, digits and _.
        minimums, maximums: of each; None where `choices` are given.
        values: the usual value of each; None for the middle, or the first choice.
        constraints: inequalities such as "A + 2*B <= 1"; kept in the table's `attrs`.
        columns: further ones: a list in order, a mapping from names to entries, or one entry for all. These are
            understood: `type` ("continuous", "integer" or "fixed"), `log` (True where ratios matter), `choices` (a list of
            labels or of numbers), `ordered` (True where neighbouring labels are alike), `unit`, `text`.

    Raises:
        SpaceError: when lengths differ, or a parameter or a constraint breaks a rule.

    Example:
        >>> table = create_parameters(["speed", "cells"], [0.1, 4], [10.0, 64], type={"cells": "integer"},
        ...                           log={"speed": True}, unit={"speed": "m/s"})
        >>> table["max"]["cells"], table["unit"]["speed"]
        (np.float64(64.0), 'm/s')
    """
    import pandas as pd

    rows = list(names)
    blank = [None] * len(rows)
    given = {"value": blank if values is None else list(values), "min": list(minimums), "max": list(maximums)}
    for column, entries in given.items():
        if len(entries) != len(rows):
            raise SpaceError(
                f"the parameters need {len(rows)} entries in the column {column!r}, got {len(entries)}"
            )
    further = {column: _entries(column, entries, rows) for column, entries in columns.items()}
    cells = zip(
        rows,
        *(given[key] for key in ("min", "max")),
        *(further.get(key, blank) for key in ("choices", "type")),
        strict=True,
    )
    given["value"] = [
        _usual(*cell) if value is None else value for cell, value in zip(cells, given["value"], strict=True)
    ]
    table = pd.DataFrame({**given, **further}, index=pd.Index(rows))
    if constraints:
        table.attrs["constraints"] = [
            {"name": f"constraint_{place}", "expression": entry} if isinstance(entry, str) else dict(entry)
            for place, entry in enumerate(constraints)
        ]
    space_of_parameters(table)
    return table


def space_of_parameters(parameters: Any) -> Space:
    """The space of a table of parameters, or of a list of parameters as `create_study` takes it.

    Raises:
        SpaceError: when a parameter or a constraint breaks a rule.
    """
    if isinstance(parameters, Space):
        return parameters
    if not hasattr(parameters, "to_dict"):
        return Space.from_data(parameters)
    missing = [column for column in ("value", "min", "max") if column not in parameters.columns]
    if missing:
        raise SpaceError(
            f"a table of parameters needs the columns value, min and max, got none named {missing[0]!r}"
        )
    rows = parameters.to_dict("index")
    design = [_parameter(str(name), row) for name, row in rows.items()]
    for parameter, row in zip(design, rows.values(), strict=True):
        parameter.validate(_plain(row["value"]))
    return Space.from_data(design, constraints=parameters.attrs.get("constraints"))


def table_of_space(space: Space) -> Any:
    """The table of a space: the way back."""
    columns: dict[str, dict[str, Any]] = {name: {} for name in _COLUMNS}
    lower, upper, values = [], [], []
    for item in space.design:
        low = high = value = None
        match item:
            case Continuous(domain=(low, high)):
                pass
            case Integer(domain=(low, high)):
                columns["type"][item.name] = "integer"
            case Fixed(domain=value):
                columns["type"][item.name] = "fixed"
            case Discrete(domain=domain) | Categorical(domain=domain):
                columns["choices"][item.name] = list(domain)
        lower.append(low)
        upper.append(high)
        values.append(value)
        for key in ("log", "ordered", "unit", "text"):
            if getattr(item, key, None):
                columns[key][item.name] = getattr(item, key)
    constraints = [{"name": item.name, "expression": item.expression} for item in space.constraints]
    used = {key: entries for key, entries in columns.items() if entries}
    return create_parameters(space.design_names, lower, upper, values, constraints=constraints, **used)


def table_of(index: Sequence[str], columns: Mapping[str, Sequence[Any]], attrs: Mapping[str, Any]) -> Any:
    """The table of plain data, such as a script's description holds."""
    given = dict(columns)
    own = {key: given.pop(key) for key in ("min", "max", "value")}
    constraints = attrs.get("constraints") or ()
    return create_parameters(index, own["min"], own["max"], own["value"], constraints=constraints, **given)


def plain_table(parameters: Any) -> dict[str, Any]:
    """A table as plain data, for `table_of`."""
    columns = {
        str(name): [_plain(entry) for entry in parameters[name].tolist()] for name in parameters.columns
    }
    return {"index": list(parameters.index), "columns": columns, "attrs": dict(parameters.attrs)}


def units_of(parameters: Any) -> dict[str, str]:
    """The units that a table gives, by parameter."""
    if "unit" not in parameters.columns:
        return {}
    return {str(name): unit for name, unit in parameters["unit"].items() if _is_given(unit)}


def _parameter(name: str, row: Mapping[str, Any]) -> DesignParameter:
    words = {key: row[key] for key in ("unit", "text") if _is_given(row.get(key))}
    kind = row.get("type")
    if _is_given(row.get("choices")):
        entries = [_plain(entry) for entry in row["choices"]]
        if all(isinstance(entry, str) for entry in entries):
            return Categorical(name, entries, ordered=_flag(row, "ordered"), **words)
        return Discrete(name, entries, **words)
    kind = kind if _is_given(kind) else "continuous"
    if kind == "fixed":
        return Fixed(name, _plain(row["value"]), **words)
    domain = (_plain(row["min"]), _plain(row["max"]))
    if kind == "integer":
        return Integer(name, domain, **words)
    if kind != "continuous":
        raise SpaceError(f"the type of parameter {name!r} must be one of {', '.join(KINDS)}, got {kind!r}")
    return Continuous(name, domain, log=_flag(row, "log"), **words)


def _usual(name: str, low: Any, high: Any, choices: Any, kind: Any) -> Any:
    """The middle of a range, and the first of several choices."""
    if _is_given(choices):
        return choices[0]
    try:
        middle = (low + high) / 2
    except TypeError:
        raise SpaceError(
            f"parameter {name!r} needs a minimum and a maximum, got {low!r} and {high!r}"
        ) from None
    return math.floor(middle) if kind == "integer" else middle


def _entries(column: str, entries: Any, names: Sequence[str]) -> list[Any]:
    if isinstance(entries, Mapping):
        unknown = [name for name in entries if name not in names]
        if unknown:
            raise SpaceError(f"the column {column!r} names {unknown[0]!r}, which is none of the parameters")
        return [entries.get(name) for name in names]
    if isinstance(entries, str) or not hasattr(entries, "__len__"):
        return [entries] * len(names)
    if len(entries) != len(names):
        raise SpaceError(
            f"the parameters need {len(names)} entries in the column {column!r}, got {len(entries)}"
        )
    return list(entries)


def _is_given(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def _flag(row: Mapping[str, Any], key: str) -> bool:
    return bool(row[key]) if _is_given(row.get(key)) else False


def _plain(value: Any) -> Any:
    """A number of NumPy's as Python's."""
    return value.item() if hasattr(value, "item") else value
