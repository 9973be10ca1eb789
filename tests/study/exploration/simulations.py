"""Functions that run in other processes, which import little for them."""

from __future__ import annotations

import time
from pathlib import Path

__all__ = ["at_once"]


def at_once(A: float, B: float, folder: str) -> float:
    """How many of these run at the same time; each waits for a second one, which takes a while to begin."""
    place, until = Path(folder) / f"{A}-{B}", time.monotonic() + 20.0
    place.touch()
    while (running := len(list(Path(folder).iterdir()))) < 2 and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.1)  # for a third one that must not come
    running = max(running, len(list(Path(folder).iterdir())))
    place.unlink()
    return float(running)
