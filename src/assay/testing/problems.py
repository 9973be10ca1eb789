"""Problems with known optima: boxes, shifts, noise and constraint are frozen here.

A problem whose optimum lies at or near the centre of its box (Ackley, Rastrigin, Levy, mystery) is shifted by a
fixed vector, so that a method that looks at the centre first gains nothing. The shifts of the first three were drawn once, by
NumPy's `default_rng(20260101)`, and the last was chosen: each coordinate of the optimum lies between 15 and
35 % of the box's width from one of its two ends. The numbers below are the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, final

import numpy as np

from assay.errors import UsageError
from assay.testing.functions import (
    ackley,
    branin,
    hartmann3,
    hartmann6,
    levy,
    mystery,
    mystery_slack,
    rastrigin,
    rosenbrock,
)

__all__ = ["PROBLEMS", "InputConstraint", "Problem", "problem"]

Array = np.ndarray


@final
@dataclass(frozen=True)
class InputConstraint:
    """A condition on the parameters that every method is told.

    Arguments:
        expression: the condition in the language of a study's constraints, in the box's coordinates.
        slack: points (..., dimension), in the function's own coordinates, and an array namespace to values (...),
            not negative where the condition holds.
    """

    expression: str
    slack: Callable[[Array, ModuleType], Array]


@final
@dataclass(frozen=True)
class Problem:
    """A function to minimise over a box, with its known optimum.

    Arguments:
        name: its key in `PROBLEMS`.
        lower, upper: the box, one entry for each parameter; the parameters are called x1, x2, ...
        function: points (..., dimension) to values (...), on the function's own coordinates x - shift.
        minimum: the least value over the box, where the constraint holds.
        minimisers: every point where it is reached, in the box's coordinates.
        shift: how far the function was moved; empty for not at all.
        noise_std: the standard deviation of the normal noise on an observation; 0 for none.
        constraint: a condition on the parameters, or None.

    Example:
        >>> branin = problem("branin")
        >>> round(branin.evaluate({"x1": 3.0, "x2": 2.0}), 4)
        0.6445
        >>> round(branin.regret({"x1": 3.0, "x2": 2.0}), 4)
        0.2466
    """

    name: str
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    function: Callable[[Array], Array]
    minimum: float
    minimisers: tuple[tuple[float, ...], ...]
    shift: tuple[float, ...] = ()
    noise_std: float = 0.0
    constraint: InputConstraint | None = None

    @property
    def dimension(self) -> int:
        return len(self.lower)

    @property
    def deterministic(self) -> bool:
        """Whether an observation is the truth; what every method may be told."""
        return self.noise_std == 0

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"x{index + 1}" for index in range(self.dimension))

    @property
    def design_space(self) -> list[dict[str, Any]]:
        """The box as `create_study` takes it."""
        bounds = zip(self.names, self.lower, self.upper, strict=True)
        return [{"name": name, "type": "continuous", "domain": [low, high]} for name, low, high in bounds]

    @property
    def constraints(self) -> list[dict[str, str]]:
        """The constraint as `create_study` takes it; empty where there is none."""
        return [{"name": "condition", "expression": self.constraint.expression}] if self.constraint else []

    def truth(self, points: Array) -> Array:
        """The function without noise: points (..., dimension), in the box's coordinates, to values (...)."""
        return self.function(points - np.asarray(self.shift) if self.shift else points)

    def slack(self, points: Array, xp: ModuleType = np) -> Array:
        """How far inside the constraint each point lies, negative outside: (..., dimension) to (...).

        `xp` is the namespace of the points' arrays, so that a peer can differentiate it.

        Raises:
            UsageError: when the problem has no constraint.
        """
        if self.constraint is None:
            raise UsageError(f"problem {self.name!r} has no constraint")
        return self.constraint.slack(points - xp.asarray(self.shift) if self.shift else points, xp)

    def feasible(self, points: Array, tolerance: float = 0.0) -> Array:
        """Whether each point meets the constraint: (..., dimension) to (...); the box is not looked at."""
        if self.constraint is None:
            return np.ones(points.shape[:-1], dtype=bool)
        return self.slack(points) >= -tolerance

    def evaluate(self, values: Mapping[str, Any]) -> float:
        """The truth at one point, given by name."""
        return float(self.truth(self._point(values)))

    def observe(self, values: Mapping[str, Any], generator: np.random.Generator) -> float:
        """What an evaluation gives: the truth and, for a noisy problem, one draw of the noise."""
        truth = self.evaluate(values)
        return truth + self.noise_std * float(generator.standard_normal()) if self.noise_std else truth

    def regret(self, values: Mapping[str, Any]) -> float:
        """The truth at a recommended point less the minimum; infinite where the constraint is broken by more
        than 1e-9."""
        point = self._point(values)
        return float(self.truth(point)) - self.minimum if self.feasible(point, 1e-9) else float("inf")

    def _point(self, values: Mapping[str, Any]) -> Array:
        try:
            return np.array([values[name] for name in self.names], dtype=float)
        except KeyError as missing:
            raise UsageError(
                f"problem {self.name!r} needs a value for each of {self.names}, got none for {missing}"
            ) from None


