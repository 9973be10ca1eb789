"""What the next step of a trajectory needs: a structure, its momenta, the evaluation there, and the counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import numpy as np
from ase import Atoms, units

from assay.atoms.dynamics.evaluation import Evaluation
from assay.errors import UsageError
from assay.numerics.random import generator

__all__ = ["MoveCounts", "State", "Structure", "maxwell_momenta", "without_drift"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class Structure:
    """Atoms as values.

    Arguments:
        numbers: (atoms,) atomic numbers.
        masses: (atoms,) in u.
        positions: (atoms, 3) in A; an atom that leaves a periodic cell is not moved back.
        cell: (3, 3), its rows are the vectors in A.
        pbc: (3,), along which of them it is periodic.
    """

    numbers: Array
    masses: Array
    positions: Array
    cell: Array
    pbc: Array

    @classmethod
    def of(cls, atoms: Atoms) -> Structure:
        """The values of ASE's atoms.

        Raises:
            UsageError: for atoms with constraints, which the dynamics would not keep; for none at all.
        """
        if atoms.constraints:
            raise UsageError(
                f"the dynamics keeps no constraints of ASE, remove them; the atoms have {len(atoms.constraints)}"
            )
        if not len(atoms):
            raise UsageError("a trajectory needs at least one atom, got none")
        return cls(
            atoms.get_atomic_numbers(),
            atoms.get_masses(),
            atoms.get_positions().astype(np.float64),
            np.array(atoms.cell.array, dtype=np.float64),
            np.array(atoms.pbc, dtype=bool),
        )

    def atoms(self, momenta: Array | None = None) -> Atoms:
        """ASE's atoms of these values, which share no memory with them."""
        made = Atoms(
            numbers=self.numbers, positions=self.positions, masses=self.masses, cell=self.cell, pbc=self.pbc
        )
        if momenta is not None:
            made.set_momenta(momenta)
        return made

    def moved(self, positions: Array, cell: Array | None = None) -> Structure:
        """The same atoms elsewhere."""
        return Structure(self.numbers, self.masses, positions, self.cell if cell is None else cell, self.pbc)

    @property
    def volume_A3(self) -> float:
        """The volume of the cell in A^3; 0 without one."""
        return float(abs(np.linalg.det(self.cell)))


@final
@dataclass(frozen=True)
class MoveCounts:
    """How often a kind of Monte Carlo move was tried and accepted, and how large its step is.

    Arguments:
        step: of the proposal, where it has one; adapted during the burn-in only.
        tried, accepted: counts.
    """

    step: float = 0.0
    tried: int = 0
    accepted: int = 0

    @property
    def acceptance(self) -> float:
        """The share of moves that were accepted; nan before the first."""
        return self.accepted / self.tried if self.tried else float("nan")


@final
@dataclass(frozen=True)
class State:
    """A trajectory between two steps.

    All randomness of a step comes from (seed, step, purpose), so the number of the step is the whole state of the
    generator, and a restarted trajectory draws what the first one would have drawn.

    Arguments:
        step: number of steps done.
        structure: the atoms.
        momenta: (atoms, 3) in sqrt(u eV), ASE's unit.
        evaluation: the energy and forces at the structure.
        seed: of this walker.
        reference_volume_A3: that of the start, which the steps of cell moves are relative to.
        cell_moves, swaps: the counts of Monte Carlo.
        strain_rate: (3, 3), how fast a barostat strains the cell, per ASE's unit of time; zero without one.
    """

    step: int
    structure: Structure
    momenta: Array
    evaluation: Evaluation
    seed: int
    reference_volume_A3: float
    cell_moves: MoveCounts = field(default_factory=MoveCounts)
    swaps: MoveCounts = field(default_factory=MoveCounts)
    strain_rate: Array = field(default_factory=lambda: np.zeros((3, 3)))

    def atoms(self) -> Atoms:
        """ASE's atoms of this state, with momenta."""
        return self.structure.atoms(self.momenta)

    @property
    def kinetic_energy_eV(self) -> float:
        """sum_i |p_i|^2 / (2 m_i)."""
        return float(0.5 * np.sum(self.momenta**2 / self.structure.masses[:, None]))

    def temperature_K(self, degrees_of_freedom: int | None = None) -> float:
        """The kinetic temperature 2 K / (f k_B); f is 3 per atom where it is not given."""
        freedom = 3 * len(self.momenta) if degrees_of_freedom is None else degrees_of_freedom
        return 2.0 * self.kinetic_energy_eV / (freedom * units.kB) if freedom else 0.0

    @property
    def pressure_GPa(self) -> float:
        """The pressure with its kinetic term, (2 K / 3 - tr(virial) / 3) / V; nan where no stress was evaluated."""
        if self.evaluation.stress is None or self.structure.volume_A3 == 0.0:
            return float("nan")
        kinetic = 2.0 * self.kinetic_energy_eV / (3.0 * self.structure.volume_A3)
        return float((kinetic - np.trace(self.evaluation.stress) / 3.0) / units.GPa)


def maxwell_momenta(
    masses: Array, temperature_K: float, seed: int, step: int, *, at_rest: bool = False
) -> Array:
    """Momenta of the Maxwell-Boltzmann distribution, p_i ~ N(0, m_i k_B T).

    Arguments:
        masses: (atoms,) in u.
        temperature_K: not negative.
        seed, step: the randomness is that of (seed, step, "momenta").
        at_rest: whether the sum of the momenta is projected out, sum_i p_i = 0.

    Example:
        >>> maxwell_momenta(np.ones(4), 0.0, 0, 0).sum()
        np.float64(0.0)
    """
    noise = generator(seed, step, "momenta").standard_normal((len(masses), 3))
    momenta = np.sqrt(masses * units.kB * temperature_K)[:, None] * noise
    return without_drift(momenta, masses) if at_rest else momenta


def without_drift(momenta: Array, masses: Array) -> Array:
    """The momenta with the motion of the centre of mass taken away.

    It is the projection that is orthogonal in p / sqrt(m), so Gaussian momenta stay those of their temperature.
    """
    return momenta - (masses / masses.sum())[:, None] * momenta.sum(axis=0)
