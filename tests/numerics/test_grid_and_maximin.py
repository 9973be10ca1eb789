"""Grids have the points that are wanted; points that keep their distance are as far apart as is known to be possible."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.numerics.grid_design import grid
from assay.numerics.maximin import Closeness, farthest
from assay.space.parameters import Categorical, Continuous, Discrete, Integer
from assay.space.space import Space


def made(parameters: list, count: int, placed: np.ndarray | None = None) -> np.ndarray:
    space = Space.from_data(parameters)
    coordinates = Coordinates.of(space)
    before = np.empty((0, coordinates.dimension)) if placed is None else placed
    feasible = FeasibleSet.of(space, coordinates)
    return grid(coordinates, feasible, count, np.random.default_rng(0), np.empty(0), before)


@pytest.mark.parametrize("count", [8, 10, 20, 27, 30, 100])
def test_a_grid_has_exactly_as_many_points(count: int) -> None:
    points = made([Continuous(name, (0.0, 1.0)) for name in "xyz"], count)
    assert len(np.unique(points, axis=0)) == count
    # No parameter has two values more than another one.
    sizes = [len(np.unique(column)) for column in points.T]
    assert max(sizes) - min(sizes) <= 1


def test_a_finite_grid_is_every_combination() -> None:
    points = made([Integer("n", (1, 3)), Discrete("d", [1, 5]), Categorical("c", ["a", "b"])], 12)
    expected = sorted(itertools.product([0.0, 0.5, 1.0], [0.0, 1.0], [0.0, 1.0]))
    assert sorted(map(tuple, points)) == expected
    assert len(made([Integer("n", (1, 3))], 5)) == 3


def test_a_grid_in_many_dimensions_varies_every_parameter() -> None:
    points = made([Continuous(f"x{index}", (0.0, 1.0)) for index in range(20)], 16)
    assert points.shape == (16, 20)
    assert all(len(np.unique(column)) == 2 for column in points.T)


def test_later_points_of_a_grid_are_new() -> None:
    square = [Continuous(name, (0.0, 1.0)) for name in "xy"]
    first = made(square, 4)
    both = np.concatenate([first, made(square, 5, first)])
    assert sorted(map(tuple, both)) == [(a, b) for a in (0.0, 0.5, 1.0) for b in (0.0, 0.5, 1.0)]


def test_the_slope_of_closeness_is_that_of_its_value() -> None:
    generator = np.random.default_rng(1)
    points, fixed = generator.random((5, 3)), generator.random((4, 3))
    points[:, 2], fixed[:, 2] = generator.integers(2, size=5), generator.integers(2, size=4)
    closeness = Closeness(fixed, np.array([False, False, True]), power=8.0)
    _, gradient = closeness.value_gradient(points)
    for row, column in itertools.product(range(5), range(2)):
        step = np.zeros_like(points)
        step[row, column] = 1e-6
        ahead, behind = closeness.value_gradient(points + step)[0], closeness.value_gradient(points - step)[0]
        assert gradient[row, column] == pytest.approx((ahead - behind) / 2e-6, rel=1e-5, abs=1e-7)


def test_closeness_tends_to_the_least_distance() -> None:
    points = np.random.default_rng(2).random((6, 2))
    none = np.zeros(2, dtype=bool)
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    least = distances[~np.eye(6, dtype=bool)].min()
    found = [
        np.exp(-Closeness(points[:0], none, power).value_gradient(points)[0]) for power in (100.0, 400.0)
    ]
    assert found[1] == pytest.approx(least, rel=1e-2)
    assert abs(found[1] - least) < abs(found[0] - least) + 1e-12


def test_the_farthest_points_are_within_a_factor_of_two_of_the_best() -> None:
    candidates = np.random.default_rng(3).random((14, 2))
    none = np.zeros(2, dtype=bool)

    def least(chosen: np.ndarray) -> float:
        distances = np.linalg.norm(chosen[:, None] - chosen, axis=2)
        return float(distances[~np.eye(len(chosen), dtype=bool)].min())

    best = max(least(candidates[list(some)]) for some in itertools.combinations(range(14), 4))
    assert 0.5 * best <= least(candidates[farthest(candidates, candidates[:0], 4, none, 0)]) <= best
