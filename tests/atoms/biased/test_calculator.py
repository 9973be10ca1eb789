"""Biased dynamics: energies, forces and stresses that belong together, tau, and restarts to the bit."""

from __future__ import annotations

import io
import json
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.emt import EMT
from tests.atoms.toy import descriptor, known, structure

from assay.atoms.biased.bias import AbstractBias, BoundedBias, DeviationBias
from assay.atoms.biased.calculator import BiasedCalculator
from assay.atoms.biased.spread import CommitteeChoice
from assay.atoms.biased.tau import TauControl, TauState
from assay.atoms.potential.design import Design
from assay.atoms.potential.fit import PotentialFit
from assay.atoms.potential.labelled import LabelledStructure
from assay.atoms.potential.potential import LabelNoise, LinearPotential
from assay.errors import UsageError

Array = np.ndarray

FIXED = PotentialFit(energy_noise_eV=0.005, force_noise_eV_per_A=0.1, virial_noise_eV=0.05, prior_weight=0.01)
COMMITTEES = [None, CommitteeChoice(5, 1), CommitteeChoice(5, 1, "committee")]


@lru_cache(maxsize=1)
def potential() -> LinearPotential:
    labels = [LabelledStructure.by(EMT(), structure(seed)) for seed in range(6)]
    return FIXED.fit(Design.none(descriptor()).given(labels)).potential


def universal() -> LinearPotential:
    return LinearPotential.prior(descriptor(), LabelNoise(0.005, 0.1, 0.05), [structure(0)], 0.5)


def biased(potential: LinearPotential, **arguments: Any) -> Any:
    """The calculator, with the loose types that ASE has."""
    return BiasedCalculator(potential, **arguments)


def difference(calculator: Any, atoms: Any, name: str, step: float, move: Any) -> float:
    """(E(+) - E(-)) / 2 step."""
    energies = [calculator.get_property(name, move(atoms, sign * step)) for sign in (1.0, -1.0)]
    return (energies[0] - energies[1]) / (2.0 * step)


def pushed(atoms: Any, by: float) -> Any:
    moved = atoms.copy()
    moved.positions[2, 1] += by
    return moved


def sheared(atoms: Any, by: float) -> Any:
    moved = atoms.copy()
    strain = np.array([[0.3, 0.5, 0.0], [0.5, -0.2, 0.1], [0.0, 0.1, 0.4]])
    moved.set_cell(atoms.cell.array @ (np.eye(3) + by * strain), scale_atoms=True)
    return moved


@pytest.mark.parametrize("committee", COMMITTEES)
@pytest.mark.parametrize("bias", [DeviationBias(), BoundedBias(0.3, 0.02)])
@pytest.mark.parametrize("tau", [0.0, 1.0])
def test_forces_and_stresses_are_differences_of_the_energy(
    tau: float, bias: AbstractBias, committee: CommitteeChoice | None
) -> None:
    calculator = biased(potential(), tau=tau, bias=bias, committee=committee)
    # Far from what was labelled, so that the bias is not small.
    atoms = structure(50, 0.3)
    strain = np.array([0.3, -0.2, 0.4, 2 * 0.1, 0.0, 2 * 0.5])
    for kind in ("", "mean_", "bias_"):
        energy = f"{kind}energy"
        force = calculator.get_property(f"{kind}forces", atoms)[2, 1]
        slope = difference(calculator, atoms, energy, 1e-5, pushed)
        assert force == pytest.approx(-slope, rel=1e-6, abs=1e-7)
        stress = calculator.get_property(f"{kind}stress", atoms)
        slope = difference(calculator, atoms, energy, 1e-6, sheared) / atoms.get_volume()
        assert strain @ stress == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_the_bias_lowers_the_energy_by_tau_times_the_uncertainty() -> None:
    calculator, atoms = biased(potential(), tau=2.0), structure(51, 0.3)
    energy, mean = calculator.get_property("energy", atoms), calculator.get_property("mean_energy", atoms)
    sigma = calculator.get_property("energy_uncertainty", atoms)
    assert mean - energy == pytest.approx(2.0 * np.sqrt(sigma**2 + 1e-6), rel=1e-12)
    assert calculator.get_property("free_energy", atoms) == energy


def test_setting_tau_mixes_anew_without_evaluating_again() -> None:
    calculator, atoms = biased(potential()), structure(52, 0.3)
    atoms.calc = calculator
    unbiased = atoms.get_forces()
    calculator.tau = 1.5
    np.testing.assert_array_equal(atoms.get_forces(), unbiased - 1.5 * calculator.results["bias_forces"])
    with pytest.raises(UsageError, match="tau"):
        calculator.tau = float("nan")


def test_members_tend_to_the_exact_spread() -> None:
    atoms = structure(53, 0.3)
    exact = biased(potential()).get_property("bias_forces", atoms)
    many = biased(potential(), committee=CommitteeChoice(20_000))
    np.testing.assert_allclose(
        many.get_property("bias_forces", atoms), exact, atol=0.03 * np.abs(exact).max()
    )


def test_the_spread_about_the_members_mean_is_the_members_standard_deviation() -> None:
    atoms = structure(54, 0.3)
    calculator = biased(potential(), committee=CommitteeChoice(7, 2, "committee"), bias=DeviationBias(1e-9))
    energies = calculator.get_property("committee_energies", atoms)
    assert calculator.get_property("bias_energy", atoms) == pytest.approx(energies.std(), rel=1e-9)
    forces = calculator.get_property("committee_forces", atoms)
    apart = energies - energies.mean()
    expected = np.einsum("k,kij->ij", apart, forces - forces.mean(axis=0)) / 7 / energies.std()
    np.testing.assert_allclose(calculator.get_property("bias_forces", atoms), expected, atol=1e-9)
    assert calculator.get_property("committee_stresses", atoms).shape == (7, 6)


