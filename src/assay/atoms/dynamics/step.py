"""One step of a trajectory: a function from a state to the next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator

from assay.atoms.dynamics.barostat import Barostat, bathed_rate, kicked_rate, resting_rate, strained
from assay.atoms.dynamics.evaluation import Evaluation, evaluate
from assay.atoms.dynamics.langevin import bath, coast, kick
from assay.atoms.dynamics.monte_carlo import (
    CellMoves,
    SwapMoves,
    log_cell_acceptance,
    proposed_cell,
    swapped,
)
from assay.atoms.dynamics.schedule import Schedule, schedule_of
from assay.atoms.dynamics.state import MoveCounts, State, Structure, maxwell_momenta, without_drift
from assay.atoms.dynamics.walls import AbstractWall
from assay.errors import UsageError
from assay.numerics.random import generator

__all__ = ["Dynamics", "Forces", "advance", "begin", "moved", "moves_of_monte_carlo"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class Dynamics:
    """How atoms move: Langevin dynamics (NVT), with a barostat or moves of the cell (NPT), without a bath (NVE).

    Arguments:
        timestep_fs: dt, above 0.
        temperature_K: of the bath, a number or a schedule; None for no bath, which is velocity Verlet.
        friction_per_fs: gamma, not negative.
        pressure_GPa: what the barostat or the moves of the cell hold, a number or a schedule.
        cell_moves: Monte Carlo of the cell; needs a periodic cell.
        swaps: Monte Carlo of unlike atoms' places.
        walls: energies that are added to the calculator's.
        at_rest: whether the centre of mass stays at rest. A wall or a trap that is tied to a point moves it, so leave it
            out there.
        barostat: a Langevin piston in place of moves of the cell; needs a periodic cell and a calculator with a stress.

    Raises:
        UsageError: for numbers outside their range; for a barostat or Monte Carlo moves at no temperature; for a barostat with
            walls, whose pressure on the cell is not known, with moves of the cell, or too fast for the time step.

    Example:
        >>> Dynamics(temperature_K=Schedule((0, 1000), (300.0, 900.0))).temperature_at(500)
        600.0
    """

    timestep_fs: float = 1.0
    temperature_K: float | Schedule | None = 300.0
    friction_per_fs: float = 0.01
    pressure_GPa: float | Schedule = 0.0
    cell_moves: CellMoves | None = None
    swaps: SwapMoves | None = None
    walls: tuple[AbstractWall, ...] = ()
    at_rest: bool = False
    barostat: Barostat | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.timestep_fs) and self.timestep_fs > 0.0):
            raise UsageError(f"timestep_fs of the dynamics must be a number above 0, got {self.timestep_fs}")
        if not (np.isfinite(self.friction_per_fs) and self.friction_per_fs >= 0.0):
            raise UsageError(
                f"friction_per_fs of the dynamics must be a number not below 0, got {self.friction_per_fs}"
            )
        coldest = None if self.temperature_K is None else schedule_of(self.temperature_K).smallest
        if coldest is not None and coldest < 0.0:
            raise UsageError(f"temperature_K of the dynamics must not be negative, got {coldest:g}")
        if not coldest and (self.cell_moves or self.swaps):
            raise UsageError(f"Monte Carlo moves need a temperature_K above 0, got {coldest}")
        if self.barostat:
            self._check_barostat(self.barostat, coldest)

    def _check_barostat(self, barostat: Barostat, coldest: float | None) -> None:
        if not coldest:
            raise UsageError(f"a barostat needs a temperature_K above 0, got {coldest}")
        if self.cell_moves or self.walls:
            other = "moves of the cell" if self.cell_moves else "walls"
            raise UsageError(f"a barostat moves the cell alone, so it takes no {other}, got both")
        if barostat.time_fs < 10.0 * self.timestep_fs:
            raise UsageError(
                f"time_fs of a barostat must be at least 10 time steps of {self.timestep_fs:g} fs, got {barostat.time_fs:g}"
            )

    def temperature_at(self, step: int) -> float | None:
        """The bath's temperature in K at a step; None without a bath."""
        return None if self.temperature_K is None else schedule_of(self.temperature_K).at(step)

    def pressure_at(self, step: int) -> float:
        """The pressure in GPa at a step."""
        return schedule_of(self.pressure_GPa).at(step)

    def degrees_of_freedom(self, atoms: int) -> int:
        """How many momenta share the kinetic energy."""
        return 3 * atoms - (3 if self.at_rest and atoms > 1 else 0)


