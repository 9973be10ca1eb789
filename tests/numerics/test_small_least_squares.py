"""Many small least-squares problems at once, against SciPy's one by one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares as scipy_least_squares

from assay.numerics.small_least_squares import least_squares, normal_matrix, solve_each

X = np.linspace(1.0, 3.0, 10)[:, None]
FREE = np.full(3, -np.inf), np.full(3, np.inf)


def peak(theta: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """A Gaussian of height, place and width."""
    height, place, width = theta
    z = (X - place) / width
    shape = np.exp(-0.5 * z**2)
    return height * shape, [shape, height * shape * z / width, height * shape * z**2 / width]


def problems(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    lowest, highest = np.array([[1.0], [1.5], [0.3]]), np.array([[5.0], [2.5], [0.8]])
    truth = lowest + (highest - lowest) * generator.random((3, count))
    weights = 1.0 / (0.05 + 0.2 * generator.random((10, count))) ** 2
    targets = peak(truth)[0] + generator.standard_normal((10, count)) / np.sqrt(weights)
    return truth, targets, weights


@pytest.mark.parametrize("bounds", [FREE, (np.array([0.0, 1.7, 0.4]), np.array([4.0, 2.2, 0.6]))])
def test_each_minimum_is_scipys(bounds: tuple[np.ndarray, np.ndarray]) -> None:
    truth, targets, weights = problems(40)
    start = np.clip(truth, bounds[0][:, None] + 0.05, bounds[1][:, None] - 0.05)
    found = least_squares(peak, targets, weights, start, bounds)
    for place in range(40):
        scale = np.sqrt(weights[:, place])

        def residual(theta: np.ndarray, place: int = place, scale: np.ndarray = scale) -> np.ndarray:
            return (peak(theta[:, None])[0][:, 0] - targets[:, place]) * scale

        theirs = scipy_least_squares(
            residual, start[:, place], bounds=bounds, xtol=1e-14, ftol=1e-14, gtol=1e-14
        )
        mine = 0.5 * (residual(found[:, place]) ** 2).sum()
        assert mine <= theirs.cost * (1.0 + 1e-9)
        np.testing.assert_allclose(found[:, place], theirs.x, atol=2e-5)


def test_a_problem_does_not_depend_on_its_neighbours() -> None:
    """Chunks, rounds and what has converged before are only a matter of speed."""
    truth, targets, weights = problems(5000)
    found = least_squares(peak, targets, weights, truth, FREE)
    some = [0, 17, 4095, 4096, 4999]
    alone = least_squares(peak, targets[:, some], weights[:, some], truth[:, some], FREE)
    np.testing.assert_allclose(found[:, some], alone, rtol=1e-9)


def test_units_of_parameters_do_not_matter() -> None:
    truth, targets, weights = problems(30)
    unit = np.array([1e-6, 1.0, 1e6])[:, None]

    def scaled(theta: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        values, jacobian = peak(theta * unit)
        return values, [column * size for column, size in zip(jacobian, unit[:, 0], strict=True)]

    plain = least_squares(peak, targets, weights, truth, FREE)
    found = least_squares(scaled, targets, weights, truth / unit, FREE)
    np.testing.assert_allclose(found * unit, plain, rtol=1e-8)


def test_a_model_that_leaves_its_domain_or_ignores_a_parameter_stays_where_it_was() -> None:
    def root(theta: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        with np.errstate(invalid="ignore", divide="ignore"):
            values = np.sqrt(theta[0] * X)
        return values, [0.5 * values / theta[0], np.zeros_like(values)]

    targets = np.sqrt(2.0 * X) * np.ones((1, 3))
    start = np.array([[1e-3, 1.0, 40.0], [7.0, 7.0, 7.0]])
    free = np.full(2, -np.inf), np.full(2, np.inf)
    found = least_squares(root, targets, np.ones_like(targets), start, free)
    np.testing.assert_allclose(found, [[2.0, 2.0, 2.0], [7.0, 7.0, 7.0]], rtol=1e-9)


def test_solve_each_is_the_solution_and_says_where_there_is_none() -> None:
    generator = np.random.default_rng(0)
    jacobian = [generator.standard_normal((10, 20)) for _ in range(4)]
    matrix = normal_matrix(jacobian, np.ones((10, 20)))
    matrix[..., 3] = -np.eye(4)
    right = generator.standard_normal((4, 20))
    solution, is_definite = solve_each(matrix, right)
    assert is_definite.tolist() == [place != 3 for place in range(20)]
    for place in np.flatnonzero(is_definite):
        np.testing.assert_allclose(matrix[..., place] @ solution[:, place], right[:, place], atol=1e-10)
