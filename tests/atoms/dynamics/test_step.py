"""One step of dynamics against closed forms, rates and invariances."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from tests.atoms.dynamics.systems import ideal_gas, pairs

from assay.atoms.dynamics.schedule import Schedule
from assay.atoms.dynamics.state import State, maxwell_momenta
from assay.atoms.dynamics.step import Dynamics, Forces, advance, begin
from assay.atoms.dynamics.walls import HarmonicTrap
from assay.errors import UsageError


def trajectory(state: State, forces: Forces, dynamics: Dynamics, steps: int) -> list[State]:
    states = [state]
    for _ in range(steps):
        states.append(advance(states[-1], forces, dynamics))
    return states


def cluster() -> Atoms:
    """A small Lennard-Jones cluster off its minimum."""
    rng = np.random.default_rng(0)
    places = 1.12 * np.array([[0, 0, 0], [1, 0, 0], [0.5, 0.87, 0], [0.5, 0.29, 0.82]])
    return Atoms("Ar4", positions=places + 0.02 * rng.standard_normal((4, 3)), masses=np.full(4, 1.0))


def test_the_error_of_energy_is_of_second_order_in_the_time_step() -> None:
    forces, errors = Forces(pairs()), []
    steps = (0.4, 0.2, 0.1)
    for timestep in steps:
        dynamics = Dynamics(timestep_fs=timestep, temperature_K=None)
        atoms = cluster()
        atoms.set_momenta(maxwell_momenta(atoms.get_masses(), 500.0, 0, 0))
        state = begin(atoms, forces, dynamics, 0, keep_momenta=True)
        states = trajectory(state, forces, dynamics, round(40.0 / timestep))
        total = [each.evaluation.energy_eV + each.kinetic_energy_eV for each in states]
        errors.append(np.abs(np.array(total) - total[0]).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(orders, 2.0, atol=0.15)


def wells(timestep_fs: float, steps: int, stiffness: float = 2.0) -> tuple[list[State], float]:
    """1200 hydrogen oscillators at 400 K, and omega dt."""
    atoms = Atoms("H400", positions=np.zeros((400, 3)))
    dynamics = Dynamics(timestep_fs, 400.0, 0.2, walls=(HarmonicTrap(stiffness),))
    forces = Forces(ideal_gas())
    states = trajectory(begin(atoms, forces, dynamics, 3), forces, dynamics, steps + 60)[60:]
    return states, np.sqrt(stiffness / 1.008) * units.fs * timestep_fs


def mean_and_error(of_oscillators: np.ndarray) -> tuple[float, float]:
    """The oscillators are independent, the times are not."""
    means = of_oscillators.mean(axis=0).ravel()
    return float(means.mean()), float(means.std() / np.sqrt(means.size))


def test_a_harmonic_well_has_the_distribution_of_boltzmann_at_a_long_time_step() -> None:
    states, phase = wells(3.0, 240)
    assert (
        phase > 0.4
    )  # the positions of a splitting with an error of second order would be off by phase^2 / 4
    scaled = np.array([state.structure.positions for state in states]) / np.sqrt(units.kB * 400.0 / 2.0)
    second, error = mean_and_error(scaled**2)
    assert error < 0.01
    assert abs(second - 1.0) < 3.0 * error
    fourth, error = mean_and_error(scaled**4)
    assert abs(fourth - 3.0) < 3.0 * error


def test_the_kinetic_temperature_is_that_of_the_bath() -> None:
    states, _ = wells(0.5, 240)
    kinetic, error = mean_and_error(np.array([state.momenta for state in states]) ** 2 / (1.008 * units.kB))
    assert abs(kinetic - 400.0) < 3.0 * error
    assert states[-1].temperature_K() == pytest.approx(400.0, rel=0.15)


def test_without_friction_and_without_a_temperature_it_is_the_same_velocity_verlet() -> None:
    forces = Forces(pairs())
    atoms = cluster()
    atoms.set_momenta(maxwell_momenta(atoms.get_masses(), 300.0, 1, 0))
    ends = []
    for dynamics in (Dynamics(0.2, None), Dynamics(0.2, 300.0, 0.0)):
        state = begin(atoms, forces, dynamics, 0, keep_momenta=True)
        ends.append(trajectory(state, forces, dynamics, 50)[-1].structure.positions)
    np.testing.assert_array_equal(*ends)


def test_a_trajectory_depends_on_its_seed_alone_and_goes_on_from_any_state() -> None:
    forces, dynamics = Forces(EMT()), Dynamics(1.0, 600.0, 0.02)
    atoms = bulk("Cu", cubic=True)
    one = trajectory(begin(atoms, forces, dynamics, 5), forces, dynamics, 6)
    two = trajectory(begin(atoms, forces, dynamics, 5), forces, dynamics, 3)
    rest = trajectory(two[-1], Forces(EMT()), dynamics, 3)
    np.testing.assert_array_equal(one[-1].structure.positions, rest[-1].structure.positions)
    other = trajectory(begin(atoms, forces, dynamics, 6), forces, dynamics, 1)
    assert np.abs(other[-1].momenta - one[1].momenta).max() > 0.01


def test_a_run_is_the_same_elsewhere_and_in_another_order_of_atoms() -> None:
    forces, dynamics = Forces(pairs()), Dynamics(0.2, None)
    atoms = cluster()
    atoms.set_momenta(maxwell_momenta(atoms.get_masses(), 300.0, 1, 0))
    end = trajectory(begin(atoms, forces, dynamics, 0, keep_momenta=True), forces, dynamics, 40)[-1]
    order = [2, 0, 3, 1]
    moved = atoms[order]
    moved.positions += 7.0
    other = trajectory(begin(moved, forces, dynamics, 0, keep_momenta=True), forces, dynamics, 40)[-1]
    np.testing.assert_allclose(other.structure.positions - 7.0, end.structure.positions[order], atol=1e-12)


def test_at_rest_the_centre_of_mass_stays_and_the_temperature_counts_three_degrees_less() -> None:
    atoms = Atoms("HOC", positions=np.eye(3) * 3.0)
    dynamics = Dynamics(0.5, 500.0, 0.5, at_rest=True)
    forces = Forces(ideal_gas())
    start = begin(atoms, forces, dynamics, 2)
    states = trajectory(start, forces, dynamics, 1500)
    centres = [np.average(s.structure.positions, axis=0, weights=s.structure.masses) for s in states]
    np.testing.assert_allclose(centres, np.broadcast_to(centres[0], (1501, 3)), atol=1e-10)
    freedom = dynamics.degrees_of_freedom(3)
    assert freedom == 6
    blocks = np.array([s.temperature_K(freedom) for s in states[1:]]).reshape(30, 50).mean(axis=1)
    assert abs(blocks.mean() - 500.0) < 3.0 * blocks.std() / np.sqrt(30)


def test_a_ramp_heats() -> None:
    atoms = Atoms("H300", positions=np.zeros((300, 3)))
    dynamics = Dynamics(1.0, Schedule((0, 100), (100.0, 900.0)), 1.0)
    forces = Forces(ideal_gas())
    states = trajectory(begin(atoms, forces, dynamics, 2), forces, dynamics, 130)
    for step in (0, 50, 130):
        assert states[step].temperature_K() == pytest.approx(dynamics.temperature_at(step), rel=0.15)


def test_the_pressure_of_an_ideal_gas_is_kinetic() -> None:
    atoms = Atoms("H200", positions=np.zeros((200, 3)), cell=[20.0] * 3, pbc=True)
    dynamics = Dynamics(1.0, 300.0)
    state = begin(atoms, Forces(ideal_gas(), with_stress=True), dynamics, 2)
    expected = 200 * units.kB * state.temperature_K() / 8000.0 / units.GPa
    assert state.pressure_GPa == pytest.approx(expected, rel=1e-12)
    blind = replace(state, evaluation=replace(state.evaluation, stress=None))
    assert np.isnan(blind.pressure_GPa)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"timestep_fs": 0.0}, "timestep_fs"),
        ({"friction_per_fs": -1.0}, "friction_per_fs"),
        ({"temperature_K": -1.0}, "temperature_K"),
    ],
)
def test_numbers_out_of_range_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Dynamics(**settings)


def test_constraints_are_refused() -> None:
    from ase.constraints import FixAtoms

    atoms = bulk("Cu")
    atoms.set_constraint(FixAtoms([0]))
    with pytest.raises(UsageError, match="constraints"):
        begin(atoms, Forces(EMT()), Dynamics(), 0)
