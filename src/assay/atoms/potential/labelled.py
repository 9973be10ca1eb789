"""What a reference calculation said of a structure, and how much it counts.

Labels are kept in an `Atoms` under keys of their own (`REF_energy`, `REF_forces`, `REF_virial`), since ASE moves `energy`,
`forces` and `stress` of an extended XYZ file into a calculator. The virial is -volume * stress.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from ase.stress import voigt_6_to_full_3x3_stress

from assay.atoms.labels import label_with
from assay.atoms.structures import as_energy
from assay.errors import UsageError

__all__ = ["LabelKeys", "LabelledStructure"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class LabelKeys:
    """Where the labels of an `Atoms` are.

    Each key with `_weight` after it, in `info` or for forces in `arrays` too (one for each atom), says how much the label
    counts: its variance of noise is divided by it, 0 leaves it out. `weight` is the key of one for all labels of a structure.

    Arguments:
        energy: in `info`, eV.
        forces: in `arrays`, (atoms, 3), eV/A.
        virial: in `info`, (3, 3) or 9 numbers, eV.
        stress: in `info`, (3, 3), 9 or 6 numbers (Voigt), eV/A^3; read where there is no virial.
        weight: in `info`.
    """

    energy: str = "REF_energy"
    forces: str = "REF_forces"
    virial: str = "REF_virial"
    stress: str = "REF_stress"
    weight: str = "config_weight"


@final
@dataclass(frozen=True)
class LabelledStructure:
    """A structure with its energy, forces and virial; what is not known is None.

    Arguments:
        atoms: the structure (ASE `Atoms`).
        energy_eV: of the whole structure.
        forces: (atoms, 3) in eV/A.
        virial: (3, 3) in eV, -volume * stress.
        energy_weight, virial_weight: by which the variance of the noise is divided; not negative.
        force_weights: (atoms,), the same for each atom.

    Example:
        >>> from ase.build import bulk
        >>> from ase.calculators.emt import EMT
        >>> known = LabelledStructure.by(EMT(), bulk("Cu"))
        >>> round(known.energy_eV, 3), known.forces.shape, known.virial.shape
        (-0.006, (1, 3), (3, 3))
    """

    atoms: Any
    energy_eV: float | None
    forces: Array | None
    virial: Array | None
    energy_weight: float = 1.0
    force_weights: Array | None = None
    virial_weight: float = 1.0

    @staticmethod
    def of(atoms: Any, keys: LabelKeys | None = None) -> LabelledStructure:
        """Read the labels that an `Atoms` carries.

        Raises:
            UsageError: where it carries none, or one of a wrong shape.
        """
        keys = LabelKeys() if keys is None else keys
        energy, forces = atoms.info.get(keys.energy), atoms.arrays.get(keys.forces)
        virial = atoms.info.get(keys.virial)
        if virial is None and keys.stress in atoms.info:
            virial = -atoms.get_volume() * _tensor(atoms.info[keys.stress], keys.stress)
        if energy is None and forces is None and virial is None:
            other = (
                " but results called energy or forces, which are not read" if atoms.calc is not None else ""
            )
            raise UsageError(
                f"a labelled structure needs one of {keys.energy}, {keys.forces}, {keys.virial}, {keys.stress}, got none of "
                f"them{other}"
            )
        common = float(atoms.info.get(keys.weight, 1.0))
        by_atom = atoms.arrays.get(f"{keys.forces}_weight", atoms.info.get(f"{keys.forces}_weight", 1.0))
        labels = LabelledStructure(
            atoms,
            None if energy is None else as_energy(energy, keys.energy),
            None if forces is None else np.array(forces, dtype=np.float64),
            None if virial is None else _tensor(virial, keys.virial),
            common * float(atoms.info.get(f"{keys.energy}_weight", 1.0)),
            np.broadcast_to(common * np.asarray(by_atom, dtype=np.float64), (len(atoms),)),
            common * float(atoms.info.get(f"{keys.virial}_weight", 1.0)),
        )
        labels.validate()
        return labels

    @staticmethod
    def all_of(structures: Sequence[Any], what: str) -> list[LabelledStructure]:
        """Read the labels of several structures; an error says which of them it was.

        Arguments:
            structures: ASE's atoms.
            what: they are, for the error.

        Raises:
            UsageError: where one carries no label, or one that breaks a rule.
        """
        found = []
        for number, atoms in enumerate(structures):
            try:
                found.append(LabelledStructure.of(atoms))
            except UsageError as error:
                raise UsageError(f"{what}, structure {number} (from 0): {error}") from None
        return found

    @staticmethod
    def by(calculator: Any, atoms: Any) -> LabelledStructure:
        """What a calculator of ASE says of a structure; the virial where it is periodic and the calculator gives a stress."""
        label = label_with(calculator, atoms)
        return LabelledStructure(atoms, label.energy_eV, label.forces, label.virial)

    def minus(self, other: LabelledStructure) -> LabelledStructure:
        """What these labels say beyond other ones; a label that the other has not is dropped."""
        return replace(
            self,
            energy_eV=_difference(self.energy_eV, other.energy_eV),
            forces=_difference(self.forces, other.forces),
            virial=_difference(self.virial, other.virial),
        )

    def within(self, largest_force_eV_per_A: float) -> LabelledStructure:
        """Without the forces of atoms that exceed a limit, and, where one does, without energy and virial."""
        if self.forces is None:
            return self
        inside = np.linalg.norm(self.forces, axis=1) <= largest_force_eV_per_A
        if inside.all():
            return self
        return replace(
            self, energy_eV=None, virial=None, force_weights=np.where(inside, self.atom_weights, 0.0)
        )

    @property
    def atom_weights(self) -> Array:
        """(atoms,), the weights of the forces."""
        return np.ones(len(self.atoms)) if self.force_weights is None else self.force_weights

    def validate(self) -> None:
        """Refuse what is not finite, has a wrong shape or a negative weight."""
        if self.forces is not None and self.forces.shape != (len(self.atoms), 3):
            raise UsageError(
                f"the forces of {len(self.atoms)} atoms must have shape ({len(self.atoms)}, 3), got {self.forces.shape}"
            )
        for name, value in (("energy", self.energy_eV), ("forces", self.forces), ("virial", self.virial)):
            if value is not None and not np.isfinite(value).all():
                raise UsageError(f"the {name} of a labelled structure must be finite, got {value}")
        least = min(self.energy_weight, self.virial_weight, *self.atom_weights)
        if not least >= 0.0:
            raise UsageError(f"the weight of a label must not be negative, got {least}")


def _difference(one: Any, other: Any) -> Any:
    return None if one is None or other is None else one - other


def _tensor(values: float | Sequence[float] | Array, key: str) -> Array:
    """(3, 3) of a matrix, 9 numbers or 6 in Voigt order."""
    array = np.array(values, dtype=np.float64)
    if array.size == 9:
        return array.reshape(3, 3)
    if array.shape == (6,):
        return voigt_6_to_full_3x3_stress(array)
    raise UsageError(f"{key} must have 9 numbers, or 6 in Voigt order, got shape {array.shape}")
