"""Structures as text, their keys and their labels."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.io import read

from assay.atoms.labels import LabelCache, ReferenceLabels, label_of_measurements, label_with
from assay.atoms.structures import (
    Label,
    label_of,
    read_structures,
    structure_key,
    structure_of,
    structure_text,
    structures_of,
    write_structures,
)
from assay.errors import EvaluationError, UsageError
from assay.executors.results import measurements_of


def rattled(seed: int = 0) -> Atoms:
    atoms = bulk("Cu", cubic=True)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.01 * np.random.default_rng(seed).random((3, 3))))
    atoms.rattle(0.1, seed=seed)
    return atoms


@pytest.mark.parametrize(
    "atoms", [rattled(), molecule("CH3CH2OH"), Atoms("H", pbc=(True, False, True), cell=[3, 4, 5])]
)
def test_every_bit_comes_back(atoms: Atoms) -> None:
    back = structure_of(structure_text(atoms))
    for name in ("positions", "numbers", "pbc"):
        assert (getattr(back, name) == getattr(atoms, name)).all()
    assert (back.cell.array == atoms.cell.array).all()
    assert structure_text(back) == structure_text(atoms)


def test_ase_reads_the_labels(tmp_path: Path) -> None:
    atoms = rattled()
    label = label_with(EMT(), atoms)
    write_structures(tmp_path / "two.xyz", [atoms, molecule("H2O")], [label, None])
    found: Any = read(tmp_path / "two.xyz", index=":")
    first, second = found
    assert first.info["REF_energy"] == label.energy_eV
    assert (first.arrays["REF_forces"] == label.forces).all()
    again = label_of(read_structures(tmp_path / "two.xyz")[0])
    assert again is not None
    assert again.virial is not None
    assert (again.virial == label.virial).all()
    assert label_of(second) is None


def test_the_virial_is_minus_the_derivative_by_the_strain() -> None:
    atoms, step = rattled(), 1e-5
    strain = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]) / 2.0

    def energy(amount: float) -> float:
        strained = atoms.copy()
        strained.set_cell(atoms.cell.array @ (np.eye(3) + amount * strain), scale_atoms=True)
        return label_with(EMT(), strained).energy_eV

    virial = label_with(EMT(), atoms).virial
    assert virial is not None
    assert virial[0, 1] == pytest.approx(-(energy(step) - energy(-step)) / (2.0 * step), rel=1e-6)


def test_keys_tell_structures_apart() -> None:
    atoms = rattled()
    near, far, other, free = (atoms.copy() for _ in range(4))
    near.positions += 1e-11
    far.positions[0, 0] += 1e-6
    other.symbols[0] = "Ni"
    free.pbc = False
    assert structure_key(near) == structure_key(atoms)
    assert len({structure_key(each) for each in (atoms, far, other, free)}) == 4


def test_labels_are_paid_for_once(tmp_path: Path) -> None:
    calls = []

    def calculator() -> EMT:
        calls.append(1)
        return EMT()

    text = structure_text(rattled())
    first = ReferenceLabels(calculator, "EMT", tmp_path / "labels")(structure=text)
    assert ReferenceLabels(calculator, "EMT", tmp_path / "labels")(structure=text) == first
    assert len(calls) == 1
    assert ReferenceLabels(LennardJones, "LJ", tmp_path / "labels")(structure=text) != first
    # A single file is a cache too, and needs no calculator.
    file = tmp_path / "labels.xyz"
    file.write_text(structure_text(rattled(), label_with(EMT(), rattled()), REF_source="EMT"))
    frozen = pickle.loads(pickle.dumps(ReferenceLabels(None, "EMT", file)))
    assert frozen(structure=text) == first
    with pytest.raises(EvaluationError, match="has no label by 'EMT'"):
        frozen(structure=structure_text(rattled(3)))


def test_a_label_goes_through_an_evaluation_and_comes_back() -> None:
    atoms = rattled()
    label = label_with(EMT(), atoms)
    back = label_of_measurements(
        measurements_of(ReferenceLabels(EMT, "EMT")(structure=structure_text(atoms))), 4
    )
    assert back.energy_eV == label.energy_eV
    assert (back.forces == label.forces).all()
    assert back.virial is not None
    assert (back.virial == label.virial).all()
    assert label.largest_force == pytest.approx(np.sqrt((label.forces**2).sum(axis=1)).max())


def test_a_reference_without_stress_labels_energies_and_forces() -> None:
    assert label_with(EMT(), molecule("H2O")).virial is None
    with pytest.raises(EvaluationError, match="EMT gives no stress"):
        label_with(EMT(), molecule("H2O"), with_stress=True)


def test_what_is_no_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither"):
        ReferenceLabels(None, "nothing")
    with pytest.raises(UsageError, match="one structure, got 2"):
        structure_of(2 * structure_text(rattled()))
    with pytest.raises(UsageError, match="extended XYZ"):
        structures_of("no structure")
    with pytest.raises(UsageError, match="cannot be read"):
        read_structures(tmp_path / "nothing.xyz")
    with pytest.raises(UsageError, match="must be a file"):
        LabelCache(tmp_path / "nothing.xyz", "EMT")
    with pytest.raises(UsageError, match="must hold 12 numbers, got 3"):
        label_of_measurements(measurements_of({"energy": 1.0, "forces": [0.0, 0.0, 0.0]}), 4)
    with pytest.raises(UsageError, match="needs energy and forces, got energy"):
        label_of_measurements(measurements_of({"energy": 1.0}), 4)
    with pytest.raises(UsageError, match="got 'charge'"):
        label_of_measurements(measurements_of({"charge": 1.0}), 4)
    nine = structure_of(structure_text(rattled()))
    nine.info, nine.arrays["REF_forces"] = {"REF_energy": 1.0, "REF_virial": [1.0]}, np.zeros((4, 3))
    with pytest.raises(UsageError, match="nine"):
        label_of(nine)
    assert Label(0.0, np.zeros((1, 3))).virial is None
