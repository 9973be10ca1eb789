"""Picking structures from a trajectory while it runs: a state and a pure update."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, final

import numpy as np
from ase import Atoms

from assay.atoms.dynamics.limits import Guards
from assay.atoms.dynamics.state import Structure
from assay.errors import UsageError

__all__ = ["AdaptiveThreshold", "Frame", "Selector", "SelectorState"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class Frame:
    """A structure of a trajectory with its score.

    Arguments:
        step: when it was met.
        score: how much it could teach.
        structure: the atoms.
        forces: (atoms, 3) in eV/A, that moved them there.
    """

    step: int
    score: float
    structure: Structure
    forces: Array

    def atoms(self) -> Atoms:
        """ASE's atoms, with the step and the score in `info`."""
        atoms = self.structure.atoms()
        atoms.info.update(step=self.step, score=self.score)
        return atoms


@final
@dataclass(frozen=True)
class AdaptiveThreshold:
    """A threshold that follows the scores: a multiple of their exponential mean, and no selection before a delay.

    Arguments:
        multiplier: of the mean, above 0.
        mixing: the weight of the newest score in the mean, in (0, 1].
        delay: the number of scores before the first selection.
    """

    multiplier: float = 1.2
    mixing: float = 0.1
    delay: int = 10

    def __post_init__(self) -> None:
        if not (self.multiplier > 0.0 and 0.0 < self.mixing <= 1.0 and self.delay >= 0):
            raise UsageError(
                "an adaptive threshold needs a multiplier above 0, a mixing in (0, 1] and a delay not below 0, got "
                f"{self.multiplier}, {self.mixing} and {self.delay}"
            )


@final
@dataclass(frozen=True)
class SelectorState:
    """What the selector remembers.

    Arguments:
        scores_seen: how many scores it was shown.
        mean_score: their exponential mean.
        previous: the last score; None before the first.
        is_armed: whether a crossing of the threshold would count.
        candidate: the best frame of the present rise.
        fingerprints: those of the frames selected, each (n,).
    """

    scores_seen: int = 0
    mean_score: float = 0.0
    previous: float | None = None
    is_armed: bool = True
    candidate: Frame | None = None
    fingerprints: tuple[Array, ...] = ()


@final
@dataclass(frozen=True)
class Selector:
    """Which frames of a trajectory are labelled.

    With `pick="peak"` a frame whose score rises above the threshold is remembered, and selected when the score falls:
    the trajectory has passed the most instructive place. With `pick="crossing"` the first frame above the threshold is
    selected at once, and the next one only after the score was below it again.

    Arguments:
        threshold: a number, or one that follows the scores. The lower end of the trust window.
        highest_score: the upper end of the trust window: beyond it a frame is unphysical rather than instructive.
        pick: "peak" or "crossing".
        guards: frames that they refuse are not selected.
        fingerprint: (atoms) to (n,), for de-duplication; without it there is none.
        duplicate_distance: a frame whose fingerprint is nearer than this to a selected one's is passed over.

    Example:
        >>> selector, state = Selector(threshold=1.0), SelectorState()
        >>> structure = Structure.of(Atoms("H"))
        >>> for step, score in enumerate([0.5, 1.5, 2.0, 1.0]):
        ...     state, selected = selector.update(state, Frame(step, score, structure, np.zeros((1, 3))))
        >>> selected.step
        2

    Source: the peaks follow ase_uhal, the window DP-GEN.
    """

    threshold: float | AdaptiveThreshold = field(default_factory=AdaptiveThreshold)
    highest_score: float = math.inf
    pick: Literal["peak", "crossing"] = "peak"
    guards: Guards = field(default_factory=Guards)
    fingerprint: Callable[[Atoms], Array] | None = None
    duplicate_distance: float = 0.0

    def __post_init__(self) -> None:
        if self.pick not in ("peak", "crossing"):
            raise UsageError(f"a selector picks at a 'peak' or at a 'crossing', got {self.pick!r}")
        if isinstance(self.threshold, (int, float)) and not self.threshold < self.highest_score:
            raise UsageError(
                "the threshold of a selector must be below its highest_score, got "
                f"{self.threshold} and {self.highest_score}"
            )
        if not self.duplicate_distance >= 0.0 or (self.duplicate_distance and self.fingerprint is None):
            raise UsageError(
                "a selector's duplicate_distance is a number not below 0 and needs a fingerprint, got "
                f"{self.duplicate_distance} and {self.fingerprint}"
            )

    def threshold_at(self, state: SelectorState) -> float:
        """The threshold that the next score meets."""
        if not isinstance(self.threshold, AdaptiveThreshold):
            return float(self.threshold)
        if state.scores_seen < max(self.threshold.delay, 1):
            return math.inf
        return self.threshold.multiplier * state.mean_score

    def update(self, state: SelectorState, frame: Frame) -> tuple[SelectorState, Frame | None]:
        """What is remembered after a frame, and the frame to be labelled, if any; the latter may be an earlier one."""
        if not math.isfinite(frame.score):
            return state, None
        is_above = self.threshold_at(state) < frame.score <= self.highest_score
        seen = self._seen(state, frame.score)
        if self.pick == "crossing":
            return self._crossed(seen, frame, is_above)
        if state.previous is None or frame.score > state.previous:
            if is_above and self._is_admissible(seen, frame):
                seen = replace(seen, candidate=frame)
            return seen, None
        return self.flush(seen)

    def flush(self, state: SelectorState) -> tuple[SelectorState, Frame | None]:
        """Select what is remembered, if anything: the score fell, or the trajectory ends."""
        candidate = state.candidate
        if candidate is None:
            return state, None
        return replace(self._with_fingerprint(state, candidate), candidate=None), candidate

    def rescored(self, state: SelectorState, score: float) -> SelectorState:
        """The same memory where the last score has changed, since the model has."""
        return replace(state, previous=score if math.isfinite(score) else None)

    def _seen(self, state: SelectorState, score: float) -> SelectorState:
        mean = score
        if state.scores_seen and isinstance(self.threshold, AdaptiveThreshold):
            mean = state.mean_score + self.threshold.mixing * (score - state.mean_score)
        return replace(state, scores_seen=state.scores_seen + 1, mean_score=mean, previous=score)

    def _crossed(
        self, state: SelectorState, frame: Frame, is_above: bool
    ) -> tuple[SelectorState, Frame | None]:
        if not is_above:
            return replace(state, is_armed=state.is_armed or frame.score <= self.highest_score), None
        if not state.is_armed or not self._is_admissible(state, frame):
            return state, None
        return replace(self._with_fingerprint(state, frame), is_armed=False), frame

    def _is_admissible(self, state: SelectorState, frame: Frame) -> bool:
        if self.guards.refusal(frame.structure, frame.forces) is not None:
            return False
        if self.fingerprint is None:
            return True
        here = self.fingerprint(frame.structure.atoms())
        return all(np.linalg.norm(here - known) >= self.duplicate_distance for known in state.fingerprints)

    def _with_fingerprint(self, state: SelectorState, frame: Frame) -> SelectorState:
        if self.fingerprint is None:
            return state
        here = np.asarray(self.fingerprint(frame.structure.atoms()), dtype=np.float64)
        return replace(state, fingerprints=(*state.fingerprints, here))
