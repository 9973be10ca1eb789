"""An optical filter of silver and silica: its transmittance at 50 wavelengths, with the derivatives by all thicknesses.

Nine layers S(AS)^4, S for SiO2 and A for Ag, stand free in air and are lit at normal incidence. Layer j has the complex index
n_j and the thickness d_j; with δ_j = 2π n_j d_j/λ the fields on its two sides are related by

    M_j = [[cos δ_j, -i sin δ_j / n_j], [-i n_j sin δ_j, cos δ_j]],   (B, C)ᵀ = M_1 ... M_9 (1, 1)ᵀ,   T = 4/|B + C|²

A derivative replaces one M_j by its own, so that the products of what stands before it and behind it serve all nine:

    ∂T/∂d_j = -2 T Re(∂(B + C)/∂d_j / (B + C))

Wanted: a mean transmittance of at least 40 % from 800 to 1300 nm, and as little as possible from 1300 to 1800 nm.

    python examples/filter/filter.py [FOLDER]

looks for it by 60 spectra with their derivatives, and draws the best.

Source: H. A. Macleod, "Thin-Film Optical Filters", 2010, section 2.5, for the matrices; I. H. Malitson, J. Opt. Soc. Am. 55,
1205 (1965), for SiO2; A. D. Rakić, A. B. Djurišić, J. M. Elazar, M. L. Majewski, Applied Optics 37, 5271 (1998), the
Lorentz-Drude model, for Ag.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

import assay

__all__ = [
    "CONFIGURATION",
    "DOMAINS",
    "IN_PASS_BAND",
    "LEAST_PASSED",
    "SPACE",
    "WAVELENGTHS_nm",
    "bands",
    "evaluate",
    "index_of_silica",
    "index_of_silver",
    "indices",
    "transmittance",
]

Array = np.ndarray

# The middles of 50 equal parts of 800 to 1800 nm: 25 lie on either side of 1300 nm.
WAVELENGTHS_nm = np.linspace(810.0, 1790.0, 50)
IN_PASS_BAND = WAVELENGTHS_nm < 1300.0
LEAST_PASSED = 0.4
SILICA_nm, SILVER_nm = (50.0, 350.0), (5.0, 25.0)
DOMAINS = {
    f"{('silica', 'silver')[layer % 2]}{layer // 2 + 1}_nm": (SILICA_nm, SILVER_nm)[layer % 2]
    for layer in range(9)
}
SPACE = [{"name": name, "domain": list(domain)} for name, domain in DOMAINS.items()]

PHOTON_eV_nm = 1239.84198
# Strength, place in µm.
SILICA_TERMS = ((0.6961663, 0.0684043), (0.4079426, 0.1162414), (0.8974794, 9.896161))
# Strength, width in eV, place in eV; the first is that of the free electrons.
SILVER_PLASMA_eV = 9.01
SILVER_TERMS = (
    (0.845, 0.048, 0.0),
    (0.065, 3.886, 0.816),
    (0.124, 0.452, 4.481),
    (0.011, 0.065, 8.185),
    (0.840, 0.916, 9.083),
    (5.646, 2.419, 20.29),
)


def index_of_silica(wavelengths_nm: Array) -> Array:
    """Of fused SiO2, real: n² = 1 + Σ_i f_i λ²/(λ² - λ_i²)."""
    square = (wavelengths_nm * 1e-3) ** 2
    return np.sqrt(1.0 + sum(strength * square / (square - place**2) for strength, place in SILICA_TERMS))


def index_of_silver(wavelengths_nm: Array) -> Array:
    """Of Ag, with a positive imaginary part: n² = 1 + Σ_i f_i E_p²/(E_i² - E² - i E Γ_i)."""
    energy = PHOTON_eV_nm / wavelengths_nm
    terms = (
        strength * SILVER_PLASMA_eV**2 / (place**2 - energy**2 - 1j * energy * width)
        for strength, width, place in SILVER_TERMS
    )
    return np.sqrt(1.0 + sum(terms))


def indices() -> Array:
    """Of each layer at each wavelength: (9, 50)."""
    silica, silver = index_of_silica(WAVELENGTHS_nm), index_of_silver(WAVELENGTHS_nm)
    return np.array([(silica, silver)[layer % 2] for layer in range(len(DOMAINS))], dtype=complex)


def transmittance(thicknesses_nm: Array) -> tuple[Array, Array]:
    """The spectrum (..., 50) and its derivative by each thickness (..., 9, 50), of thicknesses (..., 9)."""
    index = indices()
    wave = 2.0 * np.pi * index / WAVELENGTHS_nm
    phase = wave * np.asarray(thicknesses_nm, dtype=float)[..., None]
    layers = _matrices(np.cos(phase), np.sin(phase), index)
    slopes = _matrices(-np.sin(phase), np.cos(phase), index) * wave[..., None, None]
    count = len(DOMAINS)
    behind = [np.ones((len(WAVELENGTHS_nm), 2, 1), dtype=complex)]
    for layer in reversed(range(count)):
        behind.insert(0, layers[..., layer, :, :, :] @ behind[0])
    before = np.ones((len(WAVELENGTHS_nm), 1, 2), dtype=complex)
    field = (before @ behind[0])[..., 0, 0]
    passed = 4.0 / np.abs(field) ** 2
    derivatives = []
    for layer in range(count):
        change = (before @ slopes[..., layer, :, :, :] @ behind[layer + 1])[..., 0, 0]
        derivatives.append(-2.0 * passed * (change / field).real)
        before = before @ layers[..., layer, :, :, :]
    return passed, np.stack(derivatives, axis=-2)


def _matrices(cosine: Array, sine: Array, index: Array) -> Array:
    """(..., 2, 2) from arrays (...)."""
    rows = [[cosine, -1j * sine / index], [-1j * index * sine, cosine]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def bands(spectrum: Array) -> tuple[Array, Array]:
    """The means below and above 1300 nm, (...) each, of what is given at the wavelengths (..., 50)."""
    return spectrum[..., IN_PASS_BAND].mean(axis=-1), spectrum[..., ~IN_PASS_BAND].mean(axis=-1)


def evaluate(**thicknesses_nm: float) -> assay.Observation:
    """The spectrum of one filter, with its derivatives."""
    values, derivatives = transmittance(np.array([thicknesses_nm[name] for name in DOMAINS]))
    observation = assay.Observation()
    observation.add(values.tolist())
    for name, derivative in zip(DOMAINS, derivatives, strict=True):
        observation.add(derivative.tolist(), derivative=name)
    return observation


def _outputs(chosen: Array) -> list[str]:
    return [f"T{place}" for place in np.flatnonzero(chosen)]


CONFIGURATION: dict[str, Any] = {
    "deterministic": True,
    # With nine derivatives each, a few spectra are enough to begin with.
    "num_initial": 6,
    "surrogates": [{"type": "GP", "name": "T", "output_dim": len(WAVELENGTHS_nm)}],
    # Without coefficients a combination is the average.
    "variables": [
        {"type": "LinearCombination", "name": "passed", "inputs": _outputs(IN_PASS_BAND)},
        {"type": "LinearCombination", "name": "stopped", "inputs": _outputs(~IN_PASS_BAND)},
    ],
    "objectives": [
        {"type": "Minimizer", "variable": "stopped"},
        {"type": "Constrainer", "variable": "passed", "lower_bound": LEAST_PASSED},
    ],
}


def main(folder: Path, evaluations: int = 60) -> None:
    """Look for the filter, and draw the best."""
    from matplotlib.figure import Figure

    study = assay.create_study(SPACE, seed=1)
    study.configure(max_iter=evaluations, **CONFIGURATION)
    study.run(evaluate)
    best = study.best
    assert best is not None
    values, _ = transmittance(np.array([best["values"][name] for name in DOMAINS]))
    passed, stopped = bands(values)
    sys.stdout.write(f"evaluation {best['number']}: {passed:.3f} passes, {stopped:.2g} above 1300 nm\n")
    drawing = Figure(figsize=(5.0, 3.5), layout="constrained")
    axes = drawing.subplots()
    axes.semilogy(WAVELENGTHS_nm, values, ".-")
    axes.axvline(1300.0, color="0.8", zorder=0)
    axes.set(xlabel="wavelength, nm", ylabel="transmittance", title=f"mean {passed:.3f} and {stopped:.2g}")
    folder.mkdir(parents=True, exist_ok=True)
    drawing.savefig(folder / "spectrum.png", dpi=130)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/filter"))
