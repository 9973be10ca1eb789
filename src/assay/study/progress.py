"""How a run is getting on: what observers and stopping rules see."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.records import Trial

__all__ = ["Progress"]


@dataclass(frozen=True)
class Progress:
    """A run at one moment.

    Arguments:
        finished, succeeded, failed: evaluations that have ended, of the whole study.
        running: evaluations that this runner has open.
        total: the evaluations to come to; infinity when not limited.
        best: as `Study.best`.
        trial: the one that has just ended, None at the start.
        seconds: since the run began.
        done_here: evaluations that ended in this run.
    """

    finished: int
    succeeded: int
    failed: int
    running: int
    total: float
    best: Mapping[str, Any] | None
    trial: Trial | None
    seconds: float
    done_here: int

    @property
    def rate_per_second(self) -> float:
        """Evaluations per second in this run."""
        return self.done_here / self.seconds if self.seconds > 0 else 0.0

    @property
    def remaining_seconds(self) -> float:
        """An estimate of the time left; NaN while there is nothing to estimate from."""
        if not self.done_here or math.isinf(self.total):
            return math.nan
        return max(self.total - self.finished, 0) / self.rate_per_second
