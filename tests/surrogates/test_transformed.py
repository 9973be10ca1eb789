"""A surrogate that sees formulas of the parameters."""

import numpy as np
import pytest

from assay.errors import ConfigurationError, UsageError
from assay.numerics.coordinates import Coordinates
from assay.numerics.input_maps import Formula, FormulaMap, LevelTable, SpaceMap
from assay.space.parameters import Categorical, Continuous
from assay.space.space import Space
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.transformed import TransformedSurrogate

SPACE = Space.from_data([Continuous("x", (1.0, 3.0)), Continuous("y", (0.1, 10.0), log=True)])
COORDINATES = Coordinates.of(SPACE)
RECIPE = GaussianProcess(noise="none", warping="identity")


def product() -> FormulaMap:
    names = ["x", "y"]
    formulas = {"p": Formula.of("x*y", names, "p"), "r": Formula.of("x/y + y^2", names, "r")}
    return FormulaMap(SpaceMap(COORDINATES), formulas, np.array([[0.0, 0.0], [30.0, 120.0]]))


def test_the_jacobian_is_that_of_differences():
    seen, points, step = product(), np.random.default_rng(0).random((5, 2)), 1e-6
    _, jacobian = seen.unit_jacobian(points)
    for column in range(2):
        shift = step * np.eye(2)[column]
        difference = (seen.unit(points + shift) - seen.unit(points - shift)) / (2 * step)
        np.testing.assert_allclose(jacobian[:, :, column], difference, rtol=1e-7, atol=1e-9)


def test_a_chain_of_maps_is_the_map_of_the_chain():
    first = product()
    bounds = np.array([[0.0], [40.0]])
    chained = FormulaMap(first, {"s": Formula.of("2*p + r", ["p", "r"], "s")}, bounds)
    direct = FormulaMap(
        SpaceMap(COORDINATES), {"s": Formula.of("2*x*y + x/y + y^2", ["x", "y"], "s")}, bounds
    )
    points = np.random.default_rng(1).random((4, 2))
    for ours, theirs in zip(chained.unit_jacobian(points), direct.unit_jacobian(points), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-13)


def test_a_law_of_the_product_is_learned_from_fewer_looks():
    space = Space.from_data([Continuous("x", (0.0, 3.0)), Continuous("y", (0.0, 3.0))])
    coordinates = Coordinates.of(space)
    points = np.random.default_rng(2).random((14, 2))
    fresh = np.random.default_rng(3).random((200, 2))

    def law(units):
        values = coordinates.natural(units)
        return np.sin(values["x"] * values["y"])

    product = {"p": Formula.of("x*y", ["x", "y"], "p")}
    seen = FormulaMap(SpaceMap(coordinates), product, np.array([[0.0], [9.0]]))
    data, randomness = Dataset.of(points, law(points)), np.random.default_rng(4)
    plain, informed = (
        recipe.fit(data, None, randomness).posterior.mean_variance(fresh)[0][:, 0]
        for recipe in (RECIPE, TransformedSurrogate(RECIPE, seen))
    )
    assert np.abs(informed - law(fresh)).mean() < 0.3 * np.abs(plain - law(fresh)).mean()


def test_a_label_stands_for_a_number():
    space = Space.from_data([Categorical("glass", ("BK7", "SF6", "quartz")), Continuous("d", (0.0, 1.0))])
    coordinates = Coordinates.of(space)
    index = LevelTable.of("glass", [1.5168, 1.8052, 1.4585], coordinates, "n")
    path = FormulaMap(SpaceMap(coordinates), {"n": index}, np.array([[1.4], [1.9]]))
    further = FormulaMap(path, {"m": Formula.of("n^2", ["n"], "m")}, np.array([[0.0], [1.0]]))
    units = coordinates.encode([{"glass": "SF6", "d": 0.2}, {"glass": "quartz", "d": 0.9}])
    np.testing.assert_allclose(further.unit(units)[:, 0], [1.8052**2, 1.4585**2])
    with pytest.raises(ConfigurationError, match="each of the 3 values of 'glass', got 2"):
        LevelTable.of("glass", [1.0, 2.0], coordinates, "n")
    with pytest.raises(ConfigurationError, match="one of \\['glass'\\], got 'd'"):
        LevelTable.of("d", [1.0, 2.0], coordinates, "n")


def test_derivatives_are_refused():
    data = Dataset.of(np.array([[0.1, 0.2], [0.5, 0.5]]), np.array([1.0, 2.0]), derivative=np.array([-1, 0]))
    with pytest.raises(UsageError, match="learns from values only"):
        TransformedSurrogate(RECIPE, product()).fit(data, None, np.random.default_rng(0))


def test_groups_go_back_through_the_map():
    points = np.random.default_rng(5).random((6, 2))
    data = Dataset.of(points, np.sin(4 * points).sum(axis=1))
    posterior = TransformedSurrogate(RECIPE, product()).fit(data, None, np.random.default_rng(6)).posterior
    groups = np.random.default_rng(7).random((3, 2, 2))
    mean, covariance, pullback = posterior.grouped_pullback(groups)
    bars = np.random.default_rng(8).random(mean.shape), np.random.default_rng(9).random(covariance.shape)
    gradient, step = pullback(*bars), 1e-6

    def loss(where):
        found = posterior.grouped(where)
        return sum((bar * part).sum() for bar, part in zip(bars, found, strict=True))

    for index in np.ndindex(*groups.shape):
        shift = np.zeros_like(groups)
        shift[index] = step
        difference = (loss(groups + shift) - loss(groups - shift)) / (2 * step)
        assert gradient[index] == pytest.approx(difference, rel=1e-5, abs=1e-6)
