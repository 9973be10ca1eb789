"""A potential that is linear in features of a structure, and the belief about its weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, final

import numpy as np

from assay.atoms.descriptors.abstract import AbstractDescriptor, Contraction, DescriptorRows
from assay.atoms.potential.design import SizeScaling, label_rows, noise_growth
from assay.atoms.potential.labelled import LabelledStructure
from assay.errors import UsageError
from assay.numerics.linear_model import LinearModel
from assay.numerics.misspecification import pointwise_shifts, widened_for_misfit
from assay.numerics.random import generator

__all__ = ["LabelNoise", "LinearPotential"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class LabelNoise:
    """The standard deviation of each kind of label; None where a kind is not used.

    Arguments:
        energy_eV, virial_eV: times the number of atoms, its root, or one, as the next two say.
        force_eV_per_A: of a component.
        energy_noise_of, virial_noise_of: "atom", "sqrt_atom" or "structure".
    """

    energy_eV: float | None
    force_eV_per_A: float | None
    virial_eV: float | None
    energy_noise_of: SizeScaling = "atom"
    virial_noise_of: SizeScaling = "atom"

    @property
    def values(self) -> tuple[float | None, float | None, float | None]:
        """Of energies, forces and virials."""
        return self.energy_eV, self.force_eV_per_A, self.virial_eV

    def energy_deviation_eV(self, atom_count: float) -> float | None:
        """Of the energy of a structure."""
        return (
            None
            if self.energy_eV is None
            else self.energy_eV * noise_growth(self.energy_noise_of, atom_count)
        )

    def virial_deviation_eV(self, atom_count: float) -> float | None:
        """Of a component of the virial of a structure."""
        return (
            None
            if self.virial_eV is None
            else self.virial_eV * noise_growth(self.virial_noise_of, atom_count)
        )


@final
@dataclass(frozen=True)
class LinearPotential:
    """The belief about E = Σ_s N_s E_s + w·D after labels, and after looks whose labels are not known yet.

    Use `PotentialFit.fit`, or `LinearPotential.prior` where nothing is labelled. It is a value: conditioning gives another.

    Arguments:
        descriptor: D.
        reference_energies_eV: E_s of each species.
        noise: of the labels.
        model: the belief about w given the labels: the mean is its.
        looked: the same after looks without labels: the covariance is its.
    """

    descriptor: AbstractDescriptor
    reference_energies_eV: Mapping[str, float]
    noise: LabelNoise
    model: LinearModel
    looked: LinearModel

    @staticmethod
    def prior(
        descriptor: AbstractDescriptor,
        noise: LabelNoise,
        typical: Sequence[Any],
        prior_weight: float = 1.0,
        smoothness_power: float = 0.5,
    ) -> LinearPotential:
        """The belief before any label, with mean zero: what a committee around another potential needs.

            w_j s_j q_j^p ~ N(0, 1/a)

        Arguments:
            noise: that labels would have.
            typical: structures that set the scale s_j of each feature: the root mean square of its rows there.
            prior_weight: a, in 1/eV².
            smoothness_power: p, of the descriptor's smoothness q.
        """
        if not typical:
            raise UsageError("the prior of a potential needs at least one typical structure, got none")
        if not prior_weight > 0.0:
            raise UsageError(f"the prior weight of a potential must be positive, got {prior_weight}")
        rows = [
            part.design
            for atoms in typical
            for part in label_rows(
                descriptor, _unlabelled(atoms), noise.energy_noise_of, noise.virial_noise_of
            )
        ]
        squares = sum((design**2).sum(axis=0) for design in rows) / sum(len(design) for design in rows)
        scale = np.sqrt(np.maximum(squares, 1e-12 * np.max(squares)))
        if not scale.max() > 0.0:
            raise UsageError(
                "the typical structures of a prior must have neighbours within the cutoff, got none that has"
            )
        model = LinearModel.prior(prior_weight * (scale * descriptor.smoothness**smoothness_power) ** 2)
        return LinearPotential(descriptor, dict.fromkeys(descriptor.species, 0.0), noise, model, model)

    @cached_property
    def weights(self) -> Array:
        """(n,), the mean of w, in eV per unit of a feature."""
        return self.model.mean[:, 0]

    def reference_energy_eV(self, atoms: Any) -> float:
        """Σ_s N_s E_s.

        Raises:
            UsageError: for a species that has none.
        """
        symbols = atoms.get_chemical_symbols()
        unknown = sorted(set(symbols) - set(self.reference_energies_eV))
        if unknown:
            raise UsageError(
                f"a potential of {', '.join(self.reference_energies_eV)} was given a structure with {', '.join(unknown)}"
            )
        return math.fsum(self.reference_energies_eV[symbol] for symbol in symbols)

    def prediction(self, atoms: Any) -> Contraction:
        """The mean of energy, forces and virial."""
        mean = self.descriptor.evaluate(atoms).contracted(self.weights)
        return replace(mean, energy=mean.energy + self.reference_energy_eV(atoms))

    def energy_uncertainty_eV(self, values: Array) -> float:
        """σ_E = |R⁻ᵀ D|, exact, for the features of a structure: (n,)."""
        return float(np.linalg.norm(values @ self.looked.inverse_root))

    def force_uncertainties(self, rows: DescriptorRows) -> Array:
        """(atoms,) in eV/A: the root of the trace of the covariance of each atom's force, exact."""
        whitened = rows.forces @ self.looked.inverse_root
        return np.sqrt(np.einsum("icj,icj->i", whitened, whitened))

    def whitened_rows(self, atoms: Any) -> Array:
        """(rows, n), H R⁻¹ with each row over the noise of its label: what information gain and grades are made of."""
        design, _, precision = self._rows(_unlabelled(atoms))
        return (np.sqrt(precision)[:, None] * design) @ self.looked.inverse_root

    def widened(
        self,
        structures: Sequence[LabelledStructure],
        form: Literal["ensemble", "hypercube"] = "hypercube",
    ) -> LinearPotential:
        """The belief with the uncertainty that the misfit leaves however many labels there are; the same mean.

        Use it where labels have no noise, so that what remains is the model's own error, and before any look.

        Arguments:
            structures: those that were fitted.
            form: of `assay.numerics.misspecification`: the typical or the largest error.
        """
        rows = [self._rows(self.beyond_reference(one)) for one in structures]
        design, target, precision = (np.concatenate(parts) for parts in zip(*rows, strict=True))
        shifts = pointwise_shifts(self.model, design, target, precision)
        return replace(self, looked=widened_for_misfit(self.model, shifts, form))

    def given(self, structures: Sequence[LabelledStructure]) -> LinearPotential:
        """The belief after more labels, at the same prior, noises and reference energies; looks without labels stay.

        It equals a fit to all labels at once. For labels of structures that were looked at, begin with `without_looks`.
        """
        model, looked = self.model, self.looked
        for labels in structures:
            design, target, precision = self._rows(self.beyond_reference(labels))
            model = model.given(design, target, precision)
            looked = model if self.looked is self.model else looked.given_inputs(design, precision)
        return replace(self, model=model, looked=looked)

    def condition(self, atoms: Any) -> LinearPotential:
        """The belief after a look at a structure whose labels are not known yet: less variance, the very same mean."""
        design, _, precision = self._rows(_unlabelled(atoms))
        return replace(self, looked=self.looked.given_inputs(design, precision))

    def without_looks(self) -> LinearPotential:
        """The belief after the labels alone."""
        return replace(self, looked=self.model)

    def as_prior(self, share: float = 1.0) -> LinearPotential:
        """What labels and looks told, as the prior of other labels: the density of the weights to the power `share`.

        Use it to go on from a large dataset without its rows, or, with the share 1/n, in each of n walkers whose information is
        added up later.

        Arguments:
            share: positive; 1 for the whole.
        """
        model = self.model.as_prior(share)
        looked = model if self.looked is self.model else self.looked.as_prior(share)
        return replace(self, model=model, looked=looked)

    def calibrated(self, factor: float) -> LinearPotential:
        """The belief with all standard deviations, those of labels too, times a factor; the same mean now and later."""
        if not (factor > 0.0 and math.isfinite(factor)):
            raise UsageError(f"the factor of a calibration must be positive and finite, got {factor}")
        noise = self.noise
        energy, force, virial = (None if value is None else factor * value for value in noise.values)
        noise = replace(noise, energy_eV=energy, force_eV_per_A=force, virial_eV=virial)
        return replace(self.as_prior(factor**-2), noise=noise)

    def draws(self, count: int, seed: int) -> Array:
        """(count, n), weights drawn from the belief.

        The standard normal numbers depend on the seed alone: members move smoothly as data come, and the first ones of a larger
        committee are those of a smaller.
        """
        normal = generator(seed, 0, "committee").standard_normal((count, self.descriptor.size))
        return self.weights + normal @ self.looked.inverse_root.T

    def beyond_reference(self, labels: LabelledStructure) -> LabelledStructure:
        """Labels without the energies of lone atoms: what w·D stands for."""
        reference = self.reference_energy_eV(labels.atoms)
        energy = None if labels.energy_eV is None else labels.energy_eV - reference
        return replace(labels, energy_eV=energy)

    def _rows(self, labels: LabelledStructure) -> tuple[Array, Array, Array]:
        """Design (rows, n), targets (rows, 1) and precisions (rows,) of the kinds that have a noise."""
        noise = self.noise
        parts = zip(
            label_rows(self.descriptor, labels, noise.energy_noise_of, noise.virial_noise_of),
            noise.values,
            strict=True,
        )
        used = [(rows, value) for rows, value in parts if value is not None]
        return (
            np.concatenate([rows.design for rows, _ in used]),
            np.concatenate([rows.target[:, :1] for rows, _ in used]),
            np.concatenate([np.full(len(rows.target), value**-2) for rows, value in used]),
        )


def _unlabelled(atoms: Any) -> LabelledStructure:
    """LabelledStructure of no meaning, for rows whose targets are not used; no virial without a cell."""
    virial = np.zeros((3, 3)) if atoms.cell.rank == 3 else None
    return LabelledStructure(atoms, 0.0, np.zeros((len(atoms), 3)), virial)
