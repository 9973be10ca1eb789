"""Datasets that between them use everything a Gaussian process can learn from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.prior_mean import CallablePriorMean

__all__ = ["CASES", "case", "function", "gradient", "points_for"]


def function(points: np.ndarray) -> np.ndarray:
    """Two smooth outputs of three columns: (points, 2)."""
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    return np.stack([np.sin(4.0 * x) + x * y, np.exp(z) - y**2], axis=1)


def gradient(points: np.ndarray) -> np.ndarray:
    """Its derivative: (points, 2, 3)."""
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    zero = np.zeros_like(x)
    first = np.stack([4.0 * np.cos(4.0 * x) + y, x, zero], axis=1)
    return np.stack([first, np.stack([zero, -2.0 * y, np.exp(z)], axis=1)], axis=1)


CASES: Mapping[str, tuple[GaussianProcess, str]] = {
    "values": (GaussianProcess(), ""),
    "deterministic": (GaussianProcess(noise="none", deterministic_noise_ratio=1e-6), ""),
    "matern12": (GaussianProcess(kernel="matern12"), ""),
    "squared exponential, linear": (GaussianProcess(kernel="squared_exponential", mean="linear"), ""),
    "warped": (GaussianProcess(warping="sinh"), ""),
    "known noise": (GaussianProcess(), "noise"),
    "own noise of each output": (GaussianProcess(), "own noise"),
    "correlated": (GaussianProcess(correlate_outputs=True), ""),
    "correlated, warped": (GaussianProcess(correlate_outputs=True, warping="sinh"), ""),
    "correlated, known noise": (GaussianProcess(correlate_outputs=True), "noise"),
    "derivatives": (GaussianProcess(mean="quadratic"), "derivatives"),
    "derivatives, matern32": (GaussianProcess(kernel="matern32"), "derivatives"),
    "derivatives with known noise": (GaussianProcess(kernel="squared_exponential"), "derivatives noise"),
    "labels": (GaussianProcess(kernel="matern32", mean="linear", categories=(2,)), "labels"),
    "prior mean": (
        GaussianProcess(prior_mean=CallablePriorMean(lambda points: 3.0 * function(points)[:, 1:])),
        "derivatives",
    ),
}


def case(name: str, count: int = 14, seed: int = 0) -> tuple[GaussianProcess, Dataset]:
    """A recipe and data for it."""
    recipe, features = CASES[name]
    generator = np.random.default_rng(seed)
    points = points_for(name, count, generator)
    values = function(points)
    derivative = np.full(count, -1)
    if "derivatives" in features:
        derivative[::4], derivative[1::4] = np.arange(len(derivative[::4])) % 3, 1
        at = np.flatnonzero(derivative >= 0)
        values[at] = gradient(points)[at, :, derivative[at]]
    noise = np.zeros((count, 2))
    if "noise" in features:
        noise += 0.02 * generator.random((count, 1)) * values[derivative < 0].var(axis=0)
    if "own" in features:
        noise[:, 1] *= 2.0 * generator.random(count)
    return recipe, Dataset.of(points, values, noise, derivative)


def points_for(name: str, count: int, generator: np.random.Generator) -> np.ndarray:
    """Points that the case's recipe understands."""
    points = generator.random((count, 3))
    if "labels" in CASES[name][1]:
        points[:, 2] = generator.integers(0, 3, count)
    return points
