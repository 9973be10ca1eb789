import numpy as np
import pytest
from scipy.optimize import minimize

from assay.numerics.optimise import maximise_batch

Array = np.ndarray


def rosenbrock(x: Array) -> tuple[Array, Array]:
    u = 4 * x - 2
    head, tail = u[:, :-1], u[:, 1:]
    gradient = np.zeros_like(u)
    gradient[:, :-1] = -400 * head * (tail - head**2) - 2 * (1 - head)
    gradient[:, 1:] += 200 * (tail - head**2)
    return -(100 * (tail - head**2) ** 2 + (1 - head) ** 2).sum(axis=1), -4 * gradient


def waves(x: Array) -> tuple[Array, Array]:
    """Many maxima, some of them on bounds."""
    return (np.sin(7 * x) + x).sum(axis=1), 7 * np.cos(7 * x) + 1


def tilted_bowl(x: Array) -> tuple[Array, Array]:
    """A quadratic whose maximum is outside the box."""
    matrix = np.array([[2.0, 1.5, 0.0], [1.5, 3.0, 0.5], [0.0, 0.5, 1.0]])
    away = x - np.array([1.4, 0.2, -0.3])
    return -0.5 * np.einsum("ij,jk,ik->i", away, matrix, away), -away @ matrix


def starts(dimension: int, count: int = 10) -> Array:
    return np.random.default_rng(0).random((count, dimension))


@pytest.mark.parametrize(
    ("function", "dimension"), [(rosenbrock, 2), (rosenbrock, 5), (waves, 1), (waves, 4), (tilted_bowl, 3)]
)
def test_every_start_ends_where_projected_gradient_vanishes(function, dimension):
    found = maximise_batch(
        function,
        starts(dimension),
        np.zeros(dimension),
        np.ones(dimension),
        max_rounds=400,
        value_tolerance=0.0,
    )
    assert found.converged.all()
    _, gradient = function(found.points)
    pulled = np.clip(found.points + gradient, 0, 1) - found.points
    assert np.abs(pulled).max() < 2e-5
    assert (found.values >= function(starts(dimension))[0]).all()


@pytest.mark.parametrize(("function", "dimension"), [(rosenbrock, 4), (waves, 1), (tilted_bowl, 3)])
def test_best_is_as_high_as_the_best_of_scipy(function, dimension):
    found = maximise_batch(
        function, starts(dimension), np.zeros(dimension), np.ones(dimension), max_rounds=400
    )
    reference = max(
        -minimize(
            lambda x: (-function(x[None])[0][0], -function(x[None])[1][0]),
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(0, 1)] * dimension,
            options={"ftol": 1e-14, "gtol": 1e-9},
        ).fun
        for start in starts(dimension)
    )
    assert found.values.max() >= reference - 1e-10


def test_convergence_is_superlinear():
    """On curvatures from 2 to 200, steepest ascent gains a factor of at best 0.98 a round."""

    def quartic(x: Array) -> tuple[Array, Array]:
        away = x - 0.4
        scale = np.array([1.0, 10.0, 100.0])
        return -(scale * (away**2 + away**4)).sum(axis=1), -scale * (2 * away + 4 * away**3)

    def error(rounds: int) -> float:
        found = maximise_batch(
            quartic,
            np.array([[0.6, 0.3, 0.5]]),
            np.zeros(3),
            np.ones(3),
            max_rounds=rounds,
            value_tolerance=0.0,
            gradient_tolerance=0.0,
        )
        return float(np.abs(found.points - 0.4).max())

    late = [error for error in map(error, range(1, 40)) if 1e-12 < error < 1e-2]
    assert len(late) <= 12
    assert (late[-1] / late[2]) ** (1 / (len(late) - 3)) < 0.1


def test_starts_do_not_influence_one_another():
    alone = [
        maximise_batch(rosenbrock, start[None], np.zeros(4), np.ones(4), max_rounds=30).points[0]
        for start in starts(4)
    ]
    together = maximise_batch(rosenbrock, starts(4), np.zeros(4), np.ones(4), max_rounds=30).points
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-9)


def test_moving_and_stretching_the_box_moves_the_path_with_it():
    lower, width = np.array([-3.0, 100.0, 0.0]), np.array([2.0, 50.0, 1e-3])

    def stretched(x: Array) -> tuple[Array, Array]:
        value, gradient = waves((x - lower) / width)
        return value, gradient / width

    plain = maximise_batch(waves, starts(3), np.zeros(3), np.ones(3), max_rounds=12)
    moved = maximise_batch(stretched, lower + starts(3) * width, lower, lower + width, max_rounds=12)
    np.testing.assert_allclose((moved.points - lower) / width, plain.points, atol=1e-9)


def test_a_value_that_is_not_finite_refuses_the_trial():
    """A barrier: the maximum lies on the edge of where the function is defined."""

    def guarded(x: Array) -> tuple[Array, Array]:
        inside = x[:, 0] < 0.7
        value = np.where(inside, x[:, 0] + 1e-3 * np.log(np.where(inside, 0.7 - x[:, 0], 1.0)), -np.inf)
        return value, (1 - 1e-3 / np.where(inside, 0.7 - x[:, 0], 1.0))[:, None]

    found = maximise_batch(guarded, np.array([[0.1], [0.69]]), np.zeros(1), np.ones(1))
    np.testing.assert_allclose(found.points, 0.699, atol=1e-6)


def test_a_column_without_width_or_gradient_stays():
    def flat_in_one(x: Array) -> tuple[Array, Array]:
        value, gradient = waves(x[:, :1])
        return value, np.concatenate([gradient, np.zeros((len(x), 2))], axis=1)

    lower, upper = np.array([0.0, 2.0, 0.0]), np.array([1.0, 2.0, 1.0])
    begin = np.array([[0.5, 2.0, 0.25]])
    found = maximise_batch(flat_in_one, begin, lower, upper)
    assert found.points[0, 1:].tolist() == [2.0, 0.25]


def test_no_finite_start_ends_at_once():
    found = maximise_batch(
        lambda x: (np.full(len(x), -np.inf), np.zeros_like(x)), starts(2), np.zeros(2), np.ones(2)
    )
    assert found.rounds == 1
    assert not found.converged.any()


def test_starts_that_head_for_the_same_peak_are_climbed_once():
    def counted(points: Array) -> tuple[Array, Array]:
        climbed.append(len(points))
        return waves(points)

    corners, climbed = (np.zeros(2), np.ones(2)), []
    every = maximise_batch(counted, starts(2, 40), *corners)
    each = sum(climbed)
    climbed.clear()
    followed = maximise_batch(counted, starts(2, 40), *corners, same_peak=1e-2)
    assert sum(climbed) < 0.7 * each
    assert followed.converged.all()
    # No maximum is lost: every end of the full climb has an end of the other beside it.
    peaks = followed.points[:, None]
    assert np.abs(every.points - peaks).max(axis=2).min(axis=0).max() < 1e-6


def test_a_gradient_that_is_far_too_large_stops_its_own_start_only():
    def function(x: Array) -> tuple[Array, Array]:
        is_right = x[:, :1] > 0.5
        away = x - np.where(is_right, 0.9, 0.3)
        gradient = np.where(x[:, :1] > 0.7, -1e127 * np.array([1.0, 1.4, 0.08]), -2.0 * away)
        return -(away**2).sum(axis=1), gradient

    found = maximise_batch(function, np.array([[0.52, 0.2, 0.5], [0.1, 0.2, 0.5]]), np.zeros(3), np.ones(3))
    assert np.isfinite(found.points).all()
    np.testing.assert_allclose(found.points[1], 0.3, atol=1e-6)
