"""Selections and collections of outputs."""

from __future__ import annotations

import numpy as np
import pytest
from tests.quantities.worlds import (
    POINTS,
    check_draw_gradient,
    check_moment_gradients,
    graph,
    parameters,
    posterior,
)

from assay.errors import UsageError
from assay.quantities.graph import Graph
from assay.quantities.quantity import GaussianScalar, Quantity
from assay.quantities.selectors import collector, multi_selector, single_selector
from assay.quantities.source import Source

NAMES = {"a": ["a0", "a1", "a2"], "b": ["b0", "b1"]}


def test_a_selection_has_the_moments_of_what_it_selects() -> None:
    whole = graph(
        {
            "one": single_selector("one", "a", "a2", NAMES),
            "two": multi_selector("two", "a", NAMES, select_by_names=["a2", "a0"]),
            "range": multi_selector("range", "a", NAMES, select_range=(1, 2)),
        },
        {"a": 3},
    )
    mean, variance = whole.sources["a"].mean_variance(POINTS)
    for name, entries in {"one": [2], "two": [2, 0], "range": [1, 2]}.items():
        found = Quantity(whole, name).mean_variance(POINTS)
        assert np.array_equal(found[0], mean[:, entries])
        assert np.array_equal(found[1], variance[:, entries])
    assert Quantity(whole, "range").output_names == ("range0", "range1")


def test_a_collection_is_joint_and_keeps_the_covariance_of_what_it_repeats() -> None:
    collected = collector("all", ["a", "b", "a"], NAMES)
    whole = graph({"all": collected}, {"a": 3, "b": 2})
    quantity = Quantity(whole, "all")
    mean, covariance = quantity.mean_covariance(POINTS)
    a, b = (whole.sources[name].mean_variance(POINTS) for name in "ab")
    np.testing.assert_allclose(mean, np.concatenate([a[0], b[0], a[0]], axis=1), rtol=1e-12)
    np.testing.assert_allclose(covariance[:, 0, 5], a[1][:, 0], rtol=1e-12)
    assert np.abs(covariance[:, 0, 3]).max() == 0.0
    check_moment_gradients(quantity)
    check_draw_gradient(quantity)


def test_a_selection_of_a_warped_surrogate_has_its_moments_and_quantiles() -> None:
    warped = posterior(2, warping="sinh")
    assert not warped.is_gaussian
    names = {"a": ["a0", "a1"]}
    whole = Graph(
        {"a": Source(warped, names=("a0", "a1"))},
        {"one": single_selector("one", "a", "a1", names)},
        parameters(),
    )
    quantity = Quantity(whole, "one")
    assert not quantity.is_gaussian
    np.testing.assert_array_equal(
        quantity.mean_variance(POINTS)[0][:, 0], warped.mean_variance(POINTS)[0][:, 1]
    )
    probabilities = np.array([0.1, 0.9])
    np.testing.assert_array_equal(
        quantity.quantiles(POINTS, probabilities)[:, :, 0], warped.quantiles(POINTS, probabilities)[:, :, 1]
    )
    check_moment_gradients(quantity)
    check_draw_gradient(quantity)
    with pytest.raises(UsageError, match="Gaussian"):
        GaussianScalar(quantity)


def test_a_scalar_of_a_gaussian_quantity_is_one_of_its_outputs() -> None:
    quantity = Quantity(graph({}, {"a": 3}), "a")
    scalar = GaussianScalar(quantity, 1)
    for one, whole in zip(
        scalar.mean_variance_gradient(POINTS), quantity.mean_variance_gradient(POINTS), strict=True
    ):
        assert np.array_equal(one, whole[:, 1])


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: single_selector("v", "c", "a0", NAMES), "'v' may read a, b, got 'c'"),
        (lambda: single_selector("v", "a", "b0", NAMES), "outputs a0, a1, a2 of 'a', got 'b0'"),
        (lambda: multi_selector("v", "a", NAMES, select_range=(1, 3)), "last < 3, got 1, 3"),
        (lambda: multi_selector("v", "a", NAMES), "at least one output"),
        (lambda: collector("v", ["a"], NAMES, ["p"]), "needs 3 output names, got 1"),
    ],
)
def test_wrong_names_are_refused(make, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        make()
