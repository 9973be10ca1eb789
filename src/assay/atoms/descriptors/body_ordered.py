"""A body-ordered descriptor: pair functions, squares of the density of neighbours, and some of its cubes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np

from assay.atoms.descriptors.abstract import (
    AbstractDescriptor,
    AbstractEvaluation,
    Contraction,
    DescriptorRows,
)
from assay.atoms.descriptors.elements import check_elements, species_numbers
from assay.atoms.descriptors.environments import Environments
from assay.atoms.descriptors.neighbours import neighbourhood
from assay.atoms.descriptors.pairs import PairFinder
from assay.atoms.descriptors.terms import AbstractTerm, DensityTerm, PairTerm
from assay.errors import UsageError

__all__ = ["BodyOrderedDescriptor", "BodyOrderedEvaluation"]

Array = np.ndarray
Cutoffs = float | Mapping[tuple[str, str], float]


@final
@dataclass(frozen=True)
class BodyOrderedDescriptor(AbstractDescriptor):
    """Features of two, three and four bodies, for potentials that are linear in their weights.

    The first choice for solids, surfaces, clusters and molecules of few species. Every atom has features of its
    environment, kept apart for each species of the central atom and resolved by the species of the neighbours:
    sums of R_n(r) up to the pair cutoff (`PairTerm`), then, up to the cutoff, the invariants
    sum_m A_nlm A_klm / (2l + 1) of the density A_nlm = sum R_n(r) Y_lm and their products with the first A_n00
    (`DensityTerm`). Their number grows with the fourth power of the number of species: with several, take
    fewer radial functions. Features are ordered by central species, then by term.

    Arguments:
        elements: chemical symbols, each once.
        cutoff_A: the range of the three- and four-body features, in angstrom: a number, or one for each pair of
            species, such as {("H", "H"): 3.0, ("H", "O"): 3.5, ("O", "O"): 4.5}.
        pair_cutoff_A: the range of the pair functions, likewise; as a rule not shorter than `cutoff_A`.
        radial_count: radial functions of the density, at least 1.
        angular_count: angular momenta of the density: l = 0 ... angular_count - 1.
        pair_count: radial functions of the pairs.
        cubic_count: radial functions that enter the four-body features, at most `radial_count`; 0 for none.
        cubic_angular_count: angular momenta that enter them, at most `angular_count`; None for all.
        coupled_count: radial functions that enter the features that couple three angular momenta, at most `radial_count`; 0 for
            none. They are four-body too, and see what the others do not: shapes whose three-body features are alike.
        skin_A: neighbours are looked for anew when an atom has moved by half of this, or the cell at all. It changes
            the time that a step takes and no digit of the result.

    Raises:
        UsageError: an element, a count or a cutoff breaks its rule.

    Example:
        >>> from ase.build import bulk
        >>> descriptor = BodyOrderedDescriptor(("Si",), radial_count=4, angular_count=3)
        >>> descriptor.size
        96
        >>> evaluation = descriptor.evaluate(bulk("Si", cubic=True))
        >>> contraction = evaluation.contracted(np.ones(descriptor.size))
        >>> bool(abs(contraction.energy - evaluation.values.sum()) < 1e-9)
        True
        >>> bool(abs(contraction.forces).max() < 1e-9)  # a perfect crystal
        True

    Source: R. Drautz, Phys. Rev. B 99, 014104 (2019), for the expansion by body order.
    """

    elements: tuple[str, ...]
    cutoff_A: Cutoffs = 4.5
    pair_cutoff_A: Cutoffs = 6.0
    radial_count: int = 6
    angular_count: int = 4
    pair_count: int = 20
    cubic_count: int = 3
    cubic_angular_count: int | None = None
    coupled_count: int = 0
    skin_A: float = 0.3

    def __post_init__(self) -> None:
        check_elements(self.elements)
        rules = {
            "radial_count": (1, None),
            "angular_count": (1, None),
            "pair_count": (1, None),
            "cubic_count": (0, self.radial_count),
            "cubic_angular_count": (1, self.angular_count),
            "coupled_count": (0, self.radial_count),
        }
        for name, (least, most) in rules.items():
            value = getattr(self, name)
            if value is not None and (value < least or (most is not None and value > most)):
                limit = f"at least {least}" + ("" if most is None else f" and at most {most}")
                raise UsageError(f"the {name} of a descriptor must be {limit}, got {value}")
        for name in ("cutoff_A", "pair_cutoff_A"):
            _cutoff_table(name, getattr(self, name), self.elements)

    @property
    def size(self) -> int:
        return len(self.elements) * sum(term.size for term, _ in self._terms)

    @property
    def species(self) -> tuple[str, ...]:
        return self.elements

    @property
    def smoothness(self) -> Array:
        return np.tile(np.concatenate([term.smoothness for term, _ in self._terms]), len(self.elements))

    def evaluate(self, atoms: Any) -> BodyOrderedEvaluation:
        species = species_numbers(atoms, self.elements)
        environments = self._environments(atoms, species)
        blocks = np.concatenate([term.values() for term in environments], axis=1)
        return BodyOrderedEvaluation(environments, species, len(self.elements), blocks)

    def rows(self, atoms: Any) -> DescriptorRows:
        evaluation = self.evaluate(atoms)
        kinds, count = evaluation.kinds, len(self.elements)
        forces, virials = [], []
        for term in evaluation.environments:
            slopes = term.derivatives()
            forces.append(term.neighbourhood.forces(slopes, kinds, count))
            virials.append(term.neighbourhood.virial(slopes, kinds, count))
        return DescriptorRows(
            energy=evaluation.values,
            forces=np.concatenate(forces, axis=-1).reshape(len(kinds), 3, self.size),
            virial=np.concatenate(virials, axis=-1).reshape(3, 3, self.size),
        )

    @cached_property
    def _terms(self) -> tuple[tuple[AbstractTerm, Array], ...]:
        """Each term with its table of cutoffs."""
        count = len(self.elements)
        cubic_angular = self.cubic_angular_count or self.angular_count
        density = DensityTerm(
            count,
            self.radial_count,
            self.angular_count,
            self.cubic_count,
            cubic_angular,
            self.coupled_count,
        )
        return (
            (
                PairTerm(count, self.pair_count),
                _cutoff_table("pair_cutoff_A", self.pair_cutoff_A, self.elements),
            ),
            (density, _cutoff_table("cutoff_A", self.cutoff_A, self.elements)),
        )

    @cached_property
    def _finder(self) -> PairFinder:
        return PairFinder(max(float(cutoffs.max()) for _, cutoffs in self._terms), self.skin_A)

    def _environments(self, atoms: Any, species: Array) -> tuple[Environments, ...]:
        pairs = self._finder.pairs(atoms)
        return tuple(
            Environments.of(term, neighbourhood(pairs, float(cutoffs.max())), species, cutoffs)
            for term, cutoffs in self._terms
        )


@final
@dataclass(frozen=True)
class BodyOrderedEvaluation(AbstractEvaluation):
    """A body-ordered descriptor at one structure.

    Arguments:
        environments: of each term.
        kinds: the species of each atom, as a number, (atoms,).
        kind_count: how many species the descriptor knows.
        blocks: the features of each atom's environment, all terms, without those of other central species.
    """

    environments: tuple[Environments, ...]
    kinds: Array
    kind_count: int
    blocks: Array

    @property
    def values(self) -> Array:
        result = np.zeros((self.kind_count, self.blocks.shape[1]))
        np.add.at(result, self.kinds, self.blocks)
        return result.reshape(-1)

    @property
    def atomic_values(self) -> Array:
        result = np.zeros((len(self.kinds), self.kind_count, self.blocks.shape[1]))
        result[np.arange(len(self.kinds)), self.kinds] = self.blocks
        return result.reshape(len(self.kinds), -1)

    def contracted(self, weights: Array) -> Contraction:
        many = self.contracted_many(weights[None])
        return Contraction(many.energy[0], many.forces[0], many.virial[0])

    def contracted_many(self, weights: Array) -> Contraction:
        count = len(weights)
        of_atoms = weights.reshape(count, self.kind_count, -1).transpose(1, 2, 0)[self.kinds]
        forces = np.zeros((count, len(self.kinds), 3))
        virial = np.zeros((count, 3, 3))
        together = np.zeros_like(self.kinds)
        begin = 0
        for term in self.environments:
            slopes = term.gradients(of_atoms[:, begin : begin + term.term.size])
            forces += term.neighbourhood.forces(slopes, together, 1)[:, :, 0].transpose(2, 0, 1)
            virial += term.neighbourhood.virial(slopes, together, 1)[:, :, 0].transpose(2, 0, 1)
            begin += term.term.size
        return Contraction(weights @ self.values, forces, virial)


def _cutoff_table(name: str, cutoffs: Cutoffs, elements: tuple[str, ...]) -> Array:
    """The cutoffs as a symmetric table, (species, species)."""
    count = len(elements)
    if not isinstance(cutoffs, Mapping):
        table = np.full((count, count), float(cutoffs))
    else:
        table = np.full((count, count), np.nan)
        for pair, cutoff in cutoffs.items():
            if len(pair) != 2 or not set(pair) <= set(elements):
                raise UsageError(f"the {name} of a descriptor names pairs of {elements}, got {pair}")
            first, second = elements.index(pair[0]), elements.index(pair[1])
            table[first, second] = table[second, first] = cutoff
    if not (np.isfinite(table).all() and (table > 0.0).all()):
        raise UsageError(
            f"the {name} of a descriptor must be above 0 for each pair of species, got {cutoffs}"
        )
    return table
