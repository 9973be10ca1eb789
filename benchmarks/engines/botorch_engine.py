"""BoTorch, and `botorch-rust`, which has the same interface: a Matern-5/2 kernel with its own dimension-scaled prior.

The fit starts where the library starts it, once, as its users have it.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any, final

import numpy as np

from benchmarks.engines.abstract import RAW_SAMPLES, RESTARTS, AbstractEngine, Hyperparameters

__all__ = ["BotorchEngine", "botorch", "botorch_rust"]

Array = np.ndarray


@final
class BotorchEngine(AbstractEngine):
    """`library` is "botorch" or "botorch_rs", `kernels` and `mlls` where their kernels and likelihoods live."""

    def __init__(
        self,
        library: str,
        kernels: str,
        mlls: str,
        array: Callable[[Array], Any],
    ) -> None:
        warnings.simplefilter("ignore")
        self._array = array
        self._gp = importlib.import_module(f"{library}.models").SingleTaskGP
        self._prior_kernel = importlib.import_module(
            f"{library}.models.utils.gpytorch_modules"
        ).get_covar_module_with_dim_scaled_prior
        self._fit = importlib.import_module(f"{library}.fit").fit_gpytorch_mll
        self._improvement = importlib.import_module(f"{library}.acquisition").LogExpectedImprovement
        self._optimise = importlib.import_module(f"{library}.optim").optimize_acqf
        self._kernels = importlib.import_module(kernels)
        self._mll = importlib.import_module(mlls).ExactMarginalLogLikelihood

    def suggest(self, points: Array, values: Array, seed: int) -> Array:
        kernel = self._prior_kernel(ard_num_dims=points.shape[1], use_rbf_kernel=False)
        model = self._gp(self._array(points), self._array(values[:, None]), covar_module=kernel)
        self._fit(self._mll(model.likelihood, model))
        return self._maximum(model, points, values, seed)

    def maximise(self, points: Array, values: Array, hyperparameters: Hyperparameters, seed: int) -> Array:
        dimension = points.shape[1]
        kernel = self._kernels.ScaleKernel(self._kernels.MaternKernel(nu=2.5, ard_num_dims=dimension))
        model = self._gp(
            self._array(points), self._array(values[:, None]), covar_module=kernel, outcome_transform=None
        )
        kernel.base_kernel.lengthscale = self._array(np.array([hyperparameters.length_scales]))
        kernel.outputscale = hyperparameters.signal_variance
        model.likelihood.noise = hyperparameters.noise_variance
        model.eval()
        return self._maximum(model, points, values, seed)

    def _maximum(self, model: Any, points: Array, values: Array, seed: int) -> Array:
        acquisition = self._improvement(model, best_f=float(values.min()), maximize=False)
        bounds = self._array(np.array([[0.0], [1.0]]) + np.zeros(points.shape[1]))
        candidate, _ = self._optimise(acquisition, bounds, 1, RESTARTS, RAW_SAMPLES, options={"seed": seed})
        return np.asarray(candidate, dtype=float).ravel()


def botorch() -> BotorchEngine:
    """BoTorch on one thread, on its own tensors."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    return BotorchEngine("botorch", "gpytorch.kernels", "gpytorch.mlls", torch.as_tensor)


def botorch_rust() -> BotorchEngine:
    """The port to Rust, on one thread, on NumPy arrays."""
    importlib.import_module("botorch_rs").set_num_threads(1)
    return BotorchEngine("botorch_rs", "botorch_rs.kernels", "botorch_rs.mlls", np.asarray)
