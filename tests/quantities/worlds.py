"""A small space, surrogates over it, and the checks that every variable's quantity must pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from assay.numerics.coordinates import Coordinates
from assay.quantities.abstract import AbstractQuantity, AbstractVariable
from assay.quantities.graph import Graph
from assay.quantities.parameters import Parameters
from assay.quantities.quantity import Quantity
from assay.quantities.source import Source
from assay.space.space import Space
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior

__all__ = [
    "BRUTE",
    "BRUTE_POINT",
    "POINTS",
    "brute_values",
    "check_against_brute_force",
    "check_draw_gradient",
    "check_moment_gradients",
    "differences",
    "graph",
    "log_density",
    "parameters",
    "posterior",
]

Array = np.ndarray

BRUTE = 1_000_000
POINTS = np.array([[0.21, 0.83], [0.5, 0.37], [0.92, 0.6]])
# Where 10^6 draws are taken: one point, since they take their time.
BRUTE_POINT = POINTS[:1]


def parameters(*, extra: tuple[str, ...] = (), constants: Mapping[str, float] | None = None) -> Parameters:
    """x in [-1, 3], y logarithmic in [1, 100], z = 2."""
    space = Space.from_data(
        [
            {"name": "x", "domain": [-1, 3]},
            {"name": "y", "domain": [1, 100], "log": True},
            {"name": "z", "type": "fixed", "domain": 2.0},
        ]
    )
    return Parameters(Coordinates.of(space), {"log_prob": log_density}, constants or {}, extra)


def log_density(points: Array) -> tuple[Array, Array]:
    """A density of the first two columns, with its gradient."""
    part = points[:, :2] - 0.4
    gradient = np.zeros_like(points)
    gradient[:, :2] = -4.0 * part
    return -2.0 * (part**2).sum(axis=1), gradient


def posterior(outputs: int, seed: int = 1, warping: str = "identity") -> GaussianProcessPosterior:
    """A Gaussian process with few data, so that it is unsure."""
    rng = np.random.default_rng(seed)
    points = rng.random((9, 2))
    phases = 0.7 * np.arange(outputs)
    values = np.sin(4.0 * points[:, :1] + phases) + points[:, 1:] ** 2 * (1.0 + phases)
    surrogate = GaussianProcess(noise="fit", warping=warping)
    return surrogate.fit(Dataset.of(points, np.exp(values)), None, rng).posterior


def graph(
    variables: Mapping[str, AbstractVariable],
    outputs: Mapping[str, int],
    known: Parameters | None = None,
    samples: int = 512,
) -> Graph:
    """Variables over Gaussian processes with so many outputs each."""
    sources = {
        name: Source(posterior(count, seed), names=tuple(f"{name}{index}" for index in range(count)))
        for seed, (name, count) in enumerate(outputs.items(), 1)
    }
    return Graph(sources, variables, known or parameters(), samples)


def brute_values(whole: Graph, name: str) -> Array:
    """10^6 independent draws of a source of independent outputs, from nothing but its moments: (BRUTE, 1, k)."""
    mean, variance = whole.sources[name].mean_variance(BRUTE_POINT)
    rng = np.random.default_rng(len(name) + mean.shape[1])
    return mean + np.sqrt(variance) * rng.standard_normal((BRUTE, *mean.shape))


def check_against_brute_force(quantity: Quantity, draws: Array, *, count: int) -> None:
    """Mean, variance and quantiles at `BRUTE_POINT` agree with draws (BRUTE, 1) within five standard errors.

    Arguments:
        count: the number of draws that the quantity's own answer comes from; BRUTE or more where it is exact.
    """
    mean, variance = quantity.mean_variance(BRUTE_POINT)
    rest = draws - draws.mean(axis=0)
    second, fourth = (rest**2).mean(axis=0), (rest**4).mean(axis=0)
    errors = 1.0 / BRUTE + 1.0 / count
    assert (np.abs(mean[:, 0] - draws.mean(axis=0)) < 5.0 * np.sqrt(second * errors)).all()
    assert (np.abs(variance[:, 0] - second) < 5.0 * np.sqrt((fourth - second**2) * errors)).all()
    probabilities = np.array([0.16, 0.5, 0.84])
    found = quantity.quantiles(BRUTE_POINT, probabilities)[:, :, 0]
    for probability, row in zip(probabilities, found, strict=True):
        below = (draws < row).mean(axis=0)
        assert quantity.probability_below(BRUTE_POINT, row)[0] == pytest.approx(
            probability, abs=2.0 / count + 1e-9
        )
        tolerance = 5.0 * np.sqrt(probability * (1.0 - probability) * errors)
        assert (np.abs(below - probability) < tolerance).all()


def differences(function: Callable[[Array], Array], points: Array, step: float = 1e-5) -> Array:
    """Central differences of a function (p, d) to (..., p, k): (..., p, k, d)."""
    slopes = []
    for column in range(points.shape[1]):
        shift = step * np.eye(points.shape[1])[column]
        slopes.append((function(points + shift) - function(points - shift)) / (2.0 * step))
    return np.stack(slopes, axis=-1)


def check_moment_gradients(quantity: AbstractQuantity, points: Array = POINTS) -> None:
    """The gradients of mean and variance are the slopes of mean and variance."""
    mean, variance, by_mean, by_variance = quantity.mean_variance_gradient(points)
    again = quantity.mean_variance(points)
    np.testing.assert_allclose(mean, again[0], rtol=1e-9)
    np.testing.assert_allclose(variance, again[1], rtol=1e-7)
    for gradient, part in ((by_mean, 0), (by_variance, 1)):
        slopes = differences(lambda at, part=part: quantity.mean_variance(at)[part], points)
        np.testing.assert_allclose(gradient, slopes, rtol=1e-5, atol=1e-6 * np.abs(slopes).max() + 1e-10)


def check_draw_gradient(quantity: AbstractQuantity, points: Array = POINTS) -> None:
    """The pullback of draws is the slope of any weighting of them."""
    rng = np.random.default_rng(5)
    normal = rng.standard_normal((6, quantity.normal_dimension))
    values, pullback = quantity.draw_pullback(points, normal)
    np.testing.assert_allclose(values, quantity.draw(points, normal), rtol=1e-9)
    weights = rng.standard_normal(values.shape)
    slopes = differences(lambda at: quantity.draw(at, normal), points)
    expected = np.einsum("spk,spkd->pd", weights, slopes)
    np.testing.assert_allclose(pullback(weights), expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())
