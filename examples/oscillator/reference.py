"""The narrowest peak of the oscillator by dense search on the true function, frozen in `reference.json`.

Run from the root of the repository: `python -m examples.oscillator.reference`. Place and width of the fitted peak do
not depend on the force, which only scales it, so that a grid of resonances and dampings covers the whole space: first
all of it, then the neighbourhood of all that is allowed. The best is fitted again by SciPy.
"""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import numpy as np
from examples.oscillator.oscillator import (
    DOMAINS,
    FREQUENCIES,
    HEIGHT,
    PLACE,
    PLACE_TOLERANCE,
    amplitudes,
    peak_fit,
)
from scipy.optimize import curve_fit

from assay.quantities.fit import Fit

COARSE, FINE, DAMPINGS = 1501, 4001, 28


def peaks(resonance: np.ndarray, damping: np.ndarray) -> np.ndarray:
    """(6, points): force, height (the wanted one), place, width and line of each peak."""
    fit = Fit.of("peak", "amplitudes", **peak_fit())  # type: ignore[arg-type]
    force = np.ones_like(resonance)
    for _ in range(3):  # the fit begins at the height that is wanted
        values = amplitudes(force, resonance, damping).T
        found = fit.minimum(values, np.ones_like(values))
        force = np.clip(force * HEIGHT / np.maximum(found[0], 1e-3), *DOMAINS["force"])
    values = amplitudes(force, resonance, damping).T
    return np.concatenate([force[None], fit.minimum(values, np.ones_like(values))])


def search(resonances: np.ndarray, dampings: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a grid allows: resonances, dampings and peaks."""
    resonance, damping = (part.ravel() for part in np.meshgrid(resonances, dampings))
    found = peaks(resonance, damping)
    allowed = (np.abs(found[2] - PLACE) <= PLACE_TOLERANCE) & (np.abs(found[1] - HEIGHT) <= 1e-6 * HEIGHT)
    return resonance[allowed], damping[allowed], found[:, allowed]


def curve(w: np.ndarray, a: float, m: float, s: float, c0: float, c1: float) -> np.ndarray:
    return a * np.exp(-0.5 * ((w - m) / s) ** 2) + c0 + c1 * w


def main() -> None:
    (lowest, highest), (least, most) = DOMAINS["resonance"], DOMAINS["damping"]
    dampings = np.linspace(least, most, DAMPINGS)
    coarse = search(np.linspace(lowest, highest, COARSE), dampings)[0]
    step = (highest - lowest) / (COARSE - 1)
    resonance, damping, found = search(np.linspace(coarse.min() - step, coarse.max() + step, FINE), dampings)
    best = np.argmin(found[3])
    force = found[0, best]
    again, _ = curve_fit(
        curve,
        FREQUENCIES,
        amplitudes(force, resonance[best], damping[best]),
        p0=found[1:, best] * 1.01,
        xtol=1e-14,
        ftol=1e-14,
    )
    reference = {
        "script": "python -m examples.oscillator.reference",
        "grid": [COARSE, FINE, DAMPINGS],
        "force": round(float(force), 6),
        "resonance": round(float(resonance[best]), 6),
        "damping": round(float(damping[best]), 6),
        "height": round(float(again[0]), 6),
        "place": round(float(again[1]), 6),
        "width": round(float(again[2]), 6),
        "versions": {package: metadata.version(package) for package in ("numpy", "scipy")},
    }
    Path(__file__).with_name("reference.json").write_text(json.dumps(reference, indent=1) + "\n")


if __name__ == "__main__":
    main()
