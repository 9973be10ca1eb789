"""`docs/formats.md` says what the code does: its examples are read, and written back the same."""

from __future__ import annotations

import json
import re
import sqlite3
import tomllib
import typing
from contextlib import closing
from pathlib import Path

import pytest

from assay.codec.events import event_from_data, event_to_data, outcome_from_data, outcome_to_data
from assay.codec.plain import decode, encode
from assay.executors.abstract import Task
from assay.executors.outbox import read_outbox, write_to_outbox
from assay.records import Event
from assay.space.space import Space
from assay.store.location import open_store

DOCUMENT = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, flags=re.MULTILINE | re.DOTALL)


JSON = blocks("json")
EVENTS = [text for text in JSON if "kind" in json.loads(text)]
OUTBOX = [text for text in JSON if "study_id" in json.loads(text)]
STUDY_FILES = [tomllib.loads(text) for text in blocks("toml")]


@pytest.mark.parametrize("text", JSON, ids=range(len(JSON)))
def test_every_example_is_read_and_written_back_the_same(text):
    assert json.loads(encode(decode(text))) == json.loads(text)


@pytest.mark.parametrize("text", EVENTS, ids=[json.loads(text)["kind"] for text in EVENTS])
def test_every_example_of_an_event_is_one(text):
    assert json.loads(encode(event_to_data(event_from_data(decode(text))))) == json.loads(text)


def test_every_kind_of_event_has_an_example():
    shown = {type(event_from_data(decode(text))) for text in EVENTS}
    assert shown == set(typing.get_args(Event))


def test_the_space_in_the_example_is_one():
    definition = next(decode(text) for text in EVENTS if "study_created" in text)["definition"]
    assert Space.from_data(**definition["space"]).to_data() == definition["space"]


def test_the_example_of_an_outbox_file_is_one(tmp_path):
    (text,) = OUTBOX
    data = decode(text)
    outcome = outcome_from_data(data["outcome"])
    task = Task(data["study_id"], data["number"], data["attempt"])
    path = write_to_outbox(tmp_path, task, outcome)
    assert path.name == "12-1.json"
    assert json.loads(path.read_text()) == json.loads(text)
    assert read_outbox(tmp_path) == [(12, 1, outcome)]


@pytest.mark.parametrize("text", [text for text in EVENTS if '"outcome"' in text], ids=range(2))
def test_the_outbox_and_the_journal_write_an_outcome_alike(text, tmp_path):
    outcome = outcome_from_data(decode(text)["outcome"])
    path = write_to_outbox(tmp_path, Task("study", 0, 1), outcome)
    assert decode(path.read_text())["outcome"] == decode(encode(outcome_to_data(outcome)))


def test_the_tables_are_as_described(tmp_path):
    open_store(tmp_path / "store.db").close()
    described = dict(re.findall(r"^\| `(\w+)` \| (`.*?) \| .*\|$", DOCUMENT, flags=re.MULTILINE))
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        assert sorted(tables) == ["events", "leases", "meta", "snapshots"]
        for table in tables:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            assert columns == re.findall(r"`(\w+)`", described[table])


def test_the_spaces_of_the_study_files_are_spaces():
    assert len(STUDY_FILES) == 2
    for content in STUDY_FILES:
        assert content["schema_version"] == 1
        Space.from_data(content["space"], content.get("environment"), content.get("constraint"))
