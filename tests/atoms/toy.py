"""A small descriptor in NumPy, and structures for tests of what is built on descriptors."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list

from assay.atoms.descriptors.adapted import AdaptedDescriptor, FeatureDerivatives

Array = np.ndarray

CUTOFF_A = 4.0
CENTRES_A = np.linspace(1.5, 3.5, 5)
SPECIES = ("Cu", "Al")


def toy(atoms: Any) -> FeatureDerivatives:
    """Per central species and radial function: the density of each atom's neighbours, its square and its cube, summed."""
    centre, neighbour, distance, vector = neighbor_list("ijdD", atoms, CUTOFF_A)
    away = distance[:, None] - CENTRES_A
    damping = (1.0 - (distance / CUTOFF_A) ** 2)[:, None]
    value = damping**3 * np.exp(-2.0 * away**2)
    slope = value * (-4.0 * away) - 6.0 * (distance / CUTOFF_A**2)[:, None] * damping**2 * np.exp(
        -2.0 * away**2
    )
    density = np.zeros((len(atoms), 5))
    np.add.at(density, centre, value)
    power = np.concatenate([density, 0.1 * density**2, 0.01 * density**3], axis=1)
    by_density = np.concatenate([np.ones_like(density), 0.2 * density, 0.03 * density**2], axis=1)[centre]
    edge = by_density[:, None, :] * (vector / distance[:, None])[:, :, None] * np.tile(slope, 3)[:, None, :]
    own = np.array(atoms.get_chemical_symbols())
    shown = np.concatenate([own[:, None] == name for name in SPECIES], axis=1).astype(float)
    by_species = (edge[:, :, None, :] * shown[centre][:, None, :, None]).reshape(len(centre), 3, -1)
    positions = np.zeros((len(atoms), 3, by_species.shape[2]))
    np.add.at(positions, neighbour, by_species)
    np.subtract.at(positions, centre, by_species)
    values = (power[:, None, :] * shown[:, :, None]).reshape(len(atoms), -1)
    return FeatureDerivatives(values, positions, np.einsum("eak,eb->abk", by_species, vector))


def descriptor() -> AdaptedDescriptor:
    """30 features of copper and aluminium."""
    return AdaptedDescriptor(SPECIES, 30, toy)


def structure(seed: int = 0, amplitude_A: float = 0.12, species: tuple[str, ...] = ("Al", "Cu")) -> Atoms:
    """Four atoms of a strained, rattled cubic cell."""
    generator = np.random.default_rng(seed)
    atoms = bulk("Cu", cubic=True)
    atoms.set_chemical_symbols([species[place % len(species)] for place in range(4)])
    strain = np.eye(3) + 0.04 * generator.standard_normal((3, 3))
    atoms.set_cell(1.04 * atoms.cell.array @ strain, scale_atoms=True)
    atoms.positions += amplitude_A * generator.standard_normal((4, 3))
    return atoms


def known(value: Any) -> Any:
    """A label that must be there."""
    assert value is not None
    return value
