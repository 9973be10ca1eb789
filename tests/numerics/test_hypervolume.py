"""Fronts and hypervolumes: against moocore, by counting random points, and what must not matter."""

import moocore
import numpy as np
import pytest

from assay.errors import UsageError
from assay.numerics.hypervolume import hypervolume, hypervolume_history, non_dominated, non_dominated_boxes


def points_of(kind: str, objectives: int, count: int = 24, seed: int = 0) -> np.ndarray:
    """Random points in the unit cube; on a grid many coordinates are equal."""
    generator = np.random.default_rng([seed, objectives])
    if kind == "grid":
        return generator.integers(0, 5, (count, objectives)) / 4.0
    return generator.random((count, objectives))


CASES = [
    (kind, objectives, seed)
    for kind in ("random", "grid")
    for objectives in (2, 3, 4, 5)
    for seed in range(5)
]


@pytest.mark.parametrize(("kind", "objectives", "seed"), CASES)
def test_hypervolume_equals_moocore(kind, objectives, seed):
    values, upper = points_of(kind, objectives, seed=seed), np.full(objectives, 0.9)
    assert hypervolume(values, upper) == pytest.approx(moocore.hypervolume(values, ref=upper), abs=1e-13)


@pytest.mark.parametrize(("kind", "objectives", "seed"), CASES)
def test_the_front_is_that_of_moocore(kind, objectives, seed):
    values = points_of(kind, objectives, seed=seed)
    assert non_dominated(values).tolist() == moocore.is_nondominated(values, keep_weakly=False).tolist()


@pytest.mark.parametrize(("kind", "objectives", "seed"), CASES)
def test_every_free_place_is_in_one_box_and_no_dominated_one_is(kind, objectives, seed):
    values = points_of(kind, objectives, seed=seed)
    lower, upper = np.full(objectives, -0.1), np.full(objectives, 0.9)
    boxes = non_dominated_boxes(values, lower, upper)
    places = np.random.default_rng(1).uniform(-0.1, 0.9, (500, objectives))
    inside = ((places[:, None] >= boxes.lower) & (places[:, None] < boxes.upper)).all(axis=2).sum(axis=1)
    dominated = np.any((values[None] <= places[:, None]).all(axis=2), axis=1)
    assert np.array_equal(inside, (~dominated).astype(int))
    assert boxes.volume == pytest.approx(1.0 - hypervolume(values, upper, lower), abs=1e-13)


@pytest.mark.parametrize(("objectives", "most"), [(2, 51), (3, 101)])
def test_the_number_of_boxes_grows_with_the_front(objectives, most):
    """n + 1 boxes for two objectives and 2 n + 1 for three (Lacour et al.)."""
    directions = np.abs(np.random.default_rng(2).standard_normal((50, objectives)))
    front = 1.0 - directions / np.linalg.norm(directions, axis=1)[:, None]
    assert non_dominated(front).all()
    assert len(non_dominated_boxes(front, np.full(objectives, -1.0), np.ones(objectives))) <= most


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_order_and_dominated_points_do_not_matter_and_units_multiply(objectives):
    values, upper = points_of("random", objectives), np.ones(objectives)
    volume = hypervolume(values, upper)
    units, shift = np.array([3.0, 0.5, 20.0, 1e-3])[:objectives], np.arange(objectives) - 1.0
    assert hypervolume(values[::-1], upper) == pytest.approx(volume, rel=1e-13)
    assert hypervolume(values[non_dominated(values)], upper) == pytest.approx(volume, rel=1e-13)
    turned = np.roll(np.arange(objectives), 1)
    assert hypervolume(values[:, turned], upper) == pytest.approx(volume, rel=1e-13)
    moved = hypervolume(values * units + shift, upper * units + shift)
    assert moved == pytest.approx(volume * units.prod(), rel=1e-12)


def test_what_is_better_than_the_lower_reference_counts_no_more():
    assert hypervolume(np.array([[-5.0, -5.0]]), np.ones(2), np.zeros(2)) == 1.0
    assert non_dominated_boxes(np.array([[-5.0, -5.0]]), np.zeros(2), np.ones(2)).volume == 0.0


def test_nothing_dominates_nothing():
    empty = np.empty((0, 3))
    assert hypervolume(empty, np.ones(3)) == 0.0
    assert non_dominated_boxes(empty, np.zeros(3), np.ones(3)).volume == 1.0
    assert hypervolume(np.array([[np.nan, 0.0], [2.0, 0.0], [1.0, 0.5]]), np.ones(2)) == 0.0


def test_of_equal_rows_the_first_counts_and_a_failure_does_not():
    values = np.array([[1.0, 2.0], [1.0, 2.0], [np.nan, 0.0], [2.0, 1.0]])
    assert non_dominated(values).tolist() == [True, False, False, True]


def test_history_is_the_hypervolume_of_each_beginning():
    values, upper = points_of("random", 3), np.ones(3)
    values[5] = np.nan
    expected = [hypervolume(values[: count + 1], upper) for count in range(len(values))]
    assert hypervolume_history(values, upper) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    ("values", "lower", "upper", "message"),
    [
        (np.ones((3, 1)), np.zeros(1), np.ones(1), "two or more objectives"),
        (np.ones((3, 2)), np.zeros(3), np.ones(3), "two or more objectives"),
        (np.ones((3, 2)), np.ones(2), np.ones(2), "must be below the upper one"),
        (np.ones((3, 2)), np.zeros(2), np.full(2, np.inf), "and that finite"),
    ],
)
def test_references_that_span_nothing_are_refused(values, lower, upper, message):
    with pytest.raises(UsageError, match=message):
        non_dominated_boxes(values, lower, upper)
