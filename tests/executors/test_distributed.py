"""Evaluations on a Dask cluster of processes on this machine."""

from __future__ import annotations

import functools
import logging
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import tests.executors.models_for_executors as models

from assay.errors import UsageError
from assay.executors.abstract import Task
from assay.executors.cluster import Cluster
from assay.executors.evaluators import PythonEvaluator
from assay.executors.outbox import read_from_outbox, write_to_outbox
from assay.records import Measurement, Outcome
from assay.study.study import create_study

distributed = pytest.importorskip("distributed")

from assay.executors.distributed import DaskExecutor  # noqa: E402 - needs the package above

SPACE = [{"name": "x", "type": "continuous", "domain": [0.0, 1.0]}]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Two worker processes that are replaced when they die, and a scheduler that leaves lost tasks to us."""
    cluster = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
        scheduler_kwargs={"allowed_failures": 0},
    )
    with cluster, distributed.Client(cluster, set_as_default=False) as client:
        yield client


def task_of(number: int, outbox: Path | None = None, seconds: float | None = None, **kwargs: Any) -> Task:
    return Task("study", number, 1, kwargs, seconds, outbox)


def kill_the_worker_of_a_task(client: Any) -> None:
    """Kill -9 the Dask worker that evaluates, as soon as one does."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        busy = [address for address, keys in client.processing().items() if keys]
        if busy:
            time.sleep(0.5)
            (process,) = client.run(os.getpid, workers=busy[:1]).values()
            os.kill(process, signal.SIGKILL)
            return
        time.sleep(0.02)
    raise AssertionError("no task began")


def test_every_number_comes_back_once_from_the_workers(client: Any, tmp_path: Path) -> None:
    executor = DaskExecutor(PythonEvaluator(models.square), client=client)
    assert executor.width() == 2
    futures = [executor.submit(task_of(n, tmp_path, x=float(n))) for n in range(8)]
    assert [future.result(30).measurements[0].value for future in futures] == [
        (float(n * n),) for n in range(8)
    ]
    assert read_from_outbox(tmp_path, 7, 1) == futures[7].result()
    executor.shutdown()
    executor.shutdown()
    with pytest.raises(UsageError, match="shut down"):
        executor.submit(task_of(9, x=1.0))
    assert client.submit(abs, -1, pure=False).result(20) == 1  # the client is the user's, and goes on


def test_equal_arguments_are_evaluated_again(client: Any) -> None:
    models_seen = DaskExecutor(PythonEvaluator("time:perf_counter"), client=client)
    values = [models_seen.submit(Task("study", 0, 1)).result(30).measurements[0].value for _ in range(2)]
    models_seen.shutdown()
    assert values[0] != values[1]


def test_a_crash_and_a_time_out_cost_one_process_and_no_worker(client: Any) -> None:
    before = set(client.scheduler_info()["workers"])
    executor = DaskExecutor(PythonEvaluator(models.segfault_when_negative), client=client)
    crash = executor.submit(task_of(0, x=-1.0)).result(30)
    assert (crash.status, executor.submit(task_of(1, x=2.0)).result(30).status) == ("crash", "succeeded")
    executor.shutdown()
    executor = DaskExecutor(PythonEvaluator(models.hang_in_c), client=client)
    late = executor.submit(task_of(0, x=1.0, seconds=0.3)).result(30)
    executor.shutdown()
    assert late.status == "model_failure"
    assert late.error == "timed out after 0.3 s"
    assert set(client.scheduler_info()["workers"]) == before


def test_a_lost_worker_is_an_infrastructure_failure_and_is_replaced(client: Any) -> None:
    executor = DaskExecutor(PythonEvaluator(models.sleep), client=client)
    future = executor.submit(task_of(0, x=60.0))
    kill_the_worker_of_a_task(client)
    outcome = future.result(30)
    assert outcome.status == "infrastructure_failure"
    assert outcome.error is not None
    assert "KilledWorker" in outcome.error
    assert outcome.details is not None
    assert "the worker: " in outcome.details
    assert "waiting -> processing" in outcome.details
    assert "processing -> erred" in outcome.details
    assert executor.submit(task_of(0, x=0.0)).result(30).status == "succeeded"
    executor.shutdown()


def test_a_study_repeats_the_number_whose_worker_was_killed(client: Any, store_path: Path) -> None:
    study = create_study(SPACE, driver="RandomSearch", study_id="lost", store=store_path)
    study.configure(max_iter=4, num_parallel=2)
    with ThreadPoolExecutor(1) as aside:
        killing = aside.submit(kill_the_worker_of_a_task, client)
        study.run(models.nap_a_while, functools.partial(DaskExecutor, client=client))
        killing.result()
    trials = study.state.trials
    assert sorted(trials) == [0, 1, 2, 3]
    assert {trial.status for trial in trials.values()} == {"succeeded"}
    assert sum(trial.attempts for trial in trials.values()) >= 5
    lost = [event.outcome.status for events in study.state.set_aside.values() for event in events]
    assert set(lost) == {"infrastructure_failure"}


def test_what_was_finished_is_not_evaluated_again(client: Any, tmp_path: Path) -> None:
    """Dask repeats a task whose worker dies between its end and the answer."""
    task = task_of(3, tmp_path, x=60.0)
    finished = Outcome("succeeded", (Measurement((5.0,)),), seconds=1.0)
    write_to_outbox(tmp_path, task, finished)
    executor = DaskExecutor(PythonEvaluator(models.sleep), client=client)
    assert executor.submit(task).result(20) == finished
    executor.shutdown()


def test_killing_ends_what_runs_on_workers_of_others(client: Any, tmp_path: Path) -> None:
    executor = DaskExecutor(PythonEvaluator(models.hang_with_children), client=client)
    file = tmp_path / "children"
    future = executor.submit(task_of(0, x=1.0, file=str(file)))
    deadline = time.monotonic() + 20
    while not (file.exists() and file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    children = [int(process) for process in file.read_text().split()]
    executor.shutdown(kill=True)
    assert future.result(20).status == "infrastructure_failure"
    while any(map(_runs, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_runs, children))


def _runs(process: int) -> bool:
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_what_cannot_be_is_refused(client: Any) -> None:
    with pytest.raises(UsageError, match="one of scheduler, hosts and slurm, got scheduler and slurm"):
        Cluster(scheduler="tcp://127.0.0.1:1", slurm={})
    with pytest.raises(UsageError, match="cluster or a client"):
        DaskExecutor(PythonEvaluator(models.square), client=client, cluster=Cluster())
    with pytest.raises(UsageError, match="workers of an executor must be positive"):
        DaskExecutor(PythonEvaluator(models.square), workers=0, client=client)
    with pytest.raises(UsageError, match="Dask cluster cannot be used"):
        DaskExecutor(PythonEvaluator(models.square), workers=1, cluster=Cluster(scheduler="nowhere.json"))
    with pytest.raises(UsageError, match="cannot be sent to another process"):
        DaskExecutor(PythonEvaluator(lambda x: x), client=client)
