"""Responses that people bring along, in the forms that they have them, as observations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from assay.errors import UsageError
from assay.executors.responses import SINGLE
from assay.records import Observation, Outcome

__all__ = ["names_of_rows", "observations_of", "told_responses"]

NO_NUMBER = "the response is not a number"


def names_of_rows(given: Any) -> list[str]:
    """Names for responses that came without: `response`, or `response_0`, ... where a row holds several; those of a mapping.

    Example:
        >>> names_of_rows([[1.0, 2.0], None])
        ['response_0', 'response_1']
    """
    entries = [entry for entry in _by_place(given, "responses").values() if entry is not None]
    first = (
        entries[0].tolist() if entries and hasattr(entries[0], "tolist") else entries[0] if entries else None
    )
    if isinstance(first, Mapping):
        return [str(name) for name in first]
    if isinstance(first, list | tuple) and len(first) > 1:
        return [f"{SINGLE}_{place}" for place in range(len(first))]
    return [SINGLE]


def told_responses(
    responses: Any, variances: Any, queue: Sequence[int], names: Sequence[str]
) -> dict[int, Observation | Outcome]:
    """What `Study.add_outcomes` takes.

    Arguments:
        responses: in the order of the queue, or by the place in it; None where one is not known yet, NaN where it failed.
        variances: in the same form; None where they are not known.
        queue: the numbers of the open suggestions.
        names: of the responses.

    Raises:
        UsageError: when there are more than the queue is long, or an entry is no number.

    Example:
        >>> told_responses([1.5, None, float("nan")], None, [4, 5, 6], ["loss"])[6].error
        'the response is not a number'
    """
    by_place = _by_place(responses, "responses")
    spreads = {} if variances is None else _by_place(variances, "variances")
    for place in by_place:
        if not isinstance(place, int) or not 0 <= place < len(queue):
            raise UsageError(
                f"the queue holds {len(queue)} samples, counted from 0, and got a response for {place!r}"
            )
    told: dict[int, Observation | Outcome] = {}
    for place, entry in by_place.items():
        values = _row(entry, names)
        if any(value is not None for value in values):
            told[queue[place]] = _observation(values, _row(spreads.get(place), names), names)
    return told


def observations_of(responses: Any, variances: Any, count: int, names: Sequence[str]) -> list[Observation]:
    """One observation for each of `count` rows.

    Raises:
        UsageError: when the number of rows is another, or one of them holds no number.
    """
    rows, spreads = _rows(responses), [None] * count if variances is None else _rows(variances)
    for what, given in (("responses", rows), ("variances", spreads)):
        if len(given) != count:
            raise UsageError(f"{what} must have one row for each of the {count} samples, got {len(given)}")
    observations = []
    for row, spread in zip(rows, spreads, strict=True):
        found = _observation(_row(row, names), _row(spread, names), names)
        if isinstance(found, Outcome):
            raise UsageError(f"a row of responses must hold a number, got {row!r}")
        observations.append(found)
    return observations


def _observation(
    values: Sequence[float | None], variances: Sequence[float | None], names: Sequence[str]
) -> Observation | Outcome:
    """What was seen; or why not, where every response is NaN."""
    observation = Observation()
    for name, value, variance in zip(names, values, variances, strict=True):
        if value is None or math.isnan(value):
            continue
        if variance is not None and not variance >= 0:
            raise UsageError(f"the variance of the response {name!r} must not be negative, got {variance!r}")
        observation.add(value, uncertainty=None if variance is None else math.sqrt(variance), model_name=name)
    return observation if observation.measurements else Outcome("model_failure", error=NO_NUMBER)


def _by_place(given: Any, what: str) -> dict[Any, Any]:
    if isinstance(given, Mapping) and not all(isinstance(key, int) for key in given):
        raise UsageError(
            f"{what} by the place in the queue need whole numbers as keys, got {list(given)!r:.100}"
        )
    return dict(given) if isinstance(given, Mapping) else dict(enumerate(_rows(given)))


def _rows(given: Any) -> list[Any]:
    plain = given.to_numpy() if hasattr(given, "to_numpy") else given
    plain = plain.tolist() if hasattr(plain, "tolist") else plain
    return list(plain) if isinstance(plain, list | tuple) else [plain]


def _row(entry: Any, names: Sequence[str]) -> list[float | None]:
    """One number for each response, None where there is none."""
    if entry is None:
        return [None] * len(names)
    plain = entry.tolist() if hasattr(entry, "tolist") else entry
    if isinstance(plain, Mapping):
        unknown = [name for name in plain if name not in names]
        if unknown:
            raise UsageError(f"the responses are {', '.join(names)}, got {unknown[0]!r}")
        cells = [plain.get(name) for name in names]
    else:
        cells = list(plain) if isinstance(plain, list | tuple) else [plain]
    if len(cells) != len(names):
        raise UsageError(f"each sample has {len(names)} responses, {', '.join(names)}, got {len(cells)}")
    try:
        return [None if cell is None else float(cell) for cell in cells]
    except (TypeError, ValueError):
        raise UsageError(f"a response must be a number, got {entry!r:.100}") from None
