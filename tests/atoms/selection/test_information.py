"""Information, batches and active sets against sums over all choices and dense algebra."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from assay.atoms.selection.information import (
    active_set,
    diverse_batch,
    extrapolation_grade,
    information_gain,
)
from assay.errors import UsageError

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("shape", [(2, 5), (5, 2)])
def test_the_gain_is_half_the_log_determinant(shape: tuple[int, int]) -> None:
    rows = RNG.normal(size=shape)
    _, expected = np.linalg.slogdet(np.eye(shape[0]) + rows @ rows.T)
    assert information_gain(rows) == pytest.approx(0.5 * expected, rel=1e-12)


def test_the_gain_is_what_the_entropy_of_the_weights_loses() -> None:
    design, noise = RNG.normal(size=(3, 4)), np.array([0.3, 0.5, 0.2])
    root = np.triu(RNG.normal(size=(4, 4))) + 3.0 * np.eye(4)
    before = root.T @ root
    after = before + design.T @ np.diag(noise**-2) @ design
    expected = 0.5 * (np.linalg.slogdet(after)[1] - np.linalg.slogdet(before)[1])
    whitened = design @ np.linalg.inv(root) / noise[:, None]
    assert information_gain(whitened) == pytest.approx(expected, rel=1e-12)


def test_gains_add_along_the_order_of_a_batch_and_the_batch_is_nearly_the_best() -> None:
    candidates = [RNG.normal(size=(2, 6)) * RNG.uniform(0.3, 2.0) for _ in range(8)]

    def joint(chosen: tuple[int, ...] | list[int]) -> float:
        return information_gain(np.concatenate([candidates[index] for index in chosen]))

    chosen = diverse_batch(candidates, 3)
    left = set(range(8))
    for place, index in enumerate(chosen):  # each is the best continuation, by joint gains
        best = max(left, key=lambda other: joint([*chosen[:place], other]))
        assert index == best
        left.remove(index)
    best = max(joint(batch) for batch in itertools.combinations(range(8), 3))
    assert joint(chosen) >= (1.0 - 1.0 / math.e) * best


def test_a_copy_is_chosen_last() -> None:
    first, other = np.array([[5.0, 0.0, 0.0]]), np.array([[0.0, 1.5, 0.0]])
    assert information_gain(first) > 2.0 * information_gain(other)
    assert diverse_batch([first, first, other], 9) == [0, 2, 1]
    with pytest.raises(UsageError, match="at least one"):
        diverse_batch([first], 0)


def test_the_active_set_has_no_better_single_exchange() -> None:
    rows = RNG.normal(size=(30, 5))
    chosen = active_set(rows)
    volume = abs(np.linalg.det(rows[chosen]))
    for place, row in itertools.product(range(5), range(30)):
        exchanged = [*chosen[:place], row, *chosen[place + 1 :]]
        assert abs(np.linalg.det(rows[exchanged])) <= 1.0101 * volume
    assert extrapolation_grade(rows, rows[chosen]) <= 1.01
    assert extrapolation_grade(3.0 * rows[chosen[:1]], rows[chosen]) == pytest.approx(3.0, rel=1e-12)


def test_the_grade_does_not_depend_on_the_basis_of_features() -> None:
    rows, change = RNG.normal(size=(12, 4)), RNG.normal(size=(4, 4)) + 3.0 * np.eye(4)
    active = rows[active_set(rows)]
    new = RNG.normal(size=(3, 4))
    assert extrapolation_grade(new @ change, active @ change) == pytest.approx(
        extrapolation_grade(new, active), rel=1e-10
    )


def test_rows_that_do_not_span_the_features_are_refused() -> None:
    with pytest.raises(UsageError, match="span"):
        active_set(np.ones((6, 2)))
    with pytest.raises(UsageError, match="span"):
        active_set(np.eye(3)[:2])


def test_a_belief_that_is_all_but_sure_has_gains_and_batches_too() -> None:
    """Rows of 1e10 deviations of their noise, as after the label of one perfect crystal."""
    rows = 1e10 * np.random.default_rng(0).standard_normal((5, 3, 8))
    expected = [0.5 * np.log1p(np.linalg.svd(one, compute_uv=False) ** 2).sum() for one in rows]
    assert [information_gain(one) for one in rows] == pytest.approx(expected, rel=1e-12)
    assert [information_gain(one.T) for one in rows] == pytest.approx(expected, rel=1e-12)
    nearly = [rows[0], rows[0] * (1.0 + 1e-9), rows[1]]
    assert set(diverse_batch(nearly, 2)) in ({0, 2}, {1, 2})
