import numpy as np
import pytest
from tests.drivers.helpers import run

from assay.drivers.random_search import RandomSearch
from assay.space.space import Space

SPACE = Space.from_data(
    [{"name": "x", "domain": [0.0, 1.0]}, {"name": "n", "type": "integer", "domain": [0, 9]}],
    constraints=[{"name": "c", "expression": "x + n / 10 <= 1"}],
)


@pytest.mark.parametrize("method", ["uniform", "sobol"])
def test_points_are_feasible_differ_and_are_found_again(method):
    driver = RandomSearch.from_data({"method": method})
    history, proposals = run(driver, SPACE, lambda values: values["x"], 12)
    assert all(SPACE.is_feasible(proposal.values) for proposal in proposals)
    assert len({tuple(proposal.values.values()) for proposal in proposals}) == 12
    _, again = run(driver, SPACE, lambda values: values["x"], 12)
    assert again == proposals
    best = driver.best(history)
    assert best is not None
    assert best["objective"] == min(proposal.values["x"] for proposal in proposals)


def test_stops_at_a_value():
    driver = RandomSearch.from_data({"min_val": 0.9})
    history, _ = run(driver, SPACE, lambda values: float(np.round(values["x"], 1)), 5)
    assert "min_val" in (driver.stop_reason(history) or "")
    assert RandomSearch.from_data({}).stop_reason(history) is None
