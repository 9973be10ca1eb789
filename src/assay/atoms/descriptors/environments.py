"""The environments of a structure as one compiled program for each term: values, one reverse pass, all derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.atoms.descriptors.neighbours import Neighbourhood
from assay.atoms.descriptors.terms import AbstractTerm
from assay.numerics.compile import CompiledFunction, compiled, jax_module

__all__ = ["PROGRAMS", "Environments"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class Environments:
    """What a term needs to know of a structure.

    Arguments:
        term: the term.
        neighbourhood: the pairs within its longest cutoff.
        species: the species of each neighbour, as numbers, in the slots: (rows, slots of a row).
        cutoffs: the cutoff of each pair, in the slots, in angstrom.
    """

    term: AbstractTerm
    neighbourhood: Neighbourhood
    species: Array
    cutoffs: Array

    @staticmethod
    def of(term: AbstractTerm, pairs: Neighbourhood, species: Array, cutoffs_A: Array) -> Environments:
        """From the species of the atoms, (atoms,), and the cutoffs of the term, (species, species)."""
        around = pairs.of_neighbours(species)
        return Environments(term, pairs, around, cutoffs_A[pairs.of_centres(species)[:, None], around])

    def values(self) -> Array:
        """The features of each atom's environment: (atoms, size of the term)."""
        return np.asarray(_values(self.term, *self._arrays()))[: self.neighbourhood.atom_count]

    def gradients(self, weights: Array) -> Array:
        """d(sum over atoms of weights . features) / d(vector of a pair), in every slot, zero in padding.

        Arguments:
            weights: for each atom, with a last axis that counts them: (atoms, size of the term, count).

        Returns:
            (slots, 3, count).
        """
        padded = np.zeros((len(self.neighbourhood.vectors), *weights.shape[1:]))
        padded[: len(weights)] = weights
        return np.asarray(_gradients(self.term, *self._arrays(), padded)).reshape(-1, 3, weights.shape[2])

    def derivatives(self) -> Array:
        """d(feature of the centre) / d(vector of a pair), in every slot, zero in padding: (slots, 3, size of the term)."""
        return np.asarray(_derivatives(self.term, *self._arrays())).reshape(-1, 3, self.term.size)

    def _arrays(self) -> tuple[Array, Array, Array]:
        return self.neighbourhood.vectors, self.species, self.cutoffs


@compiled(static=(0,))
def _values(term: AbstractTerm, vectors: Any, species: Any, cutoffs: Any) -> Any:
    """(rows, size)."""
    jax = jax_module()

    def features(*environment: Any) -> Any:
        return term.invariants(jax.numpy, term.channels(jax.numpy, *environment))

    return jax.vmap(features)(vectors, species, cutoffs)


@compiled(static=(0,))
def _gradients(term: AbstractTerm, vectors: Any, species: Any, cutoffs: Any, weights: Any) -> Any:
    """(rows, slots of a row, 3, count)."""
    jax = jax_module()

    def energy(vectors: Any, species: Any, cutoffs: Any, weights: Any) -> Any:
        return weights @ term.invariants(jax.numpy, term.channels(jax.numpy, vectors, species, cutoffs))

    of_environment = jax.vmap(jax.grad(energy), in_axes=(None, None, None, -1), out_axes=-1)
    return jax.vmap(of_environment)(vectors, species, cutoffs, weights)


@compiled(static=(0,))
def _derivatives(term: AbstractTerm, vectors: Any, species: Any, cutoffs: Any) -> Any:
    """(rows, slots of a row, 3, size), forward: each neighbour moves the channels of its centre a little, and they the
    invariants. For many features of few neighbours this is far less work than a reverse pass for each feature."""
    jax = jax_module()
    xp = jax.numpy

    def of_neighbour(vector: Any, species: Any, cutoff: Any) -> Any:
        return term.channels(xp, vector[None], species[None], cutoff[None])

    def of_environment(vectors: Any, species: Any, cutoffs: Any) -> Any:
        channels = term.channels(xp, vectors, species, cutoffs)
        tangents = jax.vmap(jax.jacfwd(of_neighbour))(vectors, species, cutoffs)
        moved = jax.linearize(lambda channels: term.invariants(xp, channels), channels)[1]
        return jax.vmap(jax.vmap(moved, in_axes=-1))(tangents)

    return jax.vmap(of_environment)(vectors, species, cutoffs)


PROGRAMS: dict[str, CompiledFunction] = {
    "values": _values,
    "gradients": _gradients,
    "derivatives": _derivatives,
}
