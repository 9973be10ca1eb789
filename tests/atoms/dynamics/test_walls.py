"""Walls: their forces are the gradient of their energies."""

from __future__ import annotations

import numpy as np
import pytest

from assay.atoms.dynamics.walls import AbstractWall, HarmonicTrap, PlanarWall, SphericalWall
from assay.errors import UsageError

WALLS = [
    SphericalWall(1.0, 2.0),
    SphericalWall(0.8, 1.5, (0.1, 0.2, 0.3)),
    PlanarWall(1, -0.5, 0.7, 3.0),
    HarmonicTrap(0.7, (1.0, 0.0, 0.0)),
]
PLACES = np.random.default_rng(2).normal(0.0, 1.3, (5, 3))


@pytest.mark.parametrize("wall", WALLS)
def test_forces_are_minus_the_gradient(wall: AbstractWall) -> None:
    step, differences = 1e-5, np.zeros_like(PLACES)
    for index in np.ndindex(PLACES.shape):
        for sign in (1.0, -1.0):
            moved = PLACES.copy()
            moved[index] += sign * step
            differences[index] -= sign * wall.energy_and_forces(moved)[0] / (2 * step)
    energy, forces = wall.energy_and_forces(PLACES)
    assert energy > 0.1
    np.testing.assert_allclose(forces, differences, atol=1e-8)


def test_inside_a_wall_is_not_there() -> None:
    for wall in (SphericalWall(9.0), PlanarWall(0, -9.0, 9.0)):
        energy, forces = wall.energy_and_forces(PLACES)
        assert energy == 0.0
        assert not forces.any()


def test_a_sphere_about_the_mean_moves_with_the_atoms_and_exerts_no_force_on_the_whole() -> None:
    energy, forces = SphericalWall(1.0, 2.0).energy_and_forces(PLACES)
    moved_energy, moved_forces = SphericalWall(1.0, 2.0).energy_and_forces(PLACES + 7.0)
    assert moved_energy == pytest.approx(energy, rel=1e-12)
    np.testing.assert_allclose(moved_forces, forces, atol=1e-12)
    np.testing.assert_allclose(forces.sum(axis=0), 0.0, atol=1e-12)


def test_an_atom_in_the_centre_of_a_wall_feels_nothing() -> None:
    _, forces = SphericalWall(1.0, 2.0, (0.0, 0.0, 0.0)).energy_and_forces(np.zeros((1, 3)))
    assert forces.tolist() == [[0.0, 0.0, 0.0]]


def test_walls_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="radius_A"):
        SphericalWall(0.0)
    with pytest.raises(UsageError, match="lower plane"):
        PlanarWall(0, 1.0, 1.0)
    with pytest.raises(UsageError, match="stiffness"):
        HarmonicTrap(float("nan"))
