"""Scores of a potential, against its own algebra."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from assay.atoms.biased.calculator import BiasedCalculator
from assay.atoms.descriptors.body_ordered import BodyOrderedDescriptor
from assay.atoms.potential.potential import LabelNoise, LinearPotential
from assay.atoms.selection.information import active_set, diverse_batch, information_gain
from assay.atoms.selection.model_scores import AtomicEnergyUncertainty, ExtrapolationGrade, InformationGain
from assay.atoms.selection.scores import Novelty
from assay.errors import UsageError

DESCRIPTOR = BodyOrderedDescriptor(("Cu",), cutoff_A=4.0, radial_count=2, angular_count=1, cubic_count=0)


def rattled(seed: int, size_A: float) -> Atoms:
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(size_A, seed=seed)
    return atoms


@pytest.fixture(scope="module")
def calculator() -> BiasedCalculator:
    noise = LabelNoise(0.005, 0.1, None)
    return BiasedCalculator(LinearPotential.prior(DESCRIPTOR, noise, [rattled(0, 0.1)]))


def test_the_gain_is_what_conditioning_takes_from_the_entropy(calculator: BiasedCalculator) -> None:
    atoms = rattled(1, 0.2)
    before = calculator.potential.looked
    after = calculator.potential.condition(atoms).looked
    expected = np.log(np.diag(after.root)).sum() - np.log(np.diag(before.root)).sum()
    assert InformationGain()(atoms, calculator) == pytest.approx(expected, rel=1e-9)
    assert InformationGain(by_atom=True)(atoms, calculator) == pytest.approx(expected / 4, rel=1e-9)


def test_after_conditioning_on_a_structure_it_tells_less(calculator: BiasedCalculator) -> None:
    atoms = rattled(1, 0.2)
    told = BiasedCalculator(calculator.potential.condition(atoms))
    for score in (InformationGain(), AtomicEnergyUncertainty()):
        assert score(atoms, told) < 0.5 * score(atoms, calculator)


def test_the_uncertainty_of_one_atom_alone_is_that_of_the_energy(calculator: BiasedCalculator) -> None:
    primitive = bulk("Cu")
    values = DESCRIPTOR.evaluate(primitive).values
    expected = calculator.potential.energy_uncertainty_eV(np.asarray(values))
    assert AtomicEnergyUncertainty()(primitive, calculator) == pytest.approx(expected, rel=1e-9)


def test_a_batch_of_structures_is_chosen_by_their_joint_gain(calculator: BiasedCalculator) -> None:
    frames = [rattled(1, 0.3), rattled(1, 0.3), rattled(2, 0.3)]
    rows = [calculator.potential.whitened_rows(atoms) for atoms in frames]
    chosen = diverse_batch(rows, 2)
    assert 2 in chosen
    assert information_gain(np.concatenate([rows[index] for index in chosen])) > information_gain(
        np.concatenate(rows[:2])
    )


def test_the_grade_is_at_most_one_inside_the_active_set(calculator: BiasedCalculator) -> None:
    def features(atoms: Atoms) -> np.ndarray:
        return np.asarray(DESCRIPTOR.evaluate(atoms).atomic_values)

    known = np.concatenate([features(rattled(seed, 0.2)) for seed in range(8)])
    score = ExtrapolationGrade(features, known[active_set(known)])
    assert score(rattled(3, 0.2), calculator) <= 1.01
    assert score(rattled(30, 0.7), calculator) > 2.0
    with pytest.raises(UsageError, match="active set"):
        ExtrapolationGrade(features, known)


def columns(scales: tuple[float, ...], atoms: Atoms) -> np.ndarray:
    """As many coordinates as there are scales, as features."""
    return atoms.positions[:, : len(scales)] * np.array(scales)


@pytest.mark.parametrize("score", [ExtrapolationGrade, Novelty])
def test_a_score_beyond_known_atoms_does_not_see_the_units_of_features(
    score: type[ExtrapolationGrade] | type[Novelty], calculator: BiasedCalculator
) -> None:
    known, other = [rattled(seed, 0.2) for seed in range(4)], rattled(9, 1.0)
    plain = score.beyond(partial(columns, (1.0, 1.0, 1.0)), known)(other, calculator)
    scaled = score.beyond(partial(columns, (1.0, 50.0, 1e-3)), known)(other, calculator)
    assert scaled == pytest.approx(plain, rel=1e-9)
    assert score.beyond(partial(columns, (1.0, 1.0, 1.0)), known)(known[2], calculator) <= 1.01 * (
        score is ExtrapolationGrade
    )
    with pytest.raises(UsageError, match="at least one known structure"):
        score.beyond(partial(columns, (1.0,)), [])


def test_what_no_known_atom_has_is_extrapolated_to(calculator: BiasedCalculator) -> None:
    flat, bent = Atoms("Cu2", positions=[[1, 0, 0], [0, 1, 0]]), Atoms("Cu", positions=[[0, 0, 0.002]])
    grade = ExtrapolationGrade.beyond(partial(columns, (1.0, 1.0, 1.0)), [flat])
    assert grade(flat, calculator) <= 1.01
    assert grade(bent, calculator) > 100.0


def test_a_calculator_without_a_potential_is_refused() -> None:
    with pytest.raises(UsageError, match="EMT"):
        InformationGain()(bulk("Cu"), EMT())
