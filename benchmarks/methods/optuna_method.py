"""Optuna's Gaussian-process sampler with its own defaults, through ask and tell.

Its start is its default, 10 random points. It is told whether the problem is deterministic. A constraint reaches it
in the one way that it offers, as a value that it learns from evaluations; its suggestions may therefore break it,
and each of them counts as an evaluation. It recommends `study.best_trial`.
"""

from __future__ import annotations

import warnings
from typing import final

import numpy as np
import optuna

from assay.testing.problems import Problem
from benchmarks.methods.abstract import AbstractMethod

__all__ = ["OptunaMethod"]

Array = np.ndarray


@final
class OptunaMethod(AbstractMethod):
    """`optuna.samplers.GPSampler`."""

    def __init__(self, problem: Problem, seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        self._problem = problem
        sampler = optuna.samplers.GPSampler(
            seed=seed,
            deterministic_objective=problem.deterministic,
            constraints_func=self._violation if problem.constraint else None,
        )
        self._study = optuna.create_study(direction="minimize", sampler=sampler)
        self._open: optuna.trial.Trial | None = None

    def _violation(self, trial: optuna.trial.FrozenTrial) -> tuple[float]:
        point = np.array([trial.params[name] for name in self._problem.names])
        return (-float(self._problem.slack(point)),)

    def suggest(self) -> Array:
        self._open = trial = self._study.ask()
        bounds = zip(self._problem.names, self._problem.lower, self._problem.upper, strict=True)
        return np.array([trial.suggest_float(name, low, high) for name, low, high in bounds])

    def tell(self, point: Array, value: float) -> None:  # noqa: ARG002 - the open trial knows its point
        assert self._open is not None
        self._study.tell(self._open, value)

    def recommend(self) -> Array:
        try:
            best = self._study.best_trial
        except ValueError:  # nothing feasible yet: any point of it, which counts as infeasible
            best = self._study.trials[-1]
        return np.array([best.params[name] for name in self._problem.names])
