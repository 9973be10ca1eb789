"""The pace of a study, from the times that its journal holds."""

import pytest

from assay.records import Outcome, OutcomeRecorded, Suggested, Suggestion
from assay.store.abstract import StoredEvent
from assay.study.pacing import Pace, pace
from assay.study.state import StudyState


def timed(evaluation_seconds, suggestion_seconds, efforts=None):
    """A state whose suggestions and evaluations took so long."""
    events = []
    efforts = efforts or [1.0] * len(suggestion_seconds)
    for number, (took, asked, effort) in enumerate(
        zip(evaluation_seconds, suggestion_seconds, efforts, strict=True)
    ):
        info = {"seconds": asked, **({} if effort == 1.0 else {"effort": effort})}
        events += [
            Suggested(Suggestion(number, {"x": 0.5}), None, info),
            OutcomeRecorded(number, 1, Outcome("succeeded", seconds=took)),
        ]
    return StudyState().fold(StoredEvent(index, 0.0, event) for index, event in enumerate(events, start=1))


@pytest.mark.parametrize(
    ("evaluation", "suggestion", "expected"),
    [
        (0.9, 0.5, Pace(1.0, False)),  # nobody waits long
        (1.0, 0.04, Pace(1.0, False)),
        (1.0, 0.06, Pace(1.0, True)),
        (2.0, 0.02, Pace(2.0, False)),
        (10.0, 0.02, Pace(8.0, False)),
        (1000.0, 0.02, Pace(8.0, False)),
        (1000.0, 100.0, Pace(1.0, True)),
    ],
)
def test_the_pace_follows_the_times(evaluation, suggestion, expected):
    assert pace(timed([evaluation] * 6, [suggestion] * 6)) == expected


def test_one_evaluation_that_hung_changes_nothing_and_what_is_old_does_not_count():
    assert pace(timed([0.1, 0.1, 500.0, 0.1, 0.1], [0.02] * 5)) == Pace()
    assert pace(timed([0.1] * 10 + [60.0] * 5, [9.0] * 10 + [0.02] * 5)) == Pace(8.0, False)


def test_the_effort_of_earlier_suggestions_is_counted_out():
    assert pace(timed([4.0] * 5, [0.08] * 5, [4.0] * 5)) == pace(timed([4.0] * 5, [0.02] * 5))