@final
@dataclass(frozen=True)
class Forces:
    """What the dynamics asks of a calculator at a structure.

    Arguments:
        calculator: any of ASE.
        with_stress: whether the stress is wanted, for the pressure.
    """

    calculator: Calculator
    with_stress: bool = False

    def at(self, structure: Structure, walls: Sequence[AbstractWall]) -> Evaluation:
        """The evaluation of a structure."""
        return evaluate(structure.atoms(), self.calculator, walls, with_stress=self.with_stress)


def begin(
    atoms: Atoms, forces: Forces, dynamics: Dynamics, seed: int, *, keep_momenta: bool = False, step: int = 0
) -> State:
    """The state before the first step.

    Arguments:
        atoms: where it starts.
        forces: what is asked of the calculator.
        dynamics: how atoms will move.
        seed: of this trajectory.
        keep_momenta: whether the momenta of `atoms` are taken; otherwise they are drawn at the temperature, and are zero
            without one.
        step: the number it starts from, where it goes on with another's schedule.

    Raises:
        UsageError: for atoms with constraints, and for moves of a cell that is not periodic.
    """
    structure = Structure.of(atoms)
    if (dynamics.cell_moves or dynamics.barostat) and not (structure.pbc.all() and structure.volume_A3 > 0.0):
        raise UsageError(
            "moves of the cell and barostats need a cell that is periodic along three vectors, got pbc "
            f"{structure.pbc.tolist()}"
        )
    if dynamics.barostat and not forces.with_stress:
        raise UsageError("a barostat needs Forces with_stress, got them without")
    temperature = dynamics.temperature_at(step) or 0.0
    if keep_momenta:
        momenta = np.array(atoms.get_momenta(), dtype=np.float64)
        momenta = without_drift(momenta, structure.masses) if dynamics.at_rest else momenta
    else:
        momenta = maxwell_momenta(structure.masses, temperature, seed, step, at_rest=dynamics.at_rest)
    rate = np.zeros((3, 3))
    if dynamics.barostat:
        noise = generator(seed, step, "rate of strain").standard_normal((3, 3))
        rate = resting_rate(dynamics.barostat, temperature, len(momenta), noise)
    cell = MoveCounts(dynamics.cell_moves.step) if dynamics.cell_moves else MoveCounts()
    evaluation = forces.at(structure, dynamics.walls)
    return State(step, structure, momenta, evaluation, seed, structure.volume_A3, cell, strain_rate=rate)


def advance(state: State, forces: Forces, dynamics: Dynamics) -> State:
    """The next state: a step of dynamics, then the Monte Carlo moves that are due.

    It depends on nothing but its arguments: the randomness is that of (seed, step, purpose).

    Example:
        >>> from ase.build import bulk
        >>> from ase.calculators.emt import EMT
        >>> dynamics, forces = Dynamics(temperature_K=300.0), Forces(EMT())
        >>> state = begin(bulk("Cu", cubic=True), forces, dynamics, seed=1)
        >>> advance(state, forces, dynamics).step
        1
    """
    return moves_of_monte_carlo(moved(state, forces, dynamics), forces, dynamics)


def moved(state: State, forces: Forces, dynamics: Dynamics) -> State:
    """The state after a step of dynamics alone: BAOAB, with the strain of the cell on both sides of the bath."""
    step, timestep = state.step + 1, dynamics.timestep_fs
    structure, masses = state.structure, state.structure.masses
    momenta = kick(state.momenta, state.evaluation.forces, timestep)
    rate = _kicked(state.strain_rate, structure, momenta, state.evaluation, dynamics, step)
    structure = structure.moved(coast(structure.positions, momenta, masses, timestep))
    if dynamics.barostat:
        structure, momenta = strained(structure, momenta, rate, timestep)
    rate, momenta = _bathed(state, rate, momenta, dynamics)
    if dynamics.barostat:
        structure, momenta = strained(structure, momenta, rate, timestep)
    structure = structure.moved(coast(structure.positions, momenta, masses, timestep))
    evaluation = forces.at(structure, dynamics.walls)
    rate = _kicked(rate, structure, momenta, evaluation, dynamics, step)
    momenta = kick(momenta, evaluation.forces, timestep)
    return replace(
        state, step=step, structure=structure, momenta=momenta, evaluation=evaluation, strain_rate=rate
    )


