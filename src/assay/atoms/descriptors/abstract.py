"""What a descriptor is: a structure in, features that a linear potential weighs out, with their derivatives.

A structure is an ASE `Atoms`, told by its species, positions, cell and periodicity alone. A descriptor D has `size`
features, each a sum over atoms, so that a linear potential is E = w . D + the reference energies of the species, which
are not the descriptor's business: D of a lone atom is zero, or a constant that they absorb. Lengths are in angstrom; weights carry the energy, in eV.
Signs: forces are -dE/d(position), the virial is -dE/d(strain) = -volume * stress, as ASE has it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

import numpy as np

__all__ = ["AbstractDescriptor", "AbstractEvaluation", "Contraction", "DescriptorRows"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class Contraction:
    """The energy w . D of a structure with its derivatives, for one w; with several, a first axis counts them.

    Arguments:
        energy: (), or (weights,).
        forces: (atoms, 3), or (weights, atoms, 3): minus the derivative by the positions, per angstrom.
        virial: (3, 3), or (weights, 3, 3): minus the derivative by the strain.
    """

    energy: Array
    forces: Array
    virial: Array


@final
@dataclass(frozen=True)
class DescriptorRows:
    """The rows of a design matrix that a structure gives: features last.

    Arguments:
        energy: (n,), the features of the structure, D.
        forces: (atoms, 3, n), -dD/d(position), per angstrom.
        virial: (3, 3, n), -dD/d(strain), symmetric in its first two axes.
    """

    energy: Array
    forces: Array
    virial: Array


class AbstractEvaluation(ABC):
    """A descriptor at one structure: its values, ready for reverse passes.

    The features of a biased step are needed before its weights are known, since the bias depends on them: evaluate,
    form the weights from `values`, contract.
    """

    @property
    @abstractmethod
    def values(self) -> Array:
        """The features of the structure: (n,)."""

    @property
    @abstractmethod
    def atomic_values(self) -> Array:
        """The features of each atom's environment: (atoms, n); they sum to `values`."""

    @abstractmethod
    def contracted(self, weights: Array) -> Contraction:
        """w . D with its forces and virial, by one reverse pass; weights (n,)."""

    @abstractmethod
    def contracted_many(self, weights: Array) -> Contraction:
        """The same for each row of weights (count, n)."""


class AbstractDescriptor(ABC):
    """A fixed map from structures to features, invariant to rotation, translation and the numbering of atoms."""

    @property
    @abstractmethod
    def size(self) -> int:
        """The number of features, n."""

    @property
    @abstractmethod
    def species(self) -> tuple[str, ...]:
        """The chemical symbols that it knows; a structure with another is refused."""

    @property
    @abstractmethod
    def smoothness(self) -> Array:
        """How fast each feature varies in space, (n,), at least 1: a prior standard deviation of the weights in
        proportion to 1 / smoothness prefers smooth potentials."""

    @abstractmethod
    def evaluate(self, atoms: Any) -> AbstractEvaluation:
        """The values at a structure (ASE `Atoms`), ready for reverse passes: what a step of dynamics needs."""

    @abstractmethod
    def rows(self, atoms: Any) -> DescriptorRows:
        """The features of a structure (ASE `Atoms`) with all their derivatives: what a fit needs."""
