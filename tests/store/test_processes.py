"""Several processes at one journal, and processes that are killed: nothing lost, nothing doubled."""

from __future__ import annotations

import multiprocessing
import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from assay.records import SuggestionCleared
from assay.store import sqlite
from assay.store.abstract import StoredEvent
from assay.store.location import open_store

PROCESSES = 4
TRANSACTIONS = 250


def number_of(entry: StoredEvent) -> int:
    """What the event of these tests holds."""
    assert isinstance(entry.event, SuggestionCleared)
    return entry.event.number


def open_and_count(path: Path, barrier, refused) -> None:
    """In each process: open all at once a store that is not there yet, then append what depends on what was read."""
    sqlite._CHECKPOINT_BYTES = 100_000  # checkpoints, too, happen while others write
    barrier.wait()
    store = open_store(path)
    seen = 0
    for _ in range(TRANSACTIONS):

        def decide(unseen, seen=seen):
            return [SuggestionCleared(number_of(unseen[-1]) + 1 if unseen else seen)]

        unseen, appended = store.transact("count", seen, decide)
        if appended[0].number != seen + len(unseen) + 1:
            refused.value += 1
        seen = appended[0].number
    store.close()


def test_four_processes_append_a_thousand_events(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    barrier, refused = spawn.Barrier(PROCESSES), spawn.Value("i", 0)
    processes = [
        spawn.Process(target=open_and_count, args=(tmp_path / "store.db", barrier, refused))
        for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    assert refused.value == 0
    store = open_store(tmp_path / "store.db")
    stored = store.read("count")
    store.close()
    assert [entry.number for entry in stored] == list(range(1, PROCESSES * TRANSACTIONS + 1))
    # each decision saw the one before it: a lost race would repeat a number
    assert [number_of(entry) for entry in stored] == list(range(PROCESSES * TRANSACTIONS))


APPEND_FOREVER = """
import sys
from assay.records import SuggestionCleared
from assay.store.location import open_store

store = open_store(sys.argv[1])
while True:
    number = store.last_number("count")
    store.append("count", [SuggestionCleared(number, "x" * 20_000)])
    print(number + 1, flush=True)
"""


@pytest.mark.parametrize("checkpoint_bytes", [4 * 2**20, 100_000], ids=["rarely", "often"])
def test_a_killed_process_loses_nothing_that_was_acknowledged(tmp_path, checkpoint_bytes):
    path = tmp_path / "store.db"
    script = APPEND_FOREVER.replace(
        "store = ", f"import assay.store.sqlite as s; s._CHECKPOINT_BYTES = {checkpoint_bytes}\nstore = ", 1
    )
    moments = random.Random(checkpoint_bytes)
    acknowledged = 0
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE, text=True)
        with child:
            assert child.stdout is not None
            child.stdout.readline()  # it has begun
            time.sleep(moments.uniform(0, 0.15))
            child.kill()
            printed = child.stdout.read().split("\n")[:-1]  # the last one may be cut short
        acknowledged = int(printed[-1]) if printed else acknowledged + 1
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        store = open_store(path)
        stored = store.read("count")
        store.close()
        assert acknowledged <= len(stored) <= acknowledged + 1  # one may be durable and not yet acknowledged
        assert [number_of(entry) for entry in stored] == list(range(len(stored)))
        acknowledged = len(stored)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_both_sides_of_a_fork_may_write(tmp_path):
    store = open_store(tmp_path / "store.db")
    store.append("count", [SuggestionCleared(0)])
    child = os.fork()
    if child == 0:
        for number in range(20):
            store.append("count", [SuggestionCleared(number)])
        os._exit(0)
    for number in range(20):
        store.append("count", [SuggestionCleared(number)])
    assert os.waitpid(child, 0)[1] == 0
    assert [entry.number for entry in store.read("count")] == list(range(1, 42))
    store.close()
