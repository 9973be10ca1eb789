"""Linear potentials: fits, beliefs, and their files."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.calculators.emt import EMT
from tests.atoms.toy import descriptor, known, structure

from assay.atoms.descriptors.adapted import FeatureDerivatives
from assay.atoms.potential.design import Design
from assay.atoms.potential.fit import PotentialFit
from assay.atoms.potential.labelled import LabelledStructure
from assay.atoms.potential.potential import LabelNoise, LinearPotential
from assay.atoms.potential.storage import load_potential, save_potential
from assay.errors import UsageError
from assay.numerics.linear_model import LinearModel

Array = np.ndarray

FIXED = PotentialFit(energy_noise_eV=0.005, force_noise_eV_per_A=0.1, virial_noise_eV=0.05, prior_weight=0.01)


@lru_cache(maxsize=1)
def labelled() -> tuple[LabelledStructure, ...]:
    """Structures of two compositions, labelled by EMT; the last ones are for tests."""
    species = (("Al", "Cu"), ("Cu",), ("Al",))
    return tuple(
        LabelledStructure.by(EMT(), structure(seed, species=species[seed % 3])) for seed in range(30)
    )


@lru_cache(maxsize=1)
def design() -> Design:
    return Design.none(descriptor()).given(labelled()[:20])


@lru_cache(maxsize=1)
def potential() -> LinearPotential:
    return FIXED.fit(design()).potential


def force_error(of: LinearPotential) -> float:
    """The root mean square on structures that were not fitted."""
    return float(
        np.sqrt(np.mean([(of.prediction(one.atoms).forces - one.forces) ** 2 for one in labelled()[20:]]))
    )


def test_it_learns() -> None:
    rms = float(np.sqrt(np.mean([np.square(known(one.forces)) for one in labelled()[20:]])))
    assert force_error(potential()) < 0.25 * rms


def test_a_fit_is_the_ridge_regression_of_the_dense_formulas() -> None:
    of, noise = potential(), (0.005, 0.1, 0.05)
    parts, values = [], []
    for labels in labelled()[:20]:
        rows, size = of.descriptor.rows(labels.atoms), len(labels.atoms)
        energy = known(labels.energy_eV) - of.reference_energy_eV(labels.atoms)
        upper = np.triu_indices(3)
        parts += [
            rows.energy[None] / (noise[0] * size),
            rows.forces.reshape(-1, 30) / noise[1],
            rows.virial[upper] / (noise[2] * size),
        ]
        values += [
            np.array([energy]) / (noise[0] * size),
            known(labels.forces).ravel() / noise[1],
            known(labels.virial)[upper] / (noise[2] * size),
        ]
    matrix, target = np.concatenate(parts), np.concatenate(values)
    precision = matrix.T @ matrix + 0.01 * np.diag(design().column_scale() ** 2)
    scale = np.sqrt(np.diag(precision))
    solved = np.linalg.solve(precision / np.outer(scale, scale), matrix.T @ target / scale) / scale
    np.testing.assert_allclose(of.weights, solved, rtol=1e-6, atol=1e-8 * np.abs(solved).max())


def test_more_labels_later_are_the_same_as_all_at_once() -> None:
    reference = potential().reference_energies_eV
    fit = replace(FIXED, reference_energies_eV=reference)
    few = fit.fit(Design.none(descriptor()).given(labelled()[:12])).potential
    # The prior's scale is that of the first structures, so both begin with it.
    all_at_once = replace(few, model=_refit(few, labelled()[:20]), looked=_refit(few, labelled()[:20]))
    for sequential in (few.given(labelled()[12:20]), few.given(labelled()[12:15]).given(labelled()[15:20])):
        for one in labelled()[20:24]:
            ours, theirs = sequential.prediction(one.atoms), all_at_once.prediction(one.atoms)
            np.testing.assert_allclose(ours.forces, theirs.forces, rtol=1e-10, atol=1e-10)
            values = descriptor().evaluate(one.atoms).values
            assert sequential.energy_uncertainty_eV(values) == pytest.approx(
                all_at_once.energy_uncertainty_eV(values), rel=1e-10
            )


def _refit(of: LinearPotential, structures: tuple[LabelledStructure, ...]) -> LinearModel:
    """All rows in one decomposition, above the prior that the first fit had."""
    scale = Design.none(of.descriptor).given(labelled()[:12]).column_scale()
    rows = (
        Design.none(of.descriptor)
        .given(structures)
        .rows(np.array([of.reference_energies_eV[name] for name in of.descriptor.species]))
    )
    precision = np.concatenate(
        [np.full(len(part.target), value**-2) for part, value in zip(rows, (0.005, 0.1, 0.05), strict=True)]
    )
    return LinearModel.prior(0.01 * scale**2).given(
        np.concatenate([part.design for part in rows]),
        np.concatenate([part.target for part in rows]),
        precision,
    )


def test_a_look_without_labels_narrows_the_belief_and_keeps_the_mean_to_the_bit() -> None:
    atoms = labelled()[25].atoms
    looked, told = potential().condition(atoms), potential().given(labelled()[25:26])
    np.testing.assert_array_equal(looked.weights, potential().weights)
    values = descriptor().evaluate(atoms).values
    before, after = (one.energy_uncertainty_eV(values) for one in (potential(), looked))
    assert after < 0.9 * before
    assert after == pytest.approx(told.energy_uncertainty_eV(values), rel=1e-10)
    assert looked.without_looks().energy_uncertainty_eV(values) == before


def test_the_prior_weight_matters() -> None:
    # Far from the labels, where the prior speaks.
    values = descriptor().evaluate(structure(50, 0.5)).values
    loose, stiff = (replace(FIXED, prior_weight=weight).fit(design()).potential for weight in (1e-4, 1e4))
    assert stiff.energy_uncertainty_eV(values) < 0.5 * loose.energy_uncertainty_eV(values)
    scale = design().column_scale()
    assert np.linalg.norm(stiff.weights * scale) < 0.1 * np.linalg.norm(loose.weights * scale)


def test_sums_over_rows_give_the_same_potential() -> None:
    sums = replace(FIXED, solver="sums").fit(design()).potential
    for one in labelled()[20:24]:
        ours, theirs = sums.prediction(one.atoms), potential().prediction(one.atoms)
        np.testing.assert_allclose(ours.forces, theirs.forces, atol=1e-6 * np.abs(theirs.forces).max())
        values = descriptor().evaluate(one.atoms).values
        assert sums.energy_uncertainty_eV(values) == pytest.approx(
            potential().energy_uncertainty_eV(values), rel=1e-6
        )


@pytest.mark.parametrize("relevance", ["shared", "automatic"])
def test_the_evidence_chooses_noises_of_the_size_of_the_errors(relevance: str) -> None:
    chosen = PotentialFit(relevance=relevance).fit(design())  # pyright: ignore[reportArgumentType]
    noise = chosen.potential.noise
    assert noise.force_eV_per_A is not None
    assert noise.energy_eV is not None
    error = force_error(chosen.potential)
    assert 0.3 * error < noise.force_eV_per_A < 1.5 * error
    assert chosen.log_evidence > FIXED.fit(design()).log_evidence
    again = PotentialFit(relevance=relevance).fit(design(), chosen)  # pyright: ignore[reportArgumentType]
    assert again.log_evidence == pytest.approx(chosen.log_evidence, abs=0.5)


def test_what_is_given_is_not_chosen() -> None:
    chosen = PotentialFit(energy_noise_eV=0.02).fit(design())
    assert chosen.potential.noise.energy_eV == pytest.approx(0.02, rel=1e-12)
    weighed = PotentialFit(prior_weight=3.0).fit(design())
    assert weighed.prior_weight == pytest.approx(3.0, rel=1e-12)


def test_a_label_of_weight_two_counts_twice_and_one_of_weight_nought_not_at_all() -> None:
    labels = labelled()[:6]
    twice = [
        replace(one, energy_weight=2.0, virial_weight=2.0, force_weights=np.full(4, 2.0)) for one in labels
    ]
    none = [replace(one, energy_weight=0.0, virial_weight=0.0, force_weights=np.zeros(4)) for one in labels]
    fit = replace(FIXED, prior_weight=0.02, reference_energies_eV={"Cu": 0.1, "Al": 0.2})
    doubled = fit.fit(Design.none(descriptor()).given([*twice, *none])).potential
    repeated = fit.fit(Design.none(descriptor()).given([*labels, *labels])).potential
    # A weight scales the rows, and with them the scale of the prior.
    assert doubled.model.feature_count == repeated.model.feature_count
    one = Design.none(descriptor()).given(twice).rows(np.zeros(2))
    two = Design.none(descriptor()).given([*labels, *labels]).rows(np.zeros(2))
    for ours, theirs in zip(one, two, strict=True):
        np.testing.assert_allclose(
            ours.design.T @ ours.design, theirs.design.T @ theirs.design, rtol=1e-9, atol=1e-9
        )
        np.testing.assert_allclose(
            ours.design.T @ ours.target, theirs.design.T @ theirs.target, rtol=1e-9, atol=1e-9
        )


def test_the_unit_of_features_and_the_order_of_atoms_do_not_count() -> None:
    toy, scale = descriptor(), np.logspace(-3.0, 3.0, 30)

    def scaled(atoms: Any) -> FeatureDerivatives:
        found = toy.function(atoms)
        assert found.strain is not None
        return replace(
            found, values=found.values * scale, positions=found.positions * scale, strain=found.strain * scale
        )

    other = FIXED.fit(Design.none(replace(toy, function=scaled)).given(labelled()[:20])).potential
    atoms = labelled()[21].atoms
    ours, theirs = potential().prediction(atoms), other.prediction(atoms)
    np.testing.assert_allclose(theirs.forces, ours.forces, rtol=1e-8, atol=1e-9)
    order = np.array([2, 0, 3, 1])
    np.testing.assert_allclose(potential().prediction(atoms[order]).forces, ours.forces[order], atol=1e-10)
    assert other.energy_uncertainty_eV(toy.evaluate(atoms).values * scale) == pytest.approx(
        potential().energy_uncertainty_eV(toy.evaluate(atoms).values), rel=1e-8
    )


def test_force_uncertainties_are_those_of_many_members() -> None:
    atoms = labelled()[22].atoms
    rows = descriptor().rows(atoms)
    members = potential().draws(20_000, 3)
    forces = np.einsum("icj,kj->kic", rows.forces, members - potential().weights)
    sampled = np.sqrt((forces**2).sum(axis=2).mean(axis=0))
    np.testing.assert_allclose(potential().force_uncertainties(rows), sampled, rtol=0.02)


def test_members_have_the_exact_deviations_of_the_energy() -> None:
    members = potential().draws(100_000, 0) - potential().weights
    values = np.array([descriptor().evaluate(structure(100 + seed, 0.2)).values for seed in range(100)])
    exact = np.array([potential().energy_uncertainty_eV(row) for row in values])
    np.testing.assert_allclose(np.sqrt(((values @ members.T) ** 2).mean(axis=1)), exact, rtol=0.02)


def test_draws_come_again_to_the_bit_and_a_larger_committee_begins_with_the_smaller() -> None:
    np.testing.assert_array_equal(potential().draws(8, 5), potential().draws(8, 5))
    np.testing.assert_allclose(potential().draws(3, 5), potential().draws(8, 5)[:3], rtol=1e-12)
    assert not np.allclose(potential().draws(3, 6), potential().draws(3, 5))


def test_the_prior_of_no_labels_has_mean_nought_and_learns_by_looking() -> None:
    atoms = structure(1)
    belief = LinearPotential.prior(descriptor(), LabelNoise(0.005, 0.1, None), [structure(0)], 0.5)
    assert not belief.prediction(atoms).forces.any()
    values = descriptor().evaluate(atoms).values
    sigmas = [belief.energy_uncertainty_eV(values)]
    for _ in range(3):
        belief = belief.condition(atoms)
        sigmas.append(belief.energy_uncertainty_eV(values))
    # An energy of noise s seen again and again: 1/v grows by at least 1/s² a time (forces tell something too).
    gains = np.diff(1.0 / np.square(sigmas))
    assert (gains >= 0.999 / (0.005 * 4) ** 2).all()


def test_a_potential_is_a_prior_and_the_shares_of_walkers_add_up() -> None:
    more, atoms = labelled()[20:23], labelled()[25].atoms
    told = potential().given(more)
    again = potential().as_prior().given(more)
    np.testing.assert_allclose(again.prediction(atoms).forces, told.prediction(atoms).forces, atol=1e-9)
    # Three walkers, each with a third of what was known and one new structure; their information is added.
    walkers = [potential().as_prior(1.0 / 3.0).given([one]) for one in more]
    information = sum(walker.model.root.T @ walker.model.root for walker in walkers)
    whole = told.model.root.T @ told.model.root
    np.testing.assert_allclose(information, whole, rtol=1e-9, atol=1e-9 * np.abs(whole).max())
    projected = sum(walker.model.root.T @ walker.model.projected for walker in walkers)
    expected = told.model.root.T @ told.model.projected
    np.testing.assert_allclose(projected, expected, atol=1e-9 * np.abs(expected).max())


def test_calibration_scales_deviations_and_leaves_the_mean() -> None:
    wide, atoms = potential().calibrated(2.5), labelled()[23].atoms
    values = descriptor().evaluate(atoms).values
    assert wide.energy_uncertainty_eV(values) == pytest.approx(
        2.5 * potential().energy_uncertainty_eV(values), rel=1e-12
    )
    ours, theirs = wide.prediction(atoms).forces, potential().prediction(atoms).forces
    np.testing.assert_allclose(ours, theirs, atol=1e-10)
    # Later labels move both means alike: the noises went along.
    more = labelled()[24:25]
    np.testing.assert_allclose(
        wide.given(more).prediction(atoms).forces,
        potential().given(more).prediction(atoms).forces,
        atol=1e-9,
    )


def test_a_file_gives_the_potential_back_to_the_bit(tmp_path: Path) -> None:
    looked = potential().condition(labelled()[25].atoms)
    save_potential(looked, tmp_path / "potential.npz")
    again = load_potential(tmp_path / "potential.npz", descriptor())
    np.testing.assert_array_equal(again.draws(4, 0), looked.draws(4, 0))
    assert again.noise == looked.noise
    assert again.reference_energies_eV == looked.reference_energies_eV
    with pytest.raises(UsageError, match="belongs to a descriptor of 30 features"):
        load_potential(tmp_path / "potential.npz", replace(descriptor(), elements=("Cu",)))


def test_mistakes_are_told() -> None:
    with pytest.raises(UsageError, match="at least one label"):
        FIXED.fit(Design.none(descriptor()))
    with pytest.raises(UsageError, match="energy_noise_eV"):
        PotentialFit(energy_noise_eV=0.0)
    with pytest.raises(UsageError, match="Al lacks"):
        replace(FIXED, reference_energies_eV={"Cu": 0.0}).fit(design())
    with pytest.raises(UsageError, match="factor of a calibration"):
        potential().calibrated(0.0)
    with pytest.raises(UsageError, match="prior weight"):
        LinearPotential.prior(descriptor(), LabelNoise(0.1, 0.1, None), [structure()], 0.0)
    gold = structure(species=("Au",))
    with pytest.raises(UsageError, match="Au"):
        potential().reference_energy_eV(gold)
