"""Neighbours against ASE's own list, in cells of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list

from assay.atoms.descriptors import pairs as pairs_module
from assay.atoms.descriptors.neighbours import neighbourhood, padded_size
from assay.atoms.descriptors.pairs import PairFinder
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
    found = PairFinder(4.6, 0.3).pairs(atoms)
    pairs = np.column_stack([found.centres, found.neighbours, found.vectors])
    centres, neighbours, vectors = neighbor_list("ijD", atoms, 4.6)
    expected = np.column_stack([centres, neighbours, vectors])
    assert len(pairs) == len(expected) > 0
    for row in expected:
        assert (np.abs(pairs - row).max(axis=1) < 1e-12).sum() == 1


def test_padding_lies_beyond_the_cutoff_and_rows_belong_to_their_atoms() -> None:
    atoms = STRUCTURES["a skewed slab"]
    pairs = PairFinder(5.0).pairs(atoms)
    found = neighbourhood(pairs, 4.6)
    assert found.vectors.reshape(-1, 3)[found.slots] == pytest.approx(pairs.within(4.6).vectors, abs=0.0)
    padding = np.ones(found.vectors.shape[0] * found.vectors.shape[1], dtype=bool)
    padding[found.slots] = False
    assert padding.any()
    assert (np.linalg.norm(found.vectors.reshape(-1, 3)[padding], axis=1) > 4.6).all()
    assert (found.slots // found.vectors.shape[1] == found.centres).all()


def test_a_lone_atom_has_none() -> None:
    assert len(neighbourhood(PairFinder(5.0).pairs(Atoms("He")), 5.0).centres) == 0


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match=r"got a distance of 0 Å between atoms 0 and 1"):
        PairFinder(5.0).pairs(Atoms("H2", [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    with pytest.raises(UsageError, match="must be finite"):
        PairFinder(5.0).pairs(Atoms("H", [[0.0, np.nan, 0.0]]))
    with pytest.raises(UsageError, match="periodic directions"):
        PairFinder(5.0).pairs(Atoms("H", cell=[[1, 0, 0], [2, 0, 0], [0, 0, 3]], pbc=True))
    with pytest.raises(UsageError, match=r"got 5\.0 and -0\.1"):
        PairFinder(5.0, -0.1)


def test_a_skin_changes_no_bit_and_saves_most_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    searches = []
    original = pairs_module._candidates
    monkeypatch.setattr(
        pairs_module, "_candidates", lambda *arguments: searches.append(arguments[-1]) or original(*arguments)
    )
    generator = np.random.default_rng(0)
    kept, anew = PairFinder(4.25, 0.5), PairFinder(4.25)
    atoms = bulk("Si", cubic=True)
    for step in range(60):
        atoms.positions += generator.normal(0.0, 0.01, atoms.positions.shape)
        if step == 20:
            atoms.wrap()
        if step == 30:
            atoms.set_cell(atoms.cell.array + generator.normal(0.0, 0.1, (3, 3)))
        if step == 40:
            atoms.pbc = (True, True, False)
        if step == 50:
            atoms = atoms[:7]
        first, second = kept.pairs(atoms), anew.pairs(atoms)
        assert first.vectors.tobytes() == second.vectors.tobytes()
        assert (first.neighbours == second.neighbours).all()
        assert (first.centres == second.centres).all()
    assert searches.count(4.25) == 60
    assert 4 < searches.count(4.75) < 20


def test_padded_sizes_hold_what_they_must_and_waste_little() -> None:
    sizes = np.array([padded_size(count) for count in range(1, 2000)])
    counts = np.arange(1, 2000)
    assert (sizes >= counts).all()
    assert (sizes[4:] <= 1.5 * counts[4:]).all()
    assert len(set(sizes)) < 20
