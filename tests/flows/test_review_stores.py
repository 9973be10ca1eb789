"""A store that goes away, fills up or is held by another process ends a run with a sentence, and loses nothing."""

import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from assay.errors import StoreBusyError, StoreError
from assay.store.location import open_store
from assay.study.study import create_study, open_study

LINE = [{"name": "x", "domain": [-1.0, 1.0]}]


def small(store):
    study = create_study(LINE, driver="RandomSearch", study_id="s", store=store, seed=5)
    study.configure(max_iter=6)
    return study


def files_of(store):
    return [path for path in store.parent.glob(f"{store.name}*") if path.is_file()]


@pytest.mark.skipif(sys.platform == "win32", reason="a file in use cannot be removed there")
@pytest.mark.parametrize("replaced", [False, True])
def test_a_store_that_is_removed_or_replaced_ends_the_run(store_path, tmp_path, replaced):
    study = small(store_path)

    def evaluate(x):
        if study.state.finished == 3:
            for path in files_of(store_path):
                shutil.move(path, tmp_path / f"moved-{path.name}")
            if replaced:
                small(store_path)
        return x

    with pytest.raises(StoreError, match="removed or replaced"):
        study.run(evaluate, "serial")
    assert store_path.exists() == replaced
    study._ledger.store.close()
    kept = open_study(tmp_path / f"moved-{store_path.name}")
    assert kept.state.finished == 3
    outbox = store_path.with_name(f"{store_path.name}.outbox") / "s"
    assert [path.name for path in outbox.iterdir()] == ["3-1.json"]


def test_a_disk_that_is_full_loses_nothing(store_path):
    resource = pytest.importorskip("resource")
    study = small(store_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def evaluate(x):
        if study.state.finished == 3:
            largest = max(path.stat().st_size for path in files_of(store_path))
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 100, before[1]))
        return x

    try:
        with pytest.raises(StoreError, match="could not be used"):
            study.run(evaluate, "serial")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    finished = study.state.finished
    assert finished <= 3
    study.run(lambda x: x, "serial")
    assert [trial.status for trial in study.trials] == ["succeeded"] * 6


def test_a_store_that_another_process_holds_ends_the_run_and_loses_nothing(store_path, monkeypatch):
    monkeypatch.setattr("assay.store.sqlite.BUSY_TIMEOUT_SECONDS", 1)
    study = small(store_path)
    holder = sqlite3.connect(store_path, isolation_level=None)
    seen = []

    def evaluate(x):
        seen.append(x)
        if len(seen) == 3:
            holder.execute("BEGIN IMMEDIATE")
        return x

    with pytest.raises(StoreBusyError, match="another process held the store"):
        study.run(evaluate, "serial")
    holder.execute("ROLLBACK")
    holder.close()
    study.run(evaluate, "serial")
    assert [trial.status for trial in study.trials] == ["succeeded"] * 6
    assert len(seen) == len(set(seen)) == 6  # what was evaluated is not evaluated again


def test_a_store_may_be_opened_by_another_name(tmp_path):
    path = tmp_path / "a.db"
    open_store(path).close()
    Path(tmp_path / "b.db").symlink_to(path)
    store = open_store(tmp_path / "b.db")
    assert store.study_ids() == []
    store.close()
