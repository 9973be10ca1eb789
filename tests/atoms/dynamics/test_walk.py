"""A walker: bias, selection, limits and resets, step by step."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from tests.atoms.dynamics.learner import Learner

from assay.atoms.dynamics.limits import Guards, Limits
from assay.atoms.dynamics.schedule import Schedule
from assay.atoms.dynamics.step import Dynamics
from assay.atoms.dynamics.walk import Glance, Walk, Walker, set_out, stride
from assay.atoms.selection.scores import RelativeForceUncertainty
from assay.atoms.selection.selector import Selector
from assay.errors import UsageError

DYNAMICS = Dynamics(1.0, 600.0, 0.05)


def springs() -> Atoms:
    return Atoms("H4", positions=np.random.default_rng(0).normal(0.0, 0.2, (4, 3)))


def walked(walk: Walk, calculator: Calculator, atoms: Atoms | None = None) -> tuple[Walker, list[Glance]]:
    walker, glances = set_out(atoms or springs(), calculator, walk, 3), []
    while walker.ended is None:
        walker, glance = stride(walker, calculator, walk)
        glances.append(glance)
    return walker, glances


def spread_of(atoms: Atoms, _: Calculator) -> float:
    return float(np.abs(atoms.positions).max())


def test_a_plain_walk_takes_its_steps() -> None:
    walker, glances = walked(Walk(DYNAMICS, 20), Learner())
    assert (walker.ended, len(glances), walker.state.step) == ("all steps done", 20, 20)
    assert [glance.step for glance in glances] == list(range(1, 21))
    assert math.isnan(glances[3].score)


def test_peaks_of_the_score_are_selected_and_the_calculator_is_conditioned_on_them() -> None:
    calculator = Learner()
    walk = Walk(DYNAMICS, 300, RelativeForceUncertainty(0.1), Selector(threshold=0.6))
    walker, glances = walked(walk, calculator)
    assert len(walker.selected) >= 1
    assert calculator.looks == len(walker.selected)
    scores = {glance.step: glance.score for glance in glances}
    first = walker.selected[0]
    assert first.score == scores[first.step] > 0.6
    assert scores[first.step - 1] < first.score > scores[first.step + 1]
    # the model knows more from there on: the score of the same structure has fallen by half
    assert max(score for step, score in scores.items() if step > first.step + 1) < 0.55


def test_without_learning_the_same_peaks_stay() -> None:
    calculator = Learner()
    score = RelativeForceUncertainty(0.1)
    walk = Walk(DYNAMICS, 300, score, Selector(threshold=0.6), learns_from_inputs=False)
    walker, _ = walked(walk, calculator)
    assert calculator.looks == 0
    assert len(walker.selected) > 10


def test_a_walk_ends_after_so_many_selections() -> None:
    calculator = Learner()
    walk = Walk(DYNAMICS, 300, spread_of, Selector(0.1, pick="crossing"), stop_after=1)
    walker, glances = walked(walk, calculator)
    assert walker.ended == "1 selected"
    assert [frame.step for frame in walker.selected] == [1]
    assert (len(glances), calculator.looks) == (1, 0)  # the label will come anyway


def test_scores_are_taken_at_their_interval_only() -> None:
    _, glances = walked(Walk(DYNAMICS, 12, spread_of, score_interval=5), Learner())
    assert [glance.step for glance in glances if not math.isnan(glance.score)] == [5, 10]


def test_a_schedule_of_tau_reaches_the_calculator_and_the_energy_is_that_of_the_new_tau() -> None:
    calculator = Learner()
    walker = set_out(springs(), calculator, walk := Walk(DYNAMICS, 10, tau=Schedule((0, 10), (0.0, 1.0))), 3)
    for step in range(1, 11):
        walker, glance = stride(walker, calculator, walk)
        assert glance.tau == pytest.approx(0.1 * step)
        harmonic = 0.5 * np.sum(walker.state.structure.positions**2)
        assert walker.state.evaluation.energy_eV == pytest.approx((1.0 - glance.tau) * harmonic)


def test_a_self_controlled_bias_follows_the_forces_and_its_fraction_a_schedule() -> None:
    calculator = Learner(relative=0.3)
    _, glances = walked(Walk(DYNAMICS, 5), calculator)
    assert glances[-1].tau == pytest.approx(0.3)
    _, glances = walked(Walk(DYNAMICS, 10, relative=Schedule((0, 10), (0.0, 0.5))), calculator)
    np.testing.assert_allclose([g.tau for g in glances], 0.05 * np.arange(1, 11), rtol=1e-12)


def test_a_biased_step_costs_one_evaluation() -> None:
    calculator = Learner()
    walk = Walk(DYNAMICS, 40, RelativeForceUncertainty(), Selector(threshold=1e9), with_stress=False)
    walked(walk, calculator)
    assert calculator.evaluations == 41


def test_a_broken_limit_leads_back_to_the_start_with_other_momenta() -> None:
    walk = Walk(DYNAMICS, 400, limits=Limits(Guards(maximum_force_eV_per_A=0.7)), resets_allowed=2)
    walker, glances = walked(walk, Learner())
    broken = [glance for glance in glances if glance.broken]
    assert len(broken) == 3
    assert "eV/A" in str(walker.ended)
    assert walker.resets == 2
    assert broken[0].step < broken[1].step < broken[2].step

    again = set_out(springs(), Learner(), walk, 3)
    first = again.state.momenta
    while not again.resets and again.ended is None:
        again, _ = stride(again, Learner(), walk)
    np.testing.assert_array_equal(again.state.structure.positions, springs().positions)
    assert np.abs(again.state.momenta - first).max() > 1e-3
    assert again.state.evaluation.energy_eV == again.start_energy_eV


def test_a_walk_may_stop_at_a_broken_limit_and_keeps_the_last_good_state() -> None:
    walk = Walk(DYNAMICS, 400, limits=Limits(Guards(maximum_force_eV_per_A=0.7)), when_broken="stop")
    walker, glances = walked(walk, Learner())
    assert glances[-1].broken == walker.ended
    assert walker.state.step == glances[-1].step - 1
    assert np.linalg.norm(walker.state.evaluation.forces, axis=1).max() <= 0.7


def test_what_was_rising_when_a_limit_broke_is_selected() -> None:
    limits = Limits(Guards(maximum_force_eV_per_A=0.7))
    calculator = Learner()
    walk = Walk(DYNAMICS, 400, spread_of, Selector(0.3), limits=limits, resets_allowed=1, score_interval=1)
    walker = set_out(springs(), calculator, walk, 3)
    selected = 0
    while not walker.resets and walker.ended is None:
        before = walker
        walker, glance = stride(walker, calculator, walk)
        if glance.broken and before.selector.candidate is not None:
            selected = len(walker.selected) - len(before.selected)
            assert walker.selected[-1] == before.selector.candidate
            assert calculator.looks == len(walker.selected)
    assert selected == 1
    assert walker.selector.previous is None


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(energy_rise_eV_per_atom=0.01), "energy"),
        (Limits(temperature_K=100.0), "temperature"),
        (Limits(volume_ratio=(0.9, 1.0001)), "volume"),
        (Limits(Guards(covalent_fraction=0.95)), "apart"),
    ],
)
def test_each_limit_is_said_in_words(limits: Limits, said: str) -> None:
    from assay.atoms.dynamics.monte_carlo import CellMoves

    dynamics = Dynamics(2.0, 900.0, 0.05, -5.0, CellMoves(interval=2, step=0.05))
    walk = Walk(dynamics, 200, limits=limits, when_broken="stop")
    atoms = bulk("Cu", cubic=True)
    atoms.set_momenta(np.zeros((4, 3)))
    walker, _ = walked(walk, EMT(), atoms)
    assert said in str(walker.ended)


def test_a_start_that_breaks_its_limits_is_refused() -> None:
    walk = Walk(DYNAMICS, 10, limits=Limits(Guards(minimum_distance_A=3.0)))
    with pytest.raises(UsageError, match="cannot start"):
        set_out(bulk("Cu"), EMT(), walk, 0)


@pytest.mark.parametrize(
    "settings",
    [{"steps": 0}, {"stop_after": 0}, {"when_broken": "ask"}, {"tau": 1.0, "relative": 1.0}],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="a walk"):
        replace(Walk(DYNAMICS, 10), **settings)


def test_a_bias_that_the_calculator_has_not_is_refused() -> None:
    wrong: list[dict[str, Any]] = [{"tau": 1.0}, {"relative": 0.2}]
    for settings in wrong:
        with pytest.raises(UsageError, match="calculator"):
            set_out(bulk("Cu"), EMT(), Walk(DYNAMICS, 10, **settings), 0)
