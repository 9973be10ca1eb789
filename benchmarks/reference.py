"""scikit-learn as the judge: hyperparameters that every engine is given, and the improvement that each point promises."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.special import log_ndtr
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from benchmarks.engines.abstract import Hyperparameters

__all__ = ["fitted_hyperparameters", "log_expected_improvement"]

Array = np.ndarray


def fitted_hyperparameters(points: Array, values: Array) -> Hyperparameters:
    """By maximum likelihood, for a Matern-5/2 process of mean zero with noise."""
    length_scales: Any = np.full(points.shape[1], 0.5)
    kernel = ConstantKernel(1.0, (1e-2, 1e3)) * Matern(length_scales, (0.05, 20.0), nu=2.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = GaussianProcessRegressor(kernel + WhiteKernel(1e-2, (1e-3, 1.0))).fit(points, values)
    found: Any = fitted.kernel_
    signal, noise = found.k1, found.k2
    scales = tuple(float(scale) for scale in signal.k2.length_scale)
    return Hyperparameters(scales, float(signal.k1.constant_value), float(noise.noise_level))


def log_expected_improvement(
    points: Array, values: Array, hyperparameters: Hyperparameters, candidates: Array
) -> Array:
    """log(s (phi(z) + z Phi(z))) with z = (min(values) - m)/s, at the candidates (count, dimension)."""
    length_scales: Any = hyperparameters.length_scales
    kernel = ConstantKernel(hyperparameters.signal_variance) * Matern(length_scales, nu=2.5)
    no_fit: Any = None
    process = GaussianProcessRegressor(kernel, alpha=hyperparameters.noise_variance, optimizer=no_fit)
    mean, spread = process.fit(points, values).predict(candidates, return_std=True)
    z = (values.min() - mean) / spread
    # phi + z Phi = phi (1 + z Phi/phi), in logarithms, so that a hopeless point keeps its rank
    ratio = np.exp(log_ndtr(z) - norm.logpdf(z))
    return np.log(spread) + norm.logpdf(z) + np.log1p(z * ratio)
