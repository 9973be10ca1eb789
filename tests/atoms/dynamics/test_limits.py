"""Guards and limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import CalculationFailed
from ase.calculators.emt import EMT
from tests.atoms.dynamics.systems import Quick

from assay.atoms.dynamics.limits import Guards, Limits
from assay.atoms.dynamics.monte_carlo import CellMoves, SwapMoves
from assay.atoms.dynamics.state import Structure
from assay.atoms.dynamics.step import Dynamics, Forces, begin, moved, moves_of_monte_carlo
from assay.atoms.dynamics.walk import Walk, set_out, stride
from assay.errors import UsageError

STILL = np.zeros((2, 3))


def pair(apart_A: float, symbols: str = "H2", **settings: Any) -> Structure:
    return Structure.of(Atoms(symbols, positions=[[0, 0, 0], [0, 0, apart_A]], **settings))


def test_the_nearest_two_atoms_are_found_and_named() -> None:
    guards = Guards(minimum_distance_A=0.7)
    assert guards.refusal(pair(0.71), STILL) is None
    assert guards.refusal(pair(0.69), STILL) == "two atoms are 0.69 A apart, the limit is 0.7 A"


def test_images_count_too() -> None:
    guards = Guards(minimum_distance_A=1.5)
    far = pair(5.0, cell=[9.0, 9.0, 6.0], pbc=True)
    assert guards.refusal(far, STILL) == "two atoms are 1 A apart, the limit is 1.5 A"
    assert guards.refusal(pair(5.0, cell=[9.0, 9.0, 6.0], pbc=False), STILL) is None
    one = Structure.of(Atoms("H", cell=[9.0, 9.0, 1.2], pbc=True))  # its own image
    assert guards.refusal(one, STILL[:1]) is not None


def test_covalent_radii_tell_species_apart() -> None:
    guards = Guards(covalent_fraction=0.6)
    assert guards.refusal(pair(0.5), STILL) is None  # 0.6 * (0.31 + 0.31)
    assert "0.852" in str(guards.refusal(pair(0.8, "HSi"), STILL))  # 0.6 * (0.31 + 1.11)
    assert guards.refusal(pair(0.86, "HSi"), STILL) is None


def test_forces_that_are_large_or_no_numbers_are_refused() -> None:
    guards = Guards(maximum_force_eV_per_A=1.0)
    assert guards.refusal(pair(1.0), np.array([[0.0, 0.6, 0.7], [0.0, 0.0, 0.0]])) is None
    assert "1.1" in str(guards.refusal(pair(1.0), np.array([[0.0, 0.0, 1.1], [0.0, 0.0, 0.0]])))
    assert "not finite" in str(Guards().refusal(pair(1.0), np.full((2, 3), np.nan)))


def failing(above: float) -> Quick:
    """Fails where the first atom is above a height."""

    def results_of(atoms: Atoms) -> dict[str, Any]:
        if atoms.positions[0, 2] > above:
            raise CalculationFailed("no self-consistency")
        return {"energy": 0.0, "forces": np.zeros((len(atoms), 3))}

    return Quick(results_of)


def test_where_a_calculator_fails_the_limit_is_broken_and_its_words_are_kept() -> None:
    calculator = failing(0.01)
    walk = Walk(Dynamics(1.0, 500.0, 0.5), 5000, resets_allowed=1)
    walker = set_out(Atoms("H2", positions=[[0, 0, 0], [0, 0, 1]]), calculator, walk, 1)
    said = set()
    while walker.ended is None:
        walker, glance = stride(walker, calculator, walk)
        said.add(glance.broken)
    assert said == {None, "the calculator failed: no self-consistency"}
    assert (walker.resets, walker.ended) == (1, "the calculator failed: no self-consistency")
    with pytest.raises(UsageError, match="no self-consistency"):
        set_out(Atoms("H2", positions=[[0, 0, 1], [0, 0, 2]]), calculator, walk, 1)


def test_no_move_of_monte_carlo_goes_where_the_calculator_fails() -> None:
    dynamics = Dynamics(
        1e-12, 500.0, 0.0, -10.0, CellMoves(1, step=0.3), SwapMoves(1)
    )  # the pressure pulls the atom up
    calculator = failing(1.5)
    atoms = Atoms("HHe", positions=[[0, 0, 1.0], [0, 0, 4.0]], cell=[6.0] * 3, pbc=True)
    forces = Forces(calculator)
    state = begin(atoms, forces, dynamics, 1)
    for _ in range(50):
        state = moves_of_monte_carlo(moved(state, forces, dynamics), forces, dynamics)
        assert state.evaluation.failure is None
    assert state.swaps.accepted == 0
    assert 0 < state.cell_moves.accepted < 50
    assert state.structure.positions[0, 2] > 1.2


def test_limits_that_cannot_be_are_refused() -> None:
    wrong: list[dict[str, Any]] = [{"volume_ratio": (1.1, 2.0)}, {"temperature_K": 0.0}]
    for settings in wrong:
        with pytest.raises(UsageError, match="limits"):
            Limits(**settings)
    with pytest.raises(UsageError, match="guards"):
        Guards(minimum_distance_A=-1.0)


def test_a_start_within_its_limits_is_taken_whatever_its_momenta() -> None:
    walk = Walk(Dynamics(1.0, 900.0), 1, limits=Limits(temperature_K=1e-9))
    assert set_out(bulk("Cu"), EMT(), walk, 0).ended is None
