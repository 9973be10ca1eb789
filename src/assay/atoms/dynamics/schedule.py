"""A number that changes with the steps of a run: a temperature, a pressure, a strength of bias."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
from typing import final

from assay.errors import UsageError

__all__ = ["Schedule", "schedule_of"]


@final
@dataclass(frozen=True)
class Schedule:
    """A value that is linear between given steps and constant outside them.

    When to use it: ramps of temperature, pressure or bias, so that a trajectory sees more than one state.

    Arguments:
        steps: (k,) rising step numbers, not negative.
        values: (k,), the value at each of them, in whatever unit the owner says.

    Raises:
        UsageError: for steps that do not rise, for values that are not finite.

    Example:
        >>> heating = Schedule((0, 100), (300.0, 800.0))
        >>> heating.at(0), heating.at(50), heating.at(1000)
        (300.0, 550.0, 800.0)
    """

    steps: tuple[int, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.steps or len(self.steps) != len(self.values):
            raise UsageError(
                f"a schedule needs as many values as steps, and at least one, got {len(self.steps)} steps "
                f"and {len(self.values)} values"
            )
        if self.steps[0] < 0 or any(after <= before for before, after in zip(self.steps, self.steps[1:])):  # noqa: B905
            raise UsageError(f"the steps of a schedule must rise from 0 or later, got {self.steps}")
        if not all(math.isfinite(value) for value in self.values):
            raise UsageError(f"the values of a schedule must be finite, got {self.values}")

    def at(self, step: int) -> float:
        """The value at a step."""
        after = bisect.bisect_right(self.steps, step)
        if after == 0:
            return self.values[0]
        if after == len(self.steps):
            return self.values[-1]
        (left, right), (low, high) = self.steps[after - 1 : after + 1], self.values[after - 1 : after + 1]
        share = (step - left) / (right - left)
        return (1.0 - share) * low + share * high

    @property
    def smallest(self) -> float:
        """The smallest value that it takes."""
        return min(self.values)


def schedule_of(value: float | Schedule) -> Schedule:
    """A number as a schedule that never changes.

    Example:
        >>> schedule_of(300.0).at(12)
        300.0
    """
    return value if isinstance(value, Schedule) else Schedule((0,), (float(value),))
