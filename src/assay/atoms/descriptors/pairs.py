"""The pairs of atoms that are closer than a cutoff, looked for anew only when atoms have moved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from assay.errors import UsageError, missing_extra

__all__ = ["PairFinder", "Pairs"]

Array = np.ndarray

_SMALLEST_DISTANCE_A = 1e-6


@final
@dataclass(frozen=True)
class Pairs:
    """Directed pairs of a structure, periodic images included, ordered by centre, neighbour and image.

    Arguments:
        atom_count: how many atoms the structure has.
        centres: the atom of each pair, (pairs,).
        neighbours: the atom whose image is its neighbour, (pairs,).
        vectors: from the centre to the neighbour, (pairs, 3), in angstrom.
    """

    atom_count: int
    centres: Array
    neighbours: Array
    vectors: Array

    def within(self, cutoff_A: float) -> Pairs:
        """Those closer than a cutoff."""
        near = np.flatnonzero((self.vectors**2).sum(axis=1) < cutoff_A**2)
        return Pairs(self.atom_count, self.centres[near], self.neighbours[near], self.vectors[near])


@final
@dataclass(frozen=True)
class PairFinder:
    """Finds every pair of atoms closer than a cutoff, both directions, with all periodic images of small cells.

    Pairs within cutoff + skin are kept; while no atom has moved by half the skin since, and the cell is the same, those
    within the cutoff are among them. Order and vectors come out the same to the bit as without, so that a calculation
    that is begun again in its middle does not show where.

    Arguments:
        cutoff_A: in angstrom, above 0.
        skin_A: in angstrom; 0 to look anew every time.

    Raises:
        UsageError: the cutoff is not above 0, or the skin is negative.

    Example:
        >>> from ase import Atoms
        >>> pairs = PairFinder(2.0).pairs(Atoms("H2", [[0, 0, 0], [0, 0, 1.5]]))
        >>> pairs.centres, pairs.vectors[0]
        (array([0, 1]), array([0. , 0. , 1.5]))

    Source: L. Verlet, Phys. Rev. 159, 98 (1967).
    """

    cutoff_A: float
    skin_A: float = 0.0
    _last: list[_Candidates] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (self.cutoff_A > 0.0 and self.skin_A >= 0.0):
            raise UsageError(
                f"the cutoff of pairs must be above 0 and their skin not below, got {self.cutoff_A} and {self.skin_A}"
            )

    def pairs(self, atoms: Any) -> Pairs:
        """The pairs of an ASE `Atoms`, periodic in no, some or all directions.

        Raises:
            UsageError: a position is not finite, a periodic direction has no cell vector of its own, or two atoms lie on
                one another.
            MissingExtraError: vesin is not installed.
        """
        positions = np.array(atoms.positions, dtype=np.float64)
        cell, periodic = np.array(atoms.cell.array, dtype=np.float64), np.array(atoms.pbc, dtype=bool)
        if not (np.isfinite(positions).all() and np.isfinite(cell).all()):
            raise UsageError(f"the positions and the cell of {atoms.get_chemical_formula()} must be finite")
        candidates = next(iter(self._last), None)
        if candidates is None or not candidates.still_hold(positions, cell, periodic, 0.5 * self.skin_A):
            candidates = _candidates(positions, cell, periodic, self.cutoff_A + self.skin_A)
            self._last[:] = [candidates]
        found = candidates.at(positions).within(self.cutoff_A)
        squared = (found.vectors**2).sum(axis=1)
        if squared.size and squared.min() < _SMALLEST_DISTANCE_A**2:
            place = int(squared.argmin())
            raise UsageError(
                f"two atoms of {atoms.get_chemical_formula()} must not lie on one another, got a distance of"
                f" {np.sqrt(squared[place]):.3g} Å between atoms {found.centres[place]} and {found.neighbours[place]}"
            )
        return found


@final
@dataclass(frozen=True)
class _Candidates:
    """The pairs that were within cutoff + skin at some positions."""

    positions: Array
    cell: Array
    periodic: Array
    centres: Array
    neighbours: Array
    offsets: Array

    def still_hold(self, positions: Array, cell: Array, periodic: Array, allowed_A: float) -> bool:
        if positions.shape != self.positions.shape:
            return False
        if not (np.array_equal(cell, self.cell) and np.array_equal(periodic, self.periodic)):
            return False
        return bool((((positions - self.positions) ** 2).sum(axis=1) < allowed_A**2).all())

    def at(self, positions: Array) -> Pairs:
        vectors = positions[self.neighbours] - positions[self.centres] + self.offsets
        return Pairs(len(positions), self.centres, self.neighbours, vectors)


def _candidates(positions: Array, cell: Array, periodic: Array, cutoff_A: float) -> _Candidates:
    try:
        from vesin import NeighborList
    except ImportError as error:
        raise missing_extra("vesin", "atoms") from error
    if np.linalg.matrix_rank(cell[periodic]) < periodic.sum():
        raise UsageError(
            f"the cell vectors of the periodic directions of a structure must be independent, got {cell.tolist()}"
        )
    finder = NeighborList(cutoff=cutoff_A, full_list=True, n_threads=1)
    centres, neighbours, images = finder.compute(
        points=positions, box=cell, periodic=periodic, quantities="ijS"
    )
    order = np.lexsort((images[:, 2], images[:, 1], images[:, 0], neighbours, centres))
    x, y, z = images[order].astype(np.float64).T[:, :, None]
    return _Candidates(
        positions,
        cell,
        periodic,
        centres[order].astype(np.intp),
        neighbours[order].astype(np.intp),
        x * cell[0] + y * cell[1] + z * cell[2],  # a matrix product may round by the number of its rows
    )
