"""The coating: `tmm` against an independent code, and the frozen reference optimum."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from examples.film.film import evaluate
from scipy.optimize import minimize
from tests.oracles.transfer_matrix import mean_reflectance, mean_reflectance_gradient

REFERENCE = json.loads((Path(__file__).parents[2] / "examples/film/reference.json").read_text())


def test_the_two_codes_agree() -> None:
    points = np.random.default_rng(0).uniform(5, 200, (25, 4))
    assert np.allclose([evaluate(*point) for point in points], mean_reflectance(points), rtol=0, atol=1e-12)


def test_a_closed_form() -> None:
    # layers of no thickness leave bare glass: ((1 - n) / (1 + n))^2
    assert mean_reflectance(np.zeros(4)) == pytest.approx((0.52 / 2.52) ** 2, rel=1e-13)


def test_the_gradient_is_the_slope() -> None:
    point = np.array([90.0, 120.0, 30.0, 15.0])
    step = 1e-4
    slopes = [
        (mean_reflectance(point + step * axis) - mean_reflectance(point - step * axis)) / (2 * step)
        for axis in np.eye(4)
    ]
    assert np.allclose(mean_reflectance_gradient(point)[1], slopes, rtol=1e-6, atol=1e-12)


def test_the_frozen_optimum_is_a_minimum_and_its_value_is_right() -> None:
    best = np.array(REFERENCE["thicknesses_nm"])
    assert evaluate(*best) == pytest.approx(REFERENCE["minimum"], abs=1e-13)
    result = minimize(mean_reflectance_gradient, best, jac=True, method="L-BFGS-B", bounds=[(5, 200)] * 4)
    assert result.fun >= REFERENCE["minimum"] - 1e-12


def test_a_few_fresh_searches_go_no_lower() -> None:
    starts = np.random.default_rng(9).uniform(5, 200, (40, 4))
    values = [
        minimize(mean_reflectance_gradient, start, jac=True, method="L-BFGS-B", bounds=[(5, 200)] * 4).fun
        for start in starts
    ]
    assert min(values) >= REFERENCE["minimum"] - 1e-12
