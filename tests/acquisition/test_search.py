from dataclasses import dataclass
from typing import final

import numpy as np
import pytest

from assay.acquisition.abstract import AbstractAcquisition
from assay.acquisition.candidates import candidates
from assay.acquisition.search import Search, choose_starts, search
from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.space.space import Space

Array = np.ndarray


@final
@dataclass(frozen=True)
class Peak(AbstractAcquisition):
    """-|x - top|² over the columns, with a bonus for one label in the last column where `label` is given."""

    top: tuple[float, ...]
    label: float | None = None

    def value(self, points: Array) -> Array:
        return self.value_gradient(points)[0]

    def value_gradient(self, points: Array) -> tuple[Array, Array]:
        count = len(self.top)
        away = points[:, :count] - np.array(self.top)
        gradient = np.zeros_like(points)
        gradient[:, :count] = -2 * away
        bonus = 0.0 if self.label is None else 0.5 * (points[:, -1] == self.label)
        return -(away**2).sum(axis=1) + bonus, gradient


def find(design, acquisition, constraints=None, best=None, settings=None):
    space = Space.from_data(design, constraints=constraints)
    coordinates = Coordinates.of(space)
    feasible = FeasibleSet.of(space, coordinates)
    known = np.empty((0, coordinates.dimension)) if best is None else best
    raw = candidates(coordinates, feasible, known, (64, 32), np.random.default_rng(0), np.empty(0))
    return search(acquisition, coordinates, feasible, raw, settings or Search()), coordinates, feasible


BOX = [{"name": "x", "domain": [0.0, 1.0]}, {"name": "y", "domain": [0.0, 1.0]}]


@pytest.mark.parametrize("top", [(0.3, 0.7), (1.0, 0.0), (1.4, 0.5)])
def test_finds_a_peak_inside_on_and_beyond_the_box(top):
    ranked, _, _ = find(BOX, Peak(top))
    np.testing.assert_allclose(ranked.points[0], np.clip(top, 0, 1), atol=1e-4)
    assert (np.diff(ranked.values[:10]) <= 0).all()


def test_constraints_are_followed_to_their_edge():
    ranked, _, feasible = find(BOX, Peak((0.8, 0.9)), [{"name": "c", "expression": "x + y <= 1"}])
    assert feasible.contains(ranked.points).all()
    np.testing.assert_allclose(ranked.points[0], [0.45, 0.55], atol=1e-5)


def test_labels_and_levels_are_searched_too():
    design = [
        *BOX,
        {"name": "n", "type": "integer", "domain": [0, 100]},
        {"name": "c", "type": "categorical", "domain": list("abcd")},
    ]
    ranked, coordinates, _ = find(design, Peak((0.3, 0.7, 0.62), 2.0))
    np.testing.assert_allclose(ranked.points[0], [0.3, 0.7, 0.62, 2.0], atol=1e-4)
    assert coordinates.decode(ranked.points[0])["c"] == "c"


def test_a_small_space_without_continuous_columns_is_searched_whole():
    design = [
        {"name": "n", "type": "integer", "domain": [0, 9]},
        {"name": "c", "type": "categorical", "domain": list("abc")},
    ]
    ranked, _, _ = find(design, Peak((0.5,), 1.0))
    assert len(np.unique(ranked.points, axis=0)) == 30
    assert ranked.points[0, 1] == 1.0
    assert abs(ranked.points[0, 0] - 0.5) < 0.06


def test_points_around_the_best_reach_what_quasi_random_ones_miss():
    sharp = np.array([[0.123456, 0.654321]])
    ranked, _, _ = find(BOX, Peak((0.123456, 0.654321)), best=sharp, settings=Search(max_rounds=1))
    assert np.abs(ranked.points[0] - sharp[0]).max() < 3e-3


def test_starts_keep_their_distance_and_the_best_comes_first():
    points = np.random.default_rng(0).random((200, 3))
    values = points.sum(axis=1)
    chosen = choose_starts(points, values, Search(starts=8, spacing=0.1))
    gaps = np.sqrt(((points[chosen][:, None] - points[chosen][None]) ** 2).sum(axis=2))[np.triu_indices(8, 1)]
    assert chosen[0] == np.argmax(values)
    assert gaps.min() >= 0.1 * np.sqrt(3)


def test_values_that_are_not_finite_are_never_chosen():
    values = np.array([np.nan, 1.0, -np.inf, 0.0])
    ranked = choose_starts(
        np.array([[0.1], [0.4], [0.6], [0.9]]), np.where(np.isfinite(values), values, -np.inf), Search()
    )
    assert ranked.tolist() == [1, 3]
