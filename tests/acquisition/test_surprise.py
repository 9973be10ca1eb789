"""The surprise of an ensemble, against differences by the weights of its last layers."""

from dataclasses import replace

import numpy as np
import pytest

from assay.acquisition.surprise import LogSurprise
from assay.surrogates.dataset import Dataset
from assay.surrogates.feature_posterior import FeaturePosterior
from assay.surrogates.neural_ensemble import NeuralEnsemble
from assay.surrogates.neural_features import NeuralFeatures

POINTS = np.random.default_rng(1).random((5, 2))


@pytest.fixture(scope="module")
def posterior() -> FeaturePosterior:
    generator = np.random.default_rng(0)
    points = generator.random((15, 2))
    data = Dataset.of(points, np.sin(6.0 * points[:, 0]) * points[:, 1])
    return NeuralEnsemble(members=3, hidden_widths=(6,), steps=40).fit(data, None, generator).posterior


def test_it_is_the_slope_of_the_disagreement_by_the_last_layers(posterior: FeaturePosterior) -> None:
    features = posterior.features.values(POINTS)
    weights = posterior.model.mean[0, :, :, 0]

    def disagreement(weights: np.ndarray) -> np.ndarray:
        means = np.einsum("mpf,mf->mp", features, weights)
        return ((means - means.mean(axis=0)) ** 2).sum(axis=0)

    step, slopes = 1e-5, []
    for index in np.ndindex(*weights.shape):
        shift = np.zeros(weights.shape)
        shift[index] = step
        slopes.append((disagreement(weights + shift) - disagreement(weights - shift)) / (2.0 * step))
    norm = np.linalg.norm(slopes, axis=0)
    np.testing.assert_allclose(LogSurprise(posterior, np.array([0])).value(POINTS), np.log(norm), rtol=1e-7)


def test_an_open_look_takes_surprise_away_by_the_share_of_the_deviation_that_it_tells(
    posterior: FeaturePosterior,
) -> None:
    looked = posterior.condition_on_inputs(POINTS[:1])
    without, with_look = (LogSurprise(one, np.array([0])).value(POINTS) for one in (posterior, looked))
    before, after = (one.latent_mean_variance(POINTS)[1][:, 0] for one in (posterior, looked))
    np.testing.assert_allclose(with_look - without, 0.5 * np.log(after / before), rtol=1e-9)
    assert np.argmin(with_look - without) == 0


def test_the_order_of_the_members_does_not_matter(posterior: FeaturePosterior) -> None:
    order = [2, 0, 1]
    features = posterior.features
    assert isinstance(features, NeuralFeatures)
    layers = tuple((weights[order], biases[order]) for weights, biases in features.layers)
    model = replace(
        posterior.model,
        triangle=posterior.model.triangle[:, order],
        log_normaliser=posterior.model.log_normaliser[:, order],
    )
    turned = replace(posterior, features=replace(features, layers=layers), model=model)
    columns = np.array([0])
    np.testing.assert_allclose(
        LogSurprise(turned, columns).value(POINTS), LogSurprise(posterior, columns).value(POINTS), rtol=1e-12
    )
