"""A barostat: the cell as a particle of its own, with a mass, a rate of strain and a bath."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from ase import units

from assay.atoms.dynamics.state import Structure
from assay.errors import UsageError

__all__ = ["Barostat", "bathed_rate", "kicked_rate", "resting_rate", "strained"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class Barostat:
    """A Langevin piston: the cell strains at a rate G, which the imbalance of pressure drives and a bath damps.

        dx = (p / m + G x) dt,   dh = G h dt,   dp = (F - G p) dt + bath,
        W dG = [sum_i p_i p_i / m_i + virial - P V + c k_B T] dt - gamma W G dt + noise,   W = (N + 1) k_B T time²

    with gamma the friction, h the cell, and c = 1, or 2 where the centre of mass is at rest: one for the volume, one for the
    momentum that is left out. The target is that of `CellMoves`, exp(-(U + P V) / k_B T) V^N dV over volumes, times the
    invariant measure over shapes, so an ideal gas has <V> = (N + 1) k_B T / P. Use it for long runs of large cells, where a
    Monte Carlo move pays an evaluation for one small change; it needs a calculator with a stress, and one evaluation a step.

    The steps are a symmetric splitting, and their error is of second order in the time step.

    Arguments:
        time_fs: how fast the cell responds, from which its mass follows; above 0. An ideal gas answers with a period of
            3.6 times it, a solid faster, by the root of its stiffness V B / N k_B T.
        shape: "isotropic", or "full" for all six components of strain. A liquid resists no shear, so its cell wanders off
            under "full".
        friction_per_fs: gamma; None for 2 / time, which lets the cell swing about once. 0 for none: with a temperature but no
            friction anywhere, H + P V - c k_B T ln V + W tr G² / 2 is conserved.

    Raises:
        UsageError: for a time that is not above 0, a negative friction, or an unknown shape.

    Source: Feller, Zhang, Pastor and Brooks, J. Chem. Phys. 103, 4613 (1995), for the piston; Gao, Fang and Wang, J. Chem. Phys.
    144, 124113 (2016), for the splitting; Raiteri, Gale and Bussi, J. Phys.: Condens. Matter 23, 334213 (2011), for the measure.
    """

    time_fs: float = 500.0
    shape: Literal["isotropic", "full"] = "isotropic"
    friction_per_fs: float | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.time_fs) and self.time_fs > 0.0):
            raise UsageError(f"time_fs of a barostat must be a number above 0, got {self.time_fs}")
        if not (np.isfinite(self.friction) and self.friction >= 0.0):
            raise UsageError(
                f"friction_per_fs of a barostat must be a number not below 0, got {self.friction}"
            )
        if self.shape not in ("isotropic", "full"):
            raise UsageError(f"the shape of a barostat is 'isotropic' or 'full', got {self.shape!r}")

    @property
    def friction(self) -> float:
        """gamma, per fs."""
        return 2.0 / self.time_fs if self.friction_per_fs is None else self.friction_per_fs

    def mass(self, atom_count: int, temperature_K: float) -> float:
        """W = (N + 1) k_B T time², in ASE's unit of energy and time."""
        return (atom_count + 1) * units.kB * temperature_K * (self.time_fs * units.fs) ** 2


def resting_rate(barostat: Barostat, temperature_K: float, atom_count: int, noise: Array) -> Array:
    """A rate of strain of the Maxwell-Boltzmann distribution, exp(-W tr G² / 2 k_B T): (3, 3), symmetric.

    Arguments:
        barostat: its mass and shape.
        temperature_K: of the bath.
        atom_count: N.
        noise: (3, 3) standard normal.
    """
    mass = barostat.mass(atom_count, temperature_K)
    return math.sqrt(units.kB * temperature_K / mass) * _symmetric(noise, barostat.shape)


def kicked_rate(
    rate: Array,
    structure: Structure,
    momenta: Array,
    stress: Array,
    barostat: Barostat,
    pressure_GPa: float,
    temperature_K: float,
    timestep_fs: float,
    *,
    at_rest: bool = False,
) -> Array:
    """Half a step of the imbalance of pressure: G + dt / (2 W) (sum p p / m + virial - P V + c k_B T).

    Arguments:
        rate: (3, 3), G, per ASE's unit of time.
        structure, momenta: present ones.
        stress: (3, 3) in eV/A^3 of the calculator, without the kinetic part.
        barostat: its mass and shape.
        pressure_GPa, temperature_K: what it holds.
        timestep_fs: dt.
        at_rest: whether the momenta sum to zero.
    """
    volume, temperature = structure.volume_A3, units.kB * temperature_K
    kinetic = momenta.T @ (momenta / structure.masses[:, None])
    isotropic = (2.0 if at_rest else 1.0) * temperature - pressure_GPa * units.GPa * volume
    drive = kinetic - volume * stress + isotropic * np.eye(3)
    if barostat.shape == "isotropic":
        drive = np.eye(3) * (np.trace(drive) / 3.0)
    mass = barostat.mass(len(momenta), temperature_K)
    return rate + 0.5 * timestep_fs * units.fs / mass * 0.5 * (drive + drive.T)


def bathed_rate(
    rate: Array, barostat: Barostat, temperature_K: float, atom_count: int, timestep_fs: float, noise: Array
) -> Array:
    """A whole step of the piston's own bath, exact: G' = k G + sqrt((1 - k²) k_B T / W) xi with k = exp(-gamma dt).

    Arguments:
        rate: (3, 3), G.
        barostat: its mass, friction and shape.
        temperature_K: of the bath.
        atom_count: N.
        timestep_fs: dt.
        noise: (3, 3) standard normal.
    """
    keeps = math.exp(-barostat.friction * timestep_fs)
    given = math.sqrt(-math.expm1(-2.0 * barostat.friction * timestep_fs))
    return keeps * rate + given * resting_rate(barostat, temperature_K, atom_count, noise)


def strained(
    structure: Structure, momenta: Array, rate: Array, timestep_fs: float
) -> tuple[Structure, Array]:
    """Half a step of strain: positions and cell times exp(G dt / 2), momenta times its inverse.

    Phase space keeps its volume, so the momenta of a cell that grows cool.
    """
    rates, axes = np.linalg.eigh(rate)
    growth = np.exp(0.5 * timestep_fs * units.fs * rates)
    change, inverse = (axes * growth) @ axes.T, (axes / growth) @ axes.T
    return structure.moved(structure.positions @ change, structure.cell @ change), momenta @ inverse


def _symmetric(noise: Array, shape: Literal["isotropic", "full"]) -> Array:
    """A standard normal matrix in the metric tr G²: of multiples of one, or of all symmetric ones."""
    if shape == "isotropic":
        return np.eye(3) * (noise[0, 0] / math.sqrt(3.0))
    return 0.5 * (noise + noise.T)
