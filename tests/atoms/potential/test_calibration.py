"""Errors, and whether the predicted deviations are theirs."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from ase.calculators.emt import EMT
from tests.atoms.toy import descriptor, known, structure

from assay.atoms.descriptors.abstract import Contraction
from assay.atoms.potential.calibration import (
    Calibration,
    left_out_errors,
    left_out_factor,
    standardised_errors,
)
from assay.atoms.potential.design import Design
from assay.atoms.potential.error_table import error_table
from assay.atoms.potential.fit import PotentialFit
from assay.atoms.potential.labelled import LabelledStructure
from assay.atoms.potential.potential import LabelNoise, LinearPotential
from assay.errors import UsageError

Array = np.ndarray

NOISE = LabelNoise(0.01, 0.2, 0.05)


@lru_cache(maxsize=1)
def truth() -> LinearPotential:
    """The belief before labels: what the potentials of a statistical test are drawn from."""
    return LinearPotential.prior(descriptor(), NOISE, [structure(0)], 0.5, 0.0)


def drawn_labels(weights: Array, atoms: Any, generator: np.random.Generator) -> LabelledStructure:
    """What a potential of these weights says, with noise."""
    found = descriptor().evaluate(atoms).contracted(weights)
    noise = generator.standard_normal(10 + 3 * len(atoms))
    virial = np.zeros((3, 3))
    virial[np.triu_indices(3)] = noise[1:7]
    virial = virial + np.triu(virial, 1).T
    return LabelledStructure(
        atoms,
        float(found.energy) + 0.01 * 4 * float(noise[0]),
        found.forces + 0.2 * noise[10:].reshape(-1, 3),
        found.virial + 0.05 * 4 * virial,
    )


def test_deviations_are_right_where_the_model_is() -> None:
    # Potentials drawn from the prior, labels with the noise that is assumed: z is standard normal for every kind.
    z: dict[str, list[Array]] = {"energy": [], "forces": [], "virial": []}
    for seed in range(12):
        generator = np.random.default_rng(seed)
        weights = truth().draws(1, seed)[0]
        train = [drawn_labels(weights, structure(200 + 8 * seed + k, 0.2), generator) for k in range(3)]
        test = [drawn_labels(weights, structure(400 + 8 * seed + k, 0.3), generator) for k in range(5)]
        for kind in standardised_errors(truth().given(train), test):
            z[kind.kind].append(kind.z)
    for values in z.values():
        found = Calibration.of(np.concatenate(values))
        # Within four standard errors of 1, the structures of a draw counted as one where they share its weights.
        assert found.factor == pytest.approx(1.0, abs=4.0 / math.sqrt(2.0 * 60))
        assert found.coverage[0.95] == pytest.approx(0.95, abs=4.0 * math.sqrt(0.95 * 0.05 / 60))


def test_the_factor_of_a_calibration_makes_it_right() -> None:
    generator = np.random.default_rng(0)
    found = Calibration.of(2.5 * generator.standard_normal(40_000))
    assert found.factor == pytest.approx(2.5, rel=0.02)
    assert found.kurtosis == pytest.approx(3.0, abs=0.15)
    assert found.coverage[0.68] == pytest.approx(math.erf(0.99446 / 2.5 / math.sqrt(2.0)), abs=0.02)


def test_calibrated_deviations_are_the_factor_times_larger() -> None:
    labels = [LabelledStructure.by(EMT(), structure(seed)) for seed in range(4)]
    noise: dict[str, Any] = {"energy_noise_eV": 0.005, "force_noise_eV_per_A": 0.1, "virial_noise_eV": 0.05}
    fitted = (
        PotentialFit(prior_weight=0.01, **noise).fit(Design.none(descriptor()).given(labels[:3])).potential
    )
    for one, other in zip(
        standardised_errors(fitted, labels[3:]),
        standardised_errors(fitted.calibrated(3.0), labels[3:]),
        strict=True,
    ):
        np.testing.assert_allclose(other.deviation, 3.0 * one.deviation, rtol=1e-9)
        np.testing.assert_allclose(other.error, one.error, atol=1e-9)


def test_errors_left_out_are_those_of_a_potential_of_the_others() -> None:
    generator = np.random.default_rng(3)
    weights = truth().draws(1, 3)[0]
    labels = [drawn_labels(weights, structure(seed, 0.2), generator) for seed in range(4)]
    labels[1], labels[2] = replace(labels[1], energy_eV=None), replace(labels[2], virial=None)
    found = {one.kind: one for one in left_out_errors(truth().given(labels), labels)}
    expected: dict[str, list[Any]] = {kind: [] for kind in found}
    for place, one in enumerate(labels):
        others = truth().given([*labels[:place], *labels[place + 1 :]])
        for kind in standardised_errors(others, [one]):
            expected[kind.kind].append(kind)
    assert [len(parts) for parts in expected.values()] == [3, 4, 3]
    for kind, parts in expected.items():
        for name in ("error", "deviation", "label"):
            values = np.concatenate([getattr(part, name) for part in parts])
            # The six components of a virial come in another order.
            np.testing.assert_allclose(
                np.sort(getattr(found[kind], name)), np.sort(values), rtol=1e-7, atol=1e-10
            )


def test_the_inner_factor_does_not_see_the_largest_errors() -> None:
    z = 2.0 * np.random.default_rng(0).standard_normal(40_000)
    z[:400] = 100.0
    found = Calibration.of(z)
    assert found.factor > 9.0
    assert found.inner_factor == pytest.approx(2.0, rel=0.04)


@pytest.mark.parametrize("count", [6, 14])
def test_the_factor_of_left_out_structures_mends_noises_that_were_wrong(count: int) -> None:
    generator = np.random.default_rng(5)
    weights = truth().draws(1, 5)[0]
    labels = [drawn_labels(weights, structure(seed, 0.2), generator) for seed in range(count)]
    prior = truth().calibrated(0.25)  # prior and noises are four times too small
    factor = left_out_factor(prior.given(labels), labels, prior.given)
    assert factor == pytest.approx(4.0, rel=0.2)
    right = left_out_factor(truth().given(labels), labels, truth().given)
    assert factor == pytest.approx(4.0 * right, rel=1e-6)
    assert left_out_factor(prior.given(labels[:2]), labels[:2], prior.given) == 1.0


def test_a_model_that_cannot_follow_is_widened_to_its_errors() -> None:
    # Two features for a potential of many bodies: noise-free labels that no weights meet.
    poor = replace(descriptor(), feature_count=2, function=_poor)
    labels = [LabelledStructure.by(EMT(), structure(seed, species=("Cu",))) for seed in range(60)]
    fit = PotentialFit(smoothness_power=0.0).fit(Design.none(poor).given(labels[:40])).potential
    # The belief about the forces themselves, without the noise that stands for the misfit.
    errors, narrow, wide = [], [], []
    widened = fit.widened(labels[:40])
    for one in labels[40:]:
        rows = poor.rows(one.atoms)
        errors.append((fit.prediction(one.atoms).forces - known(one.forces)).ravel())
        for belief, into in ((fit, narrow), (widened, wide)):
            whitened = rows.forces.reshape(-1, 2) @ belief.looked.inverse_root
            into.append(np.einsum("ij,ij->i", whitened, whitened))
    error = np.concatenate(errors)
    before, after = (math.sqrt(float((error**2 / np.concatenate(of)).mean())) for of in (narrow, wide))
    assert before > 5.0
    assert after < 3.0
    np.testing.assert_array_equal(widened.weights, fit.weights)


def _poor(atoms: Any) -> Any:
    found = descriptor().function(atoms)
    keep = [2, 7]
    return replace(
        found,
        values=found.values[:, keep],
        positions=found.positions[..., keep],
        strain=known(found.strain)[..., keep],
    )


def test_the_table_of_errors_is_per_atom_and_by_group() -> None:
    small, large = structure(1), structure(2) * (2, 1, 1)
    small.info["config_type"], large.info["config_type"] = "cell", "supercell"
    labels = [
        LabelledStructure(atoms, 1.0 * len(atoms), np.ones((len(atoms), 3)), np.eye(3) * len(atoms))
        for atoms in (small, large)
    ]

    def predict(atoms: Any) -> Contraction:
        off = 0.1 if len(atoms) == 4 else -0.3
        size = len(atoms)
        return Contraction(np.array((1.0 + off) * size), np.full((size, 3), 1.0 + off), np.eye(3) * size)

    rows = {(row.group, row.kind): row for row in error_table(predict, labels)}
    assert rows["cell", "energy"].root_mean_square == pytest.approx(0.1)
    assert rows["supercell", "energy"].largest == pytest.approx(0.3)
    assert rows["all", "energy"].mean_absolute == pytest.approx(0.2)
    assert rows["all", "forces"].count == 36
    assert rows["all", "forces"].mean_absolute == pytest.approx((0.1 * 12 + 0.3 * 24) / 36)
    assert rows["all", "virial"].largest == pytest.approx(0.0, abs=1e-15)


def test_too_few_errors_are_refused() -> None:
    with pytest.raises(UsageError, match="at least 2"):
        Calibration.of(np.array([1.0]))
