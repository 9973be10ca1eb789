"""A driven, damped oscillator: the amplitude at ten frequencies of the drive, and the peak that is read from it.

In the steady state of x'' + γ x' + ω0² x = F cos(ω t) the amplitude is

    A(ω) = F / sqrt((ω0² - ω²)² + γ² ω²)

with F in [0.1, 40], ω0 in [1, 4] and γ in [0.03, 0.3]. A Gaussian on a line, a exp(-((ω - m)/s)²/2) + c0 + c1 ω, is
fitted to the ten amplitudes, all with the same weight. Wanted: a peak of height 10 at 2, as narrow as can be.

Source: L. D. Landau, E. M. Lifshitz, "Mechanics", 1976, section 26.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

import assay
from assay.quantities.fit import Fit

__all__ = [
    "CONFIGURATION",
    "DOMAINS",
    "FREQUENCIES",
    "HEIGHT",
    "HEIGHT_TOLERANCE",
    "PLACE",
    "PLACE_TOLERANCE",
    "SPACE",
    "amplitudes",
    "evaluate",
    "is_wanted",
    "peak",
    "peak_fit",
]

FREQUENCIES = np.linspace(1.0, 3.0, 10)
HEIGHT, HEIGHT_TOLERANCE = 10.0, 0.1
PLACE, PLACE_TOLERANCE = 2.0, 0.01
DOMAINS = {"force": (0.1, 40.0), "resonance": (1.0, 4.0), "damping": (0.03, 0.3)}
# All three matter by their ratios.
SPACE = [{"name": name, "domain": list(domain), "log": True} for name, domain in DOMAINS.items()]


def amplitudes(force: np.ndarray, resonance: np.ndarray, damping: np.ndarray) -> np.ndarray:
    """The amplitude at each frequency: (..., 10) for arrays of one shape."""
    force, resonance, damping = (
        np.asarray(part, dtype=float)[..., None] for part in (force, resonance, damping)
    )
    return force / np.hypot(resonance**2 - FREQUENCIES**2, damping * FREQUENCIES)


def evaluate(force: float, resonance: float, damping: float) -> list[float]:
    """The ten amplitudes of one oscillator."""
    return amplitudes(np.asarray(force), np.asarray(resonance), np.asarray(damping)).tolist()


def peak_fit() -> dict[str, Any]:
    """What `assay.quantities.fit.Fit.of` needs beside names."""
    return {
        "expression": "a*exp(-((w - m)/s)^2/2) + c0 + c1*w",
        "model_variables": ["w"],
        "variable_values": FREQUENCIES[:, None].tolist(),
        "initial_parameters": [8.0, 2.0, 0.3, 0.5, 0.0],
        "bounds": [[0.0, 2000.0], [0.5, 3.5], [0.02, 3.0], [-200.0, 200.0], [-200.0, 200.0]],
        "uncertainty_vector": [1.0] * len(FREQUENCIES),
    }


def peak(values: list[float]) -> tuple[float, float, float]:
    """Height, place and width of the peak that is fitted to ten amplitudes."""
    fit = Fit.of("peak", "amplitudes", **peak_fit())
    height, place, width = fit.minimum(np.array(values)[:, None], np.ones((len(values), 1)))[:3, 0]
    return float(height), float(place), float(width)


def is_wanted(height: float, place: float) -> bool:
    """Whether a peak is as high as it should be, and where it should be."""
    return abs(height - HEIGHT) <= HEIGHT_TOLERANCE and abs(place - PLACE) <= PLACE_TOLERANCE


CONFIGURATION = {
    "deterministic": True,
    # A resonance is a pole: the logarithm of the amplitude is much smoother than the amplitude. With the logarithm of the
    # force it rises on a line.
    "surrogates": [
        {
            "type": "GP",
            "name": "amplitudes",
            "output_dim": 10,
            "warping_function": "log",
            "mean_function": "linear",
        }
    ],
    "variables": [
        {
            "type": "Fit",
            "name": "peak",
            "input": "amplitudes",
            "output_names": ["height", "place", "width", "offset", "slope", "misfit"],
            **peak_fit(),
        }
    ],
    "objectives": [
        {"type": "Minimizer", "variable": "width"},
        {
            "type": "Constrainer",
            "name": "high enough",
            "variable": "height",
            "lower_bound": HEIGHT - HEIGHT_TOLERANCE,
            "upper_bound": HEIGHT + HEIGHT_TOLERANCE,
        },
        {
            "type": "Constrainer",
            "name": "in its place",
            "variable": "place",
            "lower_bound": PLACE - PLACE_TOLERANCE,
            "upper_bound": PLACE + PLACE_TOLERANCE,
        },
    ],
    # Each draw of a candidate is fitted: fewer candidates and steps than by default are enough in three dimensions.
    "acquisition_optimizer": {
        "num_initial_samples": 128,
        "num_local_samples": 64,
        "num_starts": 4,
        "max_steps": 20,
    },
}


def main(folder: Path, evaluations: int = 30) -> None:
    """Look for the narrowest peak, and draw the amplitudes that were best."""
    from matplotlib.figure import Figure

    study = assay.create_study(SPACE, seed=1)
    study.configure(max_iter=evaluations, **CONFIGURATION)
    study.run(evaluate)
    curves = [evaluate(**trial.suggestion.values) for trial in study.trials]
    peaks = [peak(curve) for curve in curves]
    missed = [max(abs(height - HEIGHT) - HEIGHT_TOLERANCE, 0.0) for height, _, _ in peaks]
    missed = [
        miss + 100.0 * max(abs(place - PLACE) - PLACE_TOLERANCE, 0.0)
        for miss, (_, place, _) in zip(missed, peaks, strict=True)
    ]
    best = min(range(len(peaks)), key=lambda index: (missed[index], peaks[index][2]))
    height, place, width = peaks[best]
    sys.stdout.write(f"evaluation {best}: height {height:.3f} at {place:.4f}, width {width:.4f}\n")
    drawing = Figure(figsize=(5.0, 3.5), layout="constrained")
    axes = drawing.subplots()
    axes.plot(FREQUENCIES, curves[best], "o", label="amplitude")
    axes.axvline(PLACE, color="0.8", zorder=0)
    axes.set(xlabel="frequency of the drive", ylabel="amplitude", title=f"width {width:.4f}")
    axes.legend(frameon=False)
    folder.mkdir(parents=True, exist_ok=True)
    drawing.savefig(folder / "peak.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/oscillator"))
