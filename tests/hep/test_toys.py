"""Simulated experiments against two million of another program, and against themselves."""

from __future__ import annotations

import numpy as np
import pytest
from tests.hep.references import NUMBERS

from assay.errors import UsageError
from assay.hep import toys
from assay.hep.build import build_model
from assay.hep.simple import uncorrelated_background
from assay.hep.toys import toy_test

WANTED = NUMBERS["toy_reference_counting"]
MODEL = build_model(uncorrelated_background([12.0], [50.0], [3.0], [51.0]))


def test_shares_are_those_of_two_million_experiments_within_their_errors():
    found = toy_test(MODEL, toys=100_000, seed=1)
    assert found.observed == pytest.approx(WANTED["qtilde_obs"], abs=1e-9)
    assert abs(found.p - WANTED["CLsb_toys_2e6"]) < 4 * np.hypot(found.p_std, WANTED["stat_err_CLsb"])
    assert abs(found.cls - WANTED["CLs_toys_2e6"]) < 4 * found.cls_std
    assert found.failed == 0
    assert (np.diff(found.expected) > 0).all()


def test_a_seed_gives_the_same_experiments_whatever_the_chunk(monkeypatch):
    whole = toy_test(MODEL, toys=4000, seed=3)
    again = toy_test(MODEL, toys=4000, seed=3)
    other = toy_test(MODEL, toys=4000, seed=4)
    monkeypatch.setattr(toys, "CHUNK", 1000)
    parts = toy_test(MODEL, toys=4000, seed=3)
    np.testing.assert_array_equal(whole.tested, again.tested)
    np.testing.assert_allclose(whole.tested, parts.tested, atol=1e-12)
    assert not np.array_equal(whole.tested, other.tested)


def test_errors_shrink_with_the_root_of_the_number():
    few, many = toy_test(MODEL, toys=2000, seed=5), toy_test(MODEL, toys=32_000, seed=5)
    assert many.p_std == pytest.approx(few.p_std / 4, rel=0.15)


def test_discovery_by_toys_is_near_the_asymptotic_one():
    from assay.hep.hypothesis import hypothesis_test

    model = build_model(uncorrelated_background([12.0], [50.0], [3.0], [64.0]))
    found = toy_test(model, toys=40_000, seed=2, statistic="q0")
    assert found.p == pytest.approx(hypothesis_test(model, statistic="q0").p, rel=0.1)


def test_progress_is_told_and_wrong_use_refused():
    told = []
    toy_test(MODEL, toys=3000, progress=lambda done, whole: told.append((done, whole)))
    assert told == [(2000, 6000), (3000, 6000), (5000, 6000), (6000, 6000)]
    with pytest.raises(UsageError, match="at least 1, got 0"):
        toy_test(MODEL, toys=0)
    with pytest.raises(UsageError, match="q_tilde, q, q0, got 't'"):
        toy_test(MODEL, statistic="t")
