"""Where the structures of a campaign come from: biased dynamics, a pool, or a start that is shaken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from ase import Atoms

from assay.atoms.campaign.problem import Problem
from assay.atoms.dynamics.limits import Guards
from assay.atoms.dynamics.running import Run, WalkResult, run_walker
from assay.atoms.dynamics.walk import Glance, Walker
from assay.atoms.potential.potential import LinearPotential
from assay.atoms.selection.information import diverse_batch
from assay.atoms.selection.selector import Frame
from assay.atoms.structures import structure_key
from assay.errors import UsageError
from assay.numerics.random import generator

__all__ = ["Found", "from_dynamics", "from_pool", "shaken"]

# Trajectories that are tried, each with random numbers of its own, before a shaken start structure is taken.
ATTEMPTS = 4
# The standard deviation of that shaking, in A.
SHAKING_A = 0.1
# The most rows of a trajectory's story that are kept.
TRACE_ROWS = 200


@final
@dataclass(frozen=True)
class Found:
    """A structure that deserves a label, and how it was found."""

    atoms: Atoms
    story: Mapping[str, Any] = field(default_factory=dict)


def from_pool(
    problem: Problem, potential: LinearPotential, known: Sequence[Atoms], suggested: Sequence[Atoms]
) -> Found:
    """The structure of the pool that has the highest score among those not suggested yet.

    Raises:
        UsageError: when none is left.
    """
    used = set(map(structure_key, suggested))
    left = [atoms for atoms in problem.pool or () if structure_key(atoms) not in used]
    if not left:
        raise UsageError("the pool of structures is used up, so no further one can be suggested")
    calculator, score_of = problem.calculator(potential), problem.score(known)
    scores = [score_of(atoms, calculator) for atoms in left]
    place = int(np.argmax(scores))
    return Found(left[place], {"origin": "pool", "score": scores[place]})


def from_dynamics(
    problem: Problem, potential: LinearPotential, known: Sequence[Atoms], seed: int, number: int
) -> list[Found]:
    """One structure of each walker, those first that tell most together.

    Arguments:
        problem: its `dynamics.walkers` set out from the start structures in turn.
        potential: the belief that they walk on.
        known: all structures that are learnt from or looked at.
        seed: of the campaign.
        number: of the suggestion; the randomness is that of both.
    """
    count, starts = problem.settings.dynamics.walkers, problem.starts
    found = [
        _walked(problem, potential, known, starts[(number + walker) % len(starts)], seed, number, walker)
        for walker in range(count)
    ]
    if count == 1:
        return found
    order = diverse_batch([potential.whitened_rows(one.atoms) for one in found], count)
    return [found[place] for place in order]


def shaken(start: Atoms, seed: int, number: int, walker: int = 0) -> Atoms:
    """A start structure whose atoms are displaced at random."""
    draws = generator(seed, number, _named("shaking", walker)).standard_normal((len(start), 3))
    return Atoms(
        numbers=start.numbers, positions=start.positions + SHAKING_A * draws, cell=start.cell, pbc=start.pbc
    )


def _walked(
    problem: Problem,
    potential: LinearPotential,
    known: Sequence[Atoms],
    start: Atoms,
    seed: int,
    number: int,
    walker: int,
) -> Found:
    """What one walker finds; where every attempt ends too early, a shaken start."""
    walk, seen, endings = problem.walk(start, known), problem.what_is_known(known), []
    for attempt in range(ATTEMPTS):
        purpose = _named(f"trajectory {attempt}", walker)
        own = int(generator(seed, number, purpose).integers(2**31))
        run = Run(start, lambda: problem.calculator(potential), walk, own, known=seen)
        best = _Best(problem.guards)
        result = run_walker(run, best.see)
        picked = result.walker.selected
        frame = picked[0] if picked else best.frame
        if frame is not None:
            story = {"origin": "dynamics", **_story(result, frame, is_picked=bool(picked))}
            return Found(frame.atoms(), story)
        endings.append(result.walker.ended)
    return Found(shaken(start, seed, number, walker), {"origin": "shaken start", "endings": endings})


def _named(purpose: str, walker: int) -> str:
    """What randomness is for; the first walker of a batch draws what a lone one would."""
    return purpose if walker == 0 else f"{purpose} of walker {walker}"


class _Best:
    """The admissible frame of the highest score: what is labelled where the selector picked none."""

    def __init__(self, guards: Guards) -> None:
        self.frame: Frame | None = None
        self._guards = guards

    def see(self, walker: Walker, glance: Glance) -> None:
        """Look at a step."""
        if not glance.score > (self.frame.score if self.frame is not None else 0.0):
            return
        structure, forces = walker.state.structure, walker.state.evaluation.forces
        if self._guards.refusal(structure, forces) is None:
            self.frame = Frame(glance.step, glance.score, structure, forces)


def _story(result: WalkResult, frame: Frame, *, is_picked: bool) -> dict[str, Any]:
    """What a person wants to see of a trajectory."""
    scored = np.isfinite(result.trace["score"])
    names = ("step", "score", "threshold", "tau", "temperature_K", "volume_A3")
    columns = {name: result.trace[name][scored] for name in names}
    every = max(1, -(-len(columns["step"]) // TRACE_ROWS))
    trace = {name: [_number(entry) for entry in column[::every]] for name, column in columns.items()}
    return {
        "picked": is_picked,
        "step": frame.step,
        "score": frame.score,
        "steps": result.walker.state.step,
        "ended": result.walker.ended,
        "trace": trace,
    }


def _number(value: float) -> float | None:
    """A number as JSON holds it; None for a threshold that is still infinite."""
    return float(value) if np.isfinite(value) else None
