"""Descriptors of others: what is asked of their functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms

from assay.atoms.descriptors.adapted import AdaptedDescriptor, FeatureDerivatives
from assay.errors import UsageError


def squares(atoms: Any) -> FeatureDerivatives:
    """The squared distance of two atoms, without strain."""
    vector = atoms.positions[1] - atoms.positions[0]
    return FeatureDerivatives(
        np.array([vector @ vector]), np.array([-2.0 * vector, 2.0 * vector])[:, :, None]
    )


def test_the_strain_of_a_molecule_follows_from_its_positions() -> None:
    atoms = Atoms("H2", [[0.1, 0.2, 0.3], [1.0, -0.5, 2.0]])
    vector = atoms.positions[1] - atoms.positions[0]
    virial = AdaptedDescriptor(("H",), 1, squares).rows(atoms).virial[:, :, 0]
    assert virial == pytest.approx(-2.0 * np.outer(vector, vector))


def test_a_periodic_structure_needs_the_strain() -> None:
    atoms = Atoms("H2", [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]], cell=[4.0, 4.0, 4.0], pbc=True)
    with pytest.raises(UsageError, match="strain=None"):
        AdaptedDescriptor(("H",), 1, squares).evaluate(atoms)


def test_features_of_the_structure_alone_have_no_atomic_values() -> None:
    evaluation = AdaptedDescriptor(("H",), 1, squares).evaluate(Atoms("H2", [[0, 0, 0], [0, 0, 1.5]]))
    assert evaluation.values == pytest.approx([2.25])
    with pytest.raises(UsageError, match="no features of single atoms"):
        _ = evaluation.atomic_values


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (FeatureDerivatives(np.ones(2), np.ones((2, 3, 1))), r"values .* got \(2,\)"),
        (FeatureDerivatives(np.ones(1), np.ones((2, 3, 2))), r"positions .* got \(2, 3, 2\)"),
        (FeatureDerivatives(np.ones(1), np.ones((2, 3, 1)), np.ones((6, 1))), r"strain .* got \(6, 1\)"),
    ],
)
def test_other_shapes_are_refused(found: FeatureDerivatives, message: str) -> None:
    descriptor = AdaptedDescriptor(("H",), 1, lambda _: found)
    with pytest.raises(UsageError, match=message):
        descriptor.evaluate(Atoms("H2", [[0, 0, 0], [0, 0, 1.5]]))


def test_arguments_that_break_a_rule_are_refused() -> None:
    with pytest.raises(UsageError, match="at least 1, got 0"):
        AdaptedDescriptor(("H",), 0, squares)
    with pytest.raises(UsageError, match="2 numbers of at least 1"):
        AdaptedDescriptor(("H",), 2, squares, roughness=np.array([1.0, 0.5]))
