"""Covariances of values and derivatives: against differences of the covariance of values, and as covariances."""

from __future__ import annotations

import numpy as np
import pytest

from assay.surrogates.kernels.cross import (
    cross_covariance,
    cross_covariance_slopes,
    rows_of,
    slopes_contraction,
)
from assay.surrogates.kernels.pairs import (
    contract,
    pair_covariance,
    pair_derivatives,
    pair_table,
    rows_covariance,
)
from assay.surrogates.kernels.profiles import radial_profile

WEIGHTS = np.array([1.3, 0.4, 2.0])
NONE = np.zeros(3, dtype=bool)
SMOOTH = ["matern32", "matern52", "squared_exponential"]


def rows(count: int, seed: int, derivative: list[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
    points = np.random.default_rng(seed).random((count, 3))
    return points, np.full(count, -1) if derivative is None else np.array(derivative)


def between(name: str, left: tuple, right: tuple, categories: np.ndarray = NONE) -> np.ndarray:
    return rows_covariance(np, radial_profile(name), left, right, categories, WEIGHTS)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("a", range(3))
def test_a_derivative_is_the_limit_of_differences(name: str, a: int) -> None:
    left, right = rows(5, 0), rows(4, 1)
    step = 1e-5 * np.eye(3)[a]
    mixed = np.array([-1, 0, 1, 2])
    for other in (right, (right[0], mixed)):
        up, down = (between(name, (left[0] + sign * step, left[1]), other) for sign in (1.0, -1.0))
        exact = between(name, (left[0], np.full(5, a)), other)
        np.testing.assert_allclose(exact, (up - down) / 2e-5, atol=1e-8)


@pytest.mark.parametrize("name", SMOOTH)
def test_the_variance_of_a_derivative_at_a_point_is_its_closed_form(name: str) -> None:
    slope = {"matern32": -1.5, "matern52": -5.0 / 6.0, "squared_exponential": -0.5}[name]
    point = (np.tile([[0.3, 0.2, 0.9]], (3, 1)), np.arange(3))
    np.testing.assert_allclose(between(name, point, point), np.diag(-2.0 * slope * WEIGHTS), atol=1e-14)


@pytest.mark.parametrize("name", [*SMOOTH, "matern12"])
def test_the_contraction_is_the_derivative_by_the_weights(name: str) -> None:
    mixed = None if name == "matern12" else [-1, 0, 1, 2, -1, 0, 0]
    side = rows(7, 2, mixed)
    side[0][5] = side[0][0]  # a coincident pair, where the singular factors are
    profile = radial_profile(name)
    table = pair_table(side, side, np.divmod(np.arange(49), 7), NONE)
    by_pair = np.random.default_rng(3).standard_normal(49)
    exact = contract(table, WEIGHTS, pair_derivatives(np, profile, table, WEIGHTS), by_pair)

    def total(weights: np.ndarray) -> float:
        return float(
            by_pair @ pair_covariance(np, table, weights, pair_derivatives(np, profile, table, weights))
        )

    step = 1e-6
    for column in range(3):
        change = step * np.eye(3)[column]
        assert exact[column] == pytest.approx(
            (total(WEIGHTS + change) - total(WEIGHTS - change)) / (2 * step), abs=1e-8
        )


@pytest.mark.parametrize("name", [*SMOOTH, "matern12"])
def test_a_covariance_with_labels_and_derivatives_is_positive(name: str) -> None:
    points = np.random.default_rng(4).random((30, 3))
    points[:, 2] = np.arange(30) % 4
    derivative = np.full(30, -1)
    if name != "matern12":
        derivative[::5] = 0
        derivative[1::5] = 1
    labels = np.array([False, False, True])
    covariance = between(name, (points, derivative), (points, derivative), labels)
    np.testing.assert_allclose(covariance, covariance.T, atol=1e-14)
    assert np.linalg.eigvalsh(covariance).min() > -1e-12


def test_labels_are_exchangeable() -> None:
    labels = np.array([False, False, True])
    points, values = rows(12, 5)
    points[:, 2] = np.arange(12) % 3
    renamed = points.copy()
    renamed[:, 2] = np.array([2.0, 0.0, 1.0])[points[:, 2].astype(int)]
    np.testing.assert_array_equal(
        between("matern52", (points, values), (points, values), labels),
        between("matern52", (renamed, values), (renamed, values), labels),
    )


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("categories", [NONE, np.array([False, True, False])])
def test_cross_covariances_and_slopes_are_those_of_the_pairs(name: str, categories: np.ndarray) -> None:
    profile = radial_profile(name)
    points, values = rows(6, 6)
    data = rows(8, 7, [-1, 0, 2, -1, 2, 0, -1, -1])
    points[:, 1], data[0][:, 1] = np.round(2 * points[:, 1]), np.round(2 * data[0][:, 1])
    points[0] = data[0][1]
    prepared = rows_of(*data, WEIGHTS, categories)
    expected = rows_covariance(np, profile, (points, values), data, categories, WEIGHTS)
    np.testing.assert_allclose(cross_covariance(np, profile, prepared, points), expected, atol=1e-13)
    cross, slopes = cross_covariance_slopes(np, profile, prepared, points)
    np.testing.assert_allclose(cross, expected, atol=1e-13)
    vectors = np.random.default_rng(8).standard_normal((2, 8))
    contracted = slopes_contraction(prepared, slopes, vectors[None])
    for a in range(3):
        if categories[a]:
            assert (contracted[:, :, a] == 0.0).all()
            continue
        exact = rows_covariance(np, profile, (points, np.full(6, a)), data, categories, WEIGHTS)
        np.testing.assert_allclose(contracted[:, :, a], exact @ vectors.T, atol=1e-12)