def test_a_look_changes_the_bias_and_not_the_mean() -> None:
    calculator = biased(potential(), committee=CommitteeChoice(6))
    atoms = structure(55, 0.3)
    energy, spread = (calculator.get_property(name, atoms) for name in ("mean_energy", "bias_energy"))
    calculator.condition(atoms)
    assert calculator.get_property("mean_energy", atoms) == energy
    assert calculator.get_property("bias_energy", atoms) < 0.7 * spread


def test_a_base_is_the_mean_and_the_bias_is_that_of_the_prior() -> None:
    atoms, base = structure(56), EMT()
    calculator = biased(universal(), base=base, tau=0.7)
    np.testing.assert_allclose(
        calculator.get_property("mean_forces", atoms),
        known(LabelledStructure.by(EMT(), atoms).forces),
        rtol=1e-12,
    )
    force = calculator.get_property("forces", atoms)[2, 1]
    assert force == pytest.approx(-difference(calculator, atoms, "energy", 1e-5, pushed), rel=1e-6)
    stress = calculator.get_property("stress", atoms)
    slope = difference(calculator, atoms, "energy", 1e-6, sheared) / atoms.get_volume()
    assert np.array([0.3, -0.2, 0.4, 0.2, 0.0, 1.0]) @ stress == pytest.approx(slope, rel=1e-5)


def test_clusters_have_no_stress_and_an_exact_bias_no_members() -> None:
    atoms = structure(57)
    atoms.set_cell(None)
    atoms.pbc = False
    calculator = biased(potential(), tau=1.0)
    force = calculator.get_property("forces", atoms)[2, 1]
    assert force == pytest.approx(-difference(calculator, atoms, "energy", 1e-5, pushed), rel=1e-6, abs=1e-7)
    with pytest.raises(PropertyNotImplementedError, match="cell"):
        calculator.get_property("stress", atoms)
    with pytest.raises(PropertyNotImplementedError, match="committee"):
        calculator.get_property("committee_energies", atoms)


def test_tau_is_the_wanted_fraction_of_the_unbiased_forces() -> None:
    control = TauControl(relative=0.25, history=4, burn_in=2)
    calculator = biased(potential(), control=control)
    forces, biases = [], []
    tau = 0.0
    for step in range(8):
        atoms = structure(60 + step, 0.2)
        mean = calculator.get_property("mean_forces", atoms)
        forces.append(np.linalg.norm(mean, axis=1).mean())
        biases.append(np.linalg.norm(calculator.get_property("bias_forces", atoms), axis=1).mean())
        tau = calculator.update_tau()
        assert (tau == 0.0) == (step < 2)
    force = bias = 0.0
    for step, (f, b) in enumerate(zip(forces, biases, strict=True)):
        share = 1.0 / min(step + 1, 4)
        force, bias = force + share * (f - force), bias + share * (b - bias)
    assert tau == pytest.approx(0.25 * force / bias, rel=1e-12)


def test_tau_does_not_exceed_its_cap_and_does_not_see_the_bias() -> None:
    control, still = TauControl(relative=0.5, burn_in=0, largest=7.0), np.zeros((2, 3))
    state = control.updated(TauState(), np.ones((2, 3)), still)
    assert control.tau(state) == 7.0
    # Fed with the same unbiased forces, tau stays: it is a fixed point whatever tau is.
    state = TauState()
    taus = set()
    for _ in range(30):
        state = control.updated(state, np.ones((2, 3)), 0.2 * np.ones((2, 3)))
        taus.add(round(control.tau(state), 12))
    assert taus == {2.5}


def test_a_calculator_goes_on_to_the_bit() -> None:
    arguments: dict[str, Any] = {"control": TauControl(0.3, 5, 1), "committee": CommitteeChoice(4, 9)}
    first = biased(potential(), **arguments)
    for seed in (70, 71, 72):
        first.get_property("forces", structure(seed))
        first.update_tau()
    first.condition(structure(72))
    state = _through_a_file(first.state())
    second = BiasedCalculator.from_state(state, descriptor(), **arguments)
    for seed in (73, 74):
        for name in ("energy", "forces", "stress", "committee_forces"):
            ours, theirs = (one.get_property(name, structure(seed)) for one in (second, first))
            np.testing.assert_array_equal(ours, theirs)
        assert second.update_tau() == first.update_tau() != 0.0


def _through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    """Arrays by npz, the rest by JSON."""
    arrays: dict[str, Any] = {
        name: value for name, value in state["potential"].items() if isinstance(value, np.ndarray)
    }
    rest = {name: value for name, value in state["potential"].items() if name not in arrays}
    plain = json.loads(json.dumps({**state, "potential": rest}))
    file = io.BytesIO()
    np.savez(file, **arrays)
    file.seek(0)
    with np.load(file, allow_pickle=False) as found:
        plain["potential"] |= {name: found[name] for name in found.files}
    return plain


def test_mistakes_are_told() -> None:
    with pytest.raises(UsageError, match="size of a committee"):
        CommitteeChoice(1)
    with pytest.raises(UsageError, match="smoothing"):
        DeviationBias(0.0)
    with pytest.raises(UsageError, match="bounded bias"):
        BoundedBias(1.0, 0.0)
    with pytest.raises(UsageError, match="history"):
        TauControl(0.1, history=0)
    with pytest.raises(UsageError, match="no results yet"):
        biased(potential(), control=TauControl(0.1)).update_tau()
