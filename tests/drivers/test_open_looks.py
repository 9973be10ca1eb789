"""A starting design is cut short where many looks are open."""

import pytest
from tests.drivers.helpers import pending, succeeded

from assay.drivers.abstract import History, Request
from assay.drivers.active_learning import ActiveLearning
from assay.records import Measurement
from assay.space.space import Space

SQUARE = Space.from_data([{"name": "x", "domain": [0.0, 1.0]}, {"name": "y", "domain": [0.0, 1.0]}])
PLACES = [(0.1, 0.2), (0.9, 0.7), (0.4, 0.8), (0.6, 0.4)]


def origin(finished, still_open, state=None, **settings):
    """How the next look is chosen, and what is remembered."""
    places = [{"x": x, "y": y} for x, y in PLACES]
    trials = [
        succeeded(k, places[k], Measurement((places[k]["x"] - places[k]["y"],))) for k in range(finished)
    ]
    trials += [pending(k, places[k]) for k in range(finished, finished + still_open)]
    driver = ActiveLearning.from_data({"deterministic": True, **settings})
    proposal = driver.suggest(History(SQUARE, tuple(trials), 0, state), Request(len(trials)))
    return proposal.info["origin"], proposal.state


@pytest.mark.parametrize(
    ("finished", "still_open", "state", "expected"),
    [
        (3, 0, None, "initial"),
        (3, 1, None, "initial"),  # as when a suggestion is made in advance
        (2, 2, None, "initial"),  # not more results than parameters
        (3, 1, {"open": 2}, "model"),
        (3, 0, {"open": 7}, "model"),  # eight of one duration have just ended together
    ],
)
def test_the_design_ends_when_results_are_there_and_many_are_open(finished, still_open, state, expected):
    assert origin(finished, still_open, state)[0] == expected


def test_a_size_that_was_asked_for_is_kept():
    assert origin(3, 0, {"open": 7}, num_initial=5)[0] == "initial"
    assert origin(3, 0, {"open": 7}, num_initial=3)[0] == "model"


def test_open_looks_are_remembered_where_they_are_many():
    assert origin(1, 1)[1] is None
    assert origin(1, 3)[1] == {"open": 3}
    state = origin(4, 0, {"open": 7})[1]
    assert state is not None
    assert "open" not in state
