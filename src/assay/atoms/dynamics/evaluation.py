"""What a calculator of ASE says of a structure, as values, with the walls added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from ase import Atoms
from ase.calculators.calculator import CalculationFailed, Calculator
from ase.stress import voigt_6_to_full_3x3_stress

from assay.atoms.dynamics.walls import AbstractWall

__all__ = ["Evaluation", "evaluate"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class Evaluation:
    """Energy, forces and what else was asked for at one structure.

    Arguments:
        energy_eV: the energy whose gradient the forces are, walls included.
        forces: (atoms, 3) in eV/A, walls included.
        stress: (3, 3) in eV/A^3 of the calculator alone, or None where it was not asked for.
        failure: what a calculator said that could not compute the structure; energy and forces are nan then.
    """

    energy_eV: float
    forces: Array
    stress: Array | None = None
    failure: str | None = None


def evaluate(
    atoms: Atoms,
    calculator: Calculator,
    walls: Sequence[AbstractWall] = (),
    *,
    with_stress: bool = False,
) -> Evaluation:
    """Ask a calculator, and add the walls.

    Where a calculator gives a free energy, that one is taken: it is what its forces are the gradient of. A structure that it
    cannot compute (`CalculationFailed`, such as a self-consistency that is not reached) has energy and forces of nan, which no
    Monte Carlo move accepts and every limit refuses.

    Arguments:
        atoms: the structure.
        calculator: any of ASE.
        walls: energies of positions alone.
        with_stress: whether the stress is wanted.

    Example:
        >>> from ase.build import bulk
        >>> from ase.calculators.emt import EMT
        >>> round(evaluate(bulk("Cu"), EMT()).energy_eV, 3)
        -0.006
    """
    try:
        energy, forces, stress = _asked(atoms, calculator, with_stress)
    except CalculationFailed as error:
        return Evaluation(np.nan, np.full((len(atoms), 3), np.nan), failure=f"{error}")
    for wall in walls:
        wall_energy, wall_forces = wall.energy_and_forces(atoms.positions)
        energy, forces = energy + wall_energy, forces + wall_forces
    return Evaluation(energy, forces, stress)


def _asked(atoms: Atoms, calculator: Calculator, with_stress: bool) -> tuple[float, Array, Array | None]:
    forces = np.array(calculator.get_property("forces", atoms), dtype=np.float64)
    energy: Any = calculator.get_property("energy", atoms)
    energy = float(calculator.results.get("free_energy", energy))
    stress = None
    if with_stress:
        stress = voigt_6_to_full_3x3_stress(np.array(calculator.get_property("stress", atoms)))
    return energy, forces, stress
