"""The energy distance: a closed form, exact derivatives, zero between equals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import energy_distance

from assay.numerics.energy_distance import EnergyDistance


def test_in_one_dimension_it_is_that_of_scipy() -> None:
    generator = np.random.default_rng(0)
    reference, points, fixed = generator.random((40, 1)), generator.random((5, 1)), generator.random((3, 1))
    found = EnergyDistance(reference, fixed, np.zeros(1, dtype=int)).value(points)
    # SciPy gives the root.
    truth = energy_distance(np.concatenate([points, fixed])[:, 0], reference[:, 0]) ** 2
    assert found == pytest.approx(truth, rel=1e-10)


def test_the_gradient_is_that_of_the_value() -> None:
    generator = np.random.default_rng(1)
    labels = np.array([0, 3, 0])
    reference, points, fixed = (generator.random((count, 3)) for count in (50, 6, 4))
    for rows in (reference, points, fixed):
        rows[:, 1] = generator.integers(3, size=len(rows))
    distance = EnergyDistance(reference, fixed, labels)
    _, gradient = distance.value_gradient(points)
    each, each_gradient = distance.with_each(points)
    for row, column in itertools.product(range(6), (0, 2)):
        step = np.zeros_like(points)
        step[row, column] = 1e-6
        difference = (distance.value(points + step) - distance.value(points - step)) / 2e-6
        assert gradient[row, column] == pytest.approx(difference, abs=1e-8)
    for row in range(6):
        alone = distance.value_gradient(points[[row]])
        assert each[row] == pytest.approx(alone[0], rel=1e-12)
        np.testing.assert_allclose(each_gradient[row], alone[1][0], atol=1e-13)


def test_it_falls_with_the_number_of_points_as_for_independent_draws() -> None:
    generator = np.random.default_rng(2)
    distance = EnergyDistance(generator.random((2000, 2)), np.empty((0, 2)), np.zeros(2, dtype=int))
    few, many = (np.mean([distance.value(generator.random((n, 2))) for _ in range(40)]) for n in (10, 100))
    assert few / many == pytest.approx(10.0, rel=0.3)


def test_it_vanishes_between_equals_and_is_moved_by_no_shift() -> None:
    reference = np.random.default_rng(3).random((30, 2))
    none = np.zeros(2, dtype=int)
    assert EnergyDistance(reference, reference[:10], none).value(reference[10:]) < 1e-12
    value = EnergyDistance(reference, reference[:1], none).value(reference[:5])
    shifted = EnergyDistance(reference + 3.0, reference[:1] + 3.0, none).value(reference[:5] + 3.0)
    assert shifted == pytest.approx(value, rel=1e-9)
