"""A runner that is resumed takes up what workers still evaluate, instead of beginning it again."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from assay.executors.abstract import Task
from assay.executors.liveness import process_name
from assay.executors.outbox import write_to_outbox
from assay.records import LeaseTaken, Measurement, Outcome
from assay.study.study import Study, create_study

DEAD = "another-host/1/1/abc"
GOOD = Outcome("succeeded", (Measurement((42.0,)),))


def left_behind(folder: Path, monkeypatch) -> tuple[Study, Path]:
    """A study whose runner is gone; a worker of its goes on with number 0."""
    monkeypatch.setattr("assay.study.steps.LEASE_SECONDS", -1.0)
    study = create_study(
        [{"name": "x", "domain": [0.0, 1.0]}], driver="RandomSearch", study_id="s", store=folder / "s.db"
    )
    study.configure(max_iter=3, num_parallel=2)
    study.get_suggestion()
    study._ledger.transact(lambda _: [LeaseTaken(0, 1, DEAD, "another-host")])
    outbox = folder / "s.db.outbox" / "s"
    outbox.mkdir(parents=True)
    (outbox / "0-1.running").write_text(process_name())
    return study, outbox


def test_what_goes_on_is_waited_for(tmp_path: Path, monkeypatch) -> None:
    study, outbox = left_behind(tmp_path, monkeypatch)
    seen = []

    def end() -> None:
        time.sleep(1.0)
        seen.append(study.state.trials[0].attempts)
        write_to_outbox(outbox, Task("s", 0, 1), GOOD)
        (outbox / "0-1.running").unlink()

    worker = threading.Thread(target=end)
    worker.start()
    study.run(lambda x: x, "serial")
    worker.join()
    assert seen == [1]
    assert [(trial.status, trial.attempts) for trial in study.trials] == [("succeeded", 1)] * 3
    assert study.trials[0].outcome == GOOD
    assert list(outbox.iterdir()) == []


def test_what_falls_silent_is_begun_again(tmp_path: Path, monkeypatch) -> None:
    study, outbox = left_behind(tmp_path, monkeypatch)

    def die() -> None:
        time.sleep(0.5)
        (outbox / "0-1.running").unlink()

    worker = threading.Thread(target=die)
    worker.start()
    study.run(lambda x: x, "serial")
    worker.join()
    assert [(trial.status, trial.attempts) for trial in study.trials] == [
        ("succeeded", 2),
        ("succeeded", 1),
        ("succeeded", 1),
    ]
