"""The BAOAB splitting of Langevin dynamics; without friction it is velocity Verlet."""

from __future__ import annotations

import math

import numpy as np
from ase import units

from assay.atoms.dynamics.state import without_drift

__all__ = ["bath", "coast", "kick"]

Array = np.ndarray


def kick(momenta: Array, forces: Array, timestep_fs: float) -> Array:
    """Half a step of force, p + F dt / 2: the B of BAOAB.

    Example:
        >>> kick(np.zeros((1, 3)), np.zeros((1, 3)), 1.0).tolist()
        [[0.0, 0.0, 0.0]]
    """
    return momenta + 0.5 * timestep_fs * units.fs * forces


def coast(positions: Array, momenta: Array, masses: Array, timestep_fs: float) -> Array:
    """Half a step of motion, x + p dt / 2 m: the A of BAOAB.

    Example:
        >>> coast(np.zeros((1, 3)), np.ones((1, 3)), np.ones(1), 2.0 / units.fs).tolist()
        [[1.0, 1.0, 1.0]]
    """
    return positions + 0.5 * timestep_fs * units.fs * momenta / masses[:, None]


def bath(
    momenta: Array,
    masses: Array,
    timestep_fs: float,
    friction_per_fs: float,
    temperature_K: float,
    noise: Array,
    *,
    at_rest: bool = False,
) -> Array:
    """A whole step of the bath, exact: the O of BAOAB, p' = c p + sqrt((1 - c²) m k_B T) xi with c = exp(-gamma dt).

    BAOAB samples the positions of a harmonic well without error at any stable time step.

    Arguments:
        momenta: (atoms, 3) in sqrt(u eV).
        masses: (atoms,) in u.
        timestep_fs, friction_per_fs: dt and gamma.
        temperature_K: of the bath.
        noise: (atoms, 3) standard normal.
        at_rest: whether the bath leaves the motion of the centre of mass alone.

    Source: Leimkuhler and Matthews, Appl. Math. Res. Express 2013, 34.
    """
    keeps = math.exp(-friction_per_fs * timestep_fs)
    strength = -math.expm1(-2.0 * friction_per_fs * timestep_fs) * units.kB * temperature_K
    given = np.sqrt(strength * masses[:, None]) * noise
    return keeps * momenta + (without_drift(given, masses) if at_rest else given)
