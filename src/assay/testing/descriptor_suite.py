"""What every descriptor must do, on small structures of the species that it knows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from assay.atoms.descriptors.abstract import AbstractDescriptor
from assay.errors import UsageError

__all__ = ["DESCRIPTOR_CHECKS", "example_structures"]

MakeDescriptor = Callable[[], AbstractDescriptor]
Array = np.ndarray


def example_structures(descriptor: AbstractDescriptor) -> list[Any]:
    """A cluster of five atoms, and a distorted cell of four; the species in turn."""
    from ase import Atoms

    generator = np.random.default_rng(0)
    symbols = [descriptor.species[number % len(descriptor.species)] for number in range(5)]
    corners = 1.7 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
    cluster = Atoms(symbols, corners + generator.uniform(-0.2, 0.2, (5, 3)))
    cell = 3.4 * np.eye(3) + generator.uniform(-0.2, 0.2, (3, 3))
    lattice = 3.4 * np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    crystal = Atoms(symbols[:4], lattice + generator.uniform(-0.2, 0.2, (4, 3)), cell=cell, pbc=True)
    return [cluster, crystal]


def check_shapes(make: MakeDescriptor) -> None:
    """Values, rows and smoothness have the promised shapes, in float64."""
    descriptor = make()
    n = descriptor.size
    assert descriptor.smoothness.shape == (n,)
    assert (descriptor.smoothness >= 1.0).all()
    for atoms in example_structures(descriptor):
        rows = descriptor.rows(atoms)
        arrays = (descriptor.evaluate(atoms).values, rows.energy, rows.forces, rows.virial)
        assert [array.shape for array in arrays] == [(n,), (n,), (len(atoms), 3, n), (3, 3, n)]
        assert all(array.dtype == np.float64 for array in arrays)


def check_an_unknown_species_is_refused(make: MakeDescriptor) -> None:
    """A structure with a species that the descriptor does not know is an error of its user."""
    descriptor = make()
    atoms = example_structures(descriptor)[0]
    atoms.symbols[1] = "Og"
    try:
        descriptor.evaluate(atoms)
        complaint = ""
    except UsageError as error:
        complaint = str(error)
    assert "Og" in complaint


def check_nothing_changes_under_rotation_translation_and_renumbering(make: MakeDescriptor) -> None:
    """The values stay within 1e-10 of themselves, relative to the largest; forces turn along."""
    descriptor = make()
    generator = np.random.default_rng(1)
    weights = generator.standard_normal(descriptor.size)
    for atoms in example_structures(descriptor):
        before = descriptor.evaluate(atoms)
        contraction = before.contracted(weights)
        rotation = _rotation(generator)
        moved = atoms.copy()
        moved.set_cell(atoms.cell.array @ rotation.T)
        moved.positions = atoms.positions @ rotation.T + generator.uniform(-3.0, 3.0, 3)
        order = generator.permutation(len(atoms))
        after = descriptor.evaluate(moved[order])
        turned = after.contracted(weights)
        assert _error(after.values, before.values) < 1e-10
        assert _error(turned.energy, contraction.energy) < 1e-10
        assert _error(turned.forces, contraction.forces[order] @ rotation.T) < 1e-10
        assert _error(turned.virial, rotation @ contraction.virial @ rotation.T) < 1e-10


def check_a_supercell_has_as_many_times_the_values(make: MakeDescriptor) -> None:
    """Two cells side by side give twice the features."""
    descriptor = make()
    crystal = example_structures(descriptor)[1]
    once, twice = descriptor.evaluate(crystal).values, descriptor.evaluate(crystal * (2, 1, 1)).values
    assert _error(twice, 2.0 * once) < 1e-10


def check_rows_agree_with_contractions(make: MakeDescriptor) -> None:
    """One reverse pass, several, and the rows times the weights are the same numbers; forces sum to zero."""
    descriptor = make()
    weights = np.random.default_rng(2).standard_normal((3, descriptor.size))
    for atoms in example_structures(descriptor):
        evaluation, rows = descriptor.evaluate(atoms), descriptor.rows(atoms)
        many = evaluation.contracted_many(weights)
        assert _error(rows.energy, evaluation.values) < 1e-12
        for place, row in enumerate(weights):
            one = evaluation.contracted(row)
            pairs = (
                (one.energy, many.energy[place], rows.energy @ row),
                (one.forces, many.forces[place], rows.forces @ row),
                (one.virial, many.virial[place], rows.virial @ row),
            )
            for first, second, third in pairs:
                assert _error(first, second) < 1e-12
                assert _error(first, third) < 1e-12
        assert np.abs(rows.forces.sum(axis=0)).max() < 1e-10 * np.abs(rows.forces).max()
        assert _error(rows.virial, rows.virial.transpose(1, 0, 2)) < 1e-12


def check_derivatives_are_those_of_the_values(make: MakeDescriptor) -> None:
    """Forces and virial of every feature against central differences of fourth order: 1e-7, relative to the largest."""
    descriptor = make()
    for atoms in example_structures(descriptor):
        rows = descriptor.rows(atoms)
        scale_forces, scale_virial = np.abs(rows.forces).max(), np.abs(rows.virial).max()
        for place in ((0, 0), (2, 1), (3, 2)):
            slope = _difference(partial(_displaced, descriptor, atoms, place))
            assert np.abs(rows.forces[place] + slope).max() < 1e-7 * scale_forces
        for place in ((0, 0), (0, 1), (2, 1)):
            slope = _difference(partial(_strained, descriptor, atoms, place))
            assert np.abs(rows.virial[place] + slope).max() < 1e-7 * scale_virial


def _error(found: Array, expected: Array) -> float:
    """The largest difference, relative to the largest entry."""
    return float(np.abs(np.asarray(found) - expected).max() / np.abs(expected).max())


def _rotation(generator: np.random.Generator) -> Array:
    orthogonal = np.linalg.qr(generator.standard_normal((3, 3)))[0]
    return orthogonal * np.linalg.det(orthogonal)


def _difference(values: Callable[[float], Array], step: float = 1e-4) -> Array:
    """The slope at 0, to fourth order of a step so small that few neighbours cross an edge where curvatures jump."""
    near, far = values(step) - values(-step), values(2.0 * step) - values(-2.0 * step)
    return (8.0 * near - far) / (12.0 * step)


def _displaced(descriptor: AbstractDescriptor, atoms: Any, place: tuple[int, int], step: float) -> Array:
    moved = atoms.copy()
    moved.positions[place] += step
    return descriptor.evaluate(moved).values


def _strained(descriptor: AbstractDescriptor, atoms: Any, place: tuple[int, int], step: float) -> Array:
    strain = np.zeros((3, 3))
    strain[place] += 0.5 * step
    strain[place[::-1]] += 0.5 * step
    moved = atoms.copy()
    moved.set_cell(atoms.cell.array @ (np.eye(3) + strain))
    moved.positions = atoms.positions @ (np.eye(3) + strain)
    return descriptor.evaluate(moved).values


DESCRIPTOR_CHECKS = (
    check_shapes,
    check_an_unknown_species_is_refused,
    check_nothing_changes_under_rotation_translation_and_renumbering,
    check_a_supercell_has_as_many_times_the_values,
    check_rows_agree_with_contractions,
    check_derivatives_are_those_of_the_values,
)
"""Each takes a factory of descriptors."""
