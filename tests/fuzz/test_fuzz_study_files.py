"""Random and hostile study files, a small number of them on every run."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fuzz.study_files import GOOD, HOSTILE, check, run


def test_random_files_are_accepted_or_refused_with_one_sentence() -> None:
    tally = run(400, seed=1)
    assert tally.total() == 400
    assert min(tally["accepted"], tally["refused"]) > 20


def test_good_files_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "input.template").touch()
    for text in GOOD:
        assert check(text.encode(), tmp_path) == "accepted"


def test_nothing_hostile_passes_for_a_whole_file(tmp_path: Path) -> None:
    for item in HOSTILE:
        assert check(item.encode(), tmp_path) == "refused"
        assert check(f"schema_version = 1\nstudy = {item}".encode(), tmp_path) == "refused"


@pytest.mark.slow
def test_ten_thousand_of_them() -> None:
    assert run(10_000, seed=0).total() == 10_000
