"""What an exploration tells while it works, at six levels."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import final

from assay.errors import UsageError
from assay.study.progress import Progress

__all__ = ["EVERYTHING", "FAILURES", "PROGRESS", "SILENT", "STEPS", "SUMMARIES", "Reports"]

SILENT, FAILURES, SUMMARIES, PROGRESS, EACH, STEPS = range(6)
EVERYTHING = STEPS
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
    _last: float = 0.0

    def __post_init__(self) -> None:
        if self.level not in range(EVERYTHING + 1):
            raise UsageError(f"verbose must be a whole number from 0 to 5, got {self.level!r}")

    def say(self, level: int, text: str) -> None:
        """One line, if the level is wanted."""
        if level <= self.level:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def observe(self, progress: Progress) -> None:
        """What a run reports after each evaluation."""
        trial = progress.trial
        if trial is None:
            return
        counted = f"{progress.finished} evaluated, {progress.running} running"
        if trial.status == "failed":
            reason = trial.outcome.error if trial.outcome is not None else ""
            self.say(FAILURES, f"evaluation {trial.number} failed: {reason}")
        elif self.level >= EACH:
            measured = trial.outcome.measurements if trial.outcome is not None else ()
            values = ", ".join(f"{entry.model_name} = {entry.value[0]:.6g}" for entry in measured)
            self.say(EACH, f"evaluation {trial.number}: {values}; {counted}")
        elif time.monotonic() - self._last > SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            self.say(PROGRESS, counted)
