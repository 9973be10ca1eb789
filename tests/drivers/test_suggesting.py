"""Where one suggestion looks, by the margin of its turn."""

import numpy as np
import pytest

import assay.drivers.suggesting as suggesting
from assay.drivers.configuration import AcquisitionOptimizer, Minimizer
from assay.drivers.suggesting import Chosen, Domain, Looks, suggest_unit
from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.numerics.random import generator
from assay.quantities.selector import SelectedOutput
from assay.space.space import Space
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess

Array = np.ndarray

SPACE = Space.from_data([{"name": name, "domain": [0.0, 1.0]} for name in ("x", "y", "z")])


def suggestion(points: Array, values: Array, seed: int, margin: float | None, length_scale: float) -> Chosen:
    coordinates = Coordinates.of(SPACE)
    scaled = (values - values.mean()) / values.std()
    state = GaussianProcess.state(np.full(3, length_scale), 1e-8)
    posterior = GaussianProcess(noise="none").posterior(Dataset.of(points, scaled), state)
    nothing = np.empty((0, 3))
    return suggest_unit(
        SelectedOutput(posterior),
        Domain(coordinates, FeasibleSet.of(SPACE, coordinates), np.empty(0)),
        Looks(points, nothing, nothing),
        scaled,
        Minimizer(),
        AcquisitionOptimizer(),
        1.0,
        lambda purpose: generator(seed, 0, purpose),
        margin,
    )


def rim_distance(point: Array) -> float:
    return float(np.minimum(point, 1.0 - point).min())


@pytest.mark.parametrize("seed", range(4))
def test_with_a_margin_of_zero_a_look_reaches_the_rim_only_beside_the_best_point(seed):
    generator = np.random.default_rng(seed)
    points = 0.25 + 0.5 * generator.random((40, 3))
    values = -points @ generator.random(3)
    best = points[np.argmin(values)]
    # A slope that is known in the middle promises most where it was never seen.
    assert rim_distance(suggestion(points, values, seed, None, 2.0).point) < suggesting.RIM
    wary = suggestion(points, values, seed, 0.0, 2.0).point
    assert rim_distance(wary) > suggesting.RIM - 1e-9 or np.abs(wary - best).max() <= suggesting.REACH + 1e-12


def test_a_minimum_at_the_rim_is_followed_there_from_near_points():
    generator = np.random.default_rng(5)
    points = np.concatenate([generator.random((30, 3)), [[0.1, 0.5, 0.5]]])
    corner = np.array([0.0, 0.5, 0.5])
    values = ((points - corner) ** 2).sum(axis=1)
    found = suggestion(points, values, 0, 0.0, 1.0).point
    assert np.abs(found - corner).max() < 0.05


def test_a_model_that_sees_no_hope_is_doubted_before_it_is_believed(monkeypatch):
    generator = np.random.default_rng(3)
    points = generator.random((40, 3))
    values = ((points - 0.45) ** 2).sum(axis=1)
    best = points[np.argmin(values)]
    monkeypatch.setattr(suggesting, "DOUBT", 1.0)
    believed = suggestion(points, values, 0, 2.0, 0.7)
    monkeypatch.setattr(suggesting, "DOUBT", 50.0)
    doubted = suggestion(points, values, 0, 2.0, 0.7)
    assert doubted.info["origin"] == "model"
    assert doubted.info["std"] > 3.0 * believed.info["std"]
    assert np.abs(doubted.point - best).max() > np.abs(believed.point - best).max()
