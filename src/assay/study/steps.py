"""The loop as a pure decision: from the state of the study to the next step of a runner."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from heapq import nsmallest

from assay.records import SuggestionClaimed
from assay.store.abstract import Lease
from assay.study.configuration import StudyConfiguration
from assay.study.owner import is_known_dead
from assay.study.state import StudyState

__all__ = ["Ask", "Evaluate", "Finish", "Step", "Wait", "is_abandoned", "is_abandoned_claim", "next_step"]


@dataclass(frozen=True)
class Ask:
    """Compute a suggestion and evaluate it; in advance, compute the one that the next free slot evaluates."""

    in_advance: bool = False


@dataclass(frozen=True)
class Evaluate:
    """Evaluate open suggestions: their attempt was lost, or is to be repeated, or they wait for their first one."""

    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Wait:
    """Wait for an evaluation, here or elsewhere, to end."""


@dataclass(frozen=True)
class Finish:
    """Stop: nothing runs here any more."""

    reason: str


LEASE_SECONDS = 60.0
CLAIM_SECONDS = 600.0  # a claim of another host that is older than this is taken over

Step = Ask | Evaluate | Wait | Finish


def is_abandoned(state: StudyState, number: int, leases: Mapping[int, Lease], now: float) -> bool:
    """Whether the process that evaluated an open suggestion is gone: known to be dead, or silent beyond its lease.

    A suggestion that was handed to a person (`get_suggestion`) has no lease, and is never abandoned.
    """
    taken = state.leases.get(number)
    if taken is None:
        return False
    if is_known_dead(taken.owner):
        return True
    row = leases.get(number)
    if row is None or row.attempt != taken.attempt:  # killed between taking the lease and its first renewal
        return state.lease_times[number] + LEASE_SECONDS < now
    return row.expiry < now


def is_abandoned_claim(state: StudyState, event: SuggestionClaimed, now: float) -> bool:
    """Whether the process that computed a suggestion is gone: known to be dead, or silent for too long."""
    return is_known_dead(event.owner) or state.claim_times[event.number] + CLAIM_SECONDS < now


def _to_repeat(state: StudyState, number: int) -> bool:
    """Whether the last attempt at an open suggestion has ended without an accepted outcome."""
    taken = state.leases.get(number)
    ended = state.set_aside.get(number, [])
    return taken is not None and any(event.attempt == taken.attempt for event in ended)


def next_step(
    state: StudyState,
    configuration: StudyConfiguration,
    running: Collection[int],
    width: int,
    leases: Mapping[int, Lease],
    stop_reason: str | None,
    *,
    going_on: Collection[tuple[int, int]] = (),
    in_advance: bool = False,
    suggest: bool = True,
) -> Step:
    """What a runner does next.

    Arguments:
        running: the numbers that this runner evaluates.
        width: how many it can evaluate at once.
        leases: the rows of the store, by number.
        stop_reason: why no further suggestion should be made, None to go on.
        going_on: the attempts, as (number, attempt), that workers still evaluate although whoever began them is gone.
        in_advance: whether the next suggestion is worth computing while evaluations run.
        suggest: whether to ask for new points, or only to evaluate those that there are.
    """
    if stop_reason is not None:
        return Wait() if running else Finish(stop_reason)
    now = time.time()
    has_room = state.finished + state.to_come < configuration.max_iter
    # claims whose computation was cut off: asking finishes them
    cut_off = [event for event in tuple(state.claims.values()) if is_abandoned_claim(state, event, now)]
    free = width - len(running)
    if free > 0:
        lost = [
            number
            for number in sorted(state.leases.keys() & state.open)
            if number not in running
            and (number, state.leases[number].attempt) not in going_on
            and (_to_repeat(state, number) or is_abandoned(state, number, leases, now))
        ]
        if lost:
            return Evaluate(tuple(lost[:free]))
        if suggest and any(not event.in_advance for event in cut_off):
            return Ask()
        slots = configuration.num_parallel - len(state.taken)
        if slots > 0:
            if state.waiting:
                return Evaluate(tuple(nsmallest(min(slots, free), state.waiting)))
            if suggest and (has_room or cut_off):
                return Ask()
    if not suggest:  # what another runner evaluates may be lost there
        is_over = not (running or state.waiting or state.leases)
        return Finish("everything that was proposed is evaluated") if is_over else Wait()
    if in_advance and running and not state.waiting:
        claimed = [event for event in tuple(state.claims.values()) if event.in_advance]
        if any(event in cut_off for event in claimed) or (has_room and not claimed):
            return Ask(in_advance=True)
    return Wait()
