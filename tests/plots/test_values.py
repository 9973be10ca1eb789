"""The values behind the pictures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import UsageError
from assay.plots.parallel import rank_colours
from assay.plots.values import Axis, Convergence, Residuals, suits_log

NUMBERS = st.floats(-1e6, 1e6)


@given(st.lists(st.one_of(NUMBERS, st.just(float("nan"))), min_size=1, max_size=30))
def test_the_best_so_far_is_the_smallest_of_all_before(values: list[float]) -> None:
    best = Convergence.of(values).best
    for end in range(1, len(values) + 1):
        seen = [value for value in values[:end] if value == value]
        assert np.isnan(best[end - 1]) if not seen else best[end - 1] == min(seen)


def test_failures_are_counted_from_one() -> None:
    assert Convergence.of([np.nan, 1.0, np.inf]).failed.tolist() == [1, 3]


def test_no_value_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one objective"):
        Convergence.of([])


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1.0, 31.0], True), ([1.0, 29.0], False), ([0.0, 100.0], False), ([np.nan], False)],
)
def test_a_logarithmic_axis_needs_positive_values_over_a_wide_range(
    values: list[float], expected: bool
) -> None:
    assert suits_log(np.array(values)) is expected


@given(st.lists(NUMBERS, min_size=2, max_size=20), st.floats(0.1, 10), NUMBERS)
def test_heights_do_not_depend_on_unit_and_origin(values: list[float], scale: float, shift: float) -> None:
    spread = np.ptp(values)
    if spread < 1:
        return
    moved = Axis.of("x", [scale * value + shift for value in values]).height
    np.testing.assert_allclose(moved, Axis.of("x", values).height, atol=1e-8)


def test_ticks_are_in_the_parameters_own_unit() -> None:
    assert [text for _, text in Axis.of("x", [1.0, 10_000.0], is_log=True).ticks] == [
        "1",
        "10",
        "100",
        "1000",
        "1e+04",
    ]
    assert Axis.of("x", [3.0, 3.0]).ticks == ((0.5, "3"),)


def test_points_without_an_objective_are_left_out() -> None:
    axes, kept = Axis.of_points({"x": [1.0, 2.0, 3.0]}, (), "objective", [4.0, np.nan, 6.0])
    assert axes[0].height.tolist() == [0.0, 1.0]
    assert kept.tolist() == [4.0, 6.0]
    with pytest.raises(UsageError, match="finite objective"):
        Axis.of_points({"x": [1.0]}, (), "objective", [np.nan])


def test_colours_are_ranks() -> None:
    assert rank_colours(np.array([1e9, -3.0, 0.0])).tolist() == [1.0, 0.0, 0.5]


def test_coverage_of_normal_residuals() -> None:
    draws = np.random.default_rng(3).normal(size=20_000)
    residuals = Residuals.of(list(5 + 2 * draws), [5.0] * draws.size, [2.0] * draws.size)
    assert residuals.coverage(1.0) == pytest.approx(0.6827, abs=0.01)
    assert residuals.coverage(1.96) == pytest.approx(0.95, abs=0.005)


@pytest.mark.parametrize(
    ("observed", "mean", "std", "sentence"),
    [
        ([1.0], [1.0, 2.0], [1.0], "lists of one length"),
        ([1.0], [1.0], [0.0], "must be positive"),
        ([np.nan], [1.0], [1.0], "at least one point"),
    ],
)
def test_impossible_residuals_are_refused(
    observed: list[float], mean: list[float], std: list[float], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        Residuals.of(observed, mean, std)
