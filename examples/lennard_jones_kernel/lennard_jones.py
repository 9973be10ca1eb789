"""The Lennard-Jones energy of two atoms, in reduced units, and the wall that is believed before any data.

    E(r) = 4 (r⁻¹² - r⁻⁶),   wall(r) = -150 (r - 0.95) where r < 0.95
"""

from __future__ import annotations

import numpy as np

__all__ = ["DISTANCES", "ENERGIES", "SLOPE", "WALL", "energy", "energy_slope", "wall"]

Array = np.ndarray

SLOPE, WALL = 150.0, 0.95


def energy(distance: Array) -> Array:
    """E(r)."""
    return 4.0 * (distance**-12 - distance**-6)


def energy_slope(distance: Array) -> Array:
    """dE/dr."""
    return 4.0 * (-12.0 * distance**-13 + 6.0 * distance**-7)


def wall(distance: Array) -> Array:
    """The linear repulsion."""
    return np.where(distance < WALL, -SLOPE * (distance - WALL), 0.0)


DISTANCES = np.linspace(0.9, 2.0, 50)[:, None]
ENERGIES = energy(DISTANCES[:, 0])
