"""Deb's front against its closed form."""

import math
from pathlib import Path

import numpy as np
import pytest
from examples.deb_front.deb_front import UPPER, WHOLE, evaluate, main

from assay.numerics.hypervolume import hypervolume


def test_the_volume_of_the_true_front() -> None:
    x1 = np.linspace(1.0, 4.0, 4001)
    values = np.array([list(evaluate(float(x), 1.0).values()) for x in x1])
    assert hypervolume(values, np.array(UPPER), np.zeros(2)) == pytest.approx(WHOLE, rel=1e-4)


def test_nothing_is_better_than_the_front() -> None:
    for x1, x2 in 1.0 + 3.0 * np.random.default_rng(0).random((500, 2)):
        value = evaluate(x1, x2)
        assert value["f2"] >= 11.0 / value["f1"] - 1e-12
    assert evaluate(2.0, 1.0) == {"f1": 2.0, "f2": pytest.approx(5.5)}
    assert math.isclose(evaluate(1.0, 4.0)["f2"], 26.0)


def test_a_short_run_finds_most_of_it_and_draws_it(tmp_path: Path) -> None:
    study = main(tmp_path, evaluations=16)
    assert study.driver.front().hypervolume[-1] > 0.95 * WHOLE
    assert (tmp_path / "front.png").stat().st_size > 10_000
