"""The Bayesian linear surrogate: features, evidence, and what it shares with other models."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import BayesianRidge

from assay.errors import UsageError
from assay.surrogates.dataset import Dataset
from assay.surrogates.feature_maps import (
    AbstractFeatureMap,
    FourierFeatures,
    LinearFeatures,
    PolynomialFeatures,
    RandomFourierFeatures,
    UserFeatures,
)
from assay.surrogates.features import InputEncoding, rows_design
from assay.surrogates.fit import climb
from assay.surrogates.linear import BayesianLinear
from assay.surrogates.linear_evidence import LinearEvidence, NoisyRows, linear_evidence
from assay.surrogates.predictor import load_predictor, save_predictor

Array = np.ndarray

MAPS: dict[str, AbstractFeatureMap] = {
    "polynomial": PolynomialFeatures(4),
    "fourier": FourierFeatures(2),
    "random": RandomFourierFeatures(20, kernel="matern52"),
    "user": UserFeatures(lambda x: np.stack([x[:, 0], x[:, 0] * x[:, 1]], axis=1), 2),
}


def surface(points: Array) -> Array:
    """A smooth function of two columns with its gradient: (points, 3)."""
    x, y = points[:, 0], points[:, 1]
    return np.stack([np.sin(3.0 * x) + x * y, 3.0 * np.cos(3.0 * x) + y, x], axis=1)


def fitted(recipe: BayesianLinear, data: Dataset) -> Any:
    return recipe.fit(data, None, np.random.default_rng(0))


@pytest.mark.parametrize("name", MAPS)
def test_slopes_of_features_are_their_differences(name: str) -> None:
    points, step = np.random.default_rng(0).random((7, 3)), 1e-6
    points[:, 2] = np.arange(7) % 3
    encoding = InputEncoding.of(Dataset.of(2.0 * points, points[:, 0]), (0, 0, 3))
    features = LinearFeatures(MAPS[name], encoding)
    values, slopes = features.values_slopes(points)
    np.testing.assert_array_equal(values, features.values(points))
    assert values.shape == (1, 7, features.size)
    for column in range(2):
        shift = step * np.eye(3)[column]
        difference = (features.values(points + shift) - features.values(points - shift)) / (2.0 * step)
        np.testing.assert_allclose(slopes[..., column], difference, rtol=1e-6, atol=1e-7)
    assert not slopes[..., 2].any()


def test_polynomials_are_orthonormal_on_the_box() -> None:
    nodes, weights = np.polynomial.legendre.leggauss(8)
    points = np.stack(np.meshgrid(0.5 + 0.5 * nodes, 0.5 + 0.5 * nodes), axis=-1).reshape(-1, 2)
    encoding = InputEncoding.of(Dataset.of(points, points[:, 0]))
    values = PolynomialFeatures(5).values(points, InputEncoding((0, 0), np.full(2, 0.5), np.full(2, 0.5)))
    np.testing.assert_allclose(
        values.T @ (np.outer(weights, weights).ravel()[:, None] * values) / 4.0, np.eye(21), atol=1e-12
    )
    assert encoding.size == 2


def test_a_polynomial_is_found_exactly_and_with_its_gradient() -> None:
    points = np.random.default_rng(1).random((20, 2))
    data = Dataset.of(points, 1.0 + points[:, 0] - 3.0 * points[:, 0] * points[:, 1] ** 2)
    posterior = fitted(BayesianLinear(PolynomialFeatures(3), noise="none"), data).posterior
    new = np.random.default_rng(2).random((5, 2))
    mean, _, slope, _ = posterior.mean_variance_gradient(new)
    np.testing.assert_allclose(mean[:, 0], 1.0 + new[:, 0] - 3.0 * new[:, 0] * new[:, 1] ** 2, atol=1e-5)
    np.testing.assert_allclose(slope[:, 0, 1], -6.0 * new[:, 0] * new[:, 1], atol=1e-4)


def test_the_maximum_of_the_evidence_is_scikit_learns() -> None:
    generator = np.random.default_rng(3)
    points = generator.random((60, 4))
    weights = np.array([2.0, 0.5, -1.0, 0.1])
    values = points @ weights + 0.2 * generator.standard_normal(60)
    centred, own = points - 0.5, values - values.mean()
    features = UserFeatures(lambda x: x - 0.5, 4)
    posterior = fitted(BayesianLinear(features, prior_width=math.inf), Dataset.of(points, values)).posterior
    ridge = BayesianRidge(fit_intercept=False, compute_score=True, tol=1e-12, max_iter=5000)
    ridge.set_params(alpha_1=0.0, alpha_2=0.0, lambda_1=0.0, lambda_2=0.0)
    ridge.fit(centred, own)
    scale = posterior.scaling.scale[0]
    np.testing.assert_allclose(posterior.model.mean[0, 0, :, 0] * scale, ridge.coef_, rtol=1e-3)
    assert posterior.latent_noise_variance[0] * scale**2 == pytest.approx(1.0 / ridge.alpha_, rel=1e-3)
    log_evidence = posterior.model.log_evidence().item() - 60 * math.log(scale)
    # Both climb until a step gains little; the formulas agree to rounding (tests/numerics/test_linear_model.py).
    assert log_evidence == pytest.approx(float(ridge.scores_[-1]), abs=1e-4)


@pytest.mark.parametrize("fixed_noise", [None, 1e-3])
def test_the_gradient_of_the_evidence(fixed_noise: float | None) -> None:
    generator = np.random.default_rng(4)
    design, target = generator.standard_normal((25, 4)), generator.standard_normal((25, 1))
    group = np.array([0, 1, 1, 2])
    equal = (np.ones(25), np.zeros(25))
    own = (generator.uniform(0.5, 2.0, 25), generator.uniform(0.0, 0.3, 25))
    for factor, known in (equal, own):
        evidence = linear_evidence(design, target, factor, known, group, fixed_noise, 3.0)
        vector = np.array([0.3, -0.7, 1.1, -1.5][: len(evidence.bounds)])
        _, gradient = evidence(vector)
        for entry, step in enumerate(1e-4 * np.eye(len(vector))):
            slope = (evidence(vector + step)[0] - evidence(vector - step)[0]) / 2e-4
            assert gradient[entry] == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_compression_leaves_the_evidence_as_it_is() -> None:
    generator = np.random.default_rng(5)
    design, target = generator.standard_normal((50, 3)), generator.standard_normal((50, 1))
    arguments = (np.zeros(3, dtype=int), None, 3.0)
    short = linear_evidence(design, target, np.ones(50), np.zeros(50), *arguments)
    whole = LinearEvidence((NoisyRows(design, target, np.ones(50), np.zeros(50)),), *arguments)
    assert (short.kinds[0].left_out, whole.kinds[0].left_out) == (46, 0)
    for one, other in zip(short(np.array([0.2, -0.4])), whole(np.array([0.2, -0.4])), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10)


def three_kinds(times: int = 1) -> tuple[NoisyRows, ...]:
    """Rows of three noises, each of rows of its own weights, as energies, forces and stresses are."""
    generator = np.random.default_rng(8)
    weights = generator.standard_normal((4, 1))
    kinds = []
    for rows, deviation in ((12, 0.01), (40, 0.3), (9, 2.0)):
        design, factor = (
            generator.standard_normal((times * rows, 4)),
            generator.uniform(0.2, 5.0, times * rows),
        )
        noise = deviation * np.sqrt(factor)[:, None] * generator.standard_normal((times * rows, 1))
        kinds.append(NoisyRows(design, design @ weights + noise, factor, np.zeros(times * rows)))
    return tuple(kinds)


def test_the_evidence_of_several_noises_is_that_of_a_dense_gaussian() -> None:
    group, vector = np.array([0, 1, 1, 0]), np.array([0.3, -0.8, -9.0, -2.0, 1.5])
    kinds = three_kinds()
    compressed = LinearEvidence(tuple(rows.compressed() for rows in kinds), group, None, math.inf)
    assert [len(rows.design) for rows in compressed.kinds] == [5, 5, 5]
    noise = np.concatenate([v * rows.factor for v, rows in zip(np.exp(vector[2:]), kinds, strict=True)])
    design = np.concatenate([rows.design for rows in kinds])
    target = np.concatenate([rows.target for rows in kinds])[:, 0]
    covariance = design @ np.diag(np.exp(-vector[:2])[group]) @ design.T + np.diag(noise)
    logarithm = np.linalg.slogdet(2.0 * math.pi * covariance)[1]
    expected = 0.5 * (logarithm + target @ np.linalg.solve(covariance, target))
    for evidence in (LinearEvidence(kinds, group, None, math.inf), compressed):
        assert evidence(vector)[0] == pytest.approx(expected, rel=1e-12)


def test_the_gradient_of_the_evidence_of_several_noises() -> None:
    kinds = tuple(rows.compressed() for rows in three_kinds())
    evidence = LinearEvidence(kinds, np.array([0, 1, 2, 3]), None, 3.0)
    vector = np.array([0.3, -0.8, 0.1, -0.5, -9.0, -2.0, 1.5])
    _, gradient = evidence(vector)
    for entry, step in enumerate(1e-4 * np.eye(7)):
        slope = (evidence(vector + step)[0] - evidence(vector - step)[0]) / 2e-4
        assert gradient[entry] == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_the_noise_of_each_kind_is_found() -> None:
    kinds = tuple(rows.compressed() for rows in three_kinds(20))
    evidence = LinearEvidence(kinds, np.zeros(4, dtype=int), None, math.inf)
    best = climb(evidence, evidence.bounds, [np.zeros(4)], 100)
    deviation = np.sqrt(evidence.parts(best.vector)[1])
    np.testing.assert_allclose(deviation, [0.01, 0.3, 2.0], rtol=0.15)


def test_random_features_tend_to_the_gaussian_process_of_their_kernel() -> None:
    points = np.random.default_rng(6).random((30, 2))
    values = surface(points)[:, 0]
    new = np.random.default_rng(7).random((40, 2))
    length_scale = 0.4
    kernel: Any = RBF(length_scale)
    optimiser: Any = None
    theirs = GaussianProcessRegressor(kernel, alpha=0.01, optimizer=optimiser).fit(points, values)
    mean, deviation = theirs.predict(new, return_std=True)
    errors = []
    for count in (100, 1000):
        # Inputs are in [-1, 1], so lengths double; the constant is given no part in it.
        recipe = BayesianLinear(RandomFourierFeatures(count, 2.0 * length_scale))
        state = {
            "features": 0,
            "log_precision": [[30.0, 0.0]],
            "noise_variance": [0.01],
            "offset": [0.0],
            "scale": [1.0],
            "encoding": {"centre": [0.5, 0.5], "half_width": [0.5, 0.5]},
        }
        ours_mean, ours_variance = recipe.posterior(Dataset.of(points, values), state).mean_variance(new)
        errors.append(
            np.abs(ours_mean[:, 0] - mean).max() + np.abs(np.sqrt(ours_variance[:, 0]) - deviation).max()
        )
    assert errors[1] < 0.06
    assert errors[1] < 0.6 * errors[0]


def test_the_evidence_decides_between_feature_maps() -> None:
    generator = np.random.default_rng(8)
    points = generator.random((40, 1))
    wave = np.sin(4.0 * np.pi * points[:, 0]) + 0.05 * generator.standard_normal(40)
    line = points[:, 0] + 0.05 * generator.standard_normal(40)
    recipe = BayesianLinear((PolynomialFeatures(1), FourierFeatures(2, period=1.0)))
    assert fitted(recipe, Dataset.of(points, wave)).state["features"] == 1
    assert fitted(recipe, Dataset.of(points, line)).state["features"] == 0


def test_groups_learn_which_degrees_matter() -> None:
    generator = np.random.default_rng(9)
    points = generator.random((25, 2))
    data = Dataset.of(points, points @ [1.0, -2.0] + 0.05 * generator.standard_normal(25))
    new = generator.random((200, 2))
    errors = {
        prior: np.abs(
            fitted(BayesianLinear(PolynomialFeatures(4), prior=prior), data).posterior.mean_variance(new)[0][
                :, 0
            ]
            - new @ [1.0, -2.0]
        ).mean()
        for prior in ("grouped", "shared")
    }
    assert errors["grouped"] < 0.7 * errors["shared"]


def test_derivative_rows_say_what_values_say() -> None:
    points = np.random.default_rng(10).random((6, 2))
    rows = surface(points)
    data = Dataset.of(np.tile(points, (3, 1)), rows.T.ravel(), derivative=np.repeat([-1, 0, 1], 6))
    new = np.random.default_rng(11).random((50, 2))
    truth = surface(new)[:, 0]
    recipe = BayesianLinear(PolynomialFeatures(4), noise="none")
    both = fitted(recipe, data).posterior.mean_variance(new)[0][:, 0]
    values = fitted(recipe, Dataset.of(points, rows[:, 0])).posterior.mean_variance(new)[0][:, 0]
    assert np.abs(both - truth).mean() < 0.1 * np.abs(values - truth).mean()


def test_known_noise_weighs_the_rows() -> None:
    points = np.tile(np.linspace(0.0, 1.0, 10)[:, None], (2, 1))
    values = np.concatenate([np.zeros(10), np.ones(10)])
    noise = np.repeat([0.1, 0.3], 10) ** 2
    posterior = fitted(
        BayesianLinear(PolynomialFeatures(0), noise="none", deterministic_noise=1e-12, prior_width=math.inf),
        Dataset.of(points, values, noise),
    ).posterior
    mean, variance = posterior.mean_variance(np.array([[0.5]]))
    weights, offset, scale = 1.0 / noise, posterior.scaling.offset[0], posterior.scaling.scale[0]
    prior = posterior.model.covariance[0, 0, 0, 0] ** -1 - scale**2 * weights.sum()
    precision = weights.sum() + prior / scale**2
    assert 0.0 < prior < 10.0
    assert mean.item() == pytest.approx(offset + weights @ (values - offset) / precision, rel=1e-6)
    assert variance.item() == pytest.approx(1.0 / precision, rel=1e-6)


def test_labels_are_exchangeable() -> None:
    generator = np.random.default_rng(12)
    points = np.stack([generator.random(30), generator.integers(0, 3, 30)], axis=1).astype(float)
    values = points[:, 0] * np.array([1.0, -1.0, 3.0])[points[:, 1].astype(int)]
    renamed = points.copy()
    renamed[:, 1] = (points[:, 1] + 1) % 3
    recipe = BayesianLinear(PolynomialFeatures(2), category_counts=(0, 3))
    one, other = (fitted(recipe, Dataset.of(x, values)).posterior for x in (points, renamed))
    np.testing.assert_allclose(one.mean_variance(points)[0], other.mean_variance(renamed)[0], atol=1e-6)


def test_intervals_cover_what_they_say() -> None:
    inside = []
    for seed in range(40):  # with 30 rows for the 15 features they cover 63 and 92 %
        generator = np.random.default_rng([seed, 1])
        points, new = generator.random((80, 2)), generator.random((40, 2))
        encoding = InputEncoding((0, 0), np.full(2, 0.5), np.full(2, 0.5))
        weights = generator.standard_normal(10) * np.array([1.0, 0.7, 0.7, *[0.3] * 3, *[0.1] * 4])
        truth, own = (PolynomialFeatures(3).values(x, encoding) @ weights for x in (new, points))
        data = Dataset.of(points, own + 0.2 * generator.standard_normal(80))
        posterior = fitted(BayesianLinear(PolynomialFeatures(4)), data).posterior
        mean, variance = posterior.mean_variance(new)
        ratio = np.abs(mean[:, 0] - truth) / np.sqrt(variance[:, 0])
        inside.append([(ratio < 0.994458).mean(), (ratio < 1.959964).mean()])
    np.testing.assert_allclose(np.mean(inside, axis=0), [0.68, 0.95], atol=0.05)


def test_a_saved_predictor_is_the_same_to_the_bit(tmp_path: Path) -> None:
    points = np.random.default_rng(13).random((15, 2))
    posterior = fitted(
        BayesianLinear(RandomFourierFeatures(30)), Dataset.of(points, surface(points))
    ).posterior
    save_predictor(posterior, tmp_path / "model.npz")
    again = load_predictor(tmp_path / "model.npz")
    for one, other in zip(posterior.joint(points), again.joint(points), strict=True):
        np.testing.assert_array_equal(one, other)


def test_code_cannot_be_saved(tmp_path: Path) -> None:
    data = Dataset.of(np.eye(2), np.ones(2))
    posterior = fitted(BayesianLinear(MAPS["user"]), data).posterior
    with pytest.raises(UsageError, match=r"one's own"):
        save_predictor(posterior, tmp_path / "model.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(UsageError, match="save_predictor"):
        load_predictor(tmp_path / "text.npz")


def test_the_state_is_small_and_plain() -> None:
    points = np.random.default_rng(14).random((300, 3))
    state = fitted(BayesianLinear(PolynomialFeatures(6)), Dataset.of(points, points[:, 0])).state
    assert len(json.dumps(dict(state))) < 1000


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: PolynomialFeatures(-1), "at least 0, got -1"),
        (lambda: FourierFeatures(2, period=0.0), "positive period"),
        (lambda: RandomFourierFeatures(3), "even count"),
        (lambda: UserFeatures(lambda x: x, 2, group=(0, 2)), "without gaps"),
        (lambda: BayesianLinear(()), "at least one feature map"),
    ],
)
def test_wrong_recipes_are_refused(make: Any, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        make()


def test_wrong_data_are_refused() -> None:
    points = np.random.default_rng(15).random((4, 2))
    with pytest.raises(UsageError, match="at least one row"):
        fitted(BayesianLinear(), Dataset.of(points[:0], np.empty((0, 1))))
    with pytest.raises(UsageError, match="derivative by a category"):
        fitted(
            BayesianLinear(category_counts=(0, 2)),
            Dataset.of(points, points[:, 0], derivative=np.array([-1, -1, 0, 1])),
        )
    with pytest.raises(UsageError, match="at most 10000"):
        fitted(BayesianLinear(PolynomialFeatures(20)), Dataset.of(np.ones((1, 20)), np.ones(1)))
    with pytest.raises(UsageError, match=r"shape \(4, 2\)"):
        fitted(BayesianLinear(UserFeatures(lambda x: x[:, :1], 2)), Dataset.of(points, points[:, 0]))


def test_derivative_rows_of_the_design_are_slopes() -> None:
    points = np.random.default_rng(16).random((4, 2))
    encoding = InputEncoding((0, 0), np.full(2, 0.5), np.full(2, 0.5))
    features = LinearFeatures(PolynomialFeatures(3), encoding)
    data = Dataset.of(points, points[:, 0], derivative=np.array([-1, 0, 1, -1]))
    values, slopes = features.values_slopes(points)
    expected = np.stack([values[0, 0], slopes[0, 1, :, 0], slopes[0, 2, :, 1], values[0, 3]])
    np.testing.assert_array_equal(rows_design(features, data)[0], expected)
