"""The BAOAB splitting of Langevin dynamics; without friction it is velocity Verlet."""

from __future__ import annotations

import math

import numpy as np
from ase import units

from assay.atoms.dynamics.state import without_drift

__all__ = ["drift", "kick"]

Array = np.ndarray


def kick(momenta: Array, forces: Array, timestep_fs: float) -> Array:
    """Half a step of force, p + F dt / 2: the B of BAOAB.

    Example:
        >>> kick(np.zeros((1, 3)), np.zeros((1, 3)), 1.0).tolist()
        [[0.0, 0.0, 0.0]]
    """
    return momenta + 0.5 * timestep_fs * units.fs * forces


def drift(
    positions: Array,
    momenta: Array,
    masses: Array,
    timestep_fs: float,
    friction_per_fs: float,
    temperature_K: float,
    noise: Array | None,
    *,
    at_rest: bool = False,
) -> tuple[Array, Array]:
    """Half a step of motion, the bath, half a step of motion: the AOA of BAOAB.

    The bath is exact, p' = c p + sqrt((1 - c^2) m k_B T) xi with c = exp(-gamma dt). BAOAB samples the positions of a
    harmonic well without error at any stable time step.

    Arguments:
        positions, momenta: (atoms, 3) in A and sqrt(u eV).
        masses: (atoms,) in u.
        timestep_fs, friction_per_fs: dt and gamma.
        temperature_K: of the bath.
        noise: (atoms, 3) standard normal; None leaves the bath out, which is NVE.
        at_rest: whether the bath leaves the motion of the centre of mass alone.

    Returns:
        Positions and momenta.

    Source: Leimkuhler and Matthews, Appl. Math. Res. Express 2013, 34.
    """
    half = 0.5 * timestep_fs * units.fs
    column = masses[:, None]
    positions = positions + half * momenta / column
    if noise is not None:
        keeps = math.exp(-friction_per_fs * timestep_fs)
        kicks = np.sqrt(-math.expm1(-2.0 * friction_per_fs * timestep_fs) * units.kB * temperature_K * column)
        given = kicks * noise
        momenta = keeps * momenta + (without_drift(given, masses) if at_rest else given)
    return positions + half * momenta / column, momenta
