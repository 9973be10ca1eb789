"""What an exploration tells while it works, at six levels."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from assay.errors import UsageError
from assay.records import Trial
from assay.study.exploration.rows import Rows
from assay.study.progress import Progress
from assay.study.study import Study

__all__ = ["EACH", "FAILURES", "PROGRESS", "SILENT", "STEPS", "SUMMARIES", "Reports", "summary"]

SILENT = 0
FAILURES = 1
SUMMARIES = 2
PROGRESS = 3
EACH = 4
STEPS = 5
SECONDS_BETWEEN_LINES = 2.0


@final
@dataclass
class Reports:
    """Lines on standard error, those of the level and of all levels below it.

    Arguments:
        level: 0 nothing; 1 failed evaluations, with their reason; 2 and what each call did; 3 and its progress now and
            then; 4 and every evaluation; 5 and every step in between.

    Raises:
        UsageError: for another level.
    """

    level: int = PROGRESS
    _last: float = -math.inf

    def __post_init__(self) -> None:
        if self.level not in range(STEPS + 1):
            raise UsageError(f"verbose must be a whole number from 0 to 5, got {self.level!r}")

    def say(self, level: int, text: str) -> None:
        """One line, if the level is wanted."""
        if level <= self.level:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def observe(self, progress: Progress) -> None:
        """What a run reports after each evaluation."""
        if progress.trial is None:
            return
        self.ended(progress.trial)
        if time.monotonic() - self._last > SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            self.say(PROGRESS, f"{progress.finished} evaluated, {progress.running} running")

    def brought(self, finished: Sequence[Trial], before: int) -> None:
        """What one call brought: all that finished after the first `before`."""
        failed = sum(trial.status == "failed" for trial in finished[before:])
        tail = f", {failed} of them failed" if failed else ""
        self.say(SUMMARIES, f"{len(finished) - before} evaluations{tail}; {len(finished)} in all")

    def ended(self, trial: Trial) -> None:
        """One evaluation ended."""
        if trial.status == "failed":
            reason = trial.outcome.error if trial.outcome is not None else ""
            self.say(FAILURES, f"evaluation {trial.number} failed: {reason}")
        else:
            measured = trial.outcome.measurements if trial.outcome is not None else ()
            values = ", ".join(f"{entry.model_name} = {entry.value[0]:.6g}" for entry in measured)
            self.say(EACH, f"evaluation {trial.number}: {values}")


def summary(study: Study, rows: Rows, responses: Sequence[str], sampler: str) -> str:
    """Where an exploration stands, in seven lines."""
    ranges = ", ".join(f"{item.name} in {item.domain}" for item in study.space.design)
    failed = sum(trial.status == "failed" for trial in rows.finished)
    known = rows.is_learnable(responses)
    return "\n".join(
        [
            f"Exploration of {', '.join(responses)} over {ranges}",
            f"  evaluated  {len(rows.finished)} in {len(rows.epochs)} epochs, {failed} failed",
            f"  queue      {len(rows.queued)}",
            f"  sampler    {sampler}",
            f"  models     {'a Gaussian process for each response' if known else 'none yet'}",
            f"  seed       {study.seed}",
            f"  kept in    {study.location or 'memory'}",
        ]
    )
