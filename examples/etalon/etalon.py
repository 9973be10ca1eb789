"""A Fabry-Perot etalon with loss: its transmittance at 50 wavelengths as a function of both mirrors and the length.

With reflectances R1 and R2, length L and the loss a = 0.05 of a pass through the cavity, A = 1 - a, Airy's formula is

    T(λ) = (1 - R1)(1 - R2) A / ((1 - sqrt(R1 R2) A)² + 4 sqrt(R1 R2) A sin²(2π L/λ))

with R1 and R2 in [0.1, 0.6], L in [1, 1.5] µm, and λ from 0.8 to 1.2 µm.

    python examples/etalon/etalon.py [FOLDER]

explores it by 160 spectra, compares the surrogate with one from as many random points, and draws a spectrum.

What the surrogate learns is 1/T: in Airy's formula that is smooth, where T has resonances that get sharper with the mirrors.

Source: N. Ismail, C. C. Kores, D. Geskus, M. Pollnau, "Fabry-Pérot resonator: spectral line shapes, generic and related
Airy distributions, linewidths, finesses, and performance at low or frequency-dependent reflectivity", Optics Express 24,
16366 (2016).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np

import assay

__all__ = [
    "DOMAINS",
    "EVALUATIONS",
    "SPACE",
    "Learned",
    "WAVELENGTHS_um",
    "evaluate",
    "explored",
    "from_random_points",
    "predicted",
    "reciprocal",
    "root_mean_square_error",
    "transmittance",
]

Learned = Literal["reciprocal", "transmittance"]

LOSS = 0.05
WAVELENGTHS_um = np.linspace(0.8, 1.2, 50)
DOMAINS = {"reflectance1": (0.1, 0.6), "reflectance2": (0.1, 0.6), "length_um": (1.0, 1.5)}
SPACE = [{"name": name, "domain": list(domain)} for name, domain in DOMAINS.items()]
EVALUATIONS = 160


def transmittance(reflectance1: np.ndarray, reflectance2: np.ndarray, length_um: np.ndarray) -> np.ndarray:
    """The spectrum: (..., 50) for arrays of one shape."""
    reflectance1, reflectance2, length_um = (
        np.asarray(part, dtype=float)[..., None] for part in (reflectance1, reflectance2, length_um)
    )
    passed = 1.0 - LOSS
    around = np.sqrt(reflectance1 * reflectance2) * passed
    phase = 2.0 * np.pi * length_um / WAVELENGTHS_um
    through = (1.0 - reflectance1) * (1.0 - reflectance2) * passed
    return through / ((1.0 - around) ** 2 + 4.0 * around * np.sin(phase) ** 2)


def evaluate(reflectance1: float, reflectance2: float, length_um: float) -> list[float]:
    """The spectrum of one etalon."""
    return transmittance(np.array(reflectance1), np.array(reflectance2), np.array(length_um)).tolist()


def reciprocal(reflectance1: float, reflectance2: float, length_um: float) -> list[float]:
    """One over the spectrum of one etalon."""
    return (1.0 / np.array(evaluate(reflectance1, reflectance2, length_um))).tolist()


def explored(
    seed: int, evaluations: int = EVALUATIONS, learned: Learned = "reciprocal", **explorer: Any
) -> assay.Study:
    """A study that chooses its points to learn the spectrum everywhere; `explorer` are keys of the objective."""
    study = _study(seed, learned, **explorer)
    study.configure(max_iter=evaluations)
    study.run(_FUNCTIONS[learned])
    return study


def from_random_points(
    seed: int, evaluations: int = EVALUATIONS, learned: Learned = "reciprocal"
) -> assay.Study:
    """A study of uniform random points, with the same model."""
    study = _study(seed, learned)
    lower, upper = np.array(list(DOMAINS.values())).T
    points = lower + (upper - lower) * np.random.default_rng([seed, 9]).random((evaluations, len(DOMAINS)))
    for point in points.tolist():
        values = dict(zip(DOMAINS, point, strict=True))
        study.add_observation(_FUNCTIONS[learned](**values), design_value=values)
    return study


def predicted(study: assay.Study, places: Any, learned: Learned = "reciprocal") -> np.ndarray:
    """The transmittance as the surrogate has it: (places, 50)."""
    mean = study.driver.predict(places)["mean"]
    return 1.0 / mean if learned == "reciprocal" else mean


def root_mean_square_error(study: assay.Study, learned: Learned = "reciprocal", points: int = 1000) -> float:
    """Of the transmittance, over uniform points and all wavelengths."""
    lower, upper = np.array(list(DOMAINS.values())).T
    places = lower + (upper - lower) * np.random.default_rng(12345).random((points, len(DOMAINS)))
    wrong = predicted(study, places, learned) - transmittance(*places.T)
    return float(np.sqrt(np.mean(wrong**2)))


def main(folder: Path, seed: int = 0) -> None:
    """Explore, compare with random points, and draw a spectrum with what both surrogates say of it."""
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(8.0, 3.6), layout="constrained")
    axes = drawing.subplots()
    point = {"reflectance1": 0.55, "reflectance2": 0.5, "length_um": 1.27}
    axes.plot(WAVELENGTHS_um, evaluate(**point), "k-", linewidth=2.0, alpha=0.4, label="true")
    for label, study in (("random points", from_random_points(seed)), ("explored", explored(seed))):
        error = root_mean_square_error(study)
        print(f"{label}: root mean square error {error:.5f} of the transmittance from {EVALUATIONS} spectra")
        axes.plot(WAVELENGTHS_um, predicted(study, [point])[0], "--", label=label)
    axes.set(xlabel="wavelength, µm", ylabel="transmittance")
    axes.legend(frameon=False)
    folder.mkdir(parents=True, exist_ok=True)
    drawing.savefig(folder / "spectrum.png", dpi=130)


def _study(seed: int, learned: Learned, **explorer: Any) -> assay.Study:
    study = assay.create_study(SPACE, seed=seed)
    # The reciprocal is known to be smooth; of the transmittance itself the data say how smooth it is.
    kernel = {"type": "SquaredExponential"} if learned == "reciprocal" else {}
    study.configure(
        surrogates=[{"name": "spectrum", "output_dim": len(WAVELENGTHS_um), "kernel": kernel}],
        variables=[{"type": "MultiSelector", "input": "spectrum"}],
        objectives=[{"type": "Explorer", **explorer}],
        deterministic=True,
    )
    return study


_FUNCTIONS = {"reciprocal": reciprocal, "transmittance": evaluate}


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/etalon"))
