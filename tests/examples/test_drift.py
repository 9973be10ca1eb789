"""The drifting minimum."""

import math

import numpy as np
import pytest
from examples.drift.drift import phase, rastrigin


def test_the_phase_comes_back() -> None:
    period_minutes = 6.0 * math.pi
    assert phase(1.0 + period_minutes) == pytest.approx(phase(1.0))
    assert max(map(phase, np.linspace(0.0, 20.0, 1001))) == pytest.approx(2.0 * math.pi, rel=1e-4)


def test_the_phase_moves_the_minimum_against_the_cosine() -> None:
    assert rastrigin(0.0, 0.0, 0.0) == 0.0
    assert rastrigin(-0.25, -0.25, 0.5 * math.pi) == pytest.approx(2.0 * 0.25**2)
    assert rastrigin(0.3, 0.4, 0.2) == pytest.approx(rastrigin(0.3, 0.4, 0.2 + 2.0 * math.pi))