BRANIN_MINIMISERS = ((-np.pi, 12.275), (np.pi, 2.275), (3 * np.pi, 2.475))
ACKLEY_SHIFT = (19.893, 12.083, -16.017, 11.068, 20.741)
RASTRIGIN_SHIFT = (3.086, 1.978, 1.992, -2.573)
MYSTERY_SHIFT = (1.2, -1.1)
LEVY_SHIFT = (-4.869, 4.725, 4.672, 3.56, 3.333, -6.95, -6.262, 5.326)

PROBLEMS: Mapping[str, Problem] = {
    entry.name: entry
    for entry in (
        Problem("branin", (-5.0, 0.0), (10.0, 15.0), branin, 0.39788735772973816, BRANIN_MINIMISERS),
        Problem(
            "hartmann3",
            (0.0,) * 3,
            (1.0,) * 3,
            hartmann3,
            -3.862779787332663,
            ((0.11458888, 0.55564889, 0.85254698),),
        ),
        Problem(
            "hartmann6",
            (0.0,) * 6,
            (1.0,) * 6,
            hartmann6,
            -3.322368011415515,
            ((0.20168951, 0.15001069, 0.47687397, 0.27533243, 0.31165162, 0.65730053),),
        ),
        Problem("rosenbrock5", (-5.0,) * 5, (10.0,) * 5, rosenbrock, 0.0, ((1.0,) * 5,)),
        Problem("ackley5", (-32.768,) * 5, (32.768,) * 5, ackley, 0.0, (ACKLEY_SHIFT,), ACKLEY_SHIFT),
        Problem("rastrigin4", (-5.12,) * 4, (5.12,) * 4, rastrigin, 0.0, (RASTRIGIN_SHIFT,), RASTRIGIN_SHIFT),
        Problem(
            "levy8", (-10.0,) * 8, (10.0,) * 8, levy, 0.0, (tuple(1 + s for s in LEVY_SHIFT),), LEVY_SHIFT
        ),
        Problem(
            "branin_noisy",
            (-5.0, 0.0),
            (10.0, 15.0),
            branin,
            0.39788735772973816,
            BRANIN_MINIMISERS,
            noise_std=1.0,
        ),
        Problem(
            "mystery",
            (0.0, 0.0),
            (5.0, 5.0),
            mystery,
            -1.174274328866348,
            ((3.9449510465525627, 1.2522519648535386),),
            MYSTERY_SHIFT,
            constraint=InputConstraint("sin(x1 - x2 - 2.3 - PI / 8) >= 0", mystery_slack),
        ),
    )
}
"""The nine, by name."""


def problem(name: str) -> Problem:
    """The problem of that name.

    Raises:
        UsageError: when there is none.
    """
    if name not in PROBLEMS:
        raise UsageError(f"a problem is one of {', '.join(PROBLEMS)}, got {name!r}")
    return PROBLEMS[name]