def _kicked(
    rate: Array, structure: Structure, momenta: Array, evaluation: Evaluation, dynamics: Dynamics, step: int
) -> Array:
    """The rate of strain after half a step of the imbalance of pressure; untouched without a barostat."""
    if dynamics.barostat is None or evaluation.stress is None:
        return rate
    return kicked_rate(
        rate,
        structure,
        momenta,
        evaluation.stress,
        dynamics.barostat,
        dynamics.pressure_at(step),
        dynamics.temperature_at(step) or 0.0,
        dynamics.timestep_fs,
        at_rest=dynamics.at_rest,
    )


def _bathed(state: State, rate: Array, momenta: Array, dynamics: Dynamics) -> tuple[Array, Array]:
    """The rate of strain and the momenta after their baths."""
    step, temperature = state.step + 1, dynamics.temperature_at(state.step + 1)
    if temperature is None:
        return rate, momenta
    if dynamics.friction_per_fs > 0.0:
        noise = generator(state.seed, step, "bath").standard_normal(momenta.shape)
        momenta = bath(
            momenta,
            state.structure.masses,
            dynamics.timestep_fs,
            dynamics.friction_per_fs,
            temperature,
            noise,
            at_rest=dynamics.at_rest,
        )
    if dynamics.barostat:
        noise = generator(state.seed, step, "barostat").standard_normal((3, 3))
        rate = bathed_rate(rate, dynamics.barostat, temperature, len(momenta), dynamics.timestep_fs, noise)
    return rate, momenta


def moves_of_monte_carlo(state: State, forces: Forces, dynamics: Dynamics) -> State:
    """The state after the swaps and the move of the cell that are due at its step."""
    if dynamics.swaps and state.step % dynamics.swaps.interval == 0:
        state = _swap(state, forces, dynamics, dynamics.swaps)
    if dynamics.cell_moves and state.step % dynamics.cell_moves.interval == 0:
        state = _change_cell(state, forces, dynamics, dynamics.cell_moves)
    return state


def _change_cell(state: State, forces: Forces, dynamics: Dynamics, moves: CellMoves) -> State:
    draws = generator(state.seed, state.step, "cell")
    trial = proposed_cell(state.structure, moves, state.cell_moves.step, state.reference_volume_A3, draws)
    changed = state
    if trial is not None:
        evaluation = forces.at(trial, dynamics.walls)
        chance = log_cell_acceptance(
            evaluation.energy_eV - state.evaluation.energy_eV,
            state.structure,
            trial,
            dynamics.pressure_at(state.step),
            dynamics.temperature_at(state.step) or 0.0,
            moves.proposal,
        )
        if math.log1p(-draws.random()) < chance:
            changed = replace(state, structure=trial, evaluation=evaluation)
    counts = moves.counted(state.cell_moves, changed is not state, state.step)
    return replace(changed, cell_moves=counts)


def _swap(state: State, forces: Forces, dynamics: Dynamics, moves: SwapMoves) -> State:
    draws = generator(state.seed, state.step, "swaps")
    temperature = dynamics.temperature_at(state.step) or 0.0
    for _ in range(moves.attempts):
        trial = swapped(state.structure, draws)
        if trial is None:
            return state
        evaluation = forces.at(trial, dynamics.walls)
        change = evaluation.energy_eV - state.evaluation.energy_eV
        accepted = math.log1p(-draws.random()) < -change / (units.kB * temperature)
        counts = MoveCounts(0.0, state.swaps.tried + 1, state.swaps.accepted + accepted)
        if accepted:
            state = replace(state, structure=trial, evaluation=evaluation)
        state = replace(state, swaps=counts)
    return state
