"""Unit coordinates: there and back exactly, on every kind of parameter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import UsageError
from assay.numerics.coordinates import Coordinates
from assay.space.parameters import (
    Categorical,
    Continuous,
    Discrete,
    EnvironmentFixed,
    EnvironmentVariable,
    Fixed,
    Integer,
)
from assay.space.space import Space

SPACE = Space(
    (
        Continuous("x", (-1, 1 / 3)),
        Fixed("f", 3),
        Continuous("rate", (1e-9, 1), log=True),
        Integer("n", (-2, 6)),
        Discrete("d", [10, 1.5, 3]),
        Categorical("c", ["r", "s", "t"]),
        Categorical("o", ["low", "middle", "high"], ordered=True),
        Integer("big", (0, 10**8)),
    ),
    (EnvironmentVariable("t", scale=3), EnvironmentFixed("p", 7), EnvironmentVariable("e", (5, 9))),
)
COORDINATES = Coordinates.of(SPACE)
NAMES = ["x", "rate", "n", "d", "c", "o", "big", "t", "e"]


def test_the_columns_stand_in_order_and_fixed_parameters_have_none() -> None:
    assert [column.name for column in COORDINATES.columns] == NAMES
    assert (COORDINATES.dimension, COORDINATES.design_dimension) == (9, 7)
    kinds = [column.kind for column in COORDINATES.columns]
    assert kinds == [
        "continuous", "continuous", "lattice", "lattice", "category", "lattice", "continuous", "unbounded", "continuous",
    ]  # fmt: skip
    assert COORDINATES.continuous.tolist() == [kind in ("continuous", "unbounded") for kind in kinds]
    assert COORDINATES.is_category.tolist() == [kind == "category" for kind in kinds]
    assert COORDINATES.category_counts.tolist() == [0, 0, 0, 0, 3, 0, 0, 0, 0]
    assert COORDINATES.columns[COORDINATES.index("d")].levels == (0.0, (3 - 1.5) / 8.5, 1.0)
    with pytest.raises(UsageError, match="got 'f'"):
        COORDINATES.index("f")


def test_known_coordinates() -> None:
    point = {
        "x": -1 / 3,
        "rate": 1e-3,
        "n": 0,
        "d": 1.5,
        "c": "t",
        "o": "middle",
        "big": 25 * 10**6,
        "t": -6.0,
        "e": 6,
    }
    expected = [[0.5, 2 / 3, 0.25, 0, 2, 0.5, 0.25, -2, 0.25]]
    np.testing.assert_allclose(COORDINATES.encode([point]), expected, rtol=1e-15)
    natural = COORDINATES.natural(COORDINATES.encode([point]))
    assert natural["c"].tolist() == ["t"]
    assert natural["o"].tolist() == ["middle"]
    assert natural["f"].tolist() == [3]
    assert natural["p"].tolist() == [7]
    for name in ("x", "rate", "n", "d", "big", "t", "e"):
        assert natural[name][0] == pytest.approx(point[name], rel=1e-14)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.floats(-0.5, 2.5), min_size=9, max_size=9))
def test_decoding_is_exact_and_a_fixed_point_of_the_round_trip(unit: list[float]) -> None:
    snapped = COORDINATES.snap(np.array(unit))
    values = COORDINATES.decode(snapped)
    environment = COORDINATES.decode_environment(snapped)
    assert SPACE.validate_design(values) == values
    assert SPACE.validate_environment(environment) == environment
    assert [type(values[name]) for name in ("x", "n", "c", "big")] == [float, int, str, int]
    again = COORDINATES.encode([{**values, **environment}])
    np.testing.assert_allclose(again[0], snapped, atol=2e-10)
    assert COORDINATES.decode(again[0]) == values
    np.testing.assert_array_equal(COORDINATES.snap(snapped), snapped)


def test_numbers_are_rounded_to_the_precision_but_the_bounds_are_kept() -> None:
    space = Space.from_data(
        [Continuous("x", (1 / 3, 2)), Continuous("r", (1e-6, 1e3), log=True)], output_precision=0.05
    )
    coordinates = Coordinates.of(space)
    generator = np.random.default_rng(1)
    for unit in generator.random((200, 2)):
        values = {name: float(value) for name, value in coordinates.decode(unit).items()}
        assert values["x"] == 1 / 3 or round(values["x"] / 0.05) * 0.05 == pytest.approx(
            values["x"], abs=1e-15
        )
        assert len(repr(values["x"])) <= 4 or values["x"] == 1 / 3
        natural = coordinates.natural(unit[None])["r"][0]
        assert abs(values["r"] - natural) <= 0.025 * min(natural, 1.0) * (1 + 1e-9)
    assert coordinates.decode(np.array([0.0, 0.0])) == {"x": 1 / 3, "r": 1e-6}
    assert coordinates.decode(np.array([1.0, 1.0])) == {"x": 2.0, "r": 1e3}


def test_the_natural_derivative_is_that_of_natural() -> None:
    generator = np.random.default_rng(2)
    units = COORDINATES.snap(generator.random((20, 9)))
    derivative = COORDINATES.natural_derivative(units)
    step = 1e-6
    for index, column in enumerate(COORDINATES.columns):
        if column.labels is not None:
            assert not derivative[:, index].any()
            continue
        shift = step * np.eye(9)[index]
        ends = [COORDINATES.natural(units + sign * shift)[column.name] for sign in (1, -1)]
        np.testing.assert_allclose(derivative[:, index], (ends[0] - ends[1]) / (2 * step), rtol=1e-6)


def test_snapping_goes_to_the_nearest_level() -> None:
    unit = np.array([1.2, -0.1, 0.3, 0.1, 1.6, 0.8, 0.123456789123, 5.0, 0.5])
    np.testing.assert_allclose(
        COORDINATES.snap(unit), [1, 0, 0.25, 1.5 / 8.5, 2, 1, 0.12345679, 5.0, 0.5], rtol=1e-15
    )
    batch = COORDINATES.snap(np.tile(unit, (2, 3, 1)))
    np.testing.assert_array_equal(batch[1, 2], COORDINATES.snap(unit))


def test_a_point_that_lacks_a_parameter_is_refused() -> None:
    with pytest.raises(UsageError, match="design parameter 'rate'"):
        COORDINATES.encode([{"x": 0}])


def test_no_points_are_no_rows() -> None:
    assert COORDINATES.encode([]).shape == (0, 9)
