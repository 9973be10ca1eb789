"""The deep ensemble: its networks, its training, its calibration, and how it is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from assay.errors import UsageError
from assay.numerics.compile import float64
from assay.surrogates.dataset import Dataset
from assay.surrogates.features import InputEncoding
from assay.surrogates.neural_calibration import calibrated, jackknife_weight, row_presence
from assay.surrogates.neural_ensemble import NeuralEnsemble
from assay.surrogates.neural_features import (
    ACTIVATIONS,
    ActivationName,
    InitialisationName,
    NeuralFeatures,
    activated,
    initial_layers,
    layers_of_state,
    layers_to_state,
    network_features,
)
from assay.surrogates.neural_training import training_program
from assay.surrogates.predictor import load_predictor, save_predictor
from assay.surrogates.prior_mean import CallablePriorMean
from assay.testing.functions import branin, hartmann3

Array = np.ndarray

SMALL = NeuralEnsemble(members=4, hidden_widths=(16, 16), steps=100, warm_steps=40)


def surface(points: Array) -> Array:
    """A smooth function of two columns with its gradient: (points, 3)."""
    x, y = points[:, 0], points[:, 1]
    return np.stack([np.sin(4.0 * x) + x * y, 4.0 * np.cos(4.0 * x) + y, x], axis=1)


def surface_data(rows: int = 20, noise: float = 0.0, seed: int = 0) -> Dataset:
    generator = np.random.default_rng(seed)
    points = generator.random((rows, 2))
    return Dataset.of(points, surface(points)[:, 0] + noise * generator.standard_normal(rows))


def fitted(recipe: NeuralEnsemble, data: Dataset, state: Any = None) -> Any:
    return recipe.fit(data, state, np.random.default_rng(1))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_slopes_of_networks_are_those_of_jax(activation: ActivationName) -> None:
    layers = initial_layers(3, (4, 8, 6), activation, "auto", np.random.default_rng(0))
    encoding = InputEncoding((0, 0, 2), np.array([0.5, 0.0]), np.array([0.5, 2.0]))
    points = np.random.default_rng(1).random((5, 3))
    points[:, 2] = [0, 1, 1, 0, 1]
    values, slopes = NeuralFeatures(layers, activation, encoding).values_slopes(points)
    assert (values.shape, slopes.shape) == ((3, 5, 11), (3, 5, 11, 3))
    with float64():

        def features(inputs: Any) -> Any:
            return network_features(layers, inputs[None], activation, jax.numpy)[:, 0]

        inputs = encoding.encode(points)
        theirs = jax.vmap(features, out_axes=1)(inputs)
        by_input = jax.vmap(jax.jacfwd(features), out_axes=1)(inputs)
    np.testing.assert_allclose(values, theirs, rtol=1e-13, atol=1e-14)
    expected = encoding.slopes_by_points(np.asarray(by_input))
    np.testing.assert_allclose(slopes, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_are_finite_far_out(activation: ActivationName) -> None:
    values, slopes = activated(activation, np.array([-800.0, -30.0, 30.0, 800.0]))
    assert np.isfinite(values).all()
    assert np.isfinite(slopes).all()


@pytest.mark.parametrize(
    ("initialisation", "variance"),
    [("glorot", 2 / 500), ("he", 2 / 300), ("lecun", 1 / 300), ("siren", 2 / 300)],
)
def test_initial_weights_have_the_variance_of_their_scheme(
    initialisation: InitialisationName, variance: float
) -> None:
    layers = initial_layers(4, (3, 300, 200), "tanh", initialisation, np.random.default_rng(0))
    assert layers[1][0].var() == pytest.approx(variance, rel=0.02)
    assert layers[0][1].any()


def test_members_lack_a_share_of_the_rows_whatever_their_order_and_number() -> None:
    points = np.random.default_rng(0).random((2000, 3))
    presence = row_presence(points, 8, "subset", 0.25)
    assert (presence.sum(axis=0) == 6).all()
    np.testing.assert_allclose(presence.mean(axis=1), 0.75, atol=0.05)
    order = np.random.default_rng(1).permutation(2000)[:500]
    np.testing.assert_array_equal(row_presence(points[order], 8, "subset", 0.25), presence[:, order])
    assert row_presence(points, 8, "bootstrap", 0.25).mean() == pytest.approx(1 - np.exp(-1), abs=0.02)


def test_the_jackknife_weight_gives_the_variance_of_a_mean() -> None:
    generator = np.random.default_rng(0)
    estimates = []
    for _ in range(300):
        sample = generator.standard_normal(40)
        subsets = [generator.permutation(sample)[:30].mean() for _ in range(8)]
        estimates.append(jackknife_weight(0.25, 8) * np.var(subsets))
    assert np.mean(estimates) == pytest.approx(1.0 / 40, rel=0.1)


@pytest.mark.parametrize("known", [0.0, 1e-4])
def test_calibration_finds_noise_and_scale_of_a_model_that_is_true(known: float) -> None:
    generator = np.random.default_rng(2)
    design = np.repeat(generator.standard_normal((1, 600, 6)), 5, axis=0) / np.sqrt(6.0)
    truth = design[0] @ (0.5 * generator.standard_normal(6))
    target = truth + 0.05 * generator.standard_normal(600)
    presence = row_presence(generator.random((600, 1)), 5, "subset", 0.2)
    found = calibrated(design, target, np.ones(600), np.full(600, known), presence, 0.2, noisy=True)
    assert found.factor * found.ridge + known == pytest.approx(0.05**2, rel=0.2)
    assert found.inside == pytest.approx((0.68, 0.95), abs=0.05)


def test_a_growing_dataset_compiles_once_for_each_bucket() -> None:
    state = None
    before = training_program.compilations
    recipe = replace(SMALL, hidden_widths=(7,))
    for rows in (17, 20, 25, 32):
        state = fitted(recipe, surface_data(rows), state).state
    assert training_program.compilations - before == 1
    fitted(recipe, surface_data(33), state)
    assert training_program.compilations - before == 2


def test_a_warm_start_costs_less_and_is_as_good() -> None:
    cold = fitted(SMALL, surface_data(40))
    warm = fitted(SMALL, surface_data(40), fitted(SMALL, surface_data(35)).state)
    assert warm.info["steps"] == 40
    assert warm.info["held_out_error"] < 1.5 * cold.info["held_out_error"]


def test_gradients_of_the_function_teach() -> None:
    points = np.random.default_rng(4).random((12, 2))
    rows = surface(points)
    new = np.random.default_rng(5).random((200, 2))
    both = Dataset.of(np.tile(points, (3, 1)), rows.T.ravel(), derivative=np.repeat([-1, 0, 1], 12))
    errors = [
        np.abs(fitted(SMALL, data).posterior.mean_variance(new)[0][:, 0] - surface(new)[:, 0]).mean()
        for data in (Dataset.of(points, rows[:, 0]), both)
    ]
    assert errors[1] < 0.5 * errors[0]


def test_known_noise_weighs_the_rows() -> None:
    generator = np.random.default_rng(6)
    points = generator.random((80, 2))
    noise = np.where(np.arange(80) % 2, 0.01, 0.8)
    values = surface(points)[:, 0] + noise * generator.standard_normal(80)
    new = generator.random((200, 2))
    errors = [
        np.abs(
            fitted(SMALL, Dataset.of(points, values, known)).posterior.mean_variance(new)[0][:, 0]
            - surface(new)[:, 0]
        ).mean()
        for known in (np.zeros(80), noise**2)
    ]
    assert errors[1] < 0.6 * errors[0]


def test_the_noise_is_found() -> None:
    posterior = fitted(SMALL, surface_data(120, noise=0.1)).posterior
    deviation = np.sqrt(posterior.latent_noise_variance[0]) * posterior.scaling.unit[0]
    assert deviation == pytest.approx(0.1, rel=0.25)


def test_several_outputs_have_their_own_noise_and_scale() -> None:
    one = surface_data(60)
    noisy = surface_data(60, noise=0.2).values
    data = Dataset.of(one.points, np.concatenate([one.values, 1e3 * noisy], axis=1))
    posterior = fitted(SMALL, data).posterior
    noise = np.sqrt(posterior.latent_noise_variance) * posterior.scaling.unit
    assert noise[0] < 0.1
    assert noise[1] == pytest.approx(200.0, rel=0.4)


def test_a_prior_mean_is_where_learning_starts() -> None:
    prior = CallablePriorMean(lambda x: surface(x)[:, 0])
    data = surface_data(8)
    new = np.random.default_rng(7).random((50, 2))
    with_prior = fitted(replace(SMALL, prior_mean=prior), data).posterior.mean_variance(new)[0][:, 0]
    np.testing.assert_allclose(with_prior, surface(new)[:, 0], atol=1e-6)


def test_members_average_to_the_mean() -> None:
    posterior = fitted(SMALL, surface_data()).posterior
    points = np.random.default_rng(8).random((6, 2))
    means = posterior.member_means(points)
    assert means.shape == (4, 6, 1)
    np.testing.assert_allclose(means.mean(axis=0), posterior.mean_variance(points)[0], rtol=1e-10)
    assert (means.std(axis=0) > 0.0).all()


def test_looks_without_results_are_gaussian_conditioning() -> None:
    posterior = fitted(SMALL, surface_data(15, noise=0.05)).posterior
    looks, points = np.random.default_rng(9).random((3, 2)), np.random.default_rng(10).random((4, 2))
    covariance = posterior.latent_joint(np.concatenate([points, looks]))[1][0]
    cross, corner = covariance[:4, 4:], covariance[4:, 4:] + posterior.latent_noise_variance * np.eye(3)
    expected = covariance[:4, :4] - cross @ np.linalg.solve(corner, cross.T)
    after = posterior.condition_on_inputs(looks[:1]).condition_on_inputs(looks[1:])
    np.testing.assert_allclose(after.latent_joint(points)[1][0], expected, rtol=1e-6, atol=1e-9)
    _, variance, _, slope = after.latent_mean_variance_gradient(points)
    np.testing.assert_allclose(variance[:, 0], np.diag(expected), rtol=1e-6, atol=1e-9)
    step = np.array([1e-5, 0.0])
    difference = (
        after.latent_mean_variance(points + step)[1] - after.latent_mean_variance(points - step)[1]
    ) / 2e-5
    np.testing.assert_allclose(slope[..., 0], difference, rtol=1e-5, atol=1e-7)


def test_the_state_is_compact_text_and_reads_back_to_single_precision() -> None:
    layers = initial_layers(8, (4, 32, 32), "silu", "auto", np.random.default_rng(11))
    state = json.loads(json.dumps(layers_to_state(layers)))
    again = layers_of_state(state)
    for (weights, biases), (read_weights, read_biases) in zip(layers, again, strict=True):
        np.testing.assert_array_equal(read_weights, weights.astype(np.float32))
        np.testing.assert_array_equal(read_biases, biases.astype(np.float32))
    fit = fitted(NeuralEnsemble(steps=20), surface_data())
    assert len(json.dumps(dict(fit.state))) < 60_000


def test_a_saved_predictor_is_the_same_to_the_bit_and_needs_no_jax(tmp_path: Path) -> None:
    import subprocess
    import sys

    posterior = fitted(SMALL, surface_data()).posterior
    save_predictor(posterior, tmp_path / "model.npz")
    points = np.random.default_rng(12).random((5, 2))
    for one, other in zip(
        posterior.joint(points), load_predictor(tmp_path / "model.npz").joint(points), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    script = (
        "import sys, numpy\nfrom assay.surrogates.predictor import load_predictor\n"
        f"load_predictor({str(tmp_path / 'model.npz')!r}).mean_variance(numpy.ones((2, 2)))\n"
        "assert 'jax' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def coverage(rows: int, noise: float, seeds: int) -> Array:
    """The fraction of new values of several functions inside the central 68 % and 95 % intervals."""
    functions = (
        (2, lambda x: surface(x)[:, 0]),
        (2, lambda x: branin(15.0 * x - np.array([5.0, 0.0]))),
        (2, lambda x: np.tanh(20.0 * (x[:, 0] - x[:, 1])) + x[:, 0]),
        (3, hartmann3),
    )
    inside = []
    for seed in range(seeds):
        for dimension, function in functions:
            generator = np.random.default_rng([seed, rows])
            points, new = generator.random((rows, dimension)), generator.random((300, dimension))
            size = function(generator.random((2000, dimension))).std()
            observed = function(points) + noise * size * generator.standard_normal(rows)
            posterior = NeuralEnsemble().fit(Dataset.of(points, observed), None, generator).posterior
            mean, variance = posterior.mean_variance(new)
            ratio = np.abs(mean[:, 0] - function(new)) / np.sqrt(variance[:, 0])
            inside.append([(ratio < 0.994458).mean(), (ratio < 1.959964).mean()])
    return np.mean(inside, axis=0)


@pytest.mark.parametrize(
    ("rows", "seeds"),
    [
        (40, 1),
        *(pytest.param(rows, 5, marks=[pytest.mark.slow, pytest.mark.timeout(900)]) for rows in (40, 100)),
    ],
)
def test_intervals_cover_what_they_say(rows: int, seeds: int) -> None:
    np.testing.assert_allclose(coverage(rows, 0.1, seeds), [0.68, 0.95], atol=0.08)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("rows", [40, 100])
def test_intervals_of_deterministic_models_cover_at_least_what_they_say(rows: int) -> None:
    inside = coverage(rows, 0.0, 5)
    assert (inside > np.array([0.60, 0.87])).all()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_cost_is_linear_in_the_rows() -> None:
    import time

    seconds = []
    for rows in (2000, 8000):
        data = surface_data(rows, noise=0.1)
        fit = fitted(SMALL, data)
        before = time.process_time()
        fitted(SMALL, data, fit.state)
        seconds.append(time.process_time() - before)
    assert seconds[1] < 6.0 * seconds[0]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"members": 1}, "at least 2 members, got 1"),
        ({"hidden_widths": ()}, "hidden_widths"),
        ({"activation": "step"}, "must be one of tanh"),
    ],
)
def test_wrong_recipes_are_refused(change: dict[str, Any], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        NeuralEnsemble(**change)
