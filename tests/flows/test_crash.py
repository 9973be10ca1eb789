"""A running study is killed, and nothing is lost, nothing is doubled, nothing is suggested otherwise."""

import pytest
from tests.flows.crash import complaints, run_with_kills

COUNT = 24


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """An uninterrupted run."""
    store = tmp_path_factory.mktemp("whole") / "whole.db"
    return run_with_kills(store, COUNT, 0, "nobody", 0, "ActiveLearning")


@pytest.mark.parametrize("victim", ["runner", "worker"])
def test_five_kills_at_random_moments(victim, expected, tmp_path):
    report = run_with_kills(
        tmp_path / "killed.db", COUNT, 5, victim, 3, "ActiveLearning", longest_seconds=0.8
    )
    assert report.kills >= 3, "the study ended before it could be killed often enough"
    assert complaints(report, expected, COUNT) == []


def test_the_comparison_sees_a_loss_a_double_and_another_point(expected):
    import copy

    report = copy.deepcopy(expected)
    report.acknowledged.add(COUNT)
    report.outcomes[0] += 1
    report.suggestions[1] = (("x", 0.0), ("y", 0.0))
    found = " ".join(complaints(report, expected, COUNT))
    assert "lost" in found
    assert "doubled" in found
    assert "differ" in found
