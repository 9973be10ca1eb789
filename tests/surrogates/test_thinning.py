"""Fewer rows: the latest, and those that are not too close to a better one."""

from __future__ import annotations

import numpy as np
import pytest

from assay.errors import UsageError
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.thinning import latest, sparsified


def test_the_latest_rows_are_kept_in_their_order() -> None:
    data = Dataset.of(np.arange(6.0)[:, None], np.arange(6.0))
    assert latest(data, 4).values.ravel().tolist() == [2.0, 3.0, 4.0, 5.0]
    assert len(latest(data, 9)) == 6
    assert latest(data, None) is data
    with pytest.raises(UsageError, match="horizon"):
        latest(data, 0)


def test_points_that_stay_are_apart_and_points_that_go_are_near_one_that_stays() -> None:
    points, scales = np.random.default_rng(0).random((300, 2)), np.array([0.5, 2.0])
    kept = sparsified(Dataset.of(points, points[:, 0]), scales, 0.2).points / scales
    between = np.linalg.norm(kept[:, None] - kept, axis=2)
    assert between[~np.eye(len(kept), dtype=bool)].min() >= 0.2
    to_kept = np.linalg.norm((points / scales)[:, None] - kept, axis=2).min(axis=1)
    assert to_kept.max() < 0.2
    assert 10 < len(kept) < 150


def test_of_close_values_the_least_noisy_stays_with_its_derivatives() -> None:
    points = np.array([[0.5, 0.5], [0.5, 0.5], [0.51, 0.5], [0.51, 0.5], [0.51, 0.5], [0.9, 0.1]])
    derivative = np.array([-1, 0, -1, 0, 1, -1])
    noise = np.array([1e-2, 1e-9, 1e-4, 1.0, 1.0, 1e-1])
    data = Dataset.of(points, np.arange(6.0), noise, derivative)
    assert sparsified(data, np.ones(2), 0.1).values.ravel().tolist() == [2.0, 3.0, 4.0, 5.0]


def test_of_values_at_one_point_the_least_noisy_stays_and_the_first_of_equals() -> None:
    points = np.full((4, 1), 0.5)
    noisy = Dataset.of(points, np.arange(4.0), np.array([0.3, 0.1, 0.2, 0.1]))
    assert sparsified(noisy, np.ones(1), 1e-6).values.ravel().tolist() == [1.0]


def test_the_unit_of_an_output_does_not_matter() -> None:
    generator = np.random.default_rng(1)
    points, values, noise = generator.random((50, 2)), generator.random((50, 2)), generator.random((50, 2))
    unit = np.array([1e6, 1e-6])
    one = sparsified(Dataset.of(points, values, noise), np.ones(2), 0.2)
    other = sparsified(Dataset.of(points, values * unit, noise * unit**2), np.ones(2), 0.2)
    assert np.array_equal(one.points, other.points)


def test_labels_are_one_over_their_length_scale_apart() -> None:
    data = Dataset.of(np.array([[0.5, 0.0], [0.5, 1.0], [0.5, 7.0]]), np.arange(3.0))
    assert len(sparsified(data, np.array([1.0, 2.0]), 0.49, categories=(1,))) == 3
    assert len(sparsified(data, np.array([1.0, 2.0]), 0.51, categories=(1,))) == 1
    assert (
        len(sparsified(data, np.array([1.0, 2.0]), 0.51)) == 2
    )  # as numbers, 0 and 1 are close and 7 is far


def test_a_crowd_is_thinned_at_no_cost_of_accuracy() -> None:
    generator = np.random.default_rng(2)
    spread = generator.random((30, 2))
    crowd = 0.3 + 1e-4 * generator.random((60, 2))
    points = np.concatenate([spread, crowd])
    data = Dataset.of(points, np.sin(4.0 * points[:, 0]) * points[:, 1])
    recipe = GaussianProcess(noise="none")
    fitted = recipe.fit(data.rows(np.arange(30)), None, np.random.default_rng(0))
    thin = sparsified(data, fitted.posterior.length_scales, 0.01)
    assert len(thin) <= 31
    new = generator.random((50, 2))
    whole, less = (recipe.posterior(each, fitted.state).mean_variance(new)[0] for each in (data, thin))
    assert np.allclose(whole, less, rtol=0, atol=1e-3)


def test_a_negative_distance_is_refused() -> None:
    with pytest.raises(UsageError, match="min_dist"):
        sparsified(Dataset.of(np.zeros((1, 1)), np.zeros(1)), np.ones(1), -0.1)
