"""The line that a run shows."""

from __future__ import annotations

import math

import pytest

from assay.cli.progress import counting, progress_line, working
from assay.study.progress import Progress

BEST = {"number": 3, "values": {"x": 1.0}, "objective": 0.125}


def test_before_the_first_success_there_is_little_to_say() -> None:
    assert progress_line(Progress(0, 0, 0, 1, 60, None, None, 0.0, 0)) == "no success yet"


def test_rate_and_time_left_have_units_that_fit() -> None:
    slow = progress_line(Progress(2, 2, 0, 1, 10, BEST, None, seconds=7200.0, done_here=2))
    assert slow == "best 0.125 (no 3)  1.0 per h  8.0 h left"
    medium = progress_line(Progress(10, 8, 2, 1, 60, BEST, None, seconds=60.0, done_here=10))
    assert medium == "best 0.125 (no 3)  10.0 per min  5 min left  2 failed"
    fast = progress_line(Progress(10, 10, 0, 1, 60, BEST, None, seconds=5.0, done_here=10))
    assert fast == "best 0.125 (no 3)  2.0 per s  25 s left"


def test_without_a_total_no_time_is_left() -> None:
    assert progress_line(Progress(4, 4, 0, 1, math.inf, BEST, None, 2.0, 4)) == "best 0.125 (no 3)  2.0 per s"


def test_what_goes_on_is_shown_on_a_terminal_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with working("fitting"), counting("experiments", 20) as count:
        count(5)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes the standard error for a terminal
    with working("fitting"):
        pass
    with counting("experiments", 20) as count:
        count(5)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "fitting" in shown.err
    assert "5/20" in shown.err
