"""Words that a recipe is told by, and what a fitted noise finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from assay.errors import UsageError
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.kernel_ridge import KernelRidge
from assay.surrogates.linear import BayesianLinear
from assay.surrogates.neural_ensemble import NeuralEnsemble


@pytest.mark.parametrize(
    ("recipe", "key"),
    [
        (GaussianProcess, "noise"),
        (GaussianProcess, "mean"),
        (BayesianLinear, "noise"),
        (BayesianLinear, "prior"),
        (NeuralEnsemble, "noise"),
        (NeuralEnsemble, "resampling"),
        (NeuralEnsemble, "initialisation"),
        (KernelRidge, "criterion"),
    ],
)
def test_a_misspelt_word_is_refused(recipe: Callable[..., Any], key: str) -> None:
    """`noise="fitted"` once meant a deterministic model, which interpolates whatever noise there is."""
    with pytest.raises(UsageError, match=rf"the {key} of .* must be one of '.*', got 'fitted'"):
        recipe(**{key: "fitted"})


SMOOTH: dict[str, tuple[int, Callable[[np.ndarray], np.ndarray]]] = {
    "wave": (1, lambda x: np.sin(6.0 * x[:, 0])),
    "plane": (2, lambda x: np.sin(5.0 * x[:, 0]) * np.cos(4.0 * x[:, 1])),
    "line": (2, lambda x: np.sin(6.0 * x[:, 0])),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", SMOOTH)
def test_a_noise_of_a_twentieth_is_found_and_not_interpolated(name: str, seed: int) -> None:
    dimension, function = SMOOTH[name]
    randomness = np.random.default_rng(seed)
    points = randomness.random((400, dimension))
    truth = function(points)
    noise = 0.05 * truth.std()
    data = Dataset.of(points, truth + noise * randomness.standard_normal(400))
    recipe = GaussianProcess(noise="fit")
    # The worst state to begin with: as it is after a few rows that hardly differ.
    begun = GaussianProcess.state(np.full(dimension, 0.02), noise_ratio=1e-8)
    for state in (None, begun):
        posterior = recipe.fit(data, state, np.random.default_rng(seed)).posterior
        found = float(np.sqrt(posterior.latent_noise_variance[0]) * posterior.scaling.scale[0])
        assert 0.85 < found / noise < 1.15
        error = posterior.mean_variance(points)[0][:, 0] - truth
        assert np.sqrt(np.mean(error**2)) < 0.5 * noise
