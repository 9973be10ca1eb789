"""The rows of a linear potential's design matrix, of three kinds, kept as few as say the same.

    E - Σ_s N_s E_s = w·D,   F = w·(-∂D/∂x),   W = w·(-∂D/∂ε)

The rows of a kind have noises in fixed ratios n_i, so that an orthogonal map compresses them to at most
features + species + 1 rows: a table of structures grows in rows until then and in nothing afterwards. The reference energies
E_s are not chosen yet here: the numbers of atoms N_s stand beside the targets, and go through the same map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, final

import numpy as np

from assay.atoms.descriptors.abstract import AbstractDescriptor
from assay.atoms.potential.labelled import LabelledStructure
from assay.surrogates.linear_evidence import NoisyRows

__all__ = ["Design", "SizeScaling", "label_rows", "noise_growth"]

Array = np.ndarray

SizeScaling = Literal["atom", "sqrt_atom", "structure"]
_POWER = {"atom": 1.0, "sqrt_atom": 0.5, "structure": 0.0}
_VOIGT = ((0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1))


@final
@dataclass(frozen=True)
class Design:
    """Labelled structures as the rows of a linear model.

    Arguments:
        descriptor: of the potential.
        energy_noise_of, virial_noise_of: what the noise of energies and of virials is proportional to: the number of atoms
            ("atom": noises are in eV per atom), its square root, or nothing.
        kinds: the rows of energies, forces and virials; the columns of their targets are the label, then the number of atoms
            of each species of the descriptor.
        counts: the number of labels of each kind.
        structures: the number of structures.
    """

    descriptor: AbstractDescriptor
    energy_noise_of: SizeScaling
    virial_noise_of: SizeScaling
    kinds: tuple[NoisyRows, NoisyRows, NoisyRows]
    counts: tuple[int, int, int]
    structures: int

    @staticmethod
    def none(
        descriptor: AbstractDescriptor,
        energy_noise_of: SizeScaling = "atom",
        virial_noise_of: SizeScaling = "atom",
    ) -> Design:
        """No rows yet."""
        empty = _no_rows(descriptor)
        return Design(descriptor, energy_noise_of, virial_noise_of, (empty, empty, empty), (0, 0, 0), 0)

    def given(self, structures: Sequence[LabelledStructure]) -> Design:
        """With more structures.

        Raises:
            UsageError: for a species that the descriptor does not know.
        """
        design = self
        for labels in structures:
            rows = label_rows(self.descriptor, labels, self.energy_noise_of, self.virial_noise_of)
            kinds = tuple(_stacked(old, new) for old, new in zip(design.kinds, rows, strict=True))
            counts = tuple(old + len(new.factor) for old, new in zip(design.counts, rows, strict=True))
            design = replace(design, kinds=kinds, counts=counts, structures=design.structures + 1)
        return design

    def reference_energies(self) -> Array:
        """(species,), E_s that come nearest to the energies alone, in eV; the shortest where they leave a choice."""
        target = self.kinds[0].target
        return np.linalg.lstsq(target[:, 1:], target[:, 0], rcond=1e-10)[0]

    def rows(self, reference_energies_eV: Array) -> tuple[NoisyRows, NoisyRows, NoisyRows]:
        """The rows of each kind with one target, the label beyond the reference energies."""

        def beyond(rows: NoisyRows) -> NoisyRows:
            return replace(
                rows, target=rows.target[:, :1] - rows.target[:, 1:] @ reference_energies_eV[:, None]
            )

        energy, forces, virial = self.kinds
        return beyond(energy), beyond(forces), beyond(virial)

    def column_scale(self) -> Array:
        """(features,), the root mean square of each feature's rows: how much of a label a weight of one makes."""
        squares = sum((rows.design**2).sum(axis=0) for rows in self.kinds)
        scale = np.sqrt(squares / max(sum(self.counts), 1))
        return np.maximum(scale, 1e-6 * scale.max()) if scale.max() > 0.0 else np.ones_like(scale)


def noise_growth(noise_of: SizeScaling, atom_count: float) -> float:
    """By which the noise of a structure's energy or virial exceeds that of one atom's."""
    return atom_count ** _POWER[noise_of]


def label_rows(
    descriptor: AbstractDescriptor,
    labels: LabelledStructure,
    energy_noise_of: SizeScaling,
    virial_noise_of: SizeScaling,
) -> tuple[NoisyRows, NoisyRows, NoisyRows]:
    """The rows of one structure of each kind, in units of the noise: as many as it has labels of a weight above 0."""
    rows, atoms = descriptor.rows(labels.atoms), labels.atoms
    size = float(len(atoms))
    symbols = np.array(atoms.get_chemical_symbols())
    numbers = np.array([(symbols == species).sum() for species in descriptor.species], dtype=float)
    energy = _no_rows(descriptor)
    if labels.energy_eV is not None and labels.energy_weight > 0.0:
        factor = np.array([noise_growth(energy_noise_of, size) ** 2 / labels.energy_weight])
        energy = _rows(rows.energy[None], np.append(labels.energy_eV, numbers)[None], factor)
    forces = _no_rows(descriptor)
    if labels.forces is not None:
        weights = np.repeat(labels.atom_weights, 3)
        kept = weights > 0.0
        forces = _rows(
            rows.forces.reshape(-1, descriptor.size)[kept],
            _targets(labels.forces.ravel()[kept], len(numbers)),
            1.0 / weights[kept],
        )
    virial = _no_rows(descriptor)
    if labels.virial is not None and labels.virial_weight > 0.0:
        factor = np.full(6, noise_growth(virial_noise_of, size) ** 2 / labels.virial_weight)
        target = _targets(labels.virial[_VOIGT], len(numbers))
        virial = _rows(rows.virial[_VOIGT], target, factor)
    return energy, forces, virial


def _no_rows(descriptor: AbstractDescriptor) -> NoisyRows:
    return _rows(np.empty((0, descriptor.size)), np.empty((0, 1 + len(descriptor.species))), np.empty(0))


def _targets(labels: Array, species: int) -> Array:
    """(rows, 1 + species): forces and virials hold no reference energies."""
    return np.concatenate([labels[:, None], np.zeros((len(labels), species))], axis=1)


def _rows(design: Array, target: Array, factor: Array) -> NoisyRows:
    return NoisyRows(design, target, factor, np.zeros(len(factor))).in_units_of_noise()


def _stacked(one: NoisyRows, other: NoisyRows) -> NoisyRows:
    both = NoisyRows(
        np.concatenate([one.design, other.design]),
        np.concatenate([one.target, other.target]),
        np.concatenate([one.factor, other.factor]),
        np.concatenate([one.known, other.known]),
        one.left_out + other.left_out,
        one.log_jacobian + other.log_jacobian,
    )
    return both.compressed()
