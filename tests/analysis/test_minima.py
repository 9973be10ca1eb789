"""Local minima against functions whose minima are known."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from assay.analysis.descent import gaussian_width
from assay.analysis.minima import Minima, minima
from assay.errors import NumericalError, UsageError
from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.space.space import Space

Array = np.ndarray


def found_in(space: Space, function: Any, **settings: Any) -> Minima:
    """The minima of a function of natural values: (columns by name) to value and derivatives by name."""
    coordinates = Coordinates.of(space)

    def value_gradient(units: Array) -> tuple[Array, Array]:
        value, slopes = function(coordinates.natural(units))
        gradient = np.zeros_like(units)
        for name, slope in slopes.items():
            gradient[:, coordinates.index(name)] = slope
        return value, gradient * coordinates.natural_derivative(units)

    defaults = {"length_scales": np.full(coordinates.dimension, 0.2), "generator": np.random.default_rng(0)}
    return minima(value_gradient, coordinates, FeasibleSet.of(space, coordinates), **{**defaults, **settings})


def rastrigin(values: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
    total, slopes = np.zeros(len(values["x"])), {}
    for name, shift in (("x", 0.317), ("y", -0.203)):
        z = values[name] - shift
        total = total + z**2 - 10 * np.cos(2 * np.pi * z) + 10
        slopes[name] = 2 * z + 20 * np.pi * np.sin(2 * np.pi * z)
    return total, slopes


SQUARE = [{"name": "x", "domain": [-1.5, 1.5]}, {"name": "y", "domain": [-1.5, 1.5]}]
DISC = [{"name": "disc", "expression": "sqrt(x^2 + y^2) <= 1.5"}]


def test_all_minima_of_rastrigins_function_in_a_disc() -> None:
    """Minima stand near the whole numbers around the shift; where one lies outside the disc, the disc holds one of its own."""
    space = Space.from_data(SQUARE, constraints=DISC)
    found = found_in(space, rastrigin, count=20)
    assert found.values[0] == pytest.approx(0, abs=1e-9)
    assert found.positions[0]["x"] == pytest.approx(0.317, abs=1e-6)
    assert all(space.is_feasible(point) for point in found.positions)
    free = found.units[found.gradient_vanishes]
    expected = [
        (i + 0.317, j - 0.203)
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
        if np.hypot(i + 0.317, j - 0.203) < 1.49
    ]
    assert len(free) == len(expected)
    for place in expected:
        assert np.linalg.norm(-1.5 + 3 * free - place, axis=1).min() < 0.02
    held = -1.5 + 3 * found.units[~found.gradient_vanishes]
    assert len(held)
    on_disc = np.hypot(*held.T) > 1.5 - 1e-5
    on_side = (np.abs(held) > 1.5 - 1e-9).any(axis=1)
    assert (on_disc | on_side).all()
    assert (np.diff(found.values) >= 0).all()


def test_a_minimum_on_a_constraint_is_that_of_lagrange() -> None:
    """x^2 + y^2 with x + y >= 1 has its minimum 1/2 at (1/2, 1/2), where the gradient does not vanish."""
    space = Space.from_data(SQUARE, constraints=[{"name": "line", "expression": "x + y >= 1"}])
    found = found_in(space, lambda v: (v["x"] ** 2 + v["y"] ** 2, {"x": 2 * v["x"], "y": 2 * v["y"]}))
    assert len(found.values) == 1
    assert found.values[0] == pytest.approx(0.5, abs=1e-6)
    assert found.positions[0]["x"] == pytest.approx(0.5, abs=1e-3)
    assert not found.gradient_vanishes[0]
    assert space.is_feasible(found.positions[0])


def dips(values: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
    """Two Gaussian dips below 5, of depths 3 and 2 and widths (0.2, 0.4) and (0.3, 0.1)."""
    total = np.full(len(values["x"]), 5.0)
    slopes = {"x": np.zeros(len(total)), "y": np.zeros(len(total))}
    for depth, place, width in ((3.0, (-0.8, -0.6), (0.2, 0.4)), (2.0, (0.7, 0.9), (0.3, 0.1))):
        offsets = [(values[name] - centre) / w for name, centre, w in zip("xy", place, width, strict=True)]
        dip = depth * np.exp(-0.5 * (offsets[0] ** 2 + offsets[1] ** 2))
        total = total - dip
        for name, offset, w in zip("xy", offsets, width, strict=True):
            slopes[name] = slopes[name] + dip * offset / w
    return total, slopes


@pytest.mark.parametrize("delta", [0.01, 0.1, 0.3])
def test_the_widths_of_gaussian_dips_are_theirs_for_any_step(delta: float) -> None:
    found = found_in(
        Space.from_data(SQUARE),
        dips,
        mean_level=5.0,
        delta=delta,
        uncertainty=lambda units: units[:, 0],
    )
    np.testing.assert_allclose(found.values, [2, 3], atol=2e-3)
    np.testing.assert_allclose(found.widths, [[0.2, 0.4], [0.3, 0.1]], rtol=0.01)
    assert found.gradient_vanishes.all()
    np.testing.assert_allclose(found.uncertainties, found.units[:, 0])
    data = found.to_dict()
    assert data["param.x"] == [point["x"] for point in found.positions]
    json.dumps(data)


def test_widths_of_a_logarithmic_parameter_are_in_its_own_unit() -> None:
    space = Space.from_data([{"name": "x", "domain": [0.01, 100], "log": True}])

    def dip(values: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        z = np.log(values["x"]) / 0.1
        return -np.exp(-0.5 * z**2), {"x": np.exp(-0.5 * z**2) * z / 0.1 / values["x"]}

    found = found_in(space, dip, mean_level=0.0, length_scales=np.array([0.01]), delta=0.5, count=1)
    assert found.widths[0, 0] == pytest.approx(0.1, rel=1e-6)


def test_width_formula_at_its_ends() -> None:
    assert gaussian_width(np.array(2.0), np.array(1e-8), np.array(1e-4)) == pytest.approx(1.0, rel=1e-6)
    assert gaussian_width(np.array(1.0), np.array(0.0), np.array(0.1)) == np.inf
    assert gaussian_width(np.array(1.0), np.array(8.0), np.array(0.4)) == pytest.approx(0.1)
    assert np.isnan(gaussian_width(np.array(-1.0), np.array(0.1), np.array(0.1)))


def test_on_a_lattice_no_neighbour_is_lower_and_labels_have_their_own() -> None:
    space = Space.from_data(
        [
            {"name": "x", "domain": [-1, 1]},
            {"name": "n", "type": "integer", "domain": [0, 12]},
            {"name": "s", "type": "categorical", "domain": ["a", "b"]},
            {"name": "k", "type": "fixed", "domain": 2.5},
        ]
    )

    def function(values: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        shift = np.where(values["s"] == "a", 0.2, -0.4)
        return (values["x"] - shift) ** 2 + np.abs(values["n"] - 7) + shift, {"x": 2 * (values["x"] - shift)}

    found = found_in(space, function, num_initial_samples=16)
    assert [(point["s"], point["n"], point["k"]) for point in found.positions] == [
        ("b", 7, 2.5),
        ("a", 7, 2.5),
    ]
    np.testing.assert_allclose(found.to_dict()["param.x"], [-0.4, 0.2], atol=1e-6)
    assert np.isnan(found.widths[:, 1:]).all()


def test_minima_closer_than_epsilon_are_one() -> None:
    space = Space.from_data([{"name": "x", "domain": [-1, 1]}])

    def waves(values: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        return np.cos(20 * values["x"]), {"x": -20 * np.sin(20 * values["x"])}

    counts = [
        len(found_in(space, waves, length_scales=np.array([0.1]), epsilon=epsilon, count=30).values)
        for epsilon in (0.1, 2.0)
    ]
    assert counts == [8, 4]  # six inside and one at each side


def test_the_environment_is_held_or_searched() -> None:
    environment = [{"name": "t", "type": "variable", "domain": [0, 1]}]
    space = Space.from_data([{"name": "x", "domain": [-1, 1]}], environment)

    def function(values: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        gap = values["x"] - values["t"] / 2
        return gap**2 + (values["t"] - 0.8) ** 2, {"x": 2 * gap, "t": -gap + 2 * (values["t"] - 0.8)}

    searched = found_in(space, function)
    assert (searched.positions[0]["x"], searched.positions[0]["t"]) == pytest.approx((0.4, 0.8), abs=1e-5)
    held = found_in(space, function, environment_unit=np.array([0.3]))
    assert (held.positions[0]["x"], held.positions[0]["t"]) == pytest.approx((0.15, 0.3), abs=1e-6)
    assert held.gradient_vanishes[0]
    endless = Space.from_data(
        [{"name": "x", "domain": [-1, 1]}], [{"name": "t", "type": "variable", "scale": 1.0}]
    )
    with pytest.raises(UsageError, match="need its value, got none for t"):
        found_in(endless, function)


def test_wrong_use_and_functions_that_are_nowhere_finite() -> None:
    space = Space.from_data(SQUARE)
    with pytest.raises(UsageError, match="one positive length scale for each of 2 columns"):
        found_in(space, rastrigin, length_scales=np.array([0.2]))
    with pytest.raises(NumericalError, match="finite somewhere"):
        found_in(space, lambda v: (v["x"] * np.nan, {}))
