"""The one-dimensional demonstration: its published numbers, the same with right gradients, and what is true."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from examples.concept_1d.concept_1d import Dynamics, best_error, outcome
from examples.concept_1d.problem import REFERENCE, belief_after, feature_slopes, features, potential
from examples.concept_1d.published import Replay, exact_deviation

Array = np.ndarray


@lru_cache(maxsize=2)
def numbers(as_published: bool) -> dict[str, Any]:
    return Replay(as_published).numbers()


def near(value: Any, expected: Any, tolerance: float = 1e-3) -> None:
    np.testing.assert_allclose(value, expected, atol=tolerance, rtol=0.0)


def test_samples_fits_and_the_first_trajectory_as_published() -> None:
    found = numbers(True)
    near(found["samples"], [0.74908024, 1.90142861, 1.46398788], 1e-8)
    near(found["labels"], [-7.51306143, -2.67951445, -8.98521231], 1e-8)
    near(found["least_squares_errors"][0], 6.4832)
    near(found["least_squares_errors"][1], 16.32, 1e-2)
    positions = found["first_positions"]
    near([positions.min(), positions.max()], [0.6254, 1.7071])
    near(positions[::100], [1.0, 0.62607925, 1.05829817, 1.66499259])
    # The energy is conserved with twice the potential: the force was doubled.
    near(found["drift"][1.0], 4.53, 1e-2)
    near(found["drift"][2.0], 0.0146)


def test_the_belief_and_its_committee_as_published() -> None:
    found = numbers(True)
    near(found["mean"], [0.0003, 0.0078, 0.108, 0.7603, 2.431, 2.0107, -4.9229, -8.4941, 0.2785, 6.7419])
    near(
        np.abs(found["diagonal"]),
        [0.1, 0.1, 0.1005, 0.129, 0.2896, 0.2827, 0.4204, 0.351, 0.2651, 0.1509],
    )
    assert np.sign(found["diagonal"]).tolist() == [-1, -1, -1, 1, 1, 1, -1, 1, 1, -1]
    at = np.array([-3.0, -2.0, -1.0, -0.5, 0.0, 1.0, 2.0, 2.5])
    deviation = (features(at) @ found["members"]).std(axis=1)
    near(deviation, [9.130, 17.949, 15.905, 10.844, 5.350, 1.000, 0.882, 2.430])
    exact = exact_deviation(belief_after(found["samples"]), at)
    near(exact, [8.485, 14.624, 14.141, 11.716, 7.083, 1.071, 1.242, 3.127])


def test_the_triangle_of_the_core_is_the_published_one_but_for_its_signs() -> None:
    found = numbers(True)
    root = belief_after(found["samples"]).root
    near(np.diag(root), np.abs(found["diagonal"]), 1e-12)
    # The same random numbers make other members, which the research notes at three places.
    random = np.random.RandomState(42)
    random.random_sample(3)
    normal = random.normal(size=(10, 15))
    members = found["mean"][:, None] + np.linalg.solve(root, normal)
    near((features(np.array([-2.0, 0.0, 2.0])) @ members).std(axis=1), [16.957, 6.919, 1.208])


def test_trajectories_and_errors_as_published() -> None:
    found = numbers(True)
    unbiased, biased = found["unbiased"], found["biased"]
    near([unbiased.min(), unbiased.max()], [-0.1376, 2.2424])
    near([biased.min(), biased.max()], [-3.4411, 1.9431])
    near([(biased < -1.0).mean(), (biased < -3.0).mean()], [0.39, 0.159], 5e-3)
    near(list(found["errors"].values()), [6.2855, 5.4732, 3.6395])


def test_the_published_bias_force_is_not_the_slope_of_the_published_bias() -> None:
    found = numbers(True)
    # With the slope of a feature put right, which is the error beside this one.
    mean, members = found["mean"], found["members"]

    def energy(x: float) -> float:
        return float(features(np.array(x)) @ mean - (features(np.array(x)) @ members).std())

    for x, used, difference in ((0.0, 1.667, 1.354), (0.7, -6.486, -9.360)):
        slope = feature_slopes(np.array(x)) @ mean
        wrong = slope - 0.5 * Replay(True).bias_slope(x, mean, members)
        right = slope - Replay(False).bias_slope(x, mean, members)
        near([wrong, right], [used, difference])
        assert right == pytest.approx((energy(x + 1e-6) - energy(x - 1e-6)) / 2e-6, rel=1e-6)


def test_committees_looks_and_selection_as_published() -> None:
    found = numbers(True)
    near(found["updated"], [0.796, 2.263])
    near(found["look"][0], [1.5634, 2.0752, 0.7870, 0.7221])
    near(found["look"][1], [1.1151, 1.4937, 0.5508, 0.7023])
    near(found["look_mean"], [0.8567, 0.7840])
    near(found["selected"][:, 0], [-2.16175474, -1.25558323, -2.92536083], 1e-3)
    near(found["selected"][:, 1], [15.586, 6.430, 2.373])
    near(found["selected"][:, 2], [15.586, 6.427, 2.371])
    near(found["selected"][:, 3], [5.472, 2.240, 0.950])


def test_a_look_without_a_label_as_published_and_by_hand() -> None:
    points = np.append(numbers(True)["samples"], numbers(True)["biased"][::100])
    belief, at = belief_after(points), np.array([2.3, 2.5, 2.0, -1.0])
    looked = belief.given_inputs(features(at[:1]), np.ones(1))
    before, after = exact_deviation(belief, at), exact_deviation(looked, at)
    near(before, [1.8625, 2.5093, 0.8414, 0.8189])
    near(after, [0.8810, 1.2362, 0.5282, 0.8181])
    assert after[0] == pytest.approx(math.sqrt(before[0] ** 2 / (1.0 + before[0] ** 2)), rel=1e-10)
    window = exact_deviation(belief, REFERENCE)
    near([window.mean(), window.max()], [0.852, 2.509])


def test_the_evidence_as_published() -> None:
    # The published value is that of new positions with four decimals; all digits of them give -51.475956.
    points = np.append(numbers(True)["samples"], numbers(True)["biased"][::100].round(4))
    assert belief_after(points).log_evidence().item() == pytest.approx(-51.480178, abs=1e-6)
    design, target = features(points), potential(points)
    covariance = design @ design.T / 0.01 + np.eye(14)
    logarithm = np.linalg.slogdet(2.0 * math.pi * covariance)[1]
    expected = -0.5 * (logarithm + target @ np.linalg.solve(covariance, target))
    assert belief_after(points).log_evidence().item() == pytest.approx(expected, rel=1e-12)


def test_with_right_gradients() -> None:
    found = numbers(False)
    positions = found["first_positions"]
    near([positions.min(), positions.max()], [0.3561, 1.9494])
    near(found["drift"][1.0], 0.006)
    unbiased, biased = found["unbiased"], found["biased"]
    near([unbiased.min(), unbiased.max()], [-0.3656, 2.3339])
    near([biased.min(), biased.max()], [-3.6863, 1.9878])
    near((biased < -3.0).mean(), 0.26, 5e-3)
    near(found["errors"]["unbiased"], 5.3130)
    near(found["errors"]["biased"], 99.18, 1e-2)
    near(found["selected"][:, 0], [-2.1709, -1.3523, -2.9250])
    near([found["look"][0][0], found["look"][1][0]], [2.1279, 0.7796])


def test_the_thermostat_samples_its_temperature_between_the_walls() -> None:
    # A belief of zero energy: a free particle in the box of the walls, kinetic energy kT/2.
    flat = belief_after(np.zeros((200, 0)))
    dynamics = Dynamics(flat)
    generator = np.random.default_rng(1)
    x, velocity = generator.uniform(-3.0, 2.5, 200), np.zeros(200)
    squares = []
    for _ in range(12):
        positions, velocity = dynamics.trajectory(x, velocity, 100, generator)
        x = positions[-1]
        squares.append(velocity**2)
    # 200 runs, correlated over 1/(2 friction): 12 blocks of one time unit hold about 11 * 200 independent squares.
    assert np.mean(squares[1:]) == pytest.approx(1.0, abs=4.0 * math.sqrt(2.0 / (11 * 200)))
    assert np.abs(x).max() < 3.6


def test_the_biased_force_is_the_slope_of_the_biased_energy() -> None:
    belief = belief_after(numbers(False)["samples"][None])
    tau, x, step = 0.7, np.array([-1.3]), 1e-6

    def energy(x: Array) -> float:
        mean, variance = belief.mean_variance(features(x)[:, None])
        return float(mean[0, 0, 0] - tau * math.sqrt(variance[0, 0]))

    force, climb = Dynamics(belief, tau).forces(x)
    slope = (energy(x + step) - energy(x - step)) / (2.0 * step)
    assert (force + tau * climb).item() == pytest.approx(-slope, rel=1e-6)


def test_a_bias_that_learns_as_it_goes_beats_dynamics() -> None:
    seeds = range(1000, 1040)
    plain = np.median(outcome("dynamics, every hundredth step", seeds).error)
    biased = np.median(outcome("biased, relative tau 1, a label at each peak", seeds).error)
    grid = np.median(outcome("greedy on a grid", seeds).error)
    assert best_error() == pytest.approx(1.182, abs=1e-3)
    assert best_error() < grid < biased < 0.85 * plain
