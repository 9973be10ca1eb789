"""Neighbours against ASE's own list, in cells of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list

from assay.atoms.descriptors.neighbours import neighbourhood, padded_size
from assay.errors import UsageError

STRUCTURES = {
    "a primitive cell, many images": bulk("Si"),
    "a cubic cell": bulk("Si", cubic=True),
    "a molecule": Atoms("OH2", [[0.0, 0.0, 0.0], [0.96, 0.0, 0.0], [-0.24, 0.93, 0.0]]),
    "a chain": Atoms("H", [[0.0, 0.0, 0.0]], cell=[2.0, 0.0, 0.0], pbc=[True, False, False]),
    "a skewed slab": Atoms(
        "SiO",
        [[0.0, 0.0, 0.0], [7.0, 0.2, 3.0]],
        cell=[[3, 0, 0], [1, 3, 0], [0, 0, 0]],
        pbc=[True, True, False],
    ),
}


@pytest.mark.parametrize("atoms", STRUCTURES.values(), ids=STRUCTURES)
def test_the_pairs_are_those_of_ase(atoms: Atoms) -> None:
    found = neighbourhood(atoms, 4.6)
    pairs = np.column_stack([found.centres, found.neighbours, found.vectors.reshape(-1, 3)[found.slots]])
    centres, neighbours, vectors = neighbor_list("ijD", atoms, 4.6)
    expected = np.column_stack([centres, neighbours, vectors])
    assert len(pairs) == len(expected) > 0
    for row in expected:
        assert (np.abs(pairs - row).max(axis=1) < 1e-12).sum() == 1


def test_padding_lies_beyond_the_cutoff_and_rows_belong_to_their_atoms() -> None:
    atoms = STRUCTURES["a skewed slab"]
    found = neighbourhood(atoms, 4.6)
    padding = np.ones(found.vectors.shape[0] * found.vectors.shape[1], dtype=bool)
    padding[found.slots] = False
    assert padding.any()
    assert (np.linalg.norm(found.vectors.reshape(-1, 3)[padding], axis=1) > 4.6).all()
    assert (found.slots // found.vectors.shape[1] == found.centres).all()


def test_a_lone_atom_has_none() -> None:
    assert len(neighbourhood(Atoms("He"), 5.0).centres) == 0


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match=r"got a distance of 0 Å between atoms 0 and 1"):
        neighbourhood(Atoms("H2", [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]), 5.0)
    with pytest.raises(UsageError, match="must be finite"):
        neighbourhood(Atoms("H", [[0.0, np.nan, 0.0]]), 5.0)


def test_padded_sizes_hold_what_they_must_and_waste_little() -> None:
    sizes = np.array([padded_size(count) for count in range(1, 2000)])
    counts = np.arange(1, 2000)
    assert (sizes >= counts).all()
    assert (sizes[4:] <= 1.5 * counts[4:]).all()
    assert len(set(sizes)) < 20
