"""The example of Rastrigin's function, against the test problem of the same name."""

import numpy as np
import pytest
from examples.rastrigin_disc.rastrigin import SHIFT, evaluate

from assay.testing.functions import rastrigin


def test_the_minimum_is_at_the_shift_and_inside_the_disc():
    assert evaluate(*SHIFT) == pytest.approx(0.0, abs=1e-14)
    assert np.hypot(*SHIFT) < 1.5


def test_it_is_the_shifted_function_of_the_problems():
    for point in np.random.default_rng(0).uniform(-1.5, 1.5, (20, 2)):
        assert evaluate(*point) == pytest.approx(float(rastrigin(point - np.array(SHIFT))), rel=1e-12)
