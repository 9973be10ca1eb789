"""The Bayesian linear model on plain arrays, against dense formulas, scikit-learn and itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.linear_model import BayesianRidge

from assay.errors import UsageError
from assay.numerics.linear_model import LinearModel, compressed_rows

Array = np.ndarray


def sample(rows: int = 30, features: int = 5, seed: int = 0) -> tuple[Array, Array, Array, Array]:
    """A design, one target, and precisions of the prior and of the rows."""
    generator = np.random.default_rng(seed)
    design = generator.standard_normal((rows, features))
    target = design @ generator.standard_normal((features, 1)) + generator.standard_normal((rows, 1))
    return design, target, generator.uniform(0.1, 3.0, features), generator.uniform(0.5, 20.0, rows)


def given(design: Array, target: Array, prior: Array, rows: Array) -> LinearModel:
    return LinearModel.prior(prior, target.shape[-1]).given(design, target, rows)


def test_mean_and_covariance_are_those_of_the_normal_equations() -> None:
    design, target, prior, rows = sample()
    model = given(design, target, prior, rows)
    precision = np.diag(prior) + design.T @ (rows[:, None] * design)
    np.testing.assert_allclose(model.covariance, np.linalg.inv(precision), rtol=1e-10, atol=1e-14)
    expected = np.linalg.solve(precision, design.T @ (rows[:, None] * target))
    np.testing.assert_allclose(model.mean, expected, rtol=1e-11)
    np.testing.assert_allclose(model.weight_variance, np.diag(model.covariance), rtol=1e-12)


def test_the_evidence_is_the_density_of_the_data() -> None:
    design, target, prior, rows = sample()
    covariance = design @ np.diag(1.0 / prior) @ design.T + np.diag(1.0 / rows)
    logarithm = np.linalg.slogdet(2.0 * math.pi * covariance)[1]
    expected = -0.5 * (logarithm + target[:, 0] @ np.linalg.solve(covariance, target[:, 0]))
    assert given(design, target, prior, rows).log_evidence().item() == pytest.approx(expected, rel=1e-11)


def test_it_is_scikit_learns_ridge_at_its_own_precisions() -> None:
    design, target, _, _ = sample()
    ridge = BayesianRidge(fit_intercept=False, compute_score=True, tol=1e-12, max_iter=5000)
    ridge.set_params(alpha_1=0.0, alpha_2=0.0, lambda_1=0.0, lambda_2=0.0)
    ridge.fit(design, target[:, 0])
    model = given(design, target, np.full(5, ridge.lambda_), np.full(30, ridge.alpha_))
    np.testing.assert_allclose(model.mean[:, 0], ridge.coef_, rtol=1e-6)
    np.testing.assert_allclose(model.covariance, ridge.sigma_, rtol=1e-5, atol=1e-9)
    assert model.log_evidence().item() == pytest.approx(float(ridge.scores_[-1]), rel=1e-6)


def test_more_rows_later_are_the_same_as_all_at_once() -> None:
    design, target, prior, rows = sample()
    whole = given(design, target, prior, rows)
    parts = given(design[:11], target[:11], prior, rows[:11]).given(design[11:], target[11:], rows[11:])
    np.testing.assert_allclose(parts.mean, whole.mean, rtol=1e-11)
    np.testing.assert_allclose(parts.covariance, whole.covariance, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(parts.log_evidence(), whole.log_evidence(), rtol=1e-11)


def test_no_rows_and_rows_without_precision_change_nothing() -> None:
    design, target, prior, rows = sample()
    model = given(design, target, prior, rows)
    same = model.given(design[:0], target[:0], rows[:0]).given(design, 9.0 * target, np.zeros(30))
    np.testing.assert_allclose(same.mean, model.mean, rtol=1e-12)
    np.testing.assert_allclose(same.log_evidence(), model.log_evidence(), rtol=1e-12)


def test_the_order_of_rows_and_a_rotation_of_features_change_nothing() -> None:
    design, target, _, rows = sample()
    prior, order = np.full(5, 0.7), np.random.default_rng(1).permutation(30)
    rotation = np.linalg.qr(np.random.default_rng(2).standard_normal((5, 5)))[0]
    one = given(design, target, prior, rows)
    other = given((design @ rotation)[order], target[order], prior, rows[order])
    new = np.random.default_rng(3).standard_normal((7, 5))
    for ours, theirs in zip(one.mean_variance(new), other.mean_variance(new @ rotation), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-11)
    np.testing.assert_allclose(other.log_evidence(), one.log_evidence(), rtol=1e-12)


def test_leave_one_out_is_a_fit_without_the_row() -> None:
    design, target, prior, rows = sample(rows=8)
    mean, variance = given(design, target, prior, rows).leave_one_out(design, target, rows)
    for place in range(8):
        others = np.arange(8) != place
        model = given(design[others], target[others], prior, rows[others])
        own_mean, own_variance = model.mean_variance(design[place : place + 1])
        assert mean[place].item() == pytest.approx(own_mean.item(), rel=1e-9)
        assert variance[place] == pytest.approx(own_variance.item() + 1.0 / rows[place], rel=1e-9)


def test_leverages_are_slopes_of_the_fit_and_add_up_to_the_weights_that_the_data_determine() -> None:
    design, target, prior, rows = sample()
    model = given(design, target, prior, rows)
    leverage = model.leverage(design, rows)
    raised = target.copy()
    raised[4] += 1.0
    change = (given(design, raised, prior, rows).mean - model.mean)[:, 0]
    assert design[4] @ change == pytest.approx(leverage[4], rel=1e-9)
    assert leverage.sum() == pytest.approx(5.0 - (prior * model.weight_variance).sum(), rel=1e-10)


def test_a_committee_has_the_moments_of_the_posterior() -> None:
    design, target, prior, rows = sample()
    model = given(design, target, prior, rows)
    draws = model.draws(20_000, np.random.default_rng(4))[..., 0]
    deviation = np.sqrt(model.weight_variance)
    assert (np.abs(draws.mean(axis=0) - model.mean[:, 0]) < 5.0 * deviation / math.sqrt(20_000)).all()
    np.testing.assert_allclose(
        np.cov(draws.T) / np.outer(deviation, deviation),
        model.covariance / np.outer(deviation, deviation),
        atol=0.05,
    )


def test_batches_are_single_models() -> None:
    design, target, prior, rows = sample()
    batch = LinearModel.prior(np.stack([prior, 2.0 * prior])[:, None]).given(
        np.stack([design, -design]), target, rows
    )
    assert batch.triangle.shape[:2] == (2, 2)
    single = given(-design, target, 2.0 * prior, rows)
    np.testing.assert_allclose(batch.mean[1, 1], single.mean, rtol=1e-12)
    np.testing.assert_allclose(batch.log_evidence()[1, 1], single.log_evidence(), rtol=1e-12)


@pytest.mark.parametrize("contrast", [1e4, 1e8, 1e12])
def test_precise_rows_keep_their_digits(contrast: float) -> None:
    # Ten exact rows determine three weights; the square root form loses sqrt(cond), not cond.
    generator = np.random.default_rng(5)
    design, truth = generator.standard_normal((10, 3)), np.array([[1.0], [-2.0], [3.0]])
    model = given(design, design @ truth, np.ones(3), np.full(10, contrast))
    assert np.abs(model.mean - truth).max() < 10.0 / contrast + 1e-14 * math.sqrt(contrast)


def test_compressed_rows_say_the_same() -> None:
    design, target, prior, _ = sample(rows=200)
    few, short = compressed_rows(design, target)
    assert len(few) == 6
    whole = given(design, target, prior, np.full(200, 3.0))
    small = given(few, short, prior, np.full(6, 3.0))
    np.testing.assert_allclose(small.mean, whole.mean, rtol=1e-10)
    lacking = 194 * 0.5 * (math.log(3.0) - math.log(2.0 * math.pi))
    np.testing.assert_allclose(small.log_evidence() + lacking, whole.log_evidence(), rtol=1e-11)


def test_the_triangle_has_a_positive_diagonal_so_that_draws_do_not_depend_on_the_library() -> None:
    design, target, prior, rows = sample()
    model = given(design, target, prior, rows)
    assert (np.diagonal(model.root) > 0.0).all()
    # The upper factor of a Cholesky decomposition of the precision is the same triangle by another way.
    precision = np.diag(prior) + design.T @ (rows[:, None] * design)
    np.testing.assert_allclose(model.root, np.linalg.cholesky(precision).T, rtol=1e-10, atol=1e-12)


def test_members_keep_their_random_numbers_when_data_come() -> None:
    design, target, prior, rows = sample()
    model = given(design, target, prior, rows)
    few, many = (model.draws(count, np.random.default_rng(1)) for count in (3, 8))
    np.testing.assert_array_equal(few, many[:3])
    looked = model.given_inputs(design[:2], np.full(2, 4.0))
    change = looked.root @ (looked.draws(3, np.random.default_rng(1)) - looked.mean)
    np.testing.assert_allclose(change, model.root @ (few - model.mean), atol=1e-12)


def test_inputs_alone_narrow_the_belief_and_leave_its_mean_and_evidence() -> None:
    design, target, prior, rows = sample()
    model = given(design[:20], target[:20], prior, rows[:20])
    looked, told = (
        model.given_inputs(design[20:], rows[20:]),
        model.given(design[20:], target[20:], rows[20:]),
    )
    np.testing.assert_allclose(looked.covariance, told.covariance, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(looked.mean, model.mean, rtol=1e-13)
    np.testing.assert_allclose(looked.log_evidence(), model.log_evidence(), rtol=1e-13)
    # One row of noise s² more: v' = v - c²/(s² + h'Σh), here with the row itself: v/(1 + v) at s = 1.
    variance = model.mean_variance(design[20:21])[1]
    after = model.given_inputs(design[20:21], np.ones(1)).mean_variance(design[20:21])[1]
    np.testing.assert_allclose(after, variance / (1.0 + variance), rtol=1e-12)


def test_a_belief_is_another_models_prior_and_shares_of_it_add_up() -> None:
    design, target, prior, rows = sample()
    first = given(design[:12], target[:12], prior, rows[:12])
    whole = given(design, target, prior, rows)
    after = first.as_prior().given(design[12:], target[12:], rows[12:])
    np.testing.assert_allclose(after.mean, whole.mean, rtol=1e-11)
    np.testing.assert_allclose(after.log_evidence() + first.log_evidence(), whole.log_evidence(), rtol=1e-11)
    third = first.as_prior(1.0 / 3.0)
    again = third.given(third.root, third.projected, np.ones(5)).given(
        third.root, third.projected, np.ones(5)
    )
    np.testing.assert_allclose(again.mean, first.mean, rtol=1e-11)
    np.testing.assert_allclose(again.covariance, first.covariance, rtol=1e-11, atol=1e-15)


def test_a_share_that_is_not_positive_is_refused() -> None:
    with pytest.raises(UsageError, match="share"):
        given(*sample()).as_prior(0.0)


def test_a_wider_belief_has_the_sum_of_the_covariances() -> None:
    design, target, prior, rows = sample()
    model, directions = given(design, target, prior, rows), np.random.default_rng(6).standard_normal((3, 5))
    wide = model.widened(directions)
    np.testing.assert_allclose(wide.covariance, model.covariance + directions.T @ directions, rtol=1e-11)
    np.testing.assert_allclose(wide.mean, model.mean, rtol=1e-11)
    np.testing.assert_allclose(wide.log_evidence(), model.log_evidence(), rtol=1e-12)
