"""The calculator of ASE that biased dynamics runs on: a face, which holds no formula of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from assay.atoms.biased.bias import AbstractBias, DeviationBias
from assay.atoms.biased.spread import Committee, CommitteeChoice, Spread
from assay.atoms.biased.tau import TauControl, TauState
from assay.atoms.descriptors.abstract import AbstractDescriptor, AbstractEvaluation, Contraction
from assay.atoms.potential.potential import LinearPotential
from assay.atoms.potential.storage import potential_from_state, potential_state
from assay.errors import UsageError

__all__ = ["BiasedCalculator"]

Array = np.ndarray

_OF_COMMITTEE = ("committee_energies", "committee_forces", "committee_stresses")
_STRESSES = ("stress", "mean_stress", "bias_stress", "committee_stresses")


class BiasedCalculator(Calculator):
    """E - tau b: a linear potential, or another calculator corrected by one, with the bias of its uncertainty.

        E = E_base + Σ_s N_s E_s + w·D,   b = b(v),   v = D·Σ D

    Use it in the dynamics of ASE or of `assay.atoms.dynamics`. With a potential of no labels (`LinearPotential.prior`) and a base
    it is the base with a bias ("universal" mode). Energies are in eV, forces in eV/A, stresses in eV/A^3 in Voigt order, where the
    structure has a cell. Beside `energy`, `free_energy`, `forces` and `stress` of the biased potential, `results` holds

        mean_energy, mean_forces, mean_stress       the unbiased potential
        bias_energy, bias_forces, bias_stress       b and its forces and stress, not multiplied by tau
        energy_uncertainty                          the exact standard deviation of the energy, in eV

    and, when asked for by `get_property`,

        force_uncertainties                         (atoms,), the exact deviation of the vector of each atom's force
        committee_energies, committee_forces, committee_stresses   with a first axis of members

    The energy is E - tau b at the present tau; under an adaptive tau it is not conserved.

    Arguments:
        potential: the belief.
        base: a calculator of ASE for the mean, or None.
        tau: the strength of the bias; an attribute that may be set at any time.
        control: of tau, obeyed by `update_tau`; None leaves tau alone.
        bias: its form.
        committee: whose spread is the bias; None for the exact one of the belief.

    Example:
        >>> from ase.build import bulk
        >>> from assay.atoms.descriptors.body_ordered import BodyOrderedDescriptor
        >>> from assay.atoms.potential.potential import LabelNoise
        >>> atoms = bulk("Cu")
        >>> descriptor = BodyOrderedDescriptor(("Cu",), radial_count=2, angular_count=2, cubic_angular_count=1, cubic_count=0)
        >>> belief = LinearPotential.prior(descriptor, LabelNoise(0.005, 0.1, None), [atoms])
        >>> atoms.calc = BiasedCalculator(belief, tau=0.5)
        >>> ratio = atoms.get_potential_energy() / atoms.calc.results["bias_energy"]
        >>> round(ratio, 9)
        -0.5
        >>> before = atoms.calc.results["energy_uncertainty"]
        >>> atoms.calc.condition(atoms)
        >>> atoms.calc.get_property("energy_uncertainty", atoms) < before
        True

    Source: C. van der Oord, M. Sachs, D. Kovács, C. Ortner and G. Csányi, npj Comput. Mater. 9, 168 (2023).
    """

    implemented_properties = [  # noqa: RUF012 (of ASE)
        "energy",
        "free_energy",
        "forces",
        "stress",
        "mean_energy",
        "mean_forces",
        "mean_stress",
        "bias_energy",
        "bias_forces",
        "bias_stress",
        "energy_uncertainty",
        "force_uncertainties",
        *_OF_COMMITTEE,
    ]

    def __init__(
        self,
        potential: LinearPotential,
        *,
        base: Calculator | None = None,
        tau: float = 0.0,
        control: TauControl | None = None,
        bias: AbstractBias | None = None,
        committee: CommitteeChoice | None = None,
    ) -> None:
        Calculator.__init__(self)
        self.base = base
        self.control = control
        self.control_state = TauState()
        self.bias = DeviationBias() if bias is None else bias
        self.choice = committee
        self._tau = float(tau)
        self._evaluation: AbstractEvaluation | None = None
        self.potential = potential

    @property
    def potential(self) -> LinearPotential:
        """The belief; setting it redraws the committee from the same random numbers."""
        return self._potential

    @potential.setter
    def potential(self, potential: LinearPotential) -> None:
        self._potential = potential
        choice = self.choice
        self._committee = None if choice is None else Committee.of(potential, choice)
        self._spread = (
            Spread.exact(potential) if self._committee is None else Spread.of_committee(self._committee)
        )
        self.results = {}

    @property
    def tau(self) -> float:
        """The strength of the bias; setting it leaves what was evaluated as it is and mixes it anew."""
        return self._tau

    @tau.setter
    def tau(self, tau: float) -> None:
        if not np.isfinite(tau):
            raise UsageError(f"tau of a biased calculator must be finite, got {tau}")
        self._tau = float(tau)
        if "mean_energy" in self.results:
            self._mix()

    def update_tau(self) -> float:
        """Let the control see the structure evaluated last, once for each step of dynamics; gives the new tau."""
        if self.control is not None:
            if "mean_forces" not in self.results:
                raise UsageError("tau is updated after a structure was evaluated, got no results yet")
            mean, bias = self.results["mean_forces"], self.results["bias_forces"]
            self.control_state = self.control.updated(self.control_state, mean, bias)
            self.tau = self.control.tau(self.control_state)
        return self._tau

    def condition(self, atoms: Any) -> None:
        """Take a structure as looked at, before its labels are known: less uncertainty, the same mean."""
        self.potential = self.potential.condition(atoms)

    def calculate(
        self,
        atoms: Any = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        Calculator.calculate(self, atoms, list(properties), list(system_changes))
        structure: Any = self.atoms
        periodic = structure.cell.rank == 3
        for name in properties:
            if name in _OF_COMMITTEE and self._committee is None:
                raise PropertyNotImplementedError(
                    f"{name} needs a committee, and this calculator's bias is exact"
                )
            if name in _STRESSES and not periodic:
                raise PropertyNotImplementedError(
                    f"{name} needs a cell of three vectors, got {structure.cell.rank}"
                )
        if system_changes or self._evaluation is None or "mean_energy" not in self.results:
            self._evaluate(structure, periodic)
        if "force_uncertainties" in properties:
            rows = self.potential.descriptor.rows(structure)
            self.results["force_uncertainties"] = self.potential.force_uncertainties(rows)
        if any(name in _OF_COMMITTEE for name in properties):
            self._ask_committee(structure, periodic)

    def state(self) -> dict[str, Any]:
        """What a restart needs beside descriptor, base, form of the bias and control: arrays, numbers and text, nested."""
        return {
            "potential": potential_state(self.potential),
            "tau": self._tau,
            "control": {
                "force": self.control_state.force,
                "bias_force": self.control_state.bias_force,
                "updates": self.control_state.updates,
            },
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`, to the bit; the calculator was made with the arguments of the one that gave it."""
        self.potential = potential_from_state(state["potential"], self.potential.descriptor)
        control = state["control"]
        self.control_state = TauState(
            float(control["force"]), float(control["bias_force"]), int(control["updates"])
        )
        self.tau = float(state["tau"])

    @classmethod
    def from_state(
        cls, state: Mapping[str, Any], descriptor: AbstractDescriptor, **arguments: Any
    ) -> BiasedCalculator:
        """A calculator of a `state`.

        Arguments:
            state: of the calculator.
            descriptor: the one that its potential had.
            arguments: `base`, `control`, `bias` and `committee`, as they were.
        """
        made = cls(potential_from_state(state["potential"], descriptor), **arguments)
        made.restore(state)
        return made

    def _evaluate(self, atoms: Any, periodic: bool) -> None:
        """Mean and bias of a structure: one evaluation of the descriptor and one reverse pass for both."""
        evaluation = self.potential.descriptor.evaluate(atoms)
        values = evaluation.values
        variance, direction = self._spread.variance_direction(values)
        value, slope = self.bias.value_slope(variance, len(atoms))
        both = evaluation.contracted_many(np.stack([self.potential.weights, 2.0 * slope * direction]))
        self._evaluation = evaluation
        self.results = {
            "mean_energy": float(both.energy[0]) + self.potential.reference_energy_eV(atoms),
            "mean_forces": np.array(both.forces[0]),
            "bias_energy": value,
            "bias_forces": np.array(both.forces[1]),
            "energy_uncertainty": self.potential.energy_uncertainty_eV(values),
        }
        if periodic:
            mean_stress, bias_stress = _stresses(both, atoms)
            self.results |= {"mean_stress": mean_stress, "bias_stress": bias_stress}
        if self.base is not None:
            for name in ("energy", "forces", "stress") if periodic else ("energy", "forces"):
                self.results[f"mean_{name}"] = self.results[f"mean_{name}"] + self.base.get_property(
                    name, atoms
                )
        self._mix()

    def _mix(self) -> None:
        for name in ("energy", "forces", "stress"):
            if f"mean_{name}" in self.results:
                mean, bias = self.results[f"mean_{name}"], self.results[f"bias_{name}"]
                self.results[name] = mean - self._tau * bias
        self.results["free_energy"] = self.results["energy"]

    def _ask_committee(self, atoms: Any, periodic: bool) -> None:
        assert self._evaluation is not None
        assert self._committee is not None
        apart = self._committee.weights - self.potential.weights
        of_members = self._evaluation.contracted_many(apart)
        self.results["committee_energies"] = self.results["mean_energy"] + np.array(of_members.energy)
        self.results["committee_forces"] = self.results["mean_forces"] + np.array(of_members.forces)
        if periodic:
            self.results["committee_stresses"] = self.results["mean_stress"] + _stresses(of_members, atoms)


def _stresses(contraction: Contraction, atoms: Any) -> Array:
    """(weights, 6), from the virials of several weights."""
    return np.stack(
        [full_3x3_to_voigt_6_stress(-virial / atoms.get_volume()) for virial in np.array(contraction.virial)]
    )
