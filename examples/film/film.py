"""The reflectance of a four-layer antireflection coating, by the transfer-matrix code `tmm`.

From air: layers of refractive index 1.46, 2.35, 1.46, 2.35 on glass of 1.52, at normal incidence. The quantity to
minimise is the mean reflectance over 31 wavelengths, 400 to 700 nm in steps of 10 nm.

Source: S. J. Byrnes, "Multilayer optical calculations", arXiv:1603.02720, and its package `tmm`.
"""

from __future__ import annotations

import numpy as np
import tmm

WAVELENGTHS_nm = np.arange(400, 701, 10)
LAYER_INDICES = (1.46, 2.35, 1.46, 2.35)
AIR_INDEX = 1.0
GLASS_INDEX = 1.52


def reflectance(d1: float, d2: float, d3: float, d4: float) -> np.ndarray:
    """The reflectance at each wavelength; the thicknesses, from air to glass, are in nm."""
    indices = [AIR_INDEX, *LAYER_INDICES, GLASS_INDEX]
    thicknesses_nm = [np.inf, d1, d2, d3, d4, np.inf]
    return np.array(
        [tmm.coh_tmm("s", indices, thicknesses_nm, 0.0, wavelength)["R"] for wavelength in WAVELENGTHS_nm]
    )


def evaluate(d1: float, d2: float, d3: float, d4: float) -> float:
    """The mean reflectance, between 0 and 1; the thicknesses, from air to glass, are in nm."""
    return float(np.mean(reflectance(d1, d2, d3, d4)))
