"""What is particular to SQLite files, and to opening them by name."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from assay.errors import StoreBusyError, StoreError, UsageError
from assay.records import SuggestionCleared
from assay.store import sqlite
from assay.store.location import open_store


def pragma(path, name):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


def append_and_reopen(path):
    store = open_store(path)
    store.append("study", [SuggestionCleared(1)])
    store.close()
    store = open_store(path)
    found = store.last_number("study")
    store.close()
    return found


def test_a_file_uses_a_write_ahead_log_and_outlives_the_store(tmp_path):
    path = tmp_path / "store.db"
    assert append_and_reopen(path) == 1
    assert pragma(path, "journal_mode") == "wal"
    assert [entry.name for entry in tmp_path.iterdir()] == ["store.db"]


def test_commits_are_synchronous(tmp_path):
    engine = sqlite.make_engine(tmp_path / "store.db")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
    engine.dispose()


@pytest.mark.parametrize("form", ["{path}", "sqlite:///{path}"])
def test_a_path_and_a_url_name_the_same_store(tmp_path, form):
    path = tmp_path / "store.db"
    assert append_and_reopen(form.format(path=path)) == 1
    assert append_and_reopen(path) == 2


def test_a_relative_path_stays_where_it_was(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    store = open_store("store.db")
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.append("study", [SuggestionCleared(1)])
    store.close()
    assert append_and_reopen(tmp_path / "store.db") == 2


def test_a_network_file_system_gets_a_rollback_journal_and_a_warning(tmp_path, monkeypatch, caplog):
    path = tmp_path / "store.db"
    monkeypatch.setattr(sqlite, "_file_system", lambda _: "nfs4")
    with caplog.at_level(logging.WARNING):
        assert append_and_reopen(path) == 1
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "network file system (nfs4)" in caplog.text
    assert pragma(path, "journal_mode") == "delete"


def test_a_file_system_that_fails_the_trial_gets_a_rollback_journal(tmp_path, monkeypatch, caplog):
    def refuse(**_):
        raise OSError("no locks available")

    monkeypatch.setattr(sqlite.tempfile, "TemporaryDirectory", refuse)
    assert append_and_reopen(tmp_path / "store.db") == 1
    assert "a trial in its folder failed with: no locks available" in caplog.text
    assert pragma(tmp_path / "store.db", "journal_mode") == "delete"


def test_the_trial_leaves_nothing_behind(tmp_path):
    assert sqlite.write_ahead_log_obstacle(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_the_log_is_kept_short(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "_CHECKPOINT_BYTES", 200_000)
    path = tmp_path / "store.db"
    store = open_store(path)
    longest = 0
    for number in range(60):
        store.append("study", [SuggestionCleared(number, "x" * 20_000)])
        longest = max(longest, path.with_name("store.db-wal").stat().st_size)
    assert longest < 300_000 < path.stat().st_size
    assert store.last_number("study") == 60
    store.close()


def test_a_writer_that_never_ends_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_SECONDS", 0)
    path = tmp_path / "store.db"
    store = open_store(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError, match=r"^another process held the store .* for over 0 s: "):
            store.append("study", [SuggestionCleared(1)])
        assert store.last_number("study") == 0  # a reader does not wait
        other.execute("ROLLBACK")
    assert store.append("study", [SuggestionCleared(1)]) == 1
    store.close()


def test_a_file_that_may_not_be_read_is_reported(tmp_path, monkeypatch):
    (tmp_path / "store.db").touch()

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(StoreError, match=r"^the store .*store\.db could not be used: .*Permission denied$"):
        open_store(tmp_path / "store.db")


def test_a_file_that_is_held_is_not_called_damaged(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_SECONDS", 0)
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE events (number INTEGER)")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreBusyError):
            open_store(path)


def test_a_closed_store_says_so(tmp_path):
    store = open_store(tmp_path / "store.db")
    store.close()
    with pytest.raises(StoreError, match=r"^the store .*store\.db is closed$"):
        store.study_ids()


def test_looking_makes_no_file(tmp_path):
    with pytest.raises(StoreError, match="does not exist"):
        open_store(tmp_path / "store.db", create=False)
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreError, match="is empty"):
        open_store(tmp_path / "empty.db", create=False)
    assert (tmp_path / "empty.db").stat().st_size == 0
    assert not (tmp_path / "store.db").exists()


def test_other_files_are_refused_and_left_alone(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("these are notes")
    with pytest.raises(
        StoreError, match="must be an SQLite database, got a file that begins with b'these are notes'"
    ):
        open_store(text)
    assert text.read_text() == "these are notes"

    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE birds (name TEXT)")
    before = other.read_bytes()
    with pytest.raises(StoreError, match="holds no journal of assay but the tables birds"):
        open_store(other)
    assert other.read_bytes() == before


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "store.db"
    store = open_store(path)
    store.append("study", [SuggestionCleared(number, "x" * 1000) for number in range(50)])
    store.close()
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"is damaged: .* restore it from a copy"):
        open_store(path)


@pytest.mark.parametrize(
    ("location", "error", "rule"),
    [
        ("", UsageError, "must be a file or a URL"),
        (":memory:", UsageError, "must be a file or a URL"),
        ("sqlite://", UsageError, "must name a file"),
        ("sqlite:///:memory:", UsageError, "must name a file"),
        ("mysql://me:secret@host/name", UsageError, "must be sqlite or postgresql, got 'mysql'"),
        ("sqlite:///store.db?mode=ro", UsageError, "must name a file and nothing else"),
        ("sqlite:////nowhere/at/all/store.db", StoreError, "must be a file in a folder that exists"),
        ("://me:secret@host", UsageError, "must be a file or an SQLAlchemy URL"),
        ("postgresql+nodriver://me:secret@127.0.0.1/x", UsageError, "needs a driver that SQLAlchemy knows"),
        ("postgresql+psycopg://me:secret@127.0.0.1:1/x", StoreError, "could not be used"),
        ("/nowhere/at/all/store.db", StoreError, "must be a file in a folder that exists"),
        ("/", StoreError, "must be a file in a folder that exists"),
    ],
)
def test_a_bad_location_is_refused_in_one_sentence_without_its_password(location, error, rule):
    with pytest.raises(error, match=rule) as caught:
        open_store(location)
    assert "secret" not in str(caught.value)


def test_naming_a_store_imports_no_database():
    loaded = "import assay.store.location, sys; print('sqlalchemy' in sys.modules, 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_file_system_of_a_folder_is_known_here():
    if not Path("/proc/self/mounts").exists():
        pytest.skip("needs Linux")
    assert sqlite._file_system(Path("/proc")) == "proc"
