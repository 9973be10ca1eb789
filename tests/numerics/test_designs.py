"""Designs: on the levels, feasible, evenly spread, and the same for the same generator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from assay.errors import NumericalError
from assay.numerics.coordinates import Coordinates
from assay.numerics.designs import latin_hypercube, sobol, uniform
from assay.numerics.feasibility import FeasibleSet
from assay.space.parameters import Categorical, Continuous, Discrete, EnvironmentVariable, Integer
from assay.space.space import Space

DESIGNS = [sobol, latin_hypercube, uniform]
MIXED = [
    Continuous("x", (0, 1)),
    Integer("n", (1, 4)),
    Discrete("d", [1, 2, 10]),
    Categorical("c", ["a", "b", "c"]),
]
SQUARE = [Continuous("x", (-1, 1)), Continuous("y", (-1, 1))]


def made(
    design: Callable, parameters: list, count: int, constraints: tuple[str, ...] = (), **keys
) -> np.ndarray:
    items = [{"name": f"k{index}", "expression": text} for index, text in enumerate(constraints)]
    space = Space.from_data(parameters, [EnvironmentVariable("t", scale=2)], items)
    coordinates = Coordinates.of(space)
    feasible = FeasibleSet.of(space, coordinates)
    points = design(coordinates, feasible, count, np.random.default_rng(3), **keys)
    assert points.shape == (count, coordinates.dimension)
    np.testing.assert_array_equal(coordinates.snap(points), points)
    assert feasible.contains(points).all()
    return points


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("count", [0, 1, 7, 64])
def test_points_are_snapped_and_repeatable(design: Callable, count: int) -> None:
    points = made(design, MIXED, count, environment_unit=np.array([4.5]))
    assert (points[:, -1] == 4.5).all()
    np.testing.assert_array_equal(points, made(design, MIXED, count, environment_unit=np.array([4.5])))


@pytest.mark.parametrize("design", [sobol, latin_hypercube])
def test_every_level_gets_its_share(design: Callable) -> None:
    points = made(design, MIXED, 64)
    for index, levels in ((1, 4), (2, 3), (3, 3)):
        _, counts = np.unique(points[:, index], return_counts=True)
        assert len(counts) == levels
        assert counts.max() - counts.min() <= 2


@pytest.mark.parametrize("design", [sobol, latin_hypercube])
def test_each_part_of_each_axis_is_met_once(design: Callable) -> None:
    points = made(design, SQUARE, 64)
    for index in range(2):
        assert sorted((points[:, index] * 64).astype(int)) == list(range(64))


def test_sobol_integrates_faster_than_random_points() -> None:
    def errors(design: Callable, count: int) -> float:
        space = Space.from_data(SQUARE)
        coordinates = Coordinates.of(space)
        feasible = FeasibleSet.of(space, coordinates)
        sums = []
        for seed in range(30):
            points = design(coordinates, feasible, count, np.random.default_rng(seed))
            sums.append(np.mean(np.exp(points[:, 0] * points[:, 1])) - 1.3179021514544038)
        return float(np.sqrt(np.mean(np.square(sums))))

    assert errors(uniform, 64) / errors(uniform, 1024) == pytest.approx(4, rel=0.4)  # the rate 1/2
    assert errors(sobol, 64) / errors(sobol, 1024) > 16  # the rate 1 or better


@pytest.mark.parametrize("design", DESIGNS)
def test_the_points_inside_a_disc_fill_it(design: Callable) -> None:
    points = 2 * made(design, SQUARE, 500, ("x^2 + y^2 <= 1",))[:, :2] - 1
    assert np.mean(np.sum(points**2, axis=1)) == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=0.08)


def test_a_small_feasible_region_is_walked() -> None:
    points = made(
        sobol,
        [Continuous(name, (0, 1)) for name in "abcd"],
        200,
        ("0.3 <= a + b + c + d <= 0.300001", "a >= b"),
    )
    # Uniform on the simplex, folded at a = b: the mean of c is a quarter of the sum.
    assert points[:, 2].mean() == pytest.approx(0.075, rel=0.25)
    assert len(np.unique(points, axis=0)) == 200


def test_constraints_that_contradict_each_other_are_a_clear_error() -> None:
    with pytest.raises(NumericalError, match=r"no point that satisfies the constraints was found.*k0, k1"):
        made(uniform, SQUARE, 5, ("x + y <= 0", "x + y >= 0.1"))
