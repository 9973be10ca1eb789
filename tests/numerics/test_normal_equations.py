"""Sums over rows, against the decomposition of the rows."""

from __future__ import annotations

import numpy as np
import pytest
from tests.numerics.test_linear_model import given, sample

from assay.errors import NumericalError, UsageError
from assay.numerics.normal_equations import NormalEquations


def test_sums_of_parts_give_the_model_of_the_rows() -> None:
    design, target, prior, rows = sample(rows=200)
    scale = np.logspace(-6.0, 6.0, 5)  # columns of very different units
    design, prior = design * scale, prior * scale**2
    one = NormalEquations.none(5).given(design[:90], target[:90], rows[:90])
    other = NormalEquations.none(5).given(design[90:], target[90:], rows[90:])
    ours, theirs = one.and_those_of(other).model(prior), given(design, target, prior, rows)
    np.testing.assert_allclose(ours.root, theirs.root, rtol=1e-10, atol=1e-12 * theirs.root.max())
    np.testing.assert_allclose(ours.mean, theirs.mean, rtol=1e-9)
    np.testing.assert_allclose(ours.log_evidence(), theirs.log_evidence(), rtol=1e-10)


@pytest.mark.parametrize("condition", [1e2, 1e4])
def test_the_error_is_that_of_the_condition(condition: float) -> None:
    # Nearly collinear columns: cond of the Gram matrix is condition²; 1e-6 is kept where that is below 1e8.
    generator = np.random.default_rng(1)
    design = generator.standard_normal((400, 20))
    design[:, 1] = design[:, 0] + design[:, 1] / condition
    target = design @ generator.standard_normal((20, 1)) + 0.1 * generator.standard_normal((400, 1))
    prior, rows = np.full(20, 1e-6), np.full(400, 100.0)
    ours = NormalEquations.none(20).given(design, target, rows).model(prior)
    theirs = given(design, target, prior, rows)
    new = generator.standard_normal((50, 20))
    for one, other in zip(ours.mean_variance(new), theirs.mean_variance(new), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_rows_without_precision_are_not_there_and_more_rows_can_follow_the_model() -> None:
    design, target, prior, rows = sample()
    absent = np.where(np.arange(30) < 10, 0.0, rows)
    ours = NormalEquations.none(5).given(design, target, absent).model(prior)
    np.testing.assert_allclose(
        ours.given(design[:10], target[:10], rows[:10]).log_evidence(),
        given(design, target, prior, rows).log_evidence(),
        rtol=1e-11,
    )


def test_what_cannot_be_factorised_names_the_cure() -> None:
    design = np.ones((3, 2)) * np.array([1.0, 1.0 + 1e-17])
    sums = NormalEquations.none(2).given(design, np.ones((3, 1)), np.ones(3))
    with pytest.raises(NumericalError, match=r"LinearModel\.given"):
        sums.model(np.full(2, 1e-30))


def test_sums_of_other_features_are_refused() -> None:
    with pytest.raises(UsageError, match="features"):
        NormalEquations.none(2).and_those_of(NormalEquations.none(3))
