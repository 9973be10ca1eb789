"""The barostat against distributions that are known exactly, a conserved energy, and its rate."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from tests.atoms.dynamics.systems import ideal_gas, pairs

from assay.atoms.dynamics.barostat import Barostat
from assay.atoms.dynamics.monte_carlo import CellMoves
from assay.atoms.dynamics.running import Run, run_walker
from assay.atoms.dynamics.schedule import Schedule
from assay.atoms.dynamics.state import State
from assay.atoms.dynamics.step import Dynamics, Forces, advance, begin
from assay.atoms.dynamics.walk import Walk
from assay.atoms.dynamics.walls import HarmonicTrap
from assay.errors import UsageError

TEMPERATURE_K = 400.0
THERMAL_EV = units.kB * TEMPERATURE_K
Shape = Literal["isotropic", "full"]


def mean_and_error(values: np.ndarray, blocks: int = 40) -> tuple[float, float]:
    means = values[: len(values) // blocks * blocks].reshape(blocks, -1).mean(axis=1)
    return float(means.mean()), float(means.std(ddof=1) / np.sqrt(blocks))


def trajectory(atoms: Atoms, forces: Forces, dynamics: Dynamics, steps: int, seed: int = 1) -> list[State]:
    states = [begin(atoms, forces, dynamics, seed)]
    for _ in range(steps):
        states.append(advance(states[-1], forces, dynamics))
    return states


def volumes(states: list[State]) -> np.ndarray:
    return np.array([state.structure.volume_A3 for state in states])


def soft_crystal() -> Atoms:
    lattice = Atoms("Ar27", positions=1.9 * np.array(list(itertools.product(range(3), repeat=3))))
    lattice.set_cell([5.7] * 3)
    lattice.pbc = True
    return lattice


@pytest.mark.parametrize("at_rest", [False, True])
def test_an_ideal_gas_fills_one_volume_more_than_it_has_atoms(at_rest: bool) -> None:
    count, pressure = 2, 0.5
    expected = (count + 1) * THERMAL_EV / (pressure * units.GPa)
    atoms = Atoms(f"H{count}", positions=np.zeros((count, 3)), cell=[expected ** (1 / 3)] * 3, pbc=True)
    dynamics = Dynamics(1.0, TEMPERATURE_K, 0.3, pressure, at_rest=at_rest, barostat=Barostat(10.0))
    scaled = volumes(trajectory(atoms, Forces(ideal_gas(), True), dynamics, 8000))[200:] / expected
    mean, error = mean_and_error(scaled)
    assert error < 0.04  # N, N + 1 and N + 2 lie a third apart
    assert abs(mean - 1.0) < 3.0 * error
    second, error = mean_and_error(scaled**2)  # of a gamma distribution of shape N + 1
    assert abs(second - (1.0 + 1.0 / (count + 1))) < 3.0 * error


@pytest.mark.parametrize("shape", ["isotropic", "full"])
def test_the_rate_of_strain_and_the_momenta_have_the_temperature_of_the_bath(shape: Shape) -> None:
    atoms = soft_crystal()
    barostat = Barostat(40.0, shape)
    dynamics = Dynamics(2.0, TEMPERATURE_K, 0.05, 2.0, barostat=barostat)
    states = trajectory(atoms, Forces(pairs(0.05, 1.5), True), dynamics, 2500)[200:]
    mass = barostat.mass(27, TEMPERATURE_K)
    rates = np.array([state.strain_rate for state in states])
    freedom = 1 if shape == "isotropic" else 6
    share, error = mean_and_error(np.einsum("sij,sij->s", rates, rates) * mass / (freedom * THERMAL_EV))
    assert error < 0.1
    assert abs(share - 1.0) < 3.0 * error
    temperature, error = mean_and_error(np.array([state.temperature_K() for state in states]))
    assert abs(temperature - TEMPERATURE_K) < 3.0 * error


@pytest.mark.parametrize("shape", ["isotropic", "full"])
def test_the_error_of_the_conserved_energy_is_of_second_order_in_the_time_step(shape: Shape) -> None:
    forces, pressure, errors = Forces(pairs(0.15, 1.4), True), 8.0, []
    barostat = Barostat(60.0, shape, friction_per_fs=0.0)
    steps = (2.0, 1.0, 0.5)
    for timestep in steps:
        dynamics = Dynamics(timestep, TEMPERATURE_K, 0.0, pressure, barostat=barostat)
        atoms = bulk("Ar", "fcc", 1.56, cubic=True).repeat(2)
        states = trajectory(atoms, forces, dynamics, round(160.0 / timestep))
        mass = barostat.mass(len(atoms), TEMPERATURE_K)
        assert np.ptp(volumes(states)) > 0.02 * states[0].structure.volume_A3  # the cell did move
        total = np.array([_conserved(state, pressure, mass) for state in states])
        errors.append(np.abs(total - total[0]).max())
    np.testing.assert_allclose(np.log2(np.array(errors[:-1]) / errors[1:]), 2.0, atol=0.2)


def _conserved(state: State, pressure_GPa: float, mass: float) -> float:
    volume = state.structure.volume_A3
    work = pressure_GPa * units.GPa * volume - THERMAL_EV * np.log(volume)
    piston = 0.5 * mass * np.sum(state.strain_rate**2)
    return float(state.evaluation.energy_eV + state.kinetic_energy_eV + work + piston)


def test_the_mean_pressure_is_that_pressure_and_fluctuations_of_volume_are_its_compressibility() -> None:
    """<N kT / V - dU / dV> = P, and -d<V> / dP = <(V - <V>)²> / kT, exactly, whatever the potential."""
    forces, means, errors, fluctuations = Forces(pairs(0.005, 1.5), True), [], [], []
    for pressure in (1.6, 2.4):
        dynamics = Dynamics(4.0, TEMPERATURE_K, 0.05, pressure, barostat=Barostat(60.0))
        states = trajectory(soft_crystal(), forces, dynamics, 3200)[200:]
        inner = [
            27 * THERMAL_EV / state.structure.volume_A3 - np.trace(state.evaluation.stress) / 3.0
            for state in states
            if state.evaluation.stress is not None
        ]
        mean, error = mean_and_error(np.array(inner) / units.GPa)
        assert error < 0.05
        assert abs(mean - pressure) < 3.0 * error
        mean, error = mean_and_error(volumes(states))
        means.append(mean)
        errors.append(error)
        fluctuations.append(volumes(states).var() / THERMAL_EV)
    response = (means[0] - means[1]) / (0.8 * units.GPa)
    error = np.hypot(*errors) / (0.8 * units.GPa)
    # The response is the mean of the fluctuation over the pressures between: by the trapezoid, to a twentieth.
    assert abs(response - np.mean(fluctuations)) < 3.0 * error + 0.1 * response
    assert 3.0 * error < 0.2 * response


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_all_strains_of_a_crystal_are_those_of_monte_carlo() -> None:
    forces, pressure = Forces(pairs(0.15, 1.4), True), 8.0
    atoms = bulk("Ar", "fcc", 1.56, cubic=True).repeat(2)
    moves = CellMoves(2, "full", step=0.02, smallest_height_A=2.8, burn_in=500)
    found = []
    for dynamics in (
        Dynamics(4.0, TEMPERATURE_K, 0.05, pressure, barostat=Barostat(100.0, "full")),
        Dynamics(4.0, TEMPERATURE_K, 0.05, pressure, moves),
    ):
        states = trajectory(atoms, forces, dynamics, 12000, seed=5)[1000:]
        cells = np.array([state.structure.cell for state in states])
        metric = cells @ cells.transpose(0, 2, 1)
        length = metric[:, 0, 0] / np.mean(metric[:, 0, 0])
        shear = metric[:, 0, 1] / np.mean(metric[:, 0, 0])
        found.append([mean_and_error(column) for column in (volumes(states), length**2, shear, shear**2)])
    for (one, error), (other, of_other) in zip(*found, strict=True):
        assert abs(one - other) < 3.0 * np.hypot(error, of_other)
    assert found[0][3][0] > 5.0 * found[0][3][1]  # the cell did shear


def test_where_the_origin_lies_does_not_matter() -> None:
    forces = Forces(pairs(0.05, 1.5), True)
    dynamics = Dynamics(2.0, TEMPERATURE_K, 0.05, 2.0, barostat=Barostat(40.0, "full"))
    shifted = soft_crystal()
    shifted.positions += [1.3, -0.4, 20.0]
    one, other = (volumes(trajectory(atoms, forces, dynamics, 60)) for atoms in (soft_crystal(), shifted))
    np.testing.assert_allclose(one, other, rtol=1e-9)


def test_a_ramp_of_pressure_presses() -> None:
    pressure = Schedule((0, 1500), (0.5, 5.0))
    dynamics = Dynamics(4.0, TEMPERATURE_K, 0.05, pressure, barostat=Barostat(60.0))
    found = volumes(trajectory(soft_crystal(), Forces(pairs(0.005, 1.5), True), dynamics, 1800))
    # Between the ideal gas, which would lose nine tenths, and the cores, which keep a third.
    assert 0.1 < found[-300:].mean() / found[100:300].mean() < 0.5


def test_a_run_that_is_cut_off_goes_on_to_the_bit(tmp_path: Path) -> None:
    dynamics = Dynamics(
        2.0, TEMPERATURE_K, 0.05, Schedule((0, 40), (1.0, 3.0)), barostat=Barostat(40.0, "full")
    )
    run = Run(soft_crystal(), lambda: pairs(0.05, 1.5), Walk(dynamics, 40), seed=3, checkpoint_interval=7)
    whole = run_walker(run).walker.state

    def interrupted(walker: Any, glance: Any) -> None:
        del walker
        if glance.step == 25:
            raise KeyboardInterrupt

    kept = replace(run, checkpoint=tmp_path / "walker.npz")
    with pytest.raises(KeyboardInterrupt):
        run_walker(kept, interrupted)
    again = run_walker(kept).walker.state
    np.testing.assert_array_equal(again.structure.cell, whole.structure.cell)
    np.testing.assert_array_equal(again.momenta, whole.momenta)
    np.testing.assert_array_equal(again.strain_rate, whole.strain_rate)
    assert np.abs(again.strain_rate).max() > 0.0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"barostat": Barostat(), "temperature_K": None}, "temperature_K above 0"),
        ({"barostat": Barostat(), "cell_moves": CellMoves()}, "moves of the cell"),
        ({"barostat": Barostat(), "walls": (HarmonicTrap(1.0),)}, "walls"),
        ({"barostat": Barostat(5.0)}, "at least 10 time steps"),
    ],
)
def test_what_does_not_go_with_a_barostat_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Dynamics(**settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"time_fs": 0.0}, "time_fs"),
        ({"shape": "round"}, "shape"),
        ({"friction_per_fs": -1.0}, "friction_per_fs"),
    ],
)
def test_a_barostat_out_of_range_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Barostat(**settings)


def test_a_barostat_needs_a_cell_and_a_stress() -> None:
    dynamics, atoms = Dynamics(barostat=Barostat()), soft_crystal()
    with pytest.raises(UsageError, match="with_stress"):
        begin(atoms, Forces(ideal_gas()), dynamics, 0)
    atoms.pbc = (True, True, False)
    with pytest.raises(UsageError, match="periodic"):
        begin(atoms, Forces(ideal_gas(), True), dynamics, 0)
