"""A model that leaves a mark when it begins and when it ends; copied beside a study file."""

from __future__ import annotations

import time
import uuid
from pathlib import Path


def evaluate(x: float, seconds: float, folder: str) -> float:
    """A parabola after a nap."""
    run = f"{x!r}-{uuid.uuid4().hex}"
    Path(folder, f"begun-{run}").touch()
    time.sleep(seconds)
    Path(folder, f"ended-{run}").touch()
    return (x - 0.3) ** 2
