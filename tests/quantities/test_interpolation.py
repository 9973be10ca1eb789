"""Interpolations: nodes, constants, coverage, against scikit-learn, and through a graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from assay.errors import UsageError
from assay.numerics.coordinates import Coordinates
from assay.quantities.graph import Graph
from assay.quantities.interpolation import Interpolation
from assay.quantities.parameters import Parameters
from assay.quantities.quantity import Quantity
from assay.quantities.source import Source
from assay.space.space import Space
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess

AT = np.linspace(400.0, 800.0, 9)
BETWEEN = np.linspace(420.0, 780.0, 7)


def interpolated(at: Any = AT, to: Any = BETWEEN, **options: Any) -> Interpolation:
    return Interpolation.of("v", "loss", at, to, **options)


KERNELS = {"matern12": 0.5, "matern32": 1.5, "matern52": 2.5, "squared_exponential": np.inf}


@pytest.mark.parametrize("kernel", KERNELS)
def test_nodes_are_reproduced_without_noise(kernel: str) -> None:
    found = interpolated(AT, AT[[2, 5, 0]], kernel=kernel, length_scales=[60.0], deviation=3.0)
    np.testing.assert_allclose(found.matrix, np.eye(9)[[2, 5, 0]], atol=1e-11)
    np.testing.assert_allclose(found.noise_root, 0.0, atol=2e-5)


@pytest.mark.parametrize("kernel", KERNELS)
def test_it_is_the_process_of_scikit_learn_with_a_wide_constant(kernel: str) -> None:
    scale, sigma, wide = 150.0, 2.0, 1e4
    found = interpolated(kernel=kernel, length_scales=[scale], deviation=sigma)
    whole = ConstantKernel(sigma**2) * Matern(scale, nu=KERNELS[kernel]) + ConstantKernel(wide**2)
    values = np.sin(AT / 60.0)
    theirs = GaussianProcessRegressor(whole, alpha=1e-12, optimizer=None)  # pyright: ignore[reportArgumentType]
    theirs.fit(AT[:, None], values)
    mean, covariance = theirs.predict(BETWEEN[:, None], return_cov=True)
    np.testing.assert_allclose(found.matrix @ values, mean, atol=1e-5)
    np.testing.assert_allclose(found.noise_root @ found.noise_root.T, covariance, atol=1e-4)


def test_constants_are_kept_and_units_of_positions_do_not_matter() -> None:
    found = interpolated(length_scales=[150.0])
    np.testing.assert_allclose(found.matrix.sum(axis=1), 1.0, rtol=1e-12)
    shifted = interpolated(1e-3 * (AT - 100.0), 1e-3 * (BETWEEN - 100.0), length_scales=[0.15])
    np.testing.assert_allclose(found.matrix, shifted.matrix, atol=1e-10)
    order = np.random.default_rng(0).permutation(9)
    np.testing.assert_allclose(
        found.matrix[:, order], interpolated(AT[order], length_scales=[150.0]).matrix, atol=1e-10
    )


def test_fitted_to_observed_curves_it_predicts_them_with_honest_errors() -> None:
    generator = np.random.default_rng(0)

    def curves(at: np.ndarray, phases: np.ndarray) -> np.ndarray:
        return 5.0 + 2.0 * np.sin(at / 60.0 + phases[:, None])

    phases = 2.0 * np.pi * generator.random(60)
    found = interpolated(observed=curves(AT, phases[:20]))
    error = curves(BETWEEN, phases[20:]) - curves(AT, phases[20:]) @ found.matrix.T
    deviation = np.sqrt((found.noise_root**2).sum(axis=1))
    assert np.abs(error).max() < 0.5
    # The process is rougher than a sine, so that its intervals are wide rather than narrow.
    assert 0.2 < np.sqrt(np.mean((error / deviation) ** 2)) < 1.5


def test_more_dimensions() -> None:
    x, y = np.meshgrid(np.linspace(0.0, 1.0, 5), np.linspace(0.0, 2.0, 5))
    nodes = np.stack([x.ravel(), y.ravel()], axis=1)
    inner = np.array([[0.3, 0.9], [0.6, 1.3]])
    found = interpolated(nodes.tolist(), inner.tolist(), length_scales=[1.0, 2.0])
    values = np.sin(nodes[:, 0]) + nodes[:, 1] ** 2
    np.testing.assert_allclose(found.matrix @ values, np.sin(inner[:, 0]) + inner[:, 1] ** 2, atol=0.02)


def test_in_a_graph_moments_are_those_of_its_draws_with_gradients() -> None:
    generator = np.random.default_rng(0)
    points = generator.random((10, 2))
    values = np.sin(AT / 60.0 + 3.0 * points[:, :1]) + points[:, 1:]
    fitted = GaussianProcess(noise="none").fit(Dataset.of(points, values), None, np.random.default_rng(1))
    coordinates = Coordinates.of(Space.from_data([{"name": name, "domain": [0, 1]} for name in "xy"]))
    variable = interpolated(observed=values)
    graph = Graph({"loss": Source(fitted.posterior)}, {"v": variable}, Parameters(coordinates))
    curve, at = Quantity(graph, "v"), generator.random((3, 2))
    assert curve.is_gaussian
    mean, covariance = curve.mean_covariance(at)
    draws = curve.draw(at, generator.standard_normal((200_000, curve.normal_dimension)))
    scale = np.sqrt(np.einsum("pkk->pk", covariance))
    assert (np.abs(draws.mean(axis=0) - mean) < 5.0 * scale / np.sqrt(2e5)).all()
    for place in range(3):
        outer = np.outer(scale[place], scale[place])
        assert np.abs((np.cov(draws[:, place].T) - covariance[place]) / outer).max() < 5.0 * np.sqrt(
            2.0 / 2e5
        )
    _, _, by_mean, by_variance = curve.mean_variance_gradient(at)
    for column in range(2):
        step = 1e-5 * np.eye(2)[column]
        above, below = curve.mean_variance(at + step), curve.mean_variance(at - step)
        np.testing.assert_allclose(by_mean[..., column], (above[0] - below[0]) / 2e-5, atol=1e-5)
        np.testing.assert_allclose(by_variance[..., column], (above[1] - below[1]) / 2e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"to": [[1.0, 2.0]]}, "must have one number of dimensions, got 1 and 2"),
        ({"at": [[1.0], [2.0, 3.0]]}, "input_positions of the variable 'v' must be finite numbers"),
        ({"at": [1.0, 1.0]}, "must differ from one another"),
        ({"output_names": ["a"]}, "needs 7 output names, got 1"),
        ({"length_scales": [0.0]}, "needs 1 positive length scales"),
        ({"deviation": -1.0}, "must not be negative, got -1"),
        ({"observed": np.zeros((3, 4))}, r"must have shape \(rows, 9\), got \(3, 4\)"),
    ],
)
def test_what_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        interpolated(**options)
