"""The oscillator: its amplitude against an integration of the motion, and its frozen optimum against SciPy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from examples.oscillator import oscillator
from examples.oscillator.oscillator import (
    DOMAINS,
    FREQUENCIES,
    HEIGHT_TOLERANCE,
    PLACE,
    PLACE_TOLERANCE,
    amplitudes,
    evaluate,
    peak_fit,
)
from scipy.integrate import solve_ivp

from assay.quantities.abstract import Incoming, Place
from assay.quantities.fit import Fit

REFERENCE = json.loads(Path(oscillator.__file__).with_name("reference.json").read_text(encoding="utf-8"))


def peak(force: float, resonance: float, damping: float) -> np.ndarray:
    """Height, place, width, line and mean squared residual of one oscillator's peak."""
    fit = Fit.of("peak", "amplitudes", **peak_fit())
    values = np.array(evaluate(force, resonance, damping))[None]
    known = Incoming(values[None], values, np.zeros_like(values))
    return fit.push([known], Place(np.zeros((1, 3)), {}, {}, np.ones((1, 3))), np.zeros((1, 0))).values[0, 0]


def test_the_amplitude_is_that_of_the_motion_after_a_long_time() -> None:
    force, resonance, damping, drive = 3.0, 1.7, 0.3, FREQUENCIES[2]

    def motion(time: float, state: np.ndarray) -> list[float]:
        push = force * np.cos(drive * time) - damping * state[1] - resonance**2 * state[0]
        return [state[1], push]

    times = np.linspace(120.0, 120.0 + 2.0 * np.pi / drive, 2001)
    found = solve_ivp(motion, (0.0, times[-1]), [0.0, 0.0], t_eval=times, rtol=1e-9, atol=1e-9)
    assert evaluate(force, resonance, damping)[2] == pytest.approx(np.abs(found.y[0]).max(), rel=1e-5)


def test_the_frozen_optimum_is_allowed_and_has_the_frozen_width() -> None:
    found = peak(*(REFERENCE[name] for name in ("force", "resonance", "damping")))
    assert found[0] == pytest.approx(10.0, abs=HEIGHT_TOLERANCE)
    assert found[1] == pytest.approx(PLACE, abs=PLACE_TOLERANCE)
    assert found[2] == pytest.approx(REFERENCE["width"], rel=1e-4)


def test_no_random_oscillator_that_is_allowed_is_narrower() -> None:
    """Forces only scale, so that each random resonance and damping gets the force that it needs."""
    generator = np.random.default_rng(0)
    lower, upper = np.array([DOMAINS["resonance"], DOMAINS["damping"]]).T
    unit = generator.random((3000, 2))
    unit[:1500, 0] = (1.95 + 0.1 * unit[:1500, 0] - lower[0]) / (upper[0] - lower[0])
    resonance, damping = (lower + (upper - lower) * unit).T
    fit = Fit.of("peak", "amplitudes", **peak_fit())
    values = amplitudes(np.full(3000, 4.4), resonance, damping).T
    found = fit.minimum(values, np.ones_like(values))
    allowed = np.abs(found[1] - PLACE) <= PLACE_TOLERANCE
    allowed &= np.abs(4.4 * 10.0 / np.maximum(found[0], 1e-3) - 20.05) <= 19.95
    assert allowed.sum() > 50
    assert found[2, allowed].min() > 0.99 * REFERENCE["width"]
