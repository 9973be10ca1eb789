"""The centred discrepancy: SciPy's value, exact derivatives, invariances; designs as good as the best that are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import qmc

from assay.numerics import discrepancy as module
from assay.numerics.discrepancy import CentredDiscrepancy
from assay.numerics.discrepancy_design import low_discrepancy, spread_values
from assay.numerics.discrepancy_exchange import exchanged

Array = np.ndarray


def of_numbers(fixed: Array) -> CentredDiscrepancy:
    return CentredDiscrepancy(fixed, np.zeros(fixed.shape[1], dtype=int))


def drawn(count: int, dimension: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).random((count, dimension))


@pytest.mark.parametrize(("count", "fixed", "dimension"), [(1, 0, 1), (7, 0, 3), (7, 5, 3), (4, 9, 8)])
def test_the_value_is_that_of_scipy(count: int, fixed: int, dimension: int) -> None:
    points, others = drawn(count, dimension), drawn(fixed, dimension, 2)
    truth = qmc.discrepancy(np.concatenate([points, others]), method="CD")
    found = of_numbers(others)
    assert found.value(points) == pytest.approx(truth, rel=1e-12)
    assert found.value_gradient(points)[0] == pytest.approx(truth, rel=1e-12)


@pytest.mark.parametrize("labels", [(0, 0, 0), (0, 3, 0)])
def test_the_gradient_is_that_of_the_value(labels: tuple[int, ...]) -> None:
    generator = np.random.default_rng(3)
    sizes = np.array(labels)
    points, fixed = drawn(6, 3), drawn(4, 3, 2)
    for rows in (points, fixed):
        for column in np.flatnonzero(sizes):
            rows[:, column] = generator.integers(sizes[column], size=len(rows))
    discrepancy = CentredDiscrepancy(fixed, sizes)
    _, gradient = discrepancy.value_gradient(points)
    each, each_gradient = discrepancy.with_each(points)
    for row, column in itertools.product(range(6), np.flatnonzero(sizes == 0)):
        step = np.zeros_like(points)
        step[row, column] = 1e-6
        difference = (discrepancy.value(points + step) - discrepancy.value(points - step)) / 2e-6
        assert gradient[row, column] == pytest.approx(difference, abs=1e-8)
    assert (gradient[:, sizes > 0] == 0.0).all()
    for row in range(6):
        alone = discrepancy.value_gradient(points[[row]])
        assert each[row] == pytest.approx(alone[0], rel=1e-12)
        np.testing.assert_allclose(each_gradient[row], alone[1][0], atol=1e-13)


def test_reflections_and_the_order_of_points_and_columns_change_nothing() -> None:
    points = drawn(9, 3)
    empty = of_numbers(points[:0])
    value = empty.value(points)
    assert empty.value(points[::-1]) == pytest.approx(value, rel=1e-12)
    assert empty.value(points[:, [2, 0, 1]]) == pytest.approx(value, rel=1e-12)
    assert empty.value(np.where([True, False, True], 1.0 - points, points)) == pytest.approx(value, rel=1e-12)


def test_a_column_of_labels_is_least_where_they_are_balanced() -> None:
    discrepancy = CentredDiscrepancy(np.empty((0, 1)), np.array([3]))
    balanced = discrepancy.value(np.array([[0.0], [1.0], [2.0]]))
    assert balanced == pytest.approx(0.0, abs=1e-12)
    assert discrepancy.value(np.array([[0.0], [1.0], [1.0]])) > 0.0


def test_few_pairs_at_once_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    points, fixed = drawn(11, 2), drawn(5, 2, 2)
    discrepancy = of_numbers(fixed)
    whole = discrepancy.value_gradient(points), discrepancy.with_each(points)
    monkeypatch.setattr(module, "MOST_PAIRS", 70)
    parts = of_numbers(fixed).value_gradient(points), of_numbers(fixed).with_each(points)
    for (value, gradient), (other_value, other_gradient) in zip(whole, parts, strict=True):
        np.testing.assert_allclose(value, other_value, rtol=1e-12)
        np.testing.assert_allclose(gradient, other_gradient, atol=1e-15)


@pytest.mark.parametrize("fixed", [0, 4])
def test_after_the_exchanges_no_exchange_of_two_coordinates_pays(fixed: int) -> None:
    others = drawn(fixed, 3, 2)
    discrepancy = of_numbers(others)
    start = np.argsort(drawn(8, 3), axis=0) / 8.0 + 1.0 / 16.0
    found = exchanged(discrepancy, start)
    np.testing.assert_array_equal(np.sort(found, axis=0), np.sort(start, axis=0))
    value = discrepancy.value(found)
    assert value < discrepancy.value(start)
    for column, (row, other) in itertools.product(range(3), itertools.combinations(range(8), 2)):
        trial = found.copy()
        trial[[row, other], column] = trial[[other, row], column]
        assert discrepancy.value(trial) > value - 1e-12


def test_in_one_dimension_the_design_is_the_exact_optimum() -> None:
    points = low_discrepancy(of_numbers(np.empty((0, 1))), [None], 12, np.random.default_rng(0))
    # Fang, Ma, Winker, Mathematics of Computation 71 (2002) 275: the midpoints of n equal parts, with CD² = 1/(12 n²).
    np.testing.assert_allclose(np.sort(points[:, 0]), (np.arange(12) + 0.5) / 12, atol=1e-4)


@pytest.mark.parametrize(
    ("dimension", "count", "known"), [(2, 5, 1.094e-2), (2, 10, 2.94e-3), (5, 10, 3.02e-2), (2, 50, 1.51e-4)]
)
def test_designs_are_as_good_as_the_best_known_ones(dimension: int, count: int, known: float) -> None:
    empty = of_numbers(np.empty((0, dimension)))
    points = low_discrepancy(empty, [None] * dimension, count, np.random.default_rng(100))
    assert empty.value(points) <= 1.02 * known


def test_levels_are_kept_and_shared_evenly() -> None:
    levels = np.array([0.0, 0.1, 1.0])
    fixed = np.array([[0.5, 0.0], [0.2, 0.0]])
    points = low_discrepancy(of_numbers(fixed), [None, levels], 7, np.random.default_rng(0))
    values, counts = np.unique(np.append(points[:, 1], fixed[:, 1]), return_counts=True)
    np.testing.assert_array_equal(values, levels)
    assert counts.tolist() == [3, 3, 3]


def test_new_values_fill_the_parts_that_are_empty() -> None:
    fixed = np.array([0.05, 0.45, 0.95])
    values = spread_values(fixed, None, 0, 7, np.random.default_rng(0))
    assert sorted(np.floor(10 * np.concatenate([fixed, values])).astype(int)) == list(range(10))
