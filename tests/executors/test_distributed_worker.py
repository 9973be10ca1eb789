"""The children of a Dask worker, here of this process."""

from __future__ import annotations

import os
import time

import tests.executors.models_for_executors as models

from assay.executors.abstract import Task
from assay.executors.distributed_worker import IsolatedEvaluator, own_folders, release
from assay.executors.evaluators import PythonEvaluator
from assay.executors.local import setup_of


def test_a_child_without_work_ends_by_itself_and_another_takes_its_place() -> None:
    """As when the runner was killed, and nobody releases what it had."""
    setup = setup_of(PythonEvaluator(models.process_id), None, None)
    evaluator = IsolatedEvaluator("idle", setup, own_folders(), idle_seconds=0.2)

    def child(number: int, seconds: float) -> int:
        outcome = evaluator.evaluate(Task("study", number, 1, {"x": seconds}))
        assert outcome.status == "succeeded"
        return int(outcome.measurements[0].value[0])

    first = child(0, 0.6)  # longer than it may be idle
    assert first != os.getpid()
    deadline = time.monotonic() + 20
    while _runs(first) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _runs(first)
    assert child(1, 0.0) != first
    release("idle", kill=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
