"""Monte Carlo moves against distributions that are known exactly."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Literal

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from tests.atoms.dynamics.systems import chain, ideal_gas, pairs

from assay.atoms.dynamics.monte_carlo import (
    CellMoves,
    SwapMoves,
    log_cell_acceptance,
    proposed_cell,
    swapped,
)
from assay.atoms.dynamics.state import State, Structure
from assay.atoms.dynamics.step import Dynamics, Forces, advance, begin
from assay.errors import UsageError

TEMPERATURE_K = 400.0
THERMAL_EV = units.kB * TEMPERATURE_K


def box(count: int, length_A: float) -> Atoms:
    places = np.random.default_rng(4).random((count, 3)) * length_A
    return Atoms(f"H{count}", positions=places, cell=[length_A] * 3, pbc=True)


def mean_and_error(values: np.ndarray, blocks: int = 40) -> tuple[float, float]:
    means = values[: len(values) // blocks * blocks].reshape(blocks, -1).mean(axis=1)
    return float(means.mean()), float(means.std(ddof=1) / np.sqrt(blocks))


@pytest.mark.parametrize("proposal", ["volume", "log_volume"])
@pytest.mark.parametrize("shape", ["isotropic", "full"])
def test_an_ideal_gas_fills_one_volume_more_than_it_has_atoms(
    proposal: Literal["volume", "log_volume"], shape: Literal["isotropic", "full"]
) -> None:
    count, pressure = 3, 0.5
    moves = CellMoves(shape=shape, proposal=proposal, step=1.5, smallest_height_A=0.0)
    expected = (count + 1) * THERMAL_EV / (pressure * units.GPa)
    structure = Structure.of(box(count, expected ** (1 / 3)))
    rng, volumes = np.random.default_rng(7), []
    for move in range(5000):
        if move % 20 == 0:  # the shapes of an ideal gas are all alike, and its cell would fold up
            structure = Structure.of(box(count, structure.volume_A3 ** (1 / 3)))
        trial = proposed_cell(structure, moves, moves.step, expected, rng)
        if trial is not None:
            chance = log_cell_acceptance(0.0, structure, trial, pressure, TEMPERATURE_K, moves.proposal)
            if np.log1p(-rng.random()) < chance:
                structure = trial
        volumes.append(structure.volume_A3)
    scaled = np.array(volumes) / expected
    mean, error = mean_and_error(scaled)
    assert error < 0.05
    assert abs(mean - 1.0) < 3.0 * error
    second, error = mean_and_error(scaled**2)  # of a gamma distribution of shape N + 1
    assert abs(second - (1.0 + 1.0 / (count + 1))) < 3.0 * error


def test_in_a_run_too_and_the_momenta_are_kept() -> None:
    count, pressure = 2, 1.0
    expected = (count + 1) * THERMAL_EV / (pressure * units.GPa)
    dynamics = Dynamics(1.0, TEMPERATURE_K, 0.1, pressure, CellMoves(interval=1, step=1.5, burn_in=100))
    forces = Forces(ideal_gas())
    state = begin(box(count, expected ** (1 / 3)), forces, dynamics, 1)
    volumes, steps = [], set()
    for _ in range(3000):
        state = advance(state, forces, dynamics)
        volumes.append(state.structure.volume_A3)
        if state.step >= 100:
            steps.add(state.cell_moves.step)
    assert len(steps) == 1  # nothing is adapted after the burn-in
    mean, error = mean_and_error(np.array(volumes[200:]) / expected)
    assert error < 0.05
    assert abs(mean - 1.0) < 3.0 * error


def test_a_move_of_the_cell_keeps_fractions_and_momenta() -> None:
    dynamics = Dynamics(1e-9, TEMPERATURE_K, 0.0, 0.0, CellMoves(interval=1, step=0.2, shape="full"))
    forces = Forces(ideal_gas())
    before = begin(box(4, 5.0), forces, dynamics, 1)
    after = next(
        state
        for state in _advancing(before, forces, dynamics)
        if state.cell_moves.accepted  # nearly every move is, at no pressure
    )
    np.testing.assert_array_equal(after.momenta, before.momenta)
    assert after.kinetic_energy_eV == before.kinetic_energy_eV
    np.testing.assert_allclose(
        np.linalg.solve(after.structure.cell.T, after.structure.positions.T),
        np.linalg.solve(before.structure.cell.T, before.structure.positions.T),
        atol=1e-7,
    )
    assert np.abs(after.structure.cell - np.diag(np.diag(after.structure.cell))).max() > 1e-3


def _advancing(state: State, forces: Forces, dynamics: Dynamics) -> Iterator[State]:
    while True:
        state = advance(state, forces, dynamics)
        yield state


def test_the_mean_pressure_at_constant_pressure_is_that_pressure() -> None:
    """<N kT / V - dU / dV> = P, exactly, whatever the potential."""
    pressure, forces = 2.0, Forces(pairs(0.005, 1.5), with_stress=True)
    lattice = Atoms("Ar27", positions=1.9 * np.array(list(itertools.product(range(3), repeat=3))))
    lattice.set_cell([5.7] * 3)
    lattice.pbc = True
    moves = CellMoves(interval=3, step=0.2, smallest_height_A=3.0, burn_in=600)
    dynamics = Dynamics(4.0, TEMPERATURE_K, 0.05, pressure, moves)
    state, ideals, virials = begin(lattice, forces, dynamics, 3), [], []
    for _ in range(3600):
        state = advance(state, forces, dynamics)
        assert state.evaluation.stress is not None
        ideals.append(27 * THERMAL_EV / state.structure.volume_A3 / units.GPa)
        virials.append(-np.trace(state.evaluation.stress) / 3.0 / units.GPa)
    mean, error = mean_and_error(np.array(ideals[600:]) + np.array(virials[600:]))
    assert error < 0.05
    assert np.mean(virials[600:]) > 3.0 * error  # the forces between the atoms matter
    assert abs(mean - pressure) < 3.0 * error


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_moves_of_all_strains_leave_a_crystal_under_the_same_pressure_from_every_side() -> None:
    """<V s> is isotropic and <N kT / V - dU / dV> = P, exactly, for the invariant measure of shapes."""
    pressure, forces = 8.0, Forces(pairs(0.15, 1.4), with_stress=True)
    atoms = bulk("Ar", "fcc", 1.56, cubic=True).repeat(2)
    moves = CellMoves(2, "full", step=0.02, smallest_height_A=2.8, burn_in=500)
    dynamics = Dynamics(4.0, TEMPERATURE_K, 0.05, pressure, moves)
    state, shears, excesses, shapes = begin(atoms, forces, dynamics, 5), [], [], []
    for _ in range(12000):
        state = advance(state, forces, dynamics)
        stress, volume = state.evaluation.stress, state.structure.volume_A3
        assert stress is not None
        virial = -volume * stress
        shears.append([virial[0, 0] - virial[1, 1], virial[0, 0] - virial[2, 2], virial[0, 1], virial[1, 2]])
        excesses.append(len(atoms) * THERMAL_EV / volume + np.trace(virial) / (3.0 * volume))
        shapes.append(state.structure.cell[0, 1])
    mean, error = mean_and_error(np.array(excesses[1000:]) / units.GPa)
    assert (
        5.0 * error < len(atoms) * THERMAL_EV / state.structure.volume_A3 / units.GPa
    )  # the N of N ln V shows
    assert abs(mean - pressure) < 3.0 * error
    for column in np.array(shears[1000:]).T:
        mean, error = mean_and_error(column)
        assert abs(mean) < 3.5 * error
    assert np.std(shapes[1000:]) > 0.01  # the cell did shear


def test_swaps_visit_the_orders_of_a_chain_as_often_as_their_energies_say() -> None:
    strength = 0.04
    forces = Forces(chain(strength))
    places = np.array([[x, 0.0, 0.0] for x in range(5)])
    atoms = Atoms("AlAlCuCuCu", positions=places)
    dynamics = Dynamics(1e-12, TEMPERATURE_K, 0.0, swaps=SwapMoves(1, attempts=2))
    orders = list(itertools.combinations(range(5), 2))
    energies = []
    for order in orders:
        numbers = np.full(5, 29)
        numbers[list(order)] = 13
        energies.append(forces.at(Structure.of(Atoms(numbers=numbers, positions=places)), ()).energy_eV)
    weights = np.exp(-np.array(energies) / THERMAL_EV)
    expected = weights / weights.sum()
    assert expected.max() > 5.0 * expected.min()
    state = begin(atoms, forces, dynamics, 11)
    seen = []
    for _ in range(4000):
        state = advance(state, forces, dynamics)
        seen.append(orders.index(tuple(sorted(state.structure.positions[:2, 0].round().astype(int)))))
    for index, share in enumerate(expected):
        mean, error = mean_and_error(np.array(seen) == index)
        assert error < 0.02
        assert abs(mean - share) < 3.5 * error
    assert 0.1 < state.swaps.acceptance < 0.9


def test_a_swap_exchanges_places_and_each_atom_keeps_its_momentum() -> None:
    forces = Forces(ideal_gas())
    atoms = Atoms("AlCu", positions=[[0, 0, 0], [3, 0, 0]])
    dynamics = Dynamics(1e-12, 300.0, 0.0, swaps=SwapMoves(interval=1))
    before = begin(atoms, forces, dynamics, 1)
    after = advance(before, forces, dynamics)
    np.testing.assert_array_equal(after.momenta, before.momenta)
    np.testing.assert_allclose(after.structure.positions, before.structure.positions[::-1], atol=1e-9)
    assert after.kinetic_energy_eV == before.kinetic_energy_eV
    assert after.swaps.accepted == 1


def test_one_species_has_nothing_to_swap() -> None:
    structure = Structure.of(Atoms("Al3", positions=np.eye(3)))
    assert swapped(structure, np.random.default_rng(0)) is None


def test_the_burn_in_brings_the_acceptance_to_its_target() -> None:
    moves = CellMoves(step=0.01, burn_in=3000, interval=1)
    dynamics = Dynamics(1.0, TEMPERATURE_K, 0.1, 1.0, moves)
    forces = Forces(ideal_gas())
    state = begin(box(20, 10.0), forces, dynamics, 1)
    for _ in range(1000):
        state = advance(state, forces, dynamics)
    middle = state
    for _ in range(1000):
        state = advance(state, forces, dynamics)
    share = (state.cell_moves.accepted - middle.cell_moves.accepted) / 1000
    assert share == pytest.approx(moves.target_acceptance, abs=0.06)


def test_moves_without_a_temperature_or_a_cell_are_refused() -> None:
    with pytest.raises(UsageError, match="temperature_K"):
        Dynamics(temperature_K=None, swaps=SwapMoves())
    atoms = box(2, 5.0)
    atoms.pbc = (True, True, False)
    with pytest.raises(UsageError, match="periodic"):
        begin(atoms, Forces(ideal_gas()), Dynamics(cell_moves=CellMoves()), 0)
