"""Random and hostile expressions, a small number of them on every run."""

from __future__ import annotations

import random

import pytest
from tests.fuzz.expressions import ATTACKS, BOMBS, check, run, write


def test_random_and_hostile_texts_are_accepted_and_right_or_refused() -> None:
    tally = run(1500, seed=1)
    assert tally.total() == 1500
    assert min(tally["accepted"], tally["refused"]) > 400
    assert tally["accepted, ill-conditioned"] < 15


@pytest.mark.slow
def test_ten_thousand_of_them() -> None:
    assert run(10_000, seed=0).total() == 10_000


def test_every_attack_and_every_bomb() -> None:
    for attack in ATTACKS:
        check(attack, None)
    for bomb in BOMBS:
        for size in (0, 1, 60, 61, 199, 201, 499, 501, 1_000_000):
            check(bomb(size), None)


def test_the_texts_written_at_random_have_values_to_compare() -> None:
    generator = random.Random(2)
    values = [write(generator, 3).value for _ in range(300)]
    assert sum(value == value and abs(value) < 1e300 for value in values) > 150
