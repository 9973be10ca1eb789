"""Executors of the standard library behind our interface."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import tests.executors.models_for_executors as models

from assay.errors import UsageError
from assay.executors.abstract import Task
from assay.executors.adapter import FuturesExecutor
from assay.executors.evaluators import PythonEvaluator
from assay.executors.outbox import read_outbox


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def task_of(number: int, **kwargs: Any) -> Task:
    return Task("study", number, 1, kwargs)


def test_threads_run_tasks_and_fill_the_outbox(threads: ThreadPoolExecutor, tmp_path: Path) -> None:
    executor = FuturesExecutor(PythonEvaluator(models.square), threads)
    assert executor.width() == 2
    futures = [executor.submit(Task("study", n, 1, {"x": float(n)}, outbox=tmp_path)) for n in range(10)]
    assert [future.result(10).measurements[0].value[0] for future in futures] == [
        float(n) ** 2 for n in range(10)
    ]
    assert [entry[0] for entry in read_outbox(tmp_path)] == list(range(10))
    executor.shutdown()
    executor.shutdown()
    with pytest.raises(UsageError, match="shut down"):
        executor.submit(task_of(0, x=1.0))


def test_failures_of_the_model_are_values(threads: ThreadPoolExecutor) -> None:
    outcome = FuturesExecutor(PythonEvaluator(models.fail), threads).submit(task_of(0, x=1.0)).result(10)
    assert outcome.status == "model_failure"


def test_broken_process_pool_is_an_infrastructure_failure() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        executor = FuturesExecutor(PythonEvaluator(models.leave), pool, width=1)
        outcomes = [executor.submit(task_of(number, x=3.0)).result(30) for number in range(2)]
    assert [outcome.status for outcome in outcomes] == ["infrastructure_failure"] * 2
    assert outcomes[0].error is not None
    assert "BrokenProcessPool" in outcomes[0].error


def test_shutdown_waits_and_with_kill_it_does_not(threads: ThreadPoolExecutor) -> None:
    gate = threading.Event()

    def wait(x: float) -> float:
        gate.wait(10)
        return x

    executor = FuturesExecutor(PythonEvaluator(wait), threads)
    futures = [executor.submit(task_of(number, x=1.0)) for number in range(4)]
    executor.shutdown(kill=True)
    assert {future.result(0).status for future in futures} == {"infrastructure_failure"}
    patient = FuturesExecutor(PythonEvaluator(wait), threads)
    future = patient.submit(task_of(0, x=1.0))
    gate.set()
    patient.shutdown()
    assert future.result(0).status == "succeeded"


class Cancelling(Executor):
    """An inner executor whose jobs are cancelled from outside."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ARG002
        future: Future[Any] = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future


def test_cancelled_job_is_an_infrastructure_failure() -> None:
    executor = FuturesExecutor(PythonEvaluator(models.square), Cancelling(), width=3)
    assert executor.width() == 3
    assert executor.submit(task_of(0, x=1.0)).result(0).status == "infrastructure_failure"
    with pytest.raises(UsageError, match="width"):
        FuturesExecutor(PythonEvaluator(models.square), Cancelling(), width=0)
