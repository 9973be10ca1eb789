"""Schedules."""

from __future__ import annotations

import numpy as np
import pytest

from assay.atoms.dynamics.schedule import Schedule, schedule_of
from assay.errors import UsageError


def test_it_is_linear_between_its_steps() -> None:
    schedule = Schedule((10, 20, 60), (1.0, 3.0, -1.0))
    steps = np.arange(80)
    expected = np.interp(steps, schedule.steps, schedule.values)
    np.testing.assert_allclose([schedule.at(int(step)) for step in steps], expected, rtol=1e-15, atol=1e-15)
    assert schedule.at(20) == 3.0
    assert schedule.smallest == -1.0


def test_a_number_is_a_schedule() -> None:
    assert schedule_of(2).at(10**9) == 2.0
    schedule = Schedule((0,), (1.0,))
    assert schedule_of(schedule) is schedule


@pytest.mark.parametrize(
    ("steps", "values"),
    [((), ()), ((0,), (1.0, 2.0)), ((5, 5), (1.0, 2.0)), ((-1,), (1.0,)), ((0,), (float("inf"),))],
)
def test_others_are_refused(steps: tuple[int, ...], values: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="schedule"):
        Schedule(steps, values)
