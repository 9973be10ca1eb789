"""The schema's version, and the ladder from an older one."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from assay.errors import StoreError, StoreVersionError
from assay.store import schema, sqlite
from assay.store.location import open_store

VERSION_1 = Path(__file__).parents[1] / "formats" / "v1.db"


@pytest.fixture
def old_file(tmp_path):
    return Path(shutil.copy(VERSION_1, tmp_path / "old.db"))


def add_note(connection):
    connection.execute(text("ALTER TABLE events ADD COLUMN note TEXT"))


def fill_note(connection):
    connection.execute(text("UPDATE events SET note = kind"))


def test_an_older_file_climbs_step_by_step(old_file):
    engine = sqlite.make_engine(old_file)
    with engine.begin() as connection:
        version = schema.stored_version(connection)
        assert version == 1
        schema.lift(connection, version, target=3, migrations={1: add_note, 2: fill_note})
    with engine.begin() as connection:
        assert schema.stored_version(connection) == 3
        rows = connection.execute(text("SELECT note, kind FROM events")).all()
    engine.dispose()
    assert rows
    assert all(note == kind for note, kind in rows)


def test_a_step_that_fails_leaves_the_file_as_it_was(old_file):
    def fail(_):
        raise ZeroDivisionError

    engine = sqlite.make_engine(old_file)
    with pytest.raises(ZeroDivisionError), engine.begin() as connection:
        schema.lift(connection, 1, target=3, migrations={1: add_note, 2: fail})
    with engine.begin() as connection:
        assert schema.stored_version(connection) == 1
        columns = [row[1] for row in connection.execute(text("PRAGMA table_info(events)"))]
    engine.dispose()
    assert "note" not in columns


def test_opening_climbs_the_ladder(old_file, monkeypatch):
    monkeypatch.setattr(schema, "SCHEMA_VERSION", 2)
    monkeypatch.setattr(schema, "MIGRATIONS", {1: add_note})
    store = open_store(old_file)
    assert store.last_number("first") > 0
    store.close()
    with closing(sqlite3.connect(old_file)) as connection:
        assert connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone() == ("2",)


def test_every_version_has_its_step():
    assert set(schema.MIGRATIONS) == set(range(1, schema.SCHEMA_VERSION))


@pytest.mark.parametrize(
    ("found", "error", "rule"),
    [
        (
            "2",
            StoreVersionError,
            "schema version 2 and this version of assay reads up to 1; .* upgrade assay$",
        ),
        ("one", StoreError, "must name its schema_version as a whole number, got 'one'$"),
        (None, StoreError, "must name its schema_version as a whole number, got None$"),
    ],
)
def test_another_version_is_refused_and_the_file_left_alone(old_file, found, error, rule):
    with closing(sqlite3.connect(old_file)) as connection, connection:
        if found is None:
            connection.execute("DELETE FROM meta")
        else:
            connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", [found])
    before = old_file.read_bytes()
    with pytest.raises(error, match=rule):
        open_store(old_file)
    assert old_file.read_bytes() == before
