"""Bounds on what is known by draws only: an expression, a fit."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.quantities.worlds import POINTS, graph

from assay.quantities.chi_squared import ChiSquaredValue
from assay.quantities.quantity import Memory, Quantity
from assay.study.study import create_study


def place(x: Any, y: Any) -> list[float]:
    return [x + 0.1 * y**2, y]


def test_a_band_of_an_expression_is_kept_and_followed() -> None:
    study = create_study([{"name": name, "domain": [-1.0, 1.0]} for name in "xy"], seed=1)
    study.configure(
        max_iter=16,
        deterministic=True,
        surrogates=[{"name": "place", "output_dim": 2}],
        variables=[
            {"type": "Expression", "name": "slope", "expression": "place0 + 2*place1"},
            {"type": "Expression", "name": "square", "expression": "place0^2 + place1^2"},
        ],
        objectives=[
            {"type": "Minimizer", "variable": "slope"},
            {"type": "Constrainer", "variable": "square", "lower_bound": 0.49, "upper_bound": 0.51},
        ],
    )
    study.run(place)
    values = np.array([place(**trial.suggestion.values) for trial in study.trials])
    allowed = np.abs((values**2).sum(axis=1) - 0.5) <= 0.01
    # The least on a circle of radius sqrt(0.51) is its radius times the length of (1, 2).
    assert (values[allowed] @ [1.0, 2.0]).min() < 0.98 * -np.sqrt(0.51 * 5.0)


def test_quantities_of_one_memory_are_drawn_once() -> None:
    target = np.array([1.0, 0.5, 2.0])
    whole = graph({"chi2": ChiSquaredValue("chi2", "a", target, np.ones(3))}, {"a": 3})
    normal = np.random.default_rng(0).standard_normal((8, 3))
    drawing = (memory := Memory()).drawing(whole, POINTS, normal)
    assert memory.drawing(whole, POINTS.copy(), normal.copy()) is drawing
    assert memory.drawing(whole, POINTS[:2], normal) is not drawing
    again = memory.drawing(whole, POINTS, normal)
    np.testing.assert_array_equal(again.values("chi2"), Quantity(whole, "chi2").draw(POINTS, normal))
