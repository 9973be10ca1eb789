"""Airy's formula against the sum over round trips."""

import numpy as np
import pytest
from examples.etalon.etalon import LOSS, WAVELENGTHS_um, evaluate, transmittance


def test_the_sum_over_round_trips() -> None:
    reflectance1, reflectance2, length_um = 0.5, 0.3, 1.234
    once = np.sqrt(1.0 - LOSS) * np.exp(2j * np.pi * length_um / WAVELENGTHS_um)
    around = np.sqrt(reflectance1 * reflectance2) * once**2
    amplitude = sum(once * around**trip for trip in range(200))
    expected = (1.0 - reflectance1) * (1.0 - reflectance2) * np.abs(amplitude) ** 2
    assert evaluate(reflectance1, reflectance2, length_um) == pytest.approx(expected, rel=1e-9)


def test_the_mirrors_can_be_exchanged_and_nothing_is_gained() -> None:
    first, second, length = np.random.default_rng(0).uniform([0.1, 0.1, 1.0], [0.6, 0.6, 1.5], (50, 3)).T
    spectra = transmittance(first, second, length)
    assert np.allclose(spectra, transmittance(second, first, length))
    assert spectra.shape == (50, 50)
    assert (spectra > 0.0).all()
    assert (spectra < 1.0).all()
