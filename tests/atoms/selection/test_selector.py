"""The selector on series of scores that are written down."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from assay.atoms.dynamics.limits import Guards
from assay.atoms.dynamics.state import Structure
from assay.atoms.selection.selector import AdaptiveThreshold, Frame, Selector, SelectorState
from assay.errors import UsageError


def frame(step: int, score: float, apart: float = 1.0, force: float = 0.0) -> Frame:
    atoms = Atoms("H2", positions=[[0, 0, 0], [0, 0, apart]])
    return Frame(step, score, Structure.of(atoms), np.full((2, 3), force))


def selected(selector: Selector, frames: list[Frame]) -> list[int]:
    state, steps = SelectorState(), []
    for each in frames:
        state, found = selector.update(state, each)
        steps += [found.step] if found else []
    _, found = selector.flush(state)
    return steps + ([found.step] if found else [])


def steps_of(selector: Selector, scores: list[float]) -> list[int]:
    return selected(selector, [frame(step, score) for step, score in enumerate(scores)])


def test_a_peak_above_the_threshold_is_selected_once_and_one_below_is_not() -> None:
    scores = [0.1, 0.6, 0.2, 1.2, 1.8, 1.7, 1.6, 0.3, 1.1, 0.0]
    assert steps_of(Selector(1.0), scores) == [4, 8]


def test_what_still_rises_at_the_end_is_selected_by_flushing() -> None:
    assert steps_of(Selector(1.0), [0.5, 1.1, 1.2, 1.3]) == [3]
    assert steps_of(Selector(2.0), [0.5, 1.1, 1.2, 1.3]) == []


def test_a_crossing_is_selected_at_once_and_again_after_the_score_was_below() -> None:
    scores = [0.5, 1.1, 1.9, 0.9, 1.2, 1.3]
    assert steps_of(Selector(1.0, pick="crossing"), scores) == [1, 4]


def test_the_first_crossing_may_be_the_first_frame() -> None:
    assert steps_of(Selector(1.0, pick="crossing"), [1.5, 1.6]) == [0]


def test_beyond_the_window_nothing_is_selected_but_what_came_before_is_remembered() -> None:
    scores = [0.5, 1.1, 1.4, 5.0, 6.0, 1.2]
    assert steps_of(Selector(1.0, highest_score=2.0), scores) == [2]
    assert steps_of(Selector(1.0, highest_score=2.0, pick="crossing"), [0.5, 5.0, 1.5, 1.6]) == [2]


def test_an_adaptive_threshold_is_a_multiple_of_the_exponential_mean() -> None:
    selector, state = Selector(AdaptiveThreshold(1.5, 0.25, delay=3)), SelectorState()
    scores = [1.0, 3.0, 2.0, 4.0]
    mean = scores[0]
    for step, score in enumerate(scores):
        expected = math.inf if step < 3 else 1.5 * mean
        assert selector.threshold_at(state) == pytest.approx(expected)
        state, _ = selector.update(state, frame(step, score))
        mean = score if step == 0 else 0.75 * mean + 0.25 * score


def test_no_selection_before_the_delay() -> None:
    scores = [1.0, 9.0, 1.0, 1.0, 1.0, 9.0, 1.0]
    assert steps_of(Selector(AdaptiveThreshold(1.2, 0.1, delay=4)), scores) == [5]
    assert steps_of(Selector(AdaptiveThreshold(1.2, 0.1, delay=1)), scores) == [1, 5]


def test_guards_pass_over_what_is_unphysical() -> None:
    guards = Guards(minimum_distance_A=0.5, maximum_force_eV_per_A=10.0)
    frames = [frame(0, 0.1), frame(1, 1.5), frame(2, 1.8, apart=0.4), frame(3, 1.9, force=9.0), frame(4, 0.1)]
    assert selected(Selector(1.0, guards=guards), frames) == [1]
    assert selected(Selector(1.0), frames) == [3]


def test_duplicates_are_passed_over() -> None:
    def distance(atoms: Atoms) -> np.ndarray:
        return np.array([atoms.get_distance(0, 1)])

    frames = [
        frame(step, score, apart)
        for step, (score, apart) in enumerate([(0, 1), (2, 1), (0, 1), (2, 1.05), (0, 1), (2, 1.2), (0, 1)])
    ]
    assert selected(Selector(1.0, fingerprint=distance, duplicate_distance=0.1), frames) == [1, 5]
    assert selected(Selector(1.0, fingerprint=distance), frames) == [1, 3, 5]


def test_scores_that_are_no_numbers_change_nothing() -> None:
    state = SelectorState(3, 1.0, 2.0)
    assert Selector(1.0).update(state, frame(0, math.nan)) == (state, None)


def test_after_new_scores_of_an_old_frame_the_next_rise_counts() -> None:
    selector, state = Selector(1.0), SelectorState()
    for step, score in enumerate([0.5, 5.0, 4.0]):
        state, _ = selector.update(state, frame(step, score))
    state = selector.rescored(state, 0.4)  # the model was conditioned on the peak
    state, _ = selector.update(state, frame(3, 1.5))
    _, found = selector.update(state, frame(4, 1.0))
    assert found is not None
    assert found.step == 3


def test_a_frame_becomes_atoms_that_tell_where_they_come_from() -> None:
    atoms = frame(7, 1.5).atoms()
    assert (atoms.info["step"], atoms.info["score"], len(atoms)) == (7, 1.5, 2)


@pytest.mark.parametrize(
    "settings",
    [
        {"pick": "valley"},
        {"threshold": 2.0, "highest_score": 1.0},
        {"duplicate_distance": 1.0},
        {"duplicate_distance": -1.0},
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="selector"):
        Selector(**settings)
    with pytest.raises(UsageError, match="mixing"):
        AdaptiveThreshold(mixing=0.0)
