"""Structures as text: extended XYZ that gives back every bit, with labels where there are any; and a key of each.

ASE reads all of it. ASE's own writer rounds positions to eight digits, and moves what is called `energy`, `forces` or
`stress` into a calculator; so the labels of a reference are called `REF_energy` (eV), `REF_forces` (eV/A) and `REF_virial`
(eV, minus the volume times the stress), as is the custom among interatomic potentials.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from ase import Atoms
from ase.io import read

from assay.errors import UsageError

__all__ = [
    "Label",
    "as_energy",
    "bare",
    "label_of",
    "read_structures",
    "structure_key",
    "structure_of",
    "structure_text",
    "structures_of",
    "write_structures",
]

Array = np.ndarray

# Positions and cells that agree to so many decimal places, in A, are the same structure.
KEY_DECIMALS = 8


@final
@dataclass(frozen=True)
class Label:
    """What a reference says of a structure.

    Arguments:
        energy_eV: of the whole structure.
        forces: (atoms, 3), in eV/A.
        virial: (3, 3), minus the volume times the stress, in eV; None where the reference gives no stress.
    """

    energy_eV: float
    forces: Array
    virial: Array | None = None

    @property
    def largest_force(self) -> float:
        """max_i |F_i|, in eV/A."""
        return float(np.linalg.norm(self.forces, axis=1).max())


def structure_text(atoms: Atoms, label: Label | None = None, **info: str | float) -> str:
    """One structure as extended XYZ, every number with all its digits.

    Arguments:
        atoms: species, positions, cell and periodicity are kept; anything else is not.
        label: of a reference.
        info: further entries of the comment line.

    Example:
        >>> print(structure_text(Atoms("H", [[0.1, 0.0, 0.0]]), Label(-13.6, np.zeros((1, 3)))))
        1
        Properties=species:S:1:pos:R:3:REF_forces:R:3 pbc="F F F" REF_energy=-13.6
        H 0.1 0.0 0.0 0.0 0.0 0.0
        <BLANKLINE>
    """
    columns, properties = [atoms.positions], "species:S:1:pos:R:3"
    if label is not None:
        columns, properties = [atoms.positions, label.forces], f"{properties}:REF_forces:R:3"
    words = [f"Properties={properties}", f'pbc="{" ".join("FT"[int(flag)] for flag in atoms.pbc)}"']
    if np.any(atoms.cell.array):
        words.insert(0, f'Lattice="{_numbers(np.asarray(atoms.cell.array).ravel())}"')
    if label is not None:
        words.append(f"REF_energy={label.energy_eV!r}")
        if label.virial is not None:
            words.append(f'REF_virial="{_numbers(label.virial.ravel())}"')
    words += [
        f'{name}="{value}"' if isinstance(value, str) else f"{name}={value!r}" for name, value in info.items()
    ]
    table = np.concatenate(columns, axis=1)
    lines = [f"{symbol} {_numbers(row)}" for symbol, row in zip(atoms.symbols, table, strict=True)]
    return "\n".join([str(len(atoms)), " ".join(words), *lines, ""])


def structure_of(text: str) -> Atoms:
    """The structure of a text in extended XYZ, alone: no labels, no info.

    Raises:
        UsageError: when the text holds no structure, or more than one.

    Example:
        >>> structure_of(structure_text(Atoms("H", [[0.1, 0.0, 0.0]]))).positions.tolist()
        [[0.1, 0.0, 0.0]]
    """
    found = structures_of(text)
    if len(found) != 1:
        raise UsageError(f"a structure's text must hold one structure, got {len(found)}")
    return bare(found[0])


def structures_of(text: str) -> list[Atoms]:
    """All structures of a text in extended XYZ, with what is written beside them.

    Raises:
        UsageError: when it cannot be read, or holds none.
    """
    try:
        found: Any = read(io.StringIO(text), index=":", format="extxyz")
    except Exception as error:  # noqa: BLE001 - ASE's reader raises what its parsing meets
        raise UsageError(f"structures must be extended XYZ; {_what_is_wrong(text, error)}") from None
    if not found:
        raise UsageError("structures as extended XYZ must be at least one, got an empty text")
    return list(found)


def _what_is_wrong(text: str, error: Exception) -> str:
    """Where in a text of extended XYZ the first structure stands that cannot be read, and why it cannot."""
    lines, begin, number = text.splitlines(), 0, 0
    while begin < len(lines):
        place = f"structure {number} (from 0), at line {begin + 1}"
        try:
            end = begin + 2 + int(lines[begin])
        except ValueError:
            return f"{place}, must begin with its number of atoms, got {lines[begin][:60]!r}"
        if end > len(lines):
            return f"{place}, must have {end - begin - 2} atoms, and the text ends after {len(lines) - begin - 2}"
        try:
            read(io.StringIO("\n".join([*lines[begin:end], ""])), format="extxyz")
        except Exception as cause:  # noqa: BLE001 - as above
            reason = f"{cause} is no chemical symbol" if isinstance(cause, KeyError) else str(cause)
            return f"{place}, cannot be read: {reason}"
        begin, number = end, number + 1
    return str(error)


def bare(atoms: Atoms) -> Atoms:
    """The same species, positions, cell and periodicity, and nothing else."""
    return Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)


def label_of(atoms: Atoms) -> Label | None:
    """The label that was read with a structure, with energy and forces at least; None where there is none.

    Raises:
        UsageError: when the energy is no number, or forces or virial have another shape than the structure asks for.
    """
    if "REF_energy" not in atoms.info or "REF_forces" not in atoms.arrays:
        return None
    forces, virial = np.asarray(atoms.arrays["REF_forces"], dtype=float), atoms.info.get("REF_virial")
    if virial is not None:
        virial = np.asarray(virial, dtype=float)
        if virial.size != 9:
            raise UsageError(f"REF_virial of a structure must hold nine numbers, got {virial.size}")
        virial = virial.reshape(3, 3)
    return Label(as_energy(atoms.info["REF_energy"], "REF_energy"), forces, virial)


def as_energy(value: Any, key: str) -> float:
    """The number that a key of a structure holds.

    Raises:
        UsageError: when it is none.
    """
    try:
        return float(value)
    except (TypeError, ValueError):
        raise UsageError(f"{key} of a structure must be a number, got {value!r}") from None


def structure_key(atoms: Atoms) -> str:
    """A text that structures share when species, positions, cell and periodicity agree to 1e-8 A, in this order of atoms.

    Example:
        >>> one, other = Atoms("H", [[0.1, 0.0, 0.0]]), Atoms("H", [[0.1 + 1e-12, -0.0, 0.0]])
        >>> structure_key(one) == structure_key(other)
        True
    """
    digest = hashlib.sha256()
    digest.update(np.asarray(atoms.numbers, dtype="<i8").tobytes())
    digest.update(np.asarray(atoms.pbc, dtype=bool).tobytes())
    for numbers in (atoms.positions, atoms.cell.array):
        # Adding zero makes -0.0 equal 0.0 in its bytes.
        digest.update((np.round(np.asarray(numbers, dtype="<f8"), KEY_DECIMALS) + 0.0).tobytes())
    return digest.hexdigest()[:32]


def read_structures(path: str | Path) -> list[Atoms]:
    """All structures of a file in any format that ASE reads; labels of extended XYZ are kept.

    Raises:
        UsageError: when it cannot be read, or holds none.
    """
    try:
        found: Any = read(path, index=":")
    except Exception as error:  # noqa: BLE001 - each of ASE's readers raises what its parsing meets
        is_xyz = Path(path).suffix in (".xyz", ".extxyz") and Path(path).is_file()
        reason = (
            _what_is_wrong(Path(path).read_text(encoding="utf-8", errors="replace"), error)
            if is_xyz
            else error
        )
        raise UsageError(f"the structures {path} cannot be read: {reason}") from None
    if not found:
        raise UsageError(f"the structures {path} must hold at least one, got none")
    return list(found)


def write_structures(
    path: str | Path, structures: Iterable[Atoms], labels: Sequence[Label | None] | None = None
) -> None:
    """Write structures as one file of extended XYZ, with labels where they are given."""
    found = list(structures)
    written = labels if labels is not None else [None] * len(found)
    texts = [structure_text(atoms, label) for atoms, label in zip(found, written, strict=True)]
    Path(path).write_text("".join(texts), encoding="utf-8")


def _numbers(values: Iterable[float]) -> str:
    return " ".join(repr(float(value)) for value in values)
