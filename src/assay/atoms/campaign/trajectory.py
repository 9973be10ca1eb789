"""One biased trajectory, until a structure is found that is worth a label."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import final

from ase import Atoms

from assay.atoms.biased.calculator import BiasedCalculator
from assay.atoms.dynamics.limits import Limits
from assay.atoms.dynamics.schedule import Schedule
from assay.atoms.dynamics.state import State
from assay.atoms.dynamics.step import Dynamics, Forces, advance, begin
from assay.atoms.selection.scores import Score
from assay.atoms.selection.selector import Frame, Selector, SelectorState

__all__ = ["Course", "Trajectory", "search_for_structure"]


@final
@dataclass(frozen=True)
class Course:
    """How a trajectory is run.

    Arguments:
        dynamics: of the atoms.
        steps: at most.
        relative: the fraction of the forces that the bias adds, along the steps.
        selector: which frame is taken.
        score: of a frame.
        interval: steps between scores.
        limits: where the trajectory ends.
    """

    dynamics: Dynamics
    steps: int
    relative: Schedule
    selector: Selector
    score: Score
    interval: int
    limits: Limits


@final
@dataclass(frozen=True)
class Trajectory:
    """What came of it.

    Arguments:
        frame: the structure to be labelled; None when no frame was admissible.
        reason: "peak" or "crossing" for one that the selector picked, "end" for the best of those before the end.
        steps: how many were made.
        ending: the limit that was broken, in words, or None.
        trace: rows of (step, score, tau, temperature in K), one for each score.
    """

    frame: Frame | None
    reason: str
    steps: int
    ending: str | None
    trace: tuple[tuple[int, float, float, float], ...]


def search_for_structure(calculator: BiasedCalculator, atoms: Atoms, course: Course, seed: int) -> Trajectory:
    """Run biased dynamics until the selector picks a frame, a limit is broken, or the steps are over.

    Where nothing was picked, the admissible frame of the highest score is taken.

    Arguments:
        calculator: with the belief; its tau is controlled along the way.
        atoms: where it starts, with momenta drawn at the temperature.
        course: how it is run.
        seed: of this trajectory; equal arguments give equal trajectories, bit by bit.
    """
    forces = Forces(calculator, with_stress=False)
    state = begin(atoms, forces, course.dynamics, seed)
    start_energy = state.evaluation.energy_eV
    memory, best = SelectorState(), None
    trace: list[tuple[int, float, float, float]] = []
    picked, ending = None, None
    while picked is None and state.step < course.steps:
        control = calculator.control
        if control is not None:
            calculator.control = replace(control, relative=course.relative.at(state.step))
        calculator.update_tau()
        state = advance(state, forces, course.dynamics)
        ending = course.limits.breach(state, start_energy)
        if ending is not None:
            break
        if state.step % course.interval == 0:
            frame = _frame(state, course.score(state.atoms(), calculator))
            trace.append((state.step, frame.score, calculator.tau, state.temperature_K()))
            memory, picked = course.selector.update(memory, frame)
            best = _better(course.selector, best, frame)
    if picked is None:
        memory, picked = course.selector.flush(memory)
    reason = course.selector.pick if picked is not None else "end"
    return Trajectory(picked or best, reason, state.step, ending, tuple(trace))


def _frame(state: State, score: float) -> Frame:
    return Frame(state.step, score, state.structure, state.evaluation.forces)


def _better(selector: Selector, best: Frame | None, frame: Frame) -> Frame | None:
    """The admissible frame of the higher score."""
    if not math.isfinite(frame.score) or frame.score > selector.highest_score:
        return best
    if best is not None and frame.score <= best.score:
        return best
    return frame if selector.guards.refusal(frame.structure, frame.forces) is None else best
