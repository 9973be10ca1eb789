"""Outcomes on their way through the outbox: whole or not at all, and the same as in the journal."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.codec.events import encode_event
from assay.executors.abstract import AbstractEvaluator, Task
from assay.executors.outbox import (
    evaluate_durably,
    read_outbox,
    remove_from_outbox,
    write_to_outbox,
)
from assay.records import Measurement, Outcome, OutcomeRecorded

numbers = st.floats(allow_nan=False)
names = st.text(max_size=5) | st.just("$float")
measurements = st.builds(
    Measurement,
    value=st.lists(numbers, min_size=1, max_size=3).map(tuple),
    derivative=st.none() | names,
    uncertainty=st.none() | st.lists(numbers, min_size=1, max_size=3).map(tuple),
    model_name=st.none() | names,
    environment_value=st.none() | st.dictionaries(names, numbers, max_size=2),
)
outcomes = st.builds(
    Outcome,
    status=st.sampled_from(["succeeded", "model_failure", "crash", "infrastructure_failure"]),
    measurements=st.lists(measurements, max_size=3).map(tuple),
    seconds=st.none() | numbers,
    error=st.none() | st.text(max_size=20),
    details=st.none() | st.text(max_size=20),
)


@given(outcomes)
def test_an_outcome_survives_and_is_written_as_in_the_journal(outcome: Outcome) -> None:
    with TemporaryDirectory() as folder:
        path = write_to_outbox(Path(folder), Task("study", 3, 1), outcome)
        assert read_outbox(Path(folder)) == [(3, 1, outcome)]
        written = json.loads(path.read_text(encoding="ascii"))["outcome"]
    assert written == json.loads(encode_event(OutcomeRecorded(3, 1, outcome)))["outcome"]


def test_written_outcomes_are_read_in_order_and_removed(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "box"
    assert read_outbox(folder) == []
    expected = []
    for number, attempt in ((2, 1), (10, 1), (2, 2)):
        outcome = Outcome("succeeded", (Measurement((0.1 * number,)),))
        path = write_to_outbox(folder, Task("study", number, attempt), outcome)
        expected.append((number, attempt, outcome))
    assert path.name == "2-2.json"
    assert json.loads(path.read_text()) == {
        "version": 1,
        "study_id": "study",
        "number": 2,
        "attempt": 2,
        "outcome": {"status": "succeeded", "measurements": [{"value": [0.2]}]},
    }
    assert read_outbox(folder) == sorted(expected, key=lambda entry: entry[:2])
    remove_from_outbox(folder, 2, 1)
    remove_from_outbox(folder, 2, 1)
    assert [entry[:2] for entry in read_outbox(folder)] == [(2, 2), (10, 1)]


def test_torn_and_foreign_files_are_passed_by(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fresh, old = tmp_path / "1-1.77.tmp", tmp_path / "2-1.78.tmp"
    for torn in (fresh, old):
        torn.write_text('{"version": 1, "outc')
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    (tmp_path / "notes.json").write_text("{}")
    for name, content in (
        ("3-1", '{"vers'),
        ("4-1", "[]"),
        ("5-1", '{"version": 2}'),
        ("6-1", '{"version": 1}'),
    ):
        (tmp_path / f"{name}.json").write_text(content)
    with caplog.at_level(logging.WARNING):
        assert read_outbox(tmp_path) == []
    assert sum("cannot be read" in record.message for record in caplog.records) == 4
    assert fresh.exists()
    assert not old.exists()


class Broken(AbstractEvaluator):
    def evaluate(self, task: Task) -> Outcome:
        raise OSError(f"cannot evaluate {task.number}")


def test_evaluator_that_breaks_its_promise_costs_one_evaluation(tmp_path: Path) -> None:
    outcome = evaluate_durably(Broken(), Task("study", 3, 1, outbox=tmp_path))
    assert (outcome.status, outcome.error) == ("model_failure", "OSError: cannot evaluate 3")
    assert read_outbox(tmp_path) == [(3, 1, outcome)]


def test_outbox_that_cannot_be_written_does_not_lose_the_outcome(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    outcome = evaluate_durably(Broken(), Task("study", 3, 1, outbox=tmp_path / "file" / "box"))
    assert outcome.status == "model_failure"
    assert "could not be kept" in caplog.text
