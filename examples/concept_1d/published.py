"""The demonstration as it was published, step by step, with its errors, so that its numbers can be checked.

What was wrong with it, and stands here only under `as_published`:

- the slope of a feature is -2 (x - c)/l φ: all forces are doubled and the energy is not conserved;
- the gradient of the bias takes the members' distances from the posterior mean, its energy those from their own mean: the biased
  force is the gradient of nothing.

The random numbers are drawn, and the signs of the triangles left, as they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from examples.concept_1d.problem import (
    PRIOR_PRECISION,
    REFERENCE,
    belief_after,
    feature_slopes,
    features,
    potential,
    root_mean_square_error,
)
from scipy.optimize import minimize

from assay.numerics.linear_model import LinearModel

__all__ = ["Replay", "exact_deviation"]

Array = np.ndarray

TIMESTEP = 0.01


@final
@dataclass(frozen=True)
class Replay:
    """The notebook from its first random number to its last.

    Arguments:
        as_published: with its errors, or with its gradients put right.
    """

    as_published: bool

    def slopes(self, x: float) -> Array:
        """The derivatives of the features that the dynamics used."""
        return (2.0 if self.as_published else 1.0) * feature_slopes(np.array(x))

    def bias_slope(self, x: float, mean: Array, members: Array) -> float:
        """The derivative of the members' standard deviation that the dynamics used."""
        energies = features(np.array(x)) @ members
        centre = features(np.array(x)) @ mean if self.as_published else energies.mean()
        return float(np.mean((energies - centre) * (self.slopes(x) @ members)) / energies.std())

    def trajectory(
        self, x: float, velocity: float, steps: int, mean: Array, members: Array | None = None
    ) -> tuple[Array, Array]:
        """Positions and velocities of velocity Verlet, the first ones included."""

        def force(x: float) -> float:
            bias = 0.0 if members is None else self.bias_slope(x, mean, members)
            return bias - float(self.slopes(x) @ mean)

        positions, velocities, pull = [x], [velocity], force(x)
        for _ in range(steps):
            velocity += 0.5 * TIMESTEP * pull
            x += TIMESTEP * velocity
            pull = force(x)
            velocity += 0.5 * TIMESTEP * pull
            positions.append(x)
            velocities.append(velocity)
        return np.array(positions), np.array(velocities)

    def numbers(self) -> dict[str, Any]:
        """What the notebook shows."""
        random = np.random.RandomState(42)
        first = 2.0 * random.random_sample(3)
        found: dict[str, Any] = {"samples": first, "labels": potential(first)}
        found |= self._least_squares(first)
        mean = belief_after(first).mean[:, 0]
        root = _root(first)
        found |= {"mean": mean, "diagonal": np.diag(root)}
        members = _members(mean, root, random.normal(size=(10, 15)))
        unbiased, _ = self.trajectory(0.0, -2.0, 1000, mean)
        biased, _ = self.trajectory(0.0, -2.0, 1000, mean, members)
        found |= {"members": members, "unbiased": unbiased, "biased": biased}
        beliefs = {
            "first": belief_after(first),
            "unbiased": belief_after(np.append(first, unbiased[::100])),
            "biased": belief_after(np.append(first, biased[::100])),
        }
        found["errors"] = {name: float(root_mean_square_error(belief)) for name, belief in beliefs.items()}
        found |= self._updates(np.append(first, biased[::100]), random)
        found["selected"] = self._selection(np.append(first, unbiased[::100]), biased, random)
        return found

    def _least_squares(self, first: Array) -> dict[str, Any]:
        """The fits without a prior, and the dynamics on the first of them."""

        def fit(points: Array, start: Array) -> Array:
            return minimize(lambda w: ((features(points) @ w - potential(points)) ** 2).sum(), start).x

        weights = fit(first, np.ones(10))
        positions, velocities = self.trajectory(1.0, -4.0, 300, weights)
        mean = features(positions) @ weights
        drift = {factor: float(np.ptp(factor * mean + 0.5 * velocities**2)) for factor in (1.0, 2.0)}
        again = fit(np.append(first, positions[::100]), weights)
        return {
            "least_squares_errors": (_error(weights), _error(again)),
            "first_positions": positions,
            "drift": drift,
        }

    def _updates(self, points: Array, random: np.random.RandomState) -> dict[str, Any]:
        """Committees after the labels, and after a look at 2.3 without one; the same random numbers in both."""
        mean, root = belief_after(points).mean[:, 0], _root(points)
        fifteen = _deviation(_members(mean, root, random.normal(size=(10, 15))), REFERENCE)
        normal, looked = random.normal(size=(10, 40)), _root(np.append(points, 2.3))
        before, after = _members(mean, root, normal), _members(mean, looked, normal)
        at = np.array([2.3, 2.5, 2.0, -1.0])
        return {
            "updated": (fifteen.mean(), fifteen.max()),
            "look": (_deviation(before, at), _deviation(after, at)),
            "look_mean": (_deviation(before, REFERENCE).mean(), _deviation(after, REFERENCE).mean()),
        }

    def _selection(self, points: Array, candidates: Array, random: np.random.RandomState) -> Array:
        """(3, 4): three greedy looks without labels: position, score, greatest and mean deviation on the window."""
        mean, chosen = belief_after(points).mean[:, 0], []
        for _ in range(3):
            members = _members(mean, _root(points), random.normal(size=(10, 40)))
            score, window = _deviation(members, candidates), _deviation(members, REFERENCE)
            best = int(score.argmax())
            chosen.append((candidates[best], score[best], window.max(), window.mean()))
            points = np.append(points, candidates[best])
        return np.array(chosen)


def _root(points: Array) -> Array:
    """The triangle of rows and prior with the signs that NumPy leaves."""
    rows = np.concatenate([features(points), np.sqrt(PRIOR_PRECISION) * np.eye(10)])
    return np.asarray(np.linalg.qr(rows, mode="r"))


def _members(mean: Array, root: Array, normal: Array) -> Array:
    return mean[:, None] + np.linalg.solve(root, normal)


def _deviation(members: Array, x: Array) -> Array:
    return (features(x) @ members).std(axis=1)


def _error(weights: Array) -> float:
    return float(np.sqrt(((features(REFERENCE) @ weights - potential(REFERENCE)) ** 2).mean()))


def exact_deviation(belief: LinearModel, x: Array) -> Array:
    """What a committee of infinitely many members has."""
    return np.sqrt(belief.mean_variance(features(x))[1])
