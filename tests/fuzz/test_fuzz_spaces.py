"""Random and hostile definitions of a space, a small number of them on every run."""

from __future__ import annotations

import pytest
from tests.fuzz.spaces import GOOD, HOSTILE, check, run


def test_random_definitions_are_accepted_or_refused_with_one_sentence() -> None:
    tally = run(1500, seed=1)
    assert tally.total() == 1500
    assert min(tally["accepted"], tally["refused"]) > 50


def test_nothing_hostile_passes_for_a_whole_definition() -> None:
    assert check(GOOD) == "accepted"
    for item in HOSTILE:
        assert check(item) == "refused"


@pytest.mark.slow
def test_ten_thousand_of_them() -> None:
    assert run(10_000, seed=0).total() == 10_000
