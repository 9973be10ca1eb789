"""SciPy's local minimisers, from many starts."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, final

import numpy as np
from pydantic import Field

from assay.drivers.abstract import History, Proposal, Request
from assay.drivers.local_runs import KnownFunction
from assay.drivers.model_free import AbstractScalarDriver, ModelFreeConfiguration, check_start_points
from assay.drivers.multi_start import MultiStart
from assay.drivers.observed import best_of_trials, reached, scalar_objective
from assay.errors import ConfigurationError
from assay.space.space import Space

__all__ = ["ScipyMinimizer", "ScipyMinimizerConfiguration"]

Array = np.ndarray

MOST_STEPS = 1_000_000  # the study has its own limits


class ScipyMinimizerConfiguration(ModelFreeConfiguration):
    """Local minimisations from one start after the other."""

    method: Literal["auto", "Nelder-Mead", "L-BFGS-B", "SLSQP"] = Field(
        default="auto", description="the minimiser; auto: SLSQP where there are constraints, else L-BFGS-B"
    )
    num_starts: int | None = Field(
        default=None,
        ge=1,
        description="local minimisations after which the study is done; none given: no limit",
    )
    start_points: list[dict[str, float | int | str]] = Field(
        default_factory=list, description="where the first ones begin; quasi-random points follow"
    )
    tolerance: float = Field(
        default=1e-10,
        gt=0,
        le=0.1,
        description="a minimisation ends when its steps improve less than this, relative to its first value",
    )
    finite_difference_step: float = Field(
        default=1e-6,
        gt=0,
        le=0.1,
        description="step of a derivative that was not told, as a fraction of the domain",
    )
    simplex_size: float = Field(
        default=0.1,
        gt=0,
        le=0.5,
        description="edge of the first simplex of Nelder-Mead, as a fraction of each domain",
    )


@final
@dataclass(frozen=True)
class ScipyMinimizer(AbstractScalarDriver[ScipyMinimizerConfiguration]):
    """Local minimisation by SciPy, from many starts.

    Use it where an evaluation is cheap and smooth and there are few minima, above all where derivatives are told. It moves the
    continuous parameters; all others stay where a start has them. A derivative that an observation does not hold costs
    one further evaluation. While a minimisation waits for an evaluation, free slots work on the next start: `num_parallel`
    minimisations at once. The study's constraints are kept by SLSQP and by Nelder-Mead. The first start is the best point
    that was told before the first suggestion, if there is one.

    A point that was withdrawn is asked for again, since its minimisation cannot go on without it; a failure makes it turn back.

    References: Nelder and Mead, Computer Journal 7 (1965) 308; Byrd, Lu, Nocedal and Zhu, SIAM Journal on Scientific
    Computing 16 (1995) 1190; Kraft, DFVLR-FB 88-28 (1988).

    Example:
        >>> space = Space.from_data([{"name": "x", "domain": [0.0, 1.0]}])
        >>> driver = ScipyMinimizer.from_data({"start_points": [{"x": 0.25}]})
        >>> driver.suggest(History(space, (), seed=0), Request(0)).values
        {'x': 0.25}
    """

    kind = ScipyMinimizerConfiguration
    settings: ScipyMinimizerConfiguration
    # what was replayed last, so that the next suggestion does not begin anew; it changes no answer
    _replayed: list[MultiStart] = field(default_factory=list, init=False, repr=False, compare=False)

    def check_space(self, space: Space) -> None:
        check_start_points(space, self.settings.start_points)

    def suggest(self, history: History, request: Request) -> Proposal:
        self._require_method(history.space)
        runs = self._runs(history)
        proposal = runs.propose(self._solve, request)
        self._replayed.append(runs)
        return proposal

    def best(self, history: History) -> Mapping[str, Any] | None:
        return best_of_trials(history)

    def stop_reason(self, history: History) -> str | None:
        sentence = reached(lambda: self.best(history), self.settings.min_val)
        if sentence is not None or self.settings.num_starts is None:
            return sentence
        runs = self._runs(history)
        ended = runs.have_ended(self.settings.num_starts, self._solve)
        self._replayed.append(runs)
        return f"{self.settings.num_starts} local minimisations have ended" if ended else None

    def _require_method(self, space: Space) -> None:
        if self.settings.method == "L-BFGS-B" and space.constraints:
            raise ConfigurationError(
                "the driver's key 'method' must be one that keeps constraints, 'SLSQP' or 'Nelder-Mead', since the space has "
                f"{len(space.constraints)}, got 'L-BFGS-B'"
            )

    def _runs(self, history: History) -> MultiStart:
        settings = self.settings
        return MultiStart.of(
            history, scalar_objective, settings.start_points, settings.finite_difference_step, self._replayed
        )

    def _solve(self, function: KnownFunction) -> None:
        first = function.values(function.start)
        if first is None or not len(function.moving):
            return
        objective = _Objective(function, abs(float(first[0])) or 1.0)
        constrained = function.feasible.count > 0
        method = self.settings.method
        if method == "auto":
            method = "SLSQP" if constrained else "L-BFGS-B"
        if method == "Nelder-Mead":
            self._nelder_mead(objective)
        else:
            self._by_gradient(objective, method)

    def _nelder_mead(self, objective: _Objective) -> None:
        from scipy.optimize import minimize

        start = objective.function.start
        size = self.settings.simplex_size
        steps = np.where(start + size <= 1.0, size, -size)
        options = {
            "initial_simplex": np.vstack([start, start + np.diag(steps)]),
            "adaptive": len(start) > 4,
            "xatol": math.sqrt(self.settings.tolerance),
            "fatol": self.settings.tolerance,
            "maxiter": MOST_STEPS,
            "maxfev": MOST_STEPS,
        }
        bounds = [(0.0, 1.0)] * len(start)
        minimize(objective.inside, start, method="Nelder-Mead", bounds=bounds, options=options)

    def _by_gradient(self, objective: _Objective, method: str) -> None:
        from scipy.optimize import minimize

        function = objective.function
        options: dict[str, Any] = {"maxiter": MOST_STEPS, "ftol": self.settings.tolerance}
        extra: dict[str, Any] = {}
        if method == "L-BFGS-B":
            options |= {"maxfun": MOST_STEPS, "gtol": self.settings.tolerance}
        elif function.feasible.count:
            extra["constraints"] = {"type": "ineq", "fun": function.slack, "jac": function.slack_gradient}
        with warnings.catch_warnings():
            # SLSQP leaves the box by rounding errors and says so; the function clips
            warnings.simplefilter("ignore", RuntimeWarning)
            minimize(
                objective.value,
                function.start,
                jac=objective.gradient,
                method=method,
                bounds=[(0.0, 1.0)] * len(function.start),
                options=options,
                **extra,
            )


@dataclass
class _Objective:
    """The one output over a scale, with a wall where evaluations failed."""

    function: KnownFunction
    scale: float
    seen: list[float] = field(default_factory=list)

    def value(self, place: Array) -> float:
        """The value, that of the nearest feasible point outside the constraints; beyond all others where it failed."""
        values = self.function.values(place)
        if values is None:
            return 2 * max(self.seen) - min(self.seen) + 1.0
        self.seen.append(float(values[0]) / self.scale)
        return self.seen[-1]

    def inside(self, place: Array) -> float:
        """The value; infinite outside the constraints, which costs no evaluation, and where it failed."""
        values = self.function.values(place) if self.function.is_inside(place) else None
        return math.inf if values is None else float(values[0]) / self.scale

    def gradient(self, place: Array) -> Array:
        """(count,)."""
        return self.function.jacobian(place)[0] / self.scale
