"""The objective of a batch: its formula, its derivative, and that of one point alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from assay.acquisition.batch import descended
from assay.acquisition.spread_variance import BatchUncertainty, LogSpreadVariance, SpreadVariance
from assay.numerics.coordinates import Coordinates
from assay.numerics.discrepancy import CentredDiscrepancy
from assay.numerics.feasibility import FeasibleSet
from assay.space.parameters import Continuous
from assay.space.space import Space
from assay.surrogates.abstract import AbstractPosterior
from assay.surrogates.dataset import Dataset
from assay.surrogates.feature_maps import PolynomialFeatures
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior
from assay.surrogates.linear import BayesianLinear

GENERATOR = np.random.default_rng(0)
PLACED = GENERATOR.random((8, 2))
VALUES = np.stack([np.sin(3.0 * PLACED[:, 0]), PLACED[:, 1] ** 2], axis=1)
BATCH = GENERATOR.random((4, 2))


def posterior_of(recipe: GaussianProcess | BayesianLinear) -> AbstractPosterior:
    return recipe.fit(Dataset.of(PLACED, VALUES), None, np.random.default_rng(1)).posterior


def objective_of(*posteriors: AbstractPosterior, weight: float = 1.0) -> SpreadVariance:
    references = np.random.default_rng(2).random((40, 2))
    spread = CentredDiscrepancy(PLACED, np.zeros(2, dtype=int))
    return SpreadVariance(spread, 2, BatchUncertainty.of(posteriors, references, 1e-6), weight)


def test_the_value_is_that_of_the_formula() -> None:
    recipe = GaussianProcess(noise="none", joint_hyperparameters=False)
    posterior = posterior_of(recipe)
    objective = objective_of(posterior, weight=0.7)
    _, covariance = posterior.joint(BATCH)
    assert isinstance(posterior, GaussianProcessPosterior)
    own = posterior.scaling.unit**2 * posterior.signal_variance
    logarithms = [np.linalg.slogdet(covariance[k] / own[k] + 1e-6 * np.eye(4))[1] / 4 for k in range(2)]
    evenness = np.log(objective.spread.value(BATCH))
    assert objective.value_gradient(BATCH)[0] == pytest.approx(evenness - 0.7 * np.mean(logarithms), rel=1e-9)


@pytest.mark.parametrize(
    "recipe", [GaussianProcess(), BayesianLinear(PolynomialFeatures(3))], ids=["process", "linear"]
)
def test_the_gradient_is_that_of_the_value(recipe: GaussianProcess | BayesianLinear) -> None:
    objective = objective_of(posterior_of(recipe), posterior_of(GaussianProcess(noise="none")))
    _, gradient = objective.value_gradient(BATCH)
    for row, column in itertools.product(range(4), range(2)):
        step = np.zeros_like(BATCH)
        step[row, column] = 1e-6
        ahead, behind = objective.value_gradient(BATCH + step)[0], objective.value_gradient(BATCH - step)[0]
        assert gradient[row, column] == pytest.approx((ahead - behind) / 2e-6, rel=1e-5, abs=1e-5)


def test_a_batch_of_one_is_one_point_alone() -> None:
    objective = objective_of(posterior_of(GaussianProcess()))
    values, gradient = LogSpreadVariance(objective).value_gradient(BATCH)
    for row in range(4):
        value, slope = objective.value_gradient(BATCH[[row]])
        assert values[row] == pytest.approx(-value, rel=1e-10)
        np.testing.assert_allclose(gradient[row], -slope[0], rtol=1e-7, atol=1e-7)


def test_labels_that_are_not_allowed_are_worth_nothing() -> None:
    worth = LogSpreadVariance(objective_of(posterior_of(GaussianProcess())), {1: BATCH[:2, 1]})
    assert np.isfinite(worth.value(BATCH)).tolist() == [True, True, False, False]


def test_the_units_of_a_response_change_nothing() -> None:
    objective = objective_of(posterior_of(GaussianProcess(noise="none")))
    data = Dataset.of(PLACED, 1e6 * VALUES - 3.0)
    other = GaussianProcess(noise="none").fit(data, None, np.random.default_rng(1)).posterior
    assert objective_of(other).value_gradient(BATCH)[0] == pytest.approx(
        objective.value_gradient(BATCH)[0], rel=1e-4
    )


def test_a_batch_goes_down_and_stays_inside() -> None:
    space = Space.from_data(
        [Continuous("x", (0.0, 1.0)), Continuous("y", (0.0, 1.0))],
        constraints=[{"name": "disc", "expression": "(x - 0.5)^2 + (y - 0.5)^2 <= 0.16"}],
    )
    coordinates = Coordinates.of(space)
    feasible = FeasibleSet.of(space, coordinates)

    def outward(points: np.ndarray) -> tuple[float, np.ndarray]:
        return -float(points.sum()), -np.ones(points.shape)

    start = np.full((3, 2), 0.5) + 0.1 * np.eye(3)[:, :2]
    points, value = descended(outward, coordinates, feasible, start, 100)
    assert feasible.contains(points).all()
    # The least of -(x + y) in the disc is at its rim, in the direction of the diagonal.
    assert value == pytest.approx(-3.0 * (1.0 + 0.4 * np.sqrt(2.0)), abs=2e-2)
