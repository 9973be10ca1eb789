"""Known constraints: slacks, gradients, and suggestions that satisfy them exactly after rounding."""

from __future__ import annotations

import numpy as np
import pytest

from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.space.parameters import (
    Categorical,
    Continuous,
    EnvironmentFixed,
    EnvironmentVariable,
    Fixed,
    Integer,
)
from assay.space.space import Space


def feasible_set(
    design: list, constraints: list[str], precision: float = 1e-10, environment: list | None = None
):
    items = [{"name": f"k{index}", "expression": text} for index, text in enumerate(constraints)]
    space = Space.from_data(design, environment, items, precision)
    return FeasibleSet.of(space, Coordinates.of(space))


DISC = ["x^2 + y^2 <= 1.5^2", "x + y >= 1/3"]
SQUARE = [Continuous("x", (-2, 2)), Continuous("y", (-2, 2))]
MIXED = [
    *SQUARE,
    Continuous("r", (1e-3, 10), log=True),
    Integer("n", (1, 4)),
    Categorical("c", ["a", "b"]),
    Fixed("w", 2),
]
MIXED_CONSTRAINTS = ["x*n + log10(r) <= w + p", "sqrt(x^2 + y^2) <= 1.5", "r*y >= -1"]
ENVIRONMENT = [EnvironmentVariable("t", scale=2), EnvironmentFixed("p", 0.5)]


def test_slack_and_membership() -> None:
    feasible = feasible_set(SQUARE, DISC)
    units = feasible.coordinates.encode(
        [{"x": 1, "y": 0}, {"x": 1.5, "y": 0}, {"x": 0, "y": 0}, {"x": 2, "y": 2}]
    )
    assert feasible.count == 2
    np.testing.assert_allclose(feasible.slack(units)[:, 0], [1.25, 0, 2.25, -5.75], atol=1e-15)
    assert feasible.contains(units).tolist() == [True, True, False, False]


def test_a_slack_that_is_not_a_number_is_outside() -> None:
    feasible = feasible_set([Continuous("x", (-1, 1))], ["sqrt(x) <= 0.5"])
    assert feasible.contains(np.array([[0.25], [0.55], [0.95]])).tolist() == [False, True, False]
    _, gradient = feasible.slack_gradient(np.array([[0.25], [0.5]]))
    assert np.isfinite(gradient).all()


def test_the_gradient_is_that_of_the_slack() -> None:
    feasible = feasible_set(MIXED, MIXED_CONSTRAINTS, environment=ENVIRONMENT)
    generator = np.random.default_rng(3)
    units = feasible.coordinates.snap(generator.uniform(0.1, 0.9, (15, 6)))
    slack, gradient = feasible.slack_gradient(units)
    np.testing.assert_array_equal(slack, feasible.slack(units))
    step = 1e-6
    for index in range(6):
        shift = step * np.eye(6)[index]
        difference = (feasible.slack(units + shift) - feasible.slack(units - shift)) / (2 * step)
        np.testing.assert_allclose(gradient[:, :, index], difference, rtol=1e-6, atol=1e-7)


def test_without_constraints_everything_is_inside() -> None:
    feasible = feasible_set(SQUARE, [])
    units = np.random.default_rng(0).random((5, 2))
    assert feasible.slack(units).shape == (5, 0)
    assert feasible.slack_gradient(units)[1].shape == (5, 0, 2)
    assert feasible.contains(units).all()
    projected = feasible.project(units[0])
    assert projected is not None
    np.testing.assert_allclose(projected, units[0], atol=1e-10)


@pytest.mark.parametrize("precision", [1e-10, 1e-3, 0.1])
def test_a_point_on_the_boundary_stays_near_and_decodes_to_a_feasible_one(precision: float) -> None:
    feasible = feasible_set(SQUARE, DISC, precision)
    generator = np.random.default_rng(5)
    for angle in generator.uniform(-0.6, 2.1, 200):  # inside the half plane
        unit = feasible.coordinates.encode([{"x": 1.5 * np.cos(angle), "y": 1.5 * np.sin(angle)}])[0]
        projected = feasible.project(unit)
        assert projected is not None
        values = feasible.coordinates.decode(projected)
        assert feasible.space.is_feasible(values)
        for value in map(float, values.values()):
            assert round(value / precision) * precision == pytest.approx(value, abs=1e-12)
        np.testing.assert_allclose(projected, unit, atol=4 * precision)


def test_every_point_of_a_mixed_space_is_pulled_inside_where_that_is_possible() -> None:
    feasible = feasible_set(MIXED, MIXED_CONSTRAINTS, environment=ENVIRONMENT)
    generator = np.random.default_rng(6)
    for unit in generator.uniform(0, 1, (150, 6)):
        projected = feasible.project(unit)
        assert projected is not None
        assert feasible.space.is_feasible(feasible.coordinates.decode(projected))
        snapped = feasible.coordinates.snap(unit)
        np.testing.assert_array_equal(projected[3:], snapped[3:])  # labels, lattice and environment stay


def test_a_feasible_point_stays_where_it_is() -> None:
    feasible = feasible_set(SQUARE, DISC)
    unit = feasible.coordinates.encode([{"x": 0.7, "y": 0.3}])[0]
    np.testing.assert_array_equal(feasible.project(unit), unit)


def test_none_where_no_rounding_can_be_feasible() -> None:
    assert (
        feasible_set([Continuous("x", (0, 1))], ["0.0501 <= x <= 0.0999"], 0.1).project(np.array([0.07]))
        is None
    )
    assert feasible_set([Integer("n", (1, 4))], ["n >= 3"]).project(np.array([0.0])) is None


def test_the_answer_does_not_depend_on_the_scale_of_a_constraint() -> None:
    one = feasible_set(SQUARE, ["x + y <= 1/3"])
    other = feasible_set(SQUARE, ["4096*(x + y) <= 4096/3"])
    for unit in np.random.default_rng(8).random((30, 2)):
        left, right = one.project(unit), other.project(unit)
        assert left is not None
        assert right is not None
        np.testing.assert_allclose(left, right, atol=1e-9)
