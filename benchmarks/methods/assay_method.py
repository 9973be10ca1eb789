"""Our driver with its defaults, told whether the problem is deterministic, through the values that a study hands it.

Its start is its default, scrambled Sobol' points. A constraint is given as an expression. It recommends what
`ActiveLearning.best` does: the best observation, or for a noisy problem the observed point of the least posterior mean.
The state crosses JSON at every step, as it does through a journal.
"""

from __future__ import annotations

import json
from typing import final

import numpy as np

from assay.drivers.abstract import History, Request
from assay.drivers.active_learning import ActiveLearning
from assay.records import Measurement, Outcome, Suggestion, Trial
from assay.space.space import Space
from assay.testing.problems import Problem
from benchmarks.methods.abstract import AbstractMethod

__all__ = ["AssayMethod"]

Array = np.ndarray


@final
class AssayMethod(AbstractMethod):
    """`assay.drivers.active_learning.ActiveLearning`."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self._names = problem.names
        self._driver = ActiveLearning.from_data({"deterministic": problem.deterministic})
        space = Space.from_data(problem.design_space, constraints=problem.constraints)
        self._history = History(space, (), seed)

    @property
    def driver(self) -> ActiveLearning:
        return self._driver

    @property
    def history(self) -> History:
        """Everything told so far."""
        return self._history

    def suggest(self) -> Array:
        proposal = self._driver.suggest(self._history, Request(len(self._history.trials)))
        state = json.loads(json.dumps(proposal.state))
        self._history = History(self._history.space, self._history.trials, self._history.seed, state)
        return np.array([proposal.values[name] for name in self._names], dtype=float)

    def tell(self, point: Array, value: float) -> None:
        number = len(self._history.trials)
        values = dict(zip(self._names, map(float, point), strict=True))
        outcome = Outcome("succeeded", (Measurement((value,)),))
        trial = Trial(Suggestion(number, values), "succeeded", outcome, 1)
        trials = (*self._history.trials, trial)
        self._history = History(self._history.space, trials, self._history.seed, self._history.state)

    def recommend(self) -> Array:
        best = self._driver.best(self._history)
        assert best is not None
        return np.array([best["values"][name] for name in self._names], dtype=float)
