"""What a trajectory must not do: atoms too close, forces too large, an energy or a temperature out of bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import final

import numpy as np
from ase.data import covalent_radii

from assay.atoms.dynamics.state import State, Structure
from assay.errors import UsageError

__all__ = ["Guards", "Limits"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class Guards:
    """What makes a structure unphysical: a label there would cost as much and teach little.

    Arguments:
        minimum_distance_A: no two atoms may be nearer; 0 for any.
        covalent_fraction: nor nearer than this fraction of the sum of their covalent radii; 0 for any.
        maximum_force_eV_per_A: no force may be larger.

    Example:
        >>> from ase import Atoms
        >>> close = Structure.of(Atoms("H2", positions=[[0, 0, 0], [0, 0, 0.3]]))
        >>> Guards(minimum_distance_A=0.5).refusal(close, np.zeros((2, 3)))
        'two atoms are 0.3 A apart, the limit is 0.5 A'
    """

    minimum_distance_A: float = 0.0
    covalent_fraction: float = 0.0
    maximum_force_eV_per_A: float = math.inf

    def __post_init__(self) -> None:
        values = (self.minimum_distance_A, self.covalent_fraction, self.maximum_force_eV_per_A)
        if not all(value >= 0.0 for value in values):
            raise UsageError(f"the guards of structures are numbers not below 0, got {values}")

    def refusal(self, structure: Structure, forces: Array) -> str | None:
        """Why a structure is refused, or None."""
        if not (np.isfinite(forces).all() and np.isfinite(structure.positions).all()):
            return "positions or forces are not finite"
        largest = float(np.linalg.norm(forces, axis=1).max())
        if largest > self.maximum_force_eV_per_A:
            return f"a force is {largest:.3g} eV/A, the limit is {self.maximum_force_eV_per_A:g} eV/A"
        return self._too_close(structure)

    def _too_close(self, structure: Structure) -> str | None:
        radii = self.covalent_fraction * covalent_radii[structure.numbers]
        reach = max(self.minimum_distance_A, 2.0 * float(radii.max()))
        if reach == 0.0:
            return None
        from vesin import ase_neighbor_list

        first, second, distances = ase_neighbor_list("ijd", structure.atoms(), reach)
        limits = np.maximum(self.minimum_distance_A, radii[first] + radii[second])
        close = distances < limits
        if not close.any():
            return None
        worst = int(np.argmin(np.where(close, distances, np.inf)))
        return f"two atoms are {distances[worst]:.3g} A apart, the limit is {limits[worst]:.3g} A"


@final
@dataclass(frozen=True)
class Limits:
    """When a trajectory has left what its model can be asked about.

    Arguments:
        guards: of the structure and its forces.
        energy_rise_eV_per_atom: how far the energy may rise above that of the start.
        temperature_K: the largest kinetic temperature.
        volume_ratio: the smallest and largest volume, relative to that of the start.
    """

    guards: Guards = field(default_factory=Guards)
    energy_rise_eV_per_atom: float = math.inf
    temperature_K: float = math.inf
    volume_ratio: tuple[float, float] = (0.0, math.inf)

    def __post_init__(self) -> None:
        low, high = self.volume_ratio
        if not (0.0 <= low < 1.0 < high):
            raise UsageError(
                f"the limits of the volume ratio must lie on both sides of 1, got {self.volume_ratio}"
            )
        if not (self.energy_rise_eV_per_atom > 0.0 and self.temperature_K > 0.0):
            raise UsageError(
                "the limits of energy rise and temperature must be above 0, got "
                f"{self.energy_rise_eV_per_atom} eV per atom and {self.temperature_K} K"
            )

    def breach(self, state: State, start_energy_eV: float) -> str | None:
        """Which limit a state breaks, in words, or None.

        Arguments:
            state: the present one; its reference volume is that of the start.
            start_energy_eV: of the start.
        """
        if state.evaluation.failure is not None:
            return f"the calculator failed: {state.evaluation.failure}"
        refused = self.guards.refusal(state.structure, state.evaluation.forces)
        if refused is not None:
            return refused
        rise = (state.evaluation.energy_eV - start_energy_eV) / len(state.momenta)
        if not rise <= self.energy_rise_eV_per_atom:
            return f"the energy rose by {rise:.3g} eV per atom, the limit is {self.energy_rise_eV_per_atom:g}"
        temperature = state.temperature_K()
        if not temperature <= self.temperature_K:
            return f"the temperature is {temperature:.4g} K, the limit is {self.temperature_K:g} K"
        if state.reference_volume_A3 > 0.0:
            ratio = state.structure.volume_A3 / state.reference_volume_A3
            low, high = self.volume_ratio
            if not low <= ratio <= high:
                return (
                    f"the volume is {ratio:.3g} times that of the start, the limits are {low:g} and {high:g}"
                )
        return None
