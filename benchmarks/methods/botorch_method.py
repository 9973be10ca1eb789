"""BoTorch with its own defaults, in the loop that its documentation recommends.

`SingleTaskGP` (kernel and priors of the version), 2 (d + 1) scrambled Sobol' points to start with, `optimize_acqf`
with 10 restarts from 512 raw points. A deterministic problem: log expected improvement, and the noise is told through
`train_Yvar`, 1e-7 of the variance of the values. A noisy one: the noise is fitted, and the acquisition is
`qLogNoisyExpectedImprovement`. A constraint is given as a nonlinear inequality, with feasible starting points.
It recommends the observed point with the best posterior mean (for a deterministic problem, the best observation).
"""

from __future__ import annotations

import warnings
from typing import final

import gpytorch
import numpy as np
import torch
from botorch.acquisition import LogExpectedImprovement, qLogNoisyExpectedImprovement
from botorch.exceptions import BotorchWarning
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.optim import optimize_acqf
from botorch.optim.initializers import initialize_q_batch
from gpytorch.mlls import ExactMarginalLogLikelihood
from torch.quasirandom import SobolEngine

from assay.testing.problems import Problem
from benchmarks.methods.abstract import AbstractMethod
from benchmarks.methods.random_method import uniform_feasible

__all__ = ["BotorchMethod"]

Array = np.ndarray

RELATIVE_NOISE_VARIANCE = 1e-7
RESTARTS = 10
RAW_SAMPLES = 512


@final
class BotorchMethod(AbstractMethod):
    """Points are mapped to the unit cube, values negated, since BoTorch maximises."""

    def __init__(self, problem: Problem, seed: int) -> None:
        warnings.simplefilter("ignore", BotorchWarning)
        torch.manual_seed(seed)
        self._problem = problem
        self._generator = np.random.default_rng([seed, 2])
        self._lower, self._upper = np.array(problem.lower), np.array(problem.upper)
        self._start = self._design(2 * (problem.dimension + 1), seed)
        self._points: list[Array] = []
        self._values: list[float] = []
        self._fitted: tuple[int, SingleTaskGP] | None = None

    def _design(self, count: int, seed: int) -> list[Array]:
        engine = SobolEngine(self._problem.dimension, scramble=True, seed=seed)
        kept: list[Array] = []
        while len(kept) < count:
            drawn = self._natural(engine.draw(count, dtype=torch.double).numpy())
            kept.extend(drawn[self._problem.feasible(drawn)])
        return kept[:count]

    def _natural(self, unit: Array) -> Array:
        return self._lower + unit * (self._upper - self._lower)

    def _unit(self, points: Array) -> torch.Tensor:
        return torch.as_tensor((points - self._lower) / (self._upper - self._lower), dtype=torch.double)

    def _model(self) -> SingleTaskGP:
        """The model of everything told so far, fitted once."""
        if self._fitted is not None and self._fitted[0] == len(self._values):
            return self._fitted[1]
        x = self._unit(np.array(self._points))
        y = -torch.tensor(self._values, dtype=torch.double).unsqueeze(-1)
        noise = torch.full_like(y, RELATIVE_NOISE_VARIANCE) * y.var() if self._problem.deterministic else None
        with gpytorch.settings.min_fixed_noise(double_value=RELATIVE_NOISE_VARIANCE):
            model = SingleTaskGP(x, y, train_Yvar=noise)
            fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        self._fitted = (len(self._values), model)
        return model

    def suggest(self) -> Array:
        if len(self._points) < len(self._start):
            return self._start[len(self._points)]
        model = self._model()
        if self._problem.deterministic:
            acquisition = LogExpectedImprovement(model, best_f=-min(self._values))
        else:
            acquisition = qLogNoisyExpectedImprovement(
                model, self._unit(np.array(self._points)), prune_baseline=True
            )
        bounds = torch.tensor([[0.0], [1.0]], dtype=torch.double).expand(2, self._problem.dimension)
        if self._problem.constraint is None:
            candidate, _ = optimize_acqf(acquisition, bounds, 1, RESTARTS, RAW_SAMPLES)
            return self._natural(candidate[0].detach().numpy())
        return self._constrained_maximum(acquisition, bounds)

    def _constrained_maximum(self, acquisition: LogExpectedImprovement, bounds: torch.Tensor) -> Array:
        span = torch.as_tensor(self._upper - self._lower)
        lower = torch.as_tensor(self._lower)
        raw = uniform_feasible(self._problem, RAW_SAMPLES, self._generator)
        unit = self._unit(raw).unsqueeze(-2)
        with torch.no_grad():
            worth = acquisition(unit)
        starts, _ = initialize_q_batch(unit, worth, RESTARTS)
        candidate, _ = optimize_acqf(
            acquisition,
            bounds,
            1,
            RESTARTS,
            nonlinear_inequality_constraints=[(lambda x: self._problem.slack(lower + x * span, torch), True)],
            batch_initial_conditions=starts,
            options={"batch_limit": 1},
        )
        return self._pulled_inside(self._natural(candidate[0].detach().numpy()), raw)

    def _pulled_inside(self, point: Array, inside: Array) -> Array:
        """SLSQP may leave the constraint broken by its tolerance: go towards the nearest feasible raw point until it
        holds, so that the peer loses no evaluation to rounding."""
        target = inside[np.argmin(np.sum((inside - point) ** 2, axis=1))]
        for share in (0.0, *np.geomspace(1e-12, 1.0, 49)):
            trial = point + share * (target - point)
            if self._problem.feasible(trial):
                return trial
        return target

    def tell(self, point: Array, value: float) -> None:
        self._points.append(point)
        self._values.append(value)

    def recommend(self) -> Array:
        if self._problem.deterministic or len(self._points) < len(self._start):
            return self._points[int(np.argmin(self._values))]
        model = self._model()
        with torch.no_grad():
            mean = model.posterior(self._unit(np.array(self._points))).mean
        return self._points[int(mean.argmax())]
