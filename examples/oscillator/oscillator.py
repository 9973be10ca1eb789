"""A driven, damped oscillator: the amplitude at ten frequencies of the drive, and the peak that is read from it.

In the steady state of x'' + γ x' + ω0² x = F cos(ω t) the amplitude is

    A(ω) = F / sqrt((ω0² - ω²)² + γ² ω²)

with F in [0.1, 40], ω0 in [1, 4] and γ in [0.03, 0.3]. A Gaussian on a line, a exp(-((ω - m)/s)²/2) + c0 + c1 ω, is
fitted to the ten amplitudes, all with the same weight. Wanted: a peak of height 10 at 2, as narrow as can be.

Source: L. D. Landau, E. M. Lifshitz, "Mechanics", 1976, section 26.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "DOMAINS",
    "FREQUENCIES",
    "HEIGHT",
    "HEIGHT_TOLERANCE",
    "PLACE",
    "PLACE_TOLERANCE",
    "SPACE",
    "amplitudes",
    "evaluate",
    "peak_fit",
]

FREQUENCIES = np.linspace(1.0, 3.0, 10)
HEIGHT, HEIGHT_TOLERANCE = 10.0, 0.1
PLACE, PLACE_TOLERANCE = 2.0, 0.01
DOMAINS = {"force": (0.1, 40.0), "resonance": (1.0, 4.0), "damping": (0.03, 0.3)}
SPACE = [{"name": name, "domain": list(domain)} for name, domain in DOMAINS.items()]


def amplitudes(force: np.ndarray, resonance: np.ndarray, damping: np.ndarray) -> np.ndarray:
    """The amplitude at each frequency: (..., 10) for arrays of one shape."""
    force, resonance, damping = (
        np.asarray(part, dtype=float)[..., None] for part in (force, resonance, damping)
    )
    return force / np.hypot(resonance**2 - FREQUENCIES**2, damping * FREQUENCIES)


def evaluate(force: float, resonance: float, damping: float) -> list[float]:
    """The ten amplitudes of one oscillator."""
    return amplitudes(np.asarray(force), np.asarray(resonance), np.asarray(damping)).tolist()


def peak_fit() -> dict[str, object]:
    """What `assay.quantities.fit.Fit.of` needs beside names."""
    return {
        "expression": "a*exp(-((w - m)/s)^2/2) + c0 + c1*w",
        "model_variables": ["w"],
        "variable_values": FREQUENCIES[:, None].tolist(),
        "initial_parameters": [8.0, 2.0, 0.3, 0.5, 0.0],
        "bounds": [(0.0, 2000.0), (0.5, 3.5), (0.02, 3.0), (-200.0, 200.0), (-200.0, 200.0)],
        "uncertainty_vector": [1.0] * len(FREQUENCIES),
    }
