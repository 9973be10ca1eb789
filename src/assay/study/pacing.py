"""How much work a suggestion may be, and whether it is made while evaluations run: by the times measured so far.

What is decided here hangs on a clock, so it is written into the claim of the suggestion, and a replay reads it there.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from assay.study.state import StudyState

__all__ = ["Pace", "pace"]

# The evaluations and suggestions, counted from the last, whose times count.
RECENT = 5
# Below so many seconds of an evaluation nobody waits for a suggestion, and a run stays a function of its seed.
LONG_SECONDS = 1.0
# A suggestion may take this share of an evaluation's time; where there is more, the search goes further.
EFFORT_SHARE = 0.02
MOST_EFFORT = 8.0
# A suggestion in advance does without the newest outcome: on Hartmann 6 (seeds 100 to 111) runs to the target then took 38
# evaluations in the median instead of 34, and 65.4 in the mean either way. Waiting a twentieth of an evaluation costs less.
WAITING_SHARE = 0.05


@dataclass(frozen=True)
class Pace:
    """What the times so far ask of the next suggestion.

    Arguments:
        effort: how far to search, 1 being the usual; a power of two up to 8.
        in_advance: whether a suggestion takes long enough, beside an evaluation, to be made while one runs.
    """

    effort: float = 1.0
    in_advance: bool = False


def pace(state: StudyState) -> Pace:
    """The pace of a study, from the median time of its last evaluations and the mean time of its last suggestions.

    Example:
        >>> pace(StudyState())
        Pace(effort=1.0, in_advance=False)
    """
    evaluations = list(islice(_evaluation_seconds(state), RECENT))
    suggestions = list(islice(_suggestion_seconds(state), RECENT))
    if not evaluations or not suggestions:
        return Pace()
    evaluation, suggestion = statistics.median(evaluations), statistics.fmean(suggestions)
    if evaluation < LONG_SECONDS:
        return Pace()
    effort = 1.0
    while effort < MOST_EFFORT and 2.0 * effort * suggestion <= EFFORT_SHARE * evaluation:
        effort *= 2.0
    return Pace(effort, suggestion > WAITING_SHARE * evaluation)


def _evaluation_seconds(state: StudyState) -> Iterator[float]:
    """Of the evaluations that ended, from the one suggested last."""
    for trial in reversed(state.trials.values()):
        outcome = trial.outcome
        if outcome is not None and outcome.seconds is not None:
            yield outcome.seconds


def _suggestion_seconds(state: StudyState) -> Iterator[float]:
    """Of the driver's suggestions, from the last, as if each had been made with the usual effort."""
    for info in reversed(state.info.values()):
        if "seconds" in info:
            yield info["seconds"] / info.get("effort", 1.0)
