"""Counting the evaluations to a target: in order, several open at a time, failures included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.problems._counting import evaluations_to

from assay.drivers.random_search import RandomSearch
from assay.space.space import Space

SPACE = Space.from_data([{"name": "x", "domain": [0.0, 1.0]}])


def _told(at_once: int, target: float = -1.0) -> tuple[list[float], Any]:
    told: list[float] = []

    def evaluate(values: Mapping[str, Any]) -> float | None:
        told.append(values["x"])
        return None if values["x"] > 0.5 else values["x"]

    return told, evaluations_to(target, RandomSearch.from_data({}), SPACE, evaluate, 20, 0, at_once)


def test_a_target_that_is_never_reached_takes_all_evaluations():
    told, count = _told(1)
    assert (count.evaluations, len(told)) == (None, 20)
    assert count.failed == sum(value > 0.5 for value in told)
    assert count.lowest == min(told)


def test_open_looks_do_not_alter_what_is_counted():
    told, count = _told(4)
    assert (count.evaluations, len(told)) == (None, 20)
    one_by_one, _ = _told(1)
    assert told == one_by_one  # random search does not look at what is open


def test_a_run_ends_where_the_target_is_reached():
    whole, _ = _told(1)
    target = sorted(whole)[2]
    told, count = _told(3, target)
    assert count.evaluations == len(told) == next(i + 1 for i, value in enumerate(whole) if value <= target)
