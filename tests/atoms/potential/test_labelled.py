"""LabelledStructure: where they are read, what they weigh, and which are left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase.calculators.emt import EMT
from tests.atoms.toy import known, structure

from assay.atoms.labels import label_with
from assay.atoms.potential.labelled import LabelledStructure
from assay.atoms.structures import structure_text, structures_of
from assay.errors import UsageError


def carrying(**info: Any) -> Any:
    atoms = structure()
    (atoms,) = structures_of(structure_text(atoms, label_with(EMT(), atoms)))
    atoms.info.update(info)
    return atoms


def test_labels_of_a_file_are_those_of_the_calculator() -> None:
    labels, found = LabelledStructure.by(EMT(), structure()), LabelledStructure.of(carrying())
    assert found.energy_eV == labels.energy_eV
    np.testing.assert_array_equal(known(found.forces), known(labels.forces))
    np.testing.assert_array_equal(known(found.virial), known(labels.virial))


def test_the_virial_is_minus_the_derivative_by_the_strain() -> None:
    atoms, step = structure(), 1e-4
    virial = known(LabelledStructure.by(EMT(), atoms).virial)
    for a, b in ((0, 0), (0, 1)):
        energies = []
        for sign in (1.0, -1.0):
            strain = np.zeros((3, 3))
            strain[a, b] += 0.5 * sign * step
            strain[b, a] += 0.5 * sign * step
            moved = atoms.copy()
            moved.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
            energies.append(LabelledStructure.by(EMT(), moved).energy_eV)
        assert virial[a, b] == pytest.approx(-(energies[0] - energies[1]) / (2.0 * step), rel=1e-6)


def test_a_stress_of_six_numbers_is_read_as_a_virial() -> None:
    atoms = carrying()
    virial = atoms.info.pop("REF_virial").reshape(3, 3)
    stress = -virial / atoms.get_volume()
    atoms.info["REF_stress"] = stress[(0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1)]
    np.testing.assert_allclose(known(LabelledStructure.of(atoms).virial), virial, rtol=1e-12)


def test_weights_of_structures_kinds_and_atoms_multiply() -> None:
    atoms = carrying(config_weight=2.0, REF_energy_weight=3.0)
    atoms.arrays["REF_forces_weight"] = np.array([1.0, 0.0, 1.0, 5.0])
    labels = LabelledStructure.of(atoms)
    assert (labels.energy_weight, labels.virial_weight) == (6.0, 2.0)
    np.testing.assert_array_equal(labels.atom_weights, [2.0, 0.0, 2.0, 10.0])


def test_a_force_beyond_the_limit_takes_energy_and_virial_with_it() -> None:
    labels = LabelledStructure.by(EMT(), structure())
    norms = np.linalg.norm(known(labels.forces), axis=1)
    kept = labels.within(float(np.sort(norms)[-2]))
    assert (kept.energy_eV, kept.virial) == (None, None)
    assert (kept.atom_weights == 0.0).tolist() == (norms == norms.max()).tolist()
    assert labels.within(float(norms.max())) is labels


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"REF_virial": np.ones(4)}, "REF_virial must have 9 numbers"),
        ({"REF_energy": np.nan}, "energy of a labelled structure must be finite"),
        ({"config_weight": -1.0}, "must not be negative"),
    ],
)
def test_wrong_labels_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        LabelledStructure.of(carrying(**change))


def test_no_labels_and_forces_of_another_shape_are_refused() -> None:
    with pytest.raises(UsageError, match="needs one of REF_energy"):
        LabelledStructure.of(structure())
    atoms = structure()
    with pytest.raises(UsageError, match="must have shape"):
        LabelledStructure(atoms, None, np.zeros((3, 3)), None).validate()
