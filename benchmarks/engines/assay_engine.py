"""Our own engine: the pieces that the driver uses, and the driver as a whole."""

from __future__ import annotations

import importlib
from typing import Any, final

import numpy as np

from assay.drivers.abstract import History, Request
from assay.drivers.active_learning import ActiveLearning
from assay.drivers.configuration import AcquisitionOptimizer, Minimizer
from assay.drivers.suggesting import Domain, Looks, suggest_unit
from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.numerics.random import generator
from assay.quantities.selector import SelectedOutput
from assay.records import Measurement, Outcome, Suggestion, Trial
from assay.space.space import Space
from assay.surrogates.abstract import AbstractPosterior
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior
from benchmarks.engines.abstract import RAW_SAMPLES, RESTARTS, AbstractEngine, Hyperparameters

__all__ = ["AssayDriverEngine", "AssayEngine", "assay_two_starts"]

Array = np.ndarray


def _space(dimension: int) -> Space:
    return Space.from_data([{"name": f"x{place + 1}", "domain": [0.0, 1.0]} for place in range(dimension)])


def _load_what_waits() -> None:
    """What a process imports when it first needs it counts as imports, as it does for the peers."""
    importlib.import_module("scipy.optimize")
    importlib.import_module("scipy.stats")


@final
class AssayEngine(AbstractEngine):
    """The same job as the peers: Matern-5/2, fitted noise, no warping; the fit starts from the last one's state, and
    from so many fresh points beside it."""

    def __init__(self, fresh_starts: int = 0) -> None:
        _load_what_waits()
        self._fresh_starts = fresh_starts
        self._state: Any = None

    def suggest(self, points: Array, values: Array, seed: int) -> Array:
        surrogate = GaussianProcess(
            kernel="matern52", noise="fit", warping="identity", restarts=self._fresh_starts
        )
        fitted = surrogate.fit(Dataset.of(points, values), self._state, generator(seed, 0, "fit"))
        self._state = fitted.state
        return self._maximum(fitted.posterior, points, values, seed)

    def maximise(self, points: Array, values: Array, hyperparameters: Hyperparameters, seed: int) -> Array:
        state = {
            "log_length_scales": np.log(hyperparameters.length_scales).tolist(),
            "noise_ratio": hyperparameters.noise_variance / hyperparameters.signal_variance,
            "signal_variance": [hyperparameters.signal_variance],
            "warping": "identity",
            "warping_parameters": [[]],
            **{name: [0.0] for name in ("offset", "latent_offset")},
            **{name: [1.0] for name in ("scale", "latent_scale")},
        }
        surrogate = GaussianProcess(kernel="matern52", mean="zero", noise="fit", warping="identity")
        return self._maximum(surrogate.posterior(Dataset.of(points, values), state), points, values, seed)

    def _maximum(self, posterior: AbstractPosterior, points: Array, values: Array, seed: int) -> Array:
        coordinates = Coordinates.of(space := _space(points.shape[1]))
        nothing = np.empty((0, points.shape[1]))
        optimiser = AcquisitionOptimizer(num_initial_samples=RAW_SAMPLES, num_starts=RESTARTS)
        assert isinstance(posterior, GaussianProcessPosterior)
        chosen = suggest_unit(
            SelectedOutput(posterior),
            Domain(coordinates, FeasibleSet.of(space, coordinates), np.empty(0)),
            Looks(points, nothing, nothing),
            values,
            Minimizer(),
            optimiser,
            1.0,
            lambda purpose: generator(seed, 0, purpose),
        )
        return chosen.point


def assay_two_starts() -> AssayEngine:
    """With the fresh start that the driver's defaults give every fit."""
    return AssayEngine(fresh_starts=1)


@final
class AssayDriverEngine(AbstractEngine):
    """`ActiveLearning.suggest` with its defaults, from a history of trials: what a user waits for.

    The defaults add what the peers' job has not: output warping, and hyperparameters kept where few rows are new; here
    enough rows are new that they are fitted, up to the number of rows from which on the defaults keep them.
    """

    def __init__(self) -> None:
        _load_what_waits()
        self._driver = ActiveLearning.from_data({})
        self._state: Any = None
        self._rows = 0

    def suggest(self, points: Array, values: Array, seed: int) -> Array:
        space = _space(points.shape[1])
        trials = tuple(map(_trial, range(len(points)), points, values))
        proposal = self._driver.suggest(History(space, trials, seed, self._state), Request(len(points)))
        self._state = proposal.state
        return np.array(list(proposal.values.values()), dtype=float)

    def maximise(self, points: Array, values: Array, hyperparameters: Hyperparameters, seed: int) -> Array:
        return AssayEngine().maximise(points, values, hyperparameters, seed)


def _trial(number: int, point: Array, value: float) -> Trial:
    values = {f"x{place + 1}": float(entry) for place, entry in enumerate(point)}
    outcome = Outcome("succeeded", (Measurement((float(value),)),))
    return Trial(Suggestion(number, values), "succeeded", outcome, 1)
