"""The neighbours of each atom, padded to shapes that seldom change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from assay.atoms.descriptors.pairs import Pairs

__all__ = ["Neighbourhood", "neighbourhood", "padded_size"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class Neighbourhood:
    """The directed pairs of a structure, periodic images included, one row of padded slots for each atom.

    Arguments:
        atom_count: how many of the rows are atoms; the others are padding.
        centres: the atom of each pair, (pairs,), ascending.
        neighbours: the atom whose image is its neighbour, (pairs,).
        slots: the place of each pair in the flattened rows, (pairs,).
        vectors: from the centre to the neighbour, (rows, slots of a row, 3), in angstrom; padding lies beyond
            every cutoff.
    """

    atom_count: int
    centres: Array
    neighbours: Array
    slots: Array
    vectors: Array

    def of_neighbours(self, of_atoms: Array) -> Array:
        """A value of each neighbour's atom, in the slots; 0 in padding: (rows, slots of a row)."""
        result = np.zeros(self.vectors.shape[:2], dtype=of_atoms.dtype)
        result.reshape(-1)[self.slots] = of_atoms[self.neighbours]
        return result

    def of_centres(self, of_atoms: Array) -> Array:
        """A value of each atom, in the rows; 0 in padding: (rows,)."""
        return np.pad(of_atoms, (0, len(self.vectors) - self.atom_count))

    def forces(self, slopes: Array, kinds: Array, kind_count: int) -> Array:
        """Minus the derivatives by the positions of a sum over atoms, kept apart for each kind of central atom.

        Arguments:
            slopes: the derivatives of each centre's part by the vectors of its pairs, (slots, 3, columns), zero in
                padding.
            kinds: the kind of each atom, (atoms,), below `kind_count`.

        Returns:
            (atoms, 3, kind_count, columns).
        """
        from scipy.sparse import csr_matrix

        # A vector is the neighbour's position less the centre's: the slope pushes the one as it pulls the other.
        ends = np.concatenate([self.centres, self.neighbours]) * kind_count + np.tile(kinds[self.centres], 2)
        signs = np.repeat([1.0, -1.0], len(self.slots))
        incidence = csr_matrix(
            (signs, (ends, np.tile(self.slots, 2))), shape=(self.atom_count * kind_count, len(slopes))
        )
        columns = slopes.shape[2]
        found = incidence @ slopes.reshape(len(slopes), 3 * columns)
        return found.reshape(self.atom_count, kind_count, 3, columns).transpose(0, 2, 1, 3)

    def virial(self, slopes: Array, kinds: Array, kind_count: int) -> Array:
        """Minus the derivatives by the strain, likewise, symmetric in the first two axes: (3, 3, kind_count, columns)."""
        row_kinds = np.repeat(self.of_centres(kinds), self.vectors.shape[1])
        arms = (row_kinds[:, None] == np.arange(kind_count))[:, :, None] * self.vectors.reshape(-1, 1, 3)
        moments = arms.reshape(len(slopes), kind_count * 3).T @ slopes.reshape(len(slopes), -1)
        found = moments.reshape(kind_count, 3, 3, -1).transpose(1, 2, 0, 3)
        return -0.5 * (found + found.transpose(1, 0, 2, 3))


def neighbourhood(pairs: Pairs, cutoff_A: float) -> Neighbourhood:
    """The pairs within a cutoff, in rows."""
    near = pairs.within(cutoff_A)
    counts = np.bincount(near.centres, minlength=near.atom_count)
    row_count, row_length = padded_size(near.atom_count), padded_size(int(counts.max(initial=0)))
    slots = np.arange(len(near.centres)) - np.repeat(np.cumsum(counts) - counts, counts)
    slots += row_length * near.centres
    vectors = np.tile([2.0 * cutoff_A, 0.0, 0.0], (row_count * row_length, 1))
    vectors[slots] = near.vectors
    return Neighbourhood(
        near.atom_count, near.centres, near.neighbours, slots, vectors.reshape(row_count, row_length, 3)
    )


def padded_size(count: int) -> int:
    """The least of 4, 6, 8, 12, 16, 24, 32, 48, ... that holds so many.

    Example:
        >>> [padded_size(count) for count in (1, 5, 8, 33, 64, 65)]
        [4, 6, 8, 48, 64, 96]
    """
    size = 4
    while size < count:
        size = size * 3 // 2 if size & (size - 1) == 0 else size * 4 // 3
    return size
