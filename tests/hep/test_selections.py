"""Soft cuts, ranks, quantiles and edges against their exact twins."""

from __future__ import annotations

import numpy as np
import pytest

from assay.errors import UsageError
from assay.hep.binning import edges_of, few_events_penalty, free_of, quantile_edges, statistical_penalty
from assay.hep.selections import (
    HARD,
    Softness,
    above,
    all_of,
    annealed_slope,
    any_of,
    area_under_curve,
    below,
    quantile,
    rank,
    sort,
    window,
)
from assay.numerics.compile import float64, jax_module

jax = jax_module()
jnp = jax.numpy

VALUES = np.random.default_rng(0).normal(size=200)


def test_hard_selections_are_those_of_numpy():
    with float64():
        np.testing.assert_array_equal(above(VALUES, 0.3, HARD), VALUES > 0.3)
        np.testing.assert_array_equal(below(VALUES, 0.3, HARD), VALUES < 0.3)
        np.testing.assert_array_equal(window(VALUES, -0.5, 0.5, HARD), (VALUES > -0.5) & (VALUES < 0.5))
        either = any_of(above(VALUES, 1.0, HARD), below(VALUES, -1.0, HARD))
        both = all_of(above(VALUES, -1.0, HARD), below(VALUES, 1.0, HARD))
    np.testing.assert_array_equal(either, np.abs(VALUES) > 1.0)
    np.testing.assert_array_equal(both, np.abs(VALUES) < 1.0)


@pytest.mark.parametrize("slope", [1.0, 1e2, 1e4, 1e12])
def test_soft_cuts_and_their_derivatives_stay_finite_at_any_slope(slope):
    with float64():
        weights, gradient = jax.value_and_grad(lambda cut: above(VALUES, cut, Softness(slope)).sum())(6.0)
    assert np.isfinite(float(weights))
    assert np.isfinite(float(gradient))
    with jax.enable_x64(False):  # and in float32, where the plain formula is NaN from 15 on
        assert np.isfinite(
            float(jax.grad(lambda cut: above(VALUES.astype(np.float32), cut, Softness(slope)).sum())(6.0))
        )


def test_soft_cuts_tend_to_hard_ones_as_the_slope_grows():
    with float64():
        hard = float(above(VALUES, 0.3, HARD).sum())
        errors = [
            abs(float(above(VALUES, 0.3, Softness(slope)).sum()) - hard) for slope in (1.0, 10.0, 1e2, 1e5)
        ]
    assert errors[0] > errors[1] > errors[2] > errors[3]
    assert errors[3] < 1e-6


def test_straight_through_has_the_exact_value_and_the_soft_derivative():
    def passed(cut, softness):
        return above(VALUES, cut, softness).sum()

    with float64():
        value, slope = jax.value_and_grad(passed)(0.3, Softness(5.0, straight_through=True))
        assert float(value) == float(passed(0.3, HARD))
        assert float(slope) == pytest.approx(float(jax.grad(passed)(0.3, Softness(5.0))), rel=1e-12)


def test_slopes_are_annealed_by_equal_factors():
    with float64():
        slopes = [float(annealed_slope(step, 5, 1.0, 81.0)) for step in range(5)]
    np.testing.assert_allclose(slopes, [1.0, 3.0, 9.0, 27.0, 81.0])
    with pytest.raises(UsageError, match="must be positive"):
        annealed_slope(0, 5, 0.0, 1.0)


def test_ranks_and_sorted_values_tend_to_the_exact_ones():
    with float64():
        np.testing.assert_array_equal(rank(VALUES, HARD), np.argsort(np.argsort(VALUES)) + 1)
        np.testing.assert_allclose(rank(VALUES, Softness(1e7)), rank(VALUES, HARD), atol=1e-3)
        np.testing.assert_array_equal(sort(VALUES, HARD), np.sort(VALUES))
        np.testing.assert_allclose(sort(VALUES, Softness(1e7)), np.sort(VALUES), atol=1e-6)
        # Every value's shift moves the sorted values by as much in all.
        total = jax.grad(lambda shift: sort(VALUES + shift, Softness(20.0)).sum())(0.0)
    assert float(total) == pytest.approx(200.0, rel=1e-9)


