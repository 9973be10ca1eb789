"""Constants are within their intervals as often as these say, and predictions beyond the data are known as such."""

from __future__ import annotations

import numpy as np
import pytest
from tests.discovery.guessing import Guessing

from assay.discovery.discover import discover
from assay.discovery.laws import Law
from assay.errors import UsageError

Array = np.ndarray


def noisy(seed: int, rows: int) -> dict[str, Array]:
    generator = np.random.default_rng(seed)
    x = generator.uniform(1.0, 3.0, rows)
    return {"x": x, "y": 2.37 * x**1.63 + 1.2 * generator.standard_normal(rows)}


@pytest.mark.parametrize("rows", [8, pytest.param(40, marks=pytest.mark.slow)])
def test_constants_are_in_their_intervals_as_often_as_these_say(rows: int) -> None:
    # Of 8 rows normal limits would cover 90 %, and Student's cover 95 %; the standard deviation of 200 draws is 1.5 %.
    inside: list[bool] = []
    for seed in range(200):
        law = discover(noisy(seed, rows), "y", engines=[Guessing(("2*x1^1.6",))]).recommended
        if len(law.constants) < 2:  # an exponent of 1 or none
            continue
        for constant, truth in zip(law.constants, (2.37, 1.63), strict=True):
            low, high = constant.interval(0.95)
            inside.append(low <= truth <= high)
    assert len(inside) > 370
    assert np.mean(inside) == pytest.approx(0.95, abs=0.025)


def test_intervals_of_constants_that_are_held_are_points() -> None:
    data = {"x": np.linspace(1.0, 3.0, 20)}
    law = discover({**data, "y": 0.5 * data["x"] ** 2}, "y", engines=[Guessing(("x1^2",))]).recommended
    assert [constant.interval() for constant in law.constants] == [(0.5, 0.5)]
    with pytest.raises(UsageError, match="probability must be between 0 and 1, got 95"):
        law.constants[0].interval(95)


def law_of_two() -> Law:
    x = np.linspace(100.0, 300.0, 20)
    z = 2.0 + np.cos(x)
    data = {"x": x, "z": z, "idle": np.sin(3.0 * x), "y": 1e-3 * x / z}
    units = {"x": "mm", "z": "s", "y": "m/s"}
    return discover(data, "y", engines=[Guessing(("x1/x2", "x1"))], units=units).recommended


def test_rows_beyond_the_data_are_known_in_the_units_of_the_data() -> None:
    pytest.importorskip("pint")
    law = law_of_two()
    assert law.expression.names == ("x", "z")
    rows = {"x": [99.0, 100.0, 300.0, 301.0, 200.0], "z": [2.0, 2.0, 2.0, 2.0, 3.1]}
    assert law.extrapolates(rows).tolist() == [True, False, False, True, True]


def test_the_ranges_of_the_data_are_in_their_units() -> None:
    pytest.importorskip("pint")
    law = law_of_two()
    assert law.ranges_of_data["x"] == pytest.approx((100.0, 300.0))
    assert set(law.ranges_of_data) == {"x", "z", "idle"}


def test_a_constant_extrapolates_nowhere() -> None:
    data = {"x": np.linspace(1.0, 2.0, 20)}
    y = 3.0 + 1e-3 * np.cos(40.0 * data["x"])
    law = discover({**data, "y": y}, "y", engines=[Guessing(("2.5 + 0*x1",))]).recommended
    assert law.expression.names == ()
    assert law.extrapolates({"x": [0.0, 9.0]}).tolist() == [False, False]
