"""Random and hostile configurations of drivers, a small number of them on every run."""

from __future__ import annotations

import pytest
from tests.fuzz.driver_configurations import GOOD, HOSTILE, check, run


def test_good_configurations_are_accepted() -> None:
    for driver, examples in GOOD.items():
        for data in examples:
            assert check(driver, data) == "accepted"


def test_random_configurations_are_accepted_or_refused_with_one_sentence() -> None:
    tally = run(300, seed=1)
    assert tally.total() == 300
    assert min(tally["accepted"], tally["refused"]) > 20


@pytest.mark.parametrize("key", ["surrogates", "variables", "objectives", "transformations", "overrides"])
def test_nothing_hostile_passes_for_a_list_of_entries(key: str) -> None:
    for item in HOSTILE:
        assert check("ActiveLearning", {key: item}) in ("accepted", "refused")


@pytest.mark.slow
def test_ten_thousand_of_them() -> None:
    assert run(10_000, seed=0).total() == 10_000
