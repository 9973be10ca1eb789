"""What must not matter: the order of rows and columns, the units of the output, the names of labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.surrogates.surrogate_cases import CASES, case, function, points_for

from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess


def moments(recipe: GaussianProcess, data: Dataset, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return recipe.fit(data, None, np.random.default_rng(3)).posterior.mean_variance(points)


@pytest.mark.parametrize("name", CASES)
def test_the_order_of_rows(name: str) -> None:
    recipe, data = case(name)
    state = recipe.fit(data, None, np.random.default_rng(3)).state
    order = np.random.default_rng(4).permutation(len(data))
    shuffled = Dataset(
        data.points[order], data.values[order], data.noise_variance[order], data.derivative[order]
    )
    points = points_for(name, 9, np.random.default_rng(5))
    mine, theirs = recipe.posterior(data, state), recipe.posterior(shuffled, state)
    np.testing.assert_allclose(mine.mean_variance(points), theirs.mean_variance(points), rtol=1e-8, atol=1e-9)
    assert mine.log_marginal_likelihood() == pytest.approx(theirs.log_marginal_likelihood(), abs=1e-8)


@pytest.mark.parametrize("name", [name for name in CASES if name != "prior mean"])
def test_the_order_of_columns(name: str) -> None:
    recipe, data = case(name)
    state = recipe.fit(data, None, np.random.default_rng(3)).state
    order = np.array([2, 0, 1])
    back = np.argsort(order)
    derivative = np.where(data.is_value, -1, back[np.maximum(data.derivative, 0)])
    turned = Dataset(
        np.ascontiguousarray(data.points[:, order]), data.values, data.noise_variance, derivative
    )
    their_recipe = replace(recipe, categories=tuple(int(back[column]) for column in recipe.categories))
    their_state = {**state, "log_length_scales": [state["log_length_scales"][column] for column in order]}
    points = points_for(name, 9, np.random.default_rng(5))
    mine = recipe.posterior(data, state).mean_variance(points)
    theirs = their_recipe.posterior(turned, their_state).mean_variance(points[:, order])
    np.testing.assert_allclose(mine, theirs, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1e-12), (0.0, 1e12), (1e6, 1.0), (-3.0, 7.0)])
@pytest.mark.parametrize("warping", ["identity", "sinh"])
def test_the_unit_of_the_output(shift: float, scale: float, warping: str) -> None:
    generator = np.random.default_rng(6)
    points, new = generator.random((15, 3)), generator.random((9, 3))
    recipe = GaussianProcess(warping=warping)
    values = function(points)
    mean, variance = moments(recipe, Dataset.of(points, values), new)
    their_mean, their_variance = moments(recipe, Dataset.of(points, shift + scale * values), new)
    # A shift of 1e6 leaves nine digits of the values.
    tolerance = 1e-5 if shift else 1e-6
    np.testing.assert_allclose((their_mean - shift) / scale, mean, atol=tolerance)
    np.testing.assert_allclose(their_variance / scale**2, variance, atol=tolerance)


def test_the_names_of_labels() -> None:
    recipe, data = case("labels")
    renamed = data.points.copy()
    renamed[:, 2] = np.array([2.0, 0.0, 1.0])[data.points[:, 2].astype(int)]
    points = points_for("labels", 9, np.random.default_rng(5))
    others = points.copy()
    others[:, 2] = np.array([2.0, 0.0, 1.0])[points[:, 2].astype(int)]
    mine = moments(recipe, data, points)
    theirs = moments(recipe, replace(data, points=renamed), others)
    np.testing.assert_allclose(mine, theirs, atol=1e-10)
