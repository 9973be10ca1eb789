"""The frozen values that cross between the stages: what was suggested, what was measured, what happened.

They know no arrays, files, clocks or processes. `records` is to the package what a schema is to a database:
the store writes these values, the study folds them, the drivers read them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from assay.errors import UsageError

__all__ = [
    "Configured",
    "Event",
    "LeaseTaken",
    "Measurement",
    "Observation",
    "Outcome",
    "OutcomeRecorded",
    "ParameterValue",
    "StateSaved",
    "StudyCreated",
    "Suggested",
    "Suggestion",
    "SuggestionClaimed",
    "SuggestionCleared",
    "Trial",
]

ParameterValue = float | int | str
OutcomeStatus = Literal["succeeded", "model_failure", "crash", "infrastructure_failure"]
TrialStatus = Literal["open", "succeeded", "failed", "cleared"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One entry of an observation: a value, or a derivative of it, of one surrogate in one environment.

    Arguments:
        value: one number for each output of the surrogate.
        derivative: the name of the design or environment parameter that the value is differentiated by,
            in that parameter's own unit; None for the value itself.
        uncertainty: a standard deviation for each output; None when not known.
        model_name: the surrogate that learns from it; None for the only one.
        environment_value: the environment of this entry; None for the suggestion's.
    """

    value: tuple[float, ...]
    derivative: str | None = None
    uncertainty: tuple[float, ...] | None = None
    model_name: str | None = None
    environment_value: Mapping[str, float] | None = None


def _as_numbers(what: str, value: Any) -> tuple[float, ...]:
    try:
        if isinstance(value, str | bytes | Mapping):  # they would be taken apart
            raise TypeError
        items = (
            [value] if isinstance(value, int | float) or getattr(value, "ndim", None) == 0 else list(value)
        )
        return tuple(float(item) for item in items)
    except (TypeError, ValueError):
        raise UsageError(f"{what} must be a number or a list of numbers, got {value!r:.200}") from None


class Observation:
    """What one evaluation has to say: several calls of `add` accumulate.

    Example:
        >>> observation = Observation()
        >>> observation.add(1.5, uncertainty=0.1)
        >>> observation.add(-0.3, derivative="x")
        >>> len(observation.measurements)
        2
    """

    def __init__(self) -> None:
        self._measurements: list[Measurement] = []

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """Everything added so far."""
        return tuple(self._measurements)

    def add(
        self,
        value: float | Sequence[float],
        derivative: str | None = None,
        uncertainty: float | Sequence[float] | None = None,
        model_name: str | None = None,
        environment_value: Mapping[str, float] | None = None,
    ) -> None:
        """Add a value (scalar or vector) or, with `derivative`, its derivative by that parameter.

        Raises:
            UsageError: when a value is not a number, or an uncertainty is negative, not finite, or of
                another length than the value.
        """
        values = _as_numbers("the value of an observation", value)
        if not values:
            raise UsageError("the value of an observation must hold at least one number, got an empty list")
        spread: tuple[float, ...] | None = None
        if uncertainty is not None:
            spread = _as_numbers("the uncertainty of an observation", uncertainty)
            if len(spread) == 1:
                spread = spread * len(values)
            if len(spread) != len(values):
                raise UsageError(
                    f"the uncertainty of an observation needs one entry for each of its {len(values)} values, "
                    f"got {len(spread)}"
                )
            if any(not math.isfinite(entry) or entry < 0 for entry in spread):
                raise UsageError(
                    f"the uncertainty of an observation must be finite and not negative, got {uncertainty!r}"
                )
        self._measurements.append(
            Measurement(
                values, derivative, spread, model_name, dict(environment_value) if environment_value else None
            )
        )

    def __repr__(self) -> str:
        return f"Observation({', '.join(map(repr, self._measurements))})"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A point to look at.

    Arguments:
        number: its number in the study, from 0.
        values: a value for every design parameter, fixed ones included.
        environment: a value for every environment parameter.
        created: ISO 8601 time in UTC.
        origin: "driver", or "user" for a point that the user brought along.
    """

    number: int
    values: Mapping[str, ParameterValue]
    environment: Mapping[str, float] = field(default_factory=dict)
    created: str = ""
    origin: Literal["driver", "user"] = "driver"

    @property
    def id(self) -> int:
        """The number, under the name known from the field."""
        return self.number

    @property
    def kwargs(self) -> dict[str, ParameterValue]:
        """Name to value, design and fixed environment parameters, as the evaluator receives them."""
        return {**self.values, **self.environment}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an evaluation ended.

    A *model failure* (exception, non-zero exit, NaN, the user's time-out) is data.
    A *crash* (the worker died by itself: a segmentation fault, an exit) may be either: the study evaluates the
    suggestion again, and a crash that repeats becomes a model failure.
    An *infrastructure failure* (worker killed from outside, job cancelled) says nothing about the model: the
    same suggestion is evaluated again.

    `extra` is plain data that came along and that nothing learns from.
    """

    status: OutcomeStatus
    measurements: tuple[Measurement, ...] = ()
    seconds: float | None = None
    error: str | None = None
    details: str | None = None
    extra: Any = None


@dataclass(frozen=True, slots=True)
class Trial:
    """A suggestion with what became of it; the row that drivers learn from.

    `outcome` is the accepted one, None while open. A trial that was `cleared` is history without data.
    `attempts` counts the leases taken, `seconds` is the accepted outcome's.
    """

    suggestion: Suggestion
    status: TrialStatus
    outcome: Outcome | None = None
    attempts: int = 0
    message: str | None = None

    @property
    def number(self) -> int:
        return self.suggestion.number


# -- events: the journal is a sequence of these, and the only truth ------------------------------------


@dataclass(frozen=True, slots=True)
class StudyCreated:
    """The definition: space, driver's type, seed, as plain data."""

    definition: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Configured:
    """The whole configuration as plain data, replacing the one before."""

    configuration: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SuggestionClaimed:
    """Somebody computes suggestion `number` from the events numbered up to and including `prefix`.

    `effort` is how far to search, 1 being the usual; `in_advance` says that no slot is free for it yet: it waits,
    open and without a lease, until a runner has one.
    """

    number: int
    prefix: int
    environment: Mapping[str, float]
    owner: str
    effort: float = 1.0
    in_advance: bool = False


@dataclass(frozen=True, slots=True)
class Suggested:
    """The point of a claimed number, and every choice made on the way that a replay must not make again.

    `state` is what the next suggestion starts from (hyperparameters); `info` is what a person wants to see. A point
    that is `queued` waits for whoever evaluates next; others are in the hands of who asked for them.
    """

    suggestion: Suggestion
    state: Mapping[str, Any] | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    queued: bool = False


@dataclass(frozen=True, slots=True)
class LeaseTaken:
    """An executor starts attempt `attempt` (from 1) at a suggestion."""

    number: int
    attempt: int
    owner: str
    host: str


@dataclass(frozen=True, slots=True)
class OutcomeRecorded:
    """An outcome arrived; `accepted` is False for one that came after another had been accepted."""

    number: int
    attempt: int
    outcome: Outcome
    accepted: bool = True


@dataclass(frozen=True, slots=True)
class SuggestionCleared:
    """A suggestion (or an abandoned claim) was withdrawn without an outcome."""

    number: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class StateSaved:
    """Plain data that a stage wants to find again, under a name."""

    name: str
    state: Mapping[str, Any]


Event = (
    StudyCreated
    | Configured
    | SuggestionClaimed
    | Suggested
    | LeaseTaken
    | OutcomeRecorded
    | SuggestionCleared
    | StateSaved
)