def test_quantiles_and_their_derivatives():
    weights = np.random.default_rng(1).uniform(0.5, 1.5, size=200)

    def low(scale, share, weights):
        return quantile(scale * VALUES, share, Softness(20.0), weights)

    with float64():
        assert float(quantile(VALUES, 0.3, HARD)) == np.sort(VALUES)[59]
        assert float(quantile(VALUES, 0.3, Softness(1e4))) == pytest.approx(np.sort(VALUES)[59], abs=0.01)
        gradients = jax.grad(low, (0, 1, 2))(1.0, 0.3, weights)
        step = 1e-5
        for place, direction in ((0, 1.0), (1, 1.0), (2, np.linspace(-1, 1, 200))):
            arguments = [1.0, 0.3, weights]
            ends = []
            for sign in (1, -1):
                moved = list(arguments)
                moved[place] = moved[place] + sign * step * direction
                ends.append(float(low(*moved)))
            found = float(np.sum(np.asarray(gradients[place]) * direction))
            assert found == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5, abs=1e-9)


def test_the_area_under_the_curve_is_that_of_scikit_learn():
    from sklearn.metrics import roc_auc_score

    signal, background = np.round(VALUES[:80] + 1.0, 1), np.round(VALUES[80:], 1)  # with ties
    labels = np.r_[np.ones(80), np.zeros(120)]
    wanted = roc_auc_score(labels, np.r_[signal, background])
    with float64():
        assert float(area_under_curve(signal, background, HARD)) == pytest.approx(wanted, rel=1e-12)
        assert float(area_under_curve(signal, background, Softness(1e4))) == pytest.approx(wanted, abs=1e-9)


def test_edges_rise_whatever_the_free_numbers_and_come_back():
    free = np.random.default_rng(2).normal(scale=30.0, size=6)
    with float64():
        edges = np.asarray(edges_of(free, -1.0, 3.0))
        assert (np.diff(edges) > 0).all()
        assert edges[0] == -1.0
        assert edges[-1] == 3.0
        start = quantile_edges(VALUES, 5, -3.0, 3.0)
        np.testing.assert_allclose(edges_of(free_of(start), -3.0, 3.0), start, atol=1e-12)
        inside = VALUES[(VALUES > -3.0) & (VALUES < 3.0)]
        counts = np.histogram(inside, np.asarray(start))[0]
    assert counts.max() - counts.min() <= 1


def test_penalties_rise_where_bins_starve():
    with float64():
        assert float(few_events_penalty(jnp.array([50.0, 60.0]), 5.0)) < 1e-6
        assert float(few_events_penalty(jnp.array([1.0, 60.0]), 5.0)) > 0.5
        assert float(statistical_penalty(jnp.array([4.0, 25.0]), jnp.array([4.0, 25.0]))) == pytest.approx(
            0.29
        )


def test_too_narrow_edges_and_too_few_values_are_refused():
    with float64():
        with pytest.raises(UsageError, match="must rise"):
            free_of(jnp.array([0.0, 1e-6, 1.0]))
        with pytest.raises(UsageError, match="quantiles for 5 bins"):
            quantile_edges(jnp.array([0.1, 0.2]), 5, 0.0, 1.0)


def test_an_infinite_slope_is_hard_whoever_made_it_and_others_are_positive():
    values = np.array([3.0, 1.0, 2.0])
    for slope in (float("inf"), np.float64("inf"), np.inf):
        infinite = Softness(slope)
        with float64():
            assert np.asarray(sort(values, infinite)).tolist() == [1.0, 2.0, 3.0]
            assert float(quantile(values, 0.5, infinite)) == 2.0
            assert np.asarray(above(values, 2.0, infinite)).tolist() == [1.0, 0.0, 0.0]
    for slope in (0.0, -1.0, float("nan")):
        with pytest.raises(UsageError, match="slope of a soft selection must be positive, got"):
            Softness(slope)
