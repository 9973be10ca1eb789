"""A minimum that drifts: Rastrigin's function of two parameters, whose phase nobody chooses but everybody can measure.

    f(x, y; φ) = 20 + x² + y² - 10 cos(2π x + φ) - 10 cos(2π y + φ),   φ(t) = 2π sin(t/3 min)

with x and y in [-1.5, 1.5]. Once a minute the phase is measured and one evaluation made. The phase is an environment
parameter: the driver learns f for all phases in the first 100 minutes, and is then asked for the best point in each phase.

    python examples/drift/drift.py [FOLDER]

prints the mean regret of the hour after learning, and draws the regret into the folder.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

import assay

__all__ = [
    "CONTROL",
    "ENVIRONMENT",
    "SPACE",
    "CONTROL_minutes",
    "LEARNING_minutes",
    "main",
    "phase",
    "regrets",
]

SPACE = [{"name": "x", "domain": [-1.5, 1.5]}, {"name": "y", "domain": [-1.5, 1.5]}]
ENVIRONMENT = [{"name": "phase", "type": "variable", "scale": 2.0 * math.pi}]  # unbounded, in radians
LEARNING_minutes, CONTROL_minutes = 100, 60
CONTROL: dict[str, Any] = {"objectives": [{"type": "Minimizer", "strategy": "LCB"}], "scaling": 0.1}
"""After learning: the point of the least expected value, nearly."""
_GRID = np.linspace(-1.5, 1.5, 3001)


def phase(time_minutes: float) -> float:
    """What is measured, in radians."""
    return 2.0 * math.pi * math.sin(time_minutes / 3.0)


def rastrigin(x: float, y: float, phase: float) -> float:
    """The function."""
    return float(_part(np.array(x), phase) + _part(np.array(y), phase))


def regrets(seed: int, *, measured: bool) -> np.ndarray:
    """What each evaluation is above the least value of its minute.

    Arguments:
        seed: of the study; the clock starts 10 minutes later for each.
        measured: whether the driver is told the phase.
    """
    study = assay.create_study(SPACE, environment=ENVIRONMENT if measured else None, seed=seed)
    # Without the phase the same point gives other values at other times: noise, as far as the driver can tell.
    study.configure(deterministic=measured)
    found = []
    for minute in range(LEARNING_minutes + CONTROL_minutes):
        if minute == LEARNING_minutes:
            study.configure(**CONTROL)
        now = phase(10.0 * seed + minute)
        suggestion = study.get_suggestion(environment_value={"phase": now} if measured else None)
        x, y = suggestion.values["x"], suggestion.values["y"]
        value = rastrigin(float(x), float(y), now)
        study.add_observation(value, suggestion.id)
        found.append(value - 2.0 * float(_part(_GRID, now).min()))
    return np.array(found)


def main(folder: Path, seed: int = 0) -> None:
    """Run with and without the measured phase, print the regrets and draw them."""
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(8.0, 3.6), layout="constrained")
    axes = drawing.subplots()
    for measured, label in ((False, "phase unknown"), (True, "phase measured")):
        found = regrets(seed, measured=measured)
        print(f"{label}: mean regret {found[LEARNING_minutes:].mean():.2f} in the hour after learning")
        axes.plot(found, ".-", linewidth=0.8, label=label)
    axes.axvline(LEARNING_minutes - 0.5, color="black", linestyle="--", linewidth=0.9)
    axes.set(xlabel="minutes", ylabel="regret")
    axes.legend(frameon=False)
    folder.mkdir(parents=True, exist_ok=True)
    drawing.savefig(folder / "regret.png", dpi=130)


def _part(places: np.ndarray, phase: float) -> np.ndarray:
    return 10.0 + places**2 - 10.0 * np.cos(2.0 * math.pi * places + phase)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/drift"))
