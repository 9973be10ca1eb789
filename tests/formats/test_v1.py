"""A file of schema version 1, made by the first release that wrote one, is still read to what it was made from."""

from __future__ import annotations

import shutil

from tests.formats.make_v1 import EVENTS, FILE, LEASE, SNAPSHOT

from assay.store.location import open_store


def test_a_store_of_version_1_is_read(tmp_path):
    store = open_store(shutil.copy(FILE, tmp_path / "v1.db"))  # a copy: opening may lift it
    assert store.study_ids() == ["first", "second"]
    assert repr([entry.event for entry in store.read("first")]) == repr(
        EVENTS
    )  # repr tells 1, 1.0 and -0.0 apart
    assert repr([entry.event for entry in store.read("second")]) == repr(EVENTS[:2])
    assert [entry.number for entry in store.read("first")] == list(range(1, len(EVENTS) + 1))
    assert store.leases("first") == [LEASE]
    assert store.load_snapshot("first") == SNAPSHOT
    assert store.append("first", EVENTS[-1:]) == len(EVENTS) + 1
    store.close()
