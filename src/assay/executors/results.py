"""What an evaluation returned, as measurements; every way of evaluating ends here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from assay.errors import EvaluationError
from assay.records import Measurement, Observation, Outcome

__all__ = ["measurements_of", "outcome_of"]

_RULE = "a number, a list of numbers, a one-dimensional array, a dict of these by surrogate name, or an Observation"


def outcome_of(returned: Any, seconds: float | None = None, uncertainties: Any = None) -> Outcome:
    """The outcome of an evaluation that returned something: a model failure when it is of no use.

    Arguments:
        returned, uncertainties: as in `measurements_of`.
        seconds: that it took.

    Example:
        >>> outcome_of(1.5).measurements[0].value
        (1.5,)
        >>> outcome_of(float("nan")).error
        'the evaluation returned nan, which is not a finite number'
    """
    try:
        measurements = measurements_of(returned, uncertainties)
    except EvaluationError as error:
        return Outcome("model_failure", seconds=seconds, error=str(error))
    return Outcome("succeeded", measurements, seconds=seconds)


def measurements_of(returned: Any, uncertainties: Any = None) -> tuple[Measurement, ...]:
    """The measurements in what an evaluator returned.

    Arguments:
        returned: a number, a list or one-dimensional array of numbers (one for each output of the surrogate), a
            mapping of these by surrogate name, or an `Observation`. Arrays are anything with `tolist`.
        uncertainties: their standard deviations, in the same form; a single number for all of them, and a mapping may
            leave names out. None where none is known.

    Raises:
        EvaluationError: when it is something else, empty, or not finite, or an uncertainty breaks a rule.

    Example:
        >>> [measurement.model_name for measurement in measurements_of({"loss": 1, "mass": [2.0, 3.0]})]
        ['loss', 'mass']
    """
    if isinstance(returned, Observation):
        measurements = returned.measurements
    elif isinstance(returned, Mapping):
        measurements = tuple(_named(name, value) for name, value in returned.items())
    else:
        measurements = (Measurement(_numbers(returned, "the evaluation")),)
    if not measurements:
        raise EvaluationError(f"the evaluation must return {_RULE}, got an empty {type(returned).__name__}")
    for measurement in measurements:
        _require_finite(measurement)
    return measurements if uncertainties is None else _with_uncertainties(measurements, uncertainties)


def _with_uncertainties(measurements: Sequence[Measurement], given: Any) -> tuple[Measurement, ...]:
    names = [measurement.model_name for measurement in measurements]
    by_name = given if isinstance(given, Mapping) else dict.fromkeys(names, given)
    for name in by_name:
        if name not in names:
            known = ", ".join("one without a name" if own is None else repr(own) for own in names)
            raise EvaluationError(f"uncertainties must be of the responses ({known}), got one of {name!r}")
    found = []
    for measurement in measurements:
        spread, count = by_name.get(measurement.model_name), len(measurement.value)
        if spread is not None:
            numbers = _numbers(spread, "the uncertainty of a response")
            numbers = numbers * count if len(numbers) == 1 else numbers
            if len(numbers) != count or not all(math.isfinite(one) and one >= 0 for one in numbers):
                raise EvaluationError(
                    f"the uncertainty of a response must be {count} finite numbers that are not negative, got "
                    f"{_short(spread)}"
                )
            measurement = replace(measurement, uncertainty=numbers)
        found.append(measurement)
    return tuple(found)


def _named(name: Any, value: Any) -> Measurement:
    if not isinstance(name, str):
        raise EvaluationError(f"the keys of a returned dict must be the names of surrogates, got {name!r}")
    return Measurement(_numbers(value, f"the evaluation of {name!r}"), model_name=name)


def _numbers(value: Any, whose: str) -> tuple[float, ...]:
    plain = value.tolist() if hasattr(value, "tolist") else value
    items = list(plain) if isinstance(plain, list | tuple) else [plain]
    if not items:
        raise EvaluationError(f"{whose} must return at least one number, got an empty {type(value).__name__}")
    try:
        return tuple(_number(item) for item in items)
    except (TypeError, ValueError, OverflowError):
        raise EvaluationError(f"{whose} must return {_RULE}, got {_short(value)}") from None


def _number(item: Any) -> float:
    # text would pass float(), and a truth value is most often a comparison that was not meant to be returned
    if isinstance(item, str | bytes | bool):
        raise TypeError
    return float(item)


def _require_finite(measurement: Measurement) -> None:
    for place, number in enumerate(measurement.value):
        if not math.isfinite(number):
            entry = f" in entry {place}" if len(measurement.value) > 1 else ""
            name = f" for {measurement.model_name!r}" if measurement.model_name else ""
            kind = f" as the derivative by {measurement.derivative!r}" if measurement.derivative else ""
            raise EvaluationError(
                f"the evaluation returned {number}{entry}{name}{kind}, which is not a finite number"
            )


def _short(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and len(shape) > 1:
        return f"an array of shape {shape}"
    try:
        text = " ".join(repr(value).split())
    except Exception:  # noqa: BLE001 - the repr of a foreign object may fail in any way, and must not hide the real error
        text = "something"
    return f"{text[:100]} of type {type(value).__name__}"
