"""The NIST problem against its certified values."""

from __future__ import annotations

import numpy as np
import pytest
from examples.mgh17.mgh17 import CERTIFIED, CERTIFIED_SUM_OF_SQUARES, Y, evaluate, model
from scipy.optimize import least_squares


def test_the_certified_minimum() -> None:
    assert evaluate(**CERTIFIED) == pytest.approx(CERTIFIED_SUM_OF_SQUARES, rel=1e-9)
    assert CERTIFIED["b2"] + CERTIFIED["b3"] <= 1


def test_least_squares_from_nearby_ends_at_the_certified_parameters() -> None:
    start = np.array(list(CERTIFIED.values())) * 1.05
    result = least_squares(lambda b: model(*b) - Y, start, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert np.allclose(result.x, list(CERTIFIED.values()), rtol=1e-5)
    assert 2 * result.cost == pytest.approx(CERTIFIED_SUM_OF_SQUARES, rel=1e-9)
