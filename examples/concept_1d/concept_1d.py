"""Hyperactive learning of a quartic: a thermostat, walls, exact uncertainties, selection by score, and many seeds.

Every run begins with three labels on the right, and may ask for eleven more. Dynamics is Langevin's on the mean of the belief,
with or without the bias -tau sigma, inside harmonic walls. The schemes differ in how they choose what to label.

All runs go side by side: positions are (runs,), and a batch of beliefs is one `LinearModel`.

Source: C. van der Oord, M. Sachs, D. Kovács, C. Ortner and G. Csányi, npj Comput. Mater. 9, 168 (2023).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from examples.concept_1d.problem import (
    REFERENCE,
    WINDOW,
    belief_after,
    feature_slopes,
    features,
    potential,
    root_mean_square_error,
)

from assay.numerics.linear_model import LinearModel

__all__ = ["SCHEMES", "Dynamics", "Outcome", "best_error", "outcome"]

Array = np.ndarray

LABELS, STEPS = 11, 1000
TEMPERATURE, FRICTION, TIMESTEP = 1.0, 1.0, 0.01
WALL_STIFFNESS = 100.0
HISTORY = 20


@final
@dataclass(frozen=True)
class Dynamics:
    """Langevin dynamics of many runs at once (BAOAB), each on its own belief.

    Arguments:
        belief: a batch of runs.
        tau: the strength of the bias, or, where `adaptive`, the fraction of the forces that it adds.
        adaptive: tau = fraction <|F|> / <|dsigma/dx|> with running means of the unbiased forces over 20 steps.
    """

    belief: LinearModel
    tau: float = 0.0
    adaptive: bool = False

    def forces(self, x: Array) -> tuple[Array, Array]:
        """-dE/dx of the mean, walls included, and dsigma/dx: both (runs,)."""
        value, slope = features(x)[:, None], feature_slopes(x)[:, None]
        whitened, whitened_slope = self.belief.whitened(value), self.belief.whitened(slope)
        deviation = np.sqrt((whitened**2).sum(axis=2) + 1e-12)
        climb = (whitened * whitened_slope).sum(axis=2) / deviation
        mean = (slope @ self.belief.mean)[:, 0, 0]
        outside = np.minimum(x - WINDOW[0], 0.0) + np.maximum(x - WINDOW[1], 0.0)
        return -mean - WALL_STIFFNESS * outside, climb[:, 0]

    def trajectory(
        self, x: Array, velocity: Array, steps: int, generator: np.random.Generator
    ) -> tuple[Array, Array]:
        """Positions (steps + 1, runs), the first ones included, and the last velocities."""
        decay = np.exp(-FRICTION * TIMESTEP)
        kick = np.sqrt(TEMPERATURE * (1.0 - decay**2))
        force, climb = self.forces(x)
        force_mean, climb_mean = np.abs(force), np.abs(climb)
        positions = [x]
        for _ in range(steps):
            tau = self.tau * force_mean / (climb_mean + 1e-9) if self.adaptive else self.tau
            tau = np.minimum(tau, 100.0)
            velocity = velocity + 0.5 * TIMESTEP * (force + tau * climb)
            x = x + 0.5 * TIMESTEP * velocity
            velocity = decay * velocity + kick * generator.standard_normal(x.shape)
            x = x + 0.5 * TIMESTEP * velocity
            force, climb = self.forces(x)
            velocity = velocity + 0.5 * TIMESTEP * (force + tau * climb)
            force_mean += (np.abs(force) - force_mean) / HISTORY
            climb_mean += (np.abs(climb) - climb_mean) / HISTORY
            positions.append(x)
        return np.array(positions), velocity


@final
@dataclass(frozen=True)
class Outcome:
    """What a scheme reached in each run.

    Arguments:
        points: (runs, labels), where its labels are, the first three included.
        covered: (runs,), the range that its dynamics covered; the window for schemes without.
    """

    points: Array
    covered: Array

    @property
    def error(self) -> Array:
        """(runs,), root mean square on the window after all labels."""
        return root_mean_square_error(belief_after(self.points))


def first_labels(seeds: range) -> Array:
    """(runs, 3): where the labels are that each run begins with."""
    return np.array([2.0 * np.random.default_rng([seed, 0]).random(3) for seed in seeds])


def best_of(belief: LinearModel, candidates: Array, count: int) -> Array:
    """(runs, count): greedily the candidates of the largest deviation, each looked at before the next is chosen.

    Arguments:
        candidates: (runs, candidates).
    """
    design, runs, chosen = features(candidates), np.arange(len(candidates)), []
    for _ in range(count):
        best = belief.mean_variance(design)[1].argmax(axis=1)
        chosen.append(candidates[runs, best])
        belief = belief.given_inputs(design[runs, best][:, None], np.ones(1))
    return np.stack(chosen, axis=1)


def one_trajectory(tau: float, adaptive: bool, greedy: bool) -> Callable[[range], Outcome]:
    """A thousand steps on the first belief, then all labels at once: every hundredth step, or the greedy ones."""

    def scheme(seeds: range) -> Outcome:
        first, generator = first_labels(seeds), np.random.default_rng([seeds.start, len(seeds), 1])
        belief = belief_after(first)
        start = np.zeros(len(seeds)), np.full(len(seeds), -2.0)
        positions, _ = Dynamics(belief, tau, adaptive).trajectory(*start, STEPS, generator)
        more = best_of(belief, positions.T, LABELS) if greedy else positions[:: STEPS // (LABELS - 1)].T
        return Outcome(np.concatenate([first, more], axis=1), np.ptp(positions, axis=0))

    return scheme


def on_the_fly(tau: float, adaptive: bool) -> Callable[[range], Outcome]:
    """A label after each eleventh of the steps, where the deviation was largest, and dynamics goes on with the new belief."""

    def scheme(seeds: range) -> Outcome:
        points, generator = first_labels(seeds), np.random.default_rng([seeds.start, len(seeds), 2])
        x, velocity = np.zeros(len(seeds)), np.full(len(seeds), -2.0)
        low, high = x, x
        for _ in range(LABELS):
            belief = belief_after(points)
            positions, velocity = Dynamics(belief, tau, adaptive).trajectory(
                x, velocity, STEPS // LABELS, generator
            )
            x = positions[-1]
            low, high = np.minimum(low, positions.min(axis=0)), np.maximum(high, positions.max(axis=0))
            points = np.concatenate([points, best_of(belief, positions.T, 1)], axis=1)
        return Outcome(points, high - low)

    return scheme


def at_random(seeds: range) -> Outcome:
    """Labels anywhere in the window, without dynamics."""
    more = np.array([np.random.default_rng([seed, 3]).uniform(*WINDOW, LABELS) for seed in seeds])
    return _without_dynamics(first_labels(seeds), more)


def on_a_grid(seeds: range) -> Outcome:
    """Greedy labels among a hundred points of the window, without dynamics."""
    first = first_labels(seeds)
    grid = np.broadcast_to(REFERENCE, (len(seeds), len(REFERENCE)))
    return _without_dynamics(first, best_of(belief_after(first), grid, LABELS))


def _without_dynamics(first: Array, more: Array) -> Outcome:
    return Outcome(np.concatenate([first, more], axis=1), np.full(len(first), WINDOW[1] - WINDOW[0]))


def best_error() -> float:
    """The least error that any weights have."""
    rows = features(REFERENCE)
    weights = np.linalg.lstsq(rows, potential(REFERENCE), rcond=None)[0]
    return float(np.sqrt(((rows @ weights - potential(REFERENCE)) ** 2).mean()))


SCHEMES: dict[str, Callable[[range], Outcome]] = {
    "dynamics, every hundredth step": one_trajectory(0.0, False, greedy=False),
    "dynamics, greedy": one_trajectory(0.0, False, greedy=True),
    "biased, tau 0.5, greedy": one_trajectory(0.5, False, greedy=True),
    "biased, tau 1, greedy": one_trajectory(1.0, False, greedy=True),
    "biased, relative tau 0.5, greedy": one_trajectory(0.5, True, greedy=True),
    "dynamics, a label at each peak": on_the_fly(0.0, False),
    "biased, relative tau 0.5, a label at each peak": on_the_fly(0.5, True),
    "biased, relative tau 1, a label at each peak": on_the_fly(1.0, True),
    "biased, relative tau 2, a label at each peak": on_the_fly(2.0, True),
    "anywhere": at_random,
    "greedy on a grid": on_a_grid,
}


def outcome(name: str, seeds: range) -> Outcome:
    """What a scheme of `SCHEMES` reaches; a run depends on its seed and on the block of seeds that it is in."""
    return SCHEMES[name](seeds)


def main(folder: Path, seeds: range = range(20)) -> None:
    """Print the errors of all schemes, and draw what a biased run learned beside one without bias."""
    from matplotlib.figure import Figure

    found = {name: outcome(name, seeds) for name in SCHEMES}
    for name, reached in found.items():
        sys.stdout.write(f"{name:50s} {np.median(reached.error):6.2f}\n")
    drawing = Figure(figsize=(8.0, 3.2), layout="constrained", dpi=130)
    shown = ("dynamics, every hundredth step", "biased, relative tau 1, a label at each peak")
    for axes, name in zip(drawing.subplots(1, 2, sharey=True), shown, strict=True):
        # The run of the median error stands for all.
        run = int(np.argsort(found[name].error)[len(seeds) // 2])
        points = found[name].points[run]
        mean, variance = belief_after(points).mean_variance(features(REFERENCE))
        deviation = np.sqrt(variance)
        axes.fill_between(REFERENCE, mean[:, 0] - 2 * deviation, mean[:, 0] + 2 * deviation, color="0.85")
        axes.plot(REFERENCE, potential(REFERENCE), "k--", linewidth=1.0, label="true")
        axes.plot(REFERENCE, mean[:, 0], color="#0072b2", label="mean, and two deviations")
        axes.plot(points, potential(points), "o", color="#d55e00", markersize=4, label="labels")
        axes.set(xlabel="x", title=name, xlim=WINDOW, ylim=(-15.0, 40.0))
    drawing.axes[0].legend(frameon=False)
    folder.mkdir(parents=True, exist_ok=True)
    drawing.savefig(folder / "concept.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/concept_1d"))
