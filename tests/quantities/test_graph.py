"""The graph itself: order, names, normals, posteriors that change, and noise of a variable's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import pytest
from tests.quantities.worlds import (
    BRUTE,
    BRUTE_POINT,
    POINTS,
    check_against_brute_force,
    check_draw_gradient,
    check_moment_gradients,
    graph,
    posterior,
)

from assay.errors import UsageError
from assay.quantities.abstract import AbstractAffineVariable, Affine, Place
from assay.quantities.chi_squared import ChiSquaredValue
from assay.quantities.combination import LinearCombination
from assay.quantities.quantity import Quantity
from assay.quantities.selectors import single_selector
from assay.quantities.source import Source


@final
@dataclass(frozen=True)
class _Noisy(AbstractAffineVariable):
    """An output of `a` with two noises of its own, one of which grows along the first column."""

    @property
    def output_names(self) -> tuple[str, ...]:
        return ("noisy",)

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("a",)

    @property
    def own_normals(self) -> int:
        return 2

    def affine(self, place: Place) -> Affine:
        x = place.parameters["x"]
        root = np.stack([x, np.full_like(place.points[:, 0], 0.5)], axis=1)[:, None, :]

        def pullback(offset_bar, matrix_bars, root_bar):
            del offset_bar, matrix_bars
            return place.points_bar({"x": root_bar[:, 0, 0]})

        return Affine(np.zeros((1, 1)), (np.ones((1, 1, 1)),), root, pullback)


def test_noise_of_a_variable_is_shared_by_all_that_read_it() -> None:
    both = LinearCombination(
        "both", ("noisy", "a"), (1, 1), np.array([[0, 0], [0, 0], [1, 0]]), (0.0, 2.0, -1.0, 1.0)
    )
    whole = graph({"noisy": _Noisy(), "both": both}, {"a": 1})
    quantity = Quantity(whole, "both")
    mean, variance = whole.sources["a"].mean_variance(POINTS)
    found = quantity.mean_variance(POINTS)
    x = 4.0 * POINTS[:, :1] - 1.0
    np.testing.assert_allclose(found[0], 2.0 * mean, rtol=1e-12)
    np.testing.assert_allclose(found[1], 4.0 * variance + x**2 + 0.25, rtol=1e-12)
    check_moment_gradients(quantity)
    check_draw_gradient(quantity)


def test_a_square_of_noisy_and_collected_entries_is_right() -> None:
    chi2 = ChiSquaredValue("chi2", "noisy", np.array([0.7]), np.array([0.3]))
    quantity = Quantity(graph({"noisy": _Noisy(), "chi2": chi2}, {"a": 1}), "chi2")
    mean, variance = Quantity(quantity.graph, "noisy").mean_variance(BRUTE_POINT)
    normal = np.random.default_rng(0).standard_normal((BRUTE, 1))
    draws = (mean[:, 0] + np.sqrt(variance[:, 0]) * normal - 0.7) ** 2 / 0.3
    check_against_brute_force(quantity, draws, count=BRUTE)
    check_moment_gradients(quantity)
    check_draw_gradient(quantity)


def test_draws_have_the_moments() -> None:
    quantity = Quantity(graph({"noisy": _Noisy()}, {"a": 1, "b": 2}), "noisy")
    assert quantity.normal_dimension == 5
    draws = quantity.draw(POINTS, np.random.default_rng(0).standard_normal((200_000, 5)))[:, :, 0]
    mean, variance = quantity.mean_variance(POINTS)
    errors = np.sqrt(variance[:, 0] / len(draws))
    assert (np.abs(draws.mean(axis=0) - mean[:, 0]) < 5.0 * errors).all()
    assert (np.abs(draws.var(axis=0) / variance[:, 0] - 1.0) < 5.0 * np.sqrt(2.0 / len(draws))).all()


def test_other_sources_change_what_stands_on_them_and_nothing_else() -> None:
    names = {"a": ["a0"], "b": ["b0"]}
    whole = graph(
        {"v": single_selector("v", "a", "a0", names), "w": single_selector("w", "b", "b0", names)},
        {"a": 1, "b": 1},
    )
    other = posterior(1, 7)
    changed = whole.with_sources({"a": Source(other)})
    np.testing.assert_array_equal(
        Quantity(changed, "v").mean_variance(POINTS)[0], other.mean_variance(POINTS)[0]
    )
    before, after = (Quantity(one, "w").mean_variance(POINTS)[0] for one in (whole, changed))
    np.testing.assert_array_equal(before, after)


def test_points_do_not_meet() -> None:
    """Nothing at a point depends on the others, not even where moments come from draws in parts."""
    quantity = Quantity(graph({"noisy": _Noisy()}, {"a": 1}), "noisy")
    together = quantity.mean_variance_gradient(POINTS)
    for index in range(len(POINTS)):
        alone = quantity.mean_variance_gradient(POINTS[index : index + 1])
        for whole, part in zip(together, alone, strict=True):
            np.testing.assert_allclose(whole[index], part[0], rtol=1e-10)


def test_names_must_be_known_and_different() -> None:
    names = {"a": ["a0"], "c": ["c0"]}
    with pytest.raises(UsageError, match=r"may read what stands before it \(a\), got 'c'"):
        graph({"v": single_selector("v", "c", "c0", names)}, {"a": 1})
    with pytest.raises(UsageError, match="different names, got 'a' twice"):
        graph({"a": single_selector("a", "a", "a0", names)}, {"a": 1})
    with pytest.raises(UsageError, match="one of a, got 'b'"):
        Quantity(graph({}, {"a": 1}), "b")
    with pytest.raises(UsageError, match="even and at least 2, got 7"):
        graph({}, {"a": 1}, samples=7)
