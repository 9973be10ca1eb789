"""The evidence chooses the descriptor that labels were made with: the larger one, and the smaller one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.atoms.toy import descriptor, known, structure

from assay.atoms.descriptors.abstract import AbstractDescriptor
from assay.atoms.potential.choice import descriptors_by_evidence
from assay.atoms.potential.fit import PotentialFit
from assay.atoms.potential.labelled import LabelledStructure
from assay.errors import UsageError

KEPT = [2, 7]
# Labels are made without lone atoms' energies; found from energies, they would be more to explain.
FIT = PotentialFit(reference_energies_eV={"Cu": 0.0, "Al": 0.0})


def few(atoms: Any) -> Any:
    found = descriptor().function(atoms)
    return replace(
        found,
        values=found.values[:, KEPT],
        positions=found.positions[..., KEPT],
        strain=known(found.strain)[..., KEPT],
    )


SMALL = replace(descriptor(), feature_count=2, function=few)


def labels(of: AbstractDescriptor, count: int) -> list[LabelledStructure]:
    """By a potential of this descriptor, with noise."""
    generator = np.random.default_rng(0)
    weights = generator.standard_normal(of.size)
    found = []
    for seed in range(count):
        atoms = structure(seed)
        exact = of.evaluate(atoms).contracted(weights)
        noise = 0.02 * generator.standard_normal(exact.forces.shape)
        found.append(LabelledStructure(atoms, float(exact.energy), exact.forces + noise, None))
    return found


@pytest.mark.parametrize("truth", [descriptor(), SMALL], ids=["many features", "few features"])
def test_the_evidence_chooses_what_the_labels_were_made_with(truth: AbstractDescriptor) -> None:
    found = descriptors_by_evidence(labels(truth, 12), [SMALL, descriptor()], FIT)
    assert found[0].descriptor.size == truth.size
    assert found[0].fitted.log_evidence > found[1].fitted.log_evidence + 5.0
    assert found[0].fitted.potential.noise.force_eV_per_A == pytest.approx(0.02, rel=0.2)


def test_no_descriptor_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one descriptor"):
        descriptors_by_evidence(labels(SMALL, 2), [])
