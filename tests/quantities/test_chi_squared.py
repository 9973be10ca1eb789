"""Chi-squared values: of independent and of covarying targets, exact and approximate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from tests.quantities.worlds import (
    BRUTE,
    POINTS,
    brute_values,
    check_against_brute_force,
    check_draw_gradient,
    check_moment_gradients,
    graph,
)

from assay.errors import UsageError
from assay.quantities.chi_squared import ChiSquaredValue
from assay.quantities.quantity import Quantity
from assay.quantities.selectors import multi_selector

TARGET = np.array([1.0, 0.5, 2.0])
VARIANCE = np.array([0.3, 1.0, 0.05])
COVARIANCE = np.array([[0.3, 0.1, 0.0], [0.1, 1.0, -0.1], [0.0, -0.1, 0.2]])


def _quantity(covariance: np.ndarray, *, approximate: bool = False) -> Quantity:
    value = ChiSquaredValue("chi2", "a", TARGET, covariance, approximate)
    return Quantity(graph({"chi2": value}, {"a": 3}), "chi2")


@pytest.mark.parametrize("covariance", [VARIANCE, COVARIANCE], ids=["independent", "covarying"])
def test_moments_and_quantiles_are_those_of_brute_force(covariance: np.ndarray) -> None:
    quantity = _quantity(covariance)
    rest = brute_values(quantity.graph, "a") - TARGET
    inverse = np.linalg.inv(np.diag(covariance) if covariance.ndim == 1 else covariance)
    draws = np.einsum("bpi,ij,bpj->bp", rest, inverse, rest, optimize=True)
    check_against_brute_force(quantity, draws, count=BRUTE)


@pytest.mark.parametrize("covariance", [VARIANCE, COVARIANCE], ids=["independent", "covarying"])
@pytest.mark.parametrize("approximate", [False, True])
def test_gradients(covariance: np.ndarray, approximate: bool) -> None:
    quantity = _quantity(covariance, approximate=approximate)
    check_moment_gradients(quantity)
    check_draw_gradient(quantity)


def test_the_two_ways_of_drawing_agree() -> None:
    """Independent entries are drawn by matrix products, all others entry by entry."""
    fast, slow = _quantity(VARIANCE), _quantity(np.diag(VARIANCE))
    nearly = Quantity(
        graph(
            {"chi2": ChiSquaredValue("chi2", "a", TARGET, np.diag(VARIANCE) + 1e-14 * COVARIANCE)}, {"a": 3}
        ),
        "chi2",
    )
    normal = np.random.default_rng(0).standard_normal((7, 3))
    expected = fast.draw(POINTS, normal)
    np.testing.assert_allclose(slow.draw(POINTS, normal), expected, rtol=1e-10)
    np.testing.assert_allclose(nearly.draw(POINTS, normal), expected, rtol=1e-9)


def test_an_approximate_law_is_a_noncentral_chi_squared_with_the_exact_mean() -> None:
    quantity, exact = _quantity(VARIANCE, approximate=True), _quantity(VARIANCE)
    np.testing.assert_allclose(quantity.mean_variance(POINTS)[0], exact.mean_variance(POINTS)[0], rtol=1e-12)
    mean, variance = quantity.graph.sources["a"].mean_variance(POINTS)
    level = (variance / VARIANCE).mean(axis=1)
    noncentrality = ((mean - TARGET) ** 2 / VARIANCE).sum(axis=1) / level
    expected = level * stats.ncx2.ppf(0.7, 3, noncentrality)
    np.testing.assert_allclose(quantity.quantiles(POINTS, np.array([0.7]))[0, :, 0], expected, rtol=1e-7)


def test_it_is_invariant_under_scaling_and_under_the_order_of_entries() -> None:
    base = _quantity(COVARIANCE)
    names = {"a": ["a0", "a1", "a2"]}
    order = [2, 0, 1]
    turned = ChiSquaredValue("chi2", "b", TARGET[order], COVARIANCE[np.ix_(order, order)])
    selected = multi_selector("b", "a", names, select_by_names=[f"a{entry}" for entry in order])
    other = Quantity(graph({"b": selected, "chi2": turned}, {"a": 3}), "chi2")
    weaker = _quantity(4.0 * COVARIANCE)
    for left, right, smaller in zip(
        base.mean_variance(POINTS), other.mean_variance(POINTS), weaker.mean_variance(POINTS), strict=True
    ):
        np.testing.assert_allclose(left, right, rtol=1e-10)
        assert (smaller < left).all()
    np.testing.assert_allclose(
        weaker.mean_variance(POINTS)[0], base.mean_variance(POINTS)[0] / 4.0, rtol=1e-12
    )
    normal = np.random.default_rng(0).standard_normal((7, 3))
    np.testing.assert_allclose(base.draw(POINTS, normal), other.draw(POINTS, normal), rtol=1e-9)


def test_broken_targets_are_refused() -> None:
    with pytest.raises(UsageError, match="one length, got 3 and 2"):
        ChiSquaredValue("chi2", "a", TARGET, np.ones(2))
    with pytest.raises(UsageError, match="must be positive, got 0"):
        ChiSquaredValue("chi2", "a", TARGET, np.array([1.0, 0.0, 1.0]))
    with pytest.raises(UsageError, match="symmetric square"):
        ChiSquaredValue("chi2", "a", TARGET, np.triu(np.ones((3, 3))))
    with pytest.raises(UsageError, match="must be positive definite, got the eigenvalue"):
        ChiSquaredValue("chi2", "a", TARGET, np.ones((3, 3)) - 1e-3 * np.eye(3))
