"""The pool with real processes: whatever a task does, only that task pays for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import pytest
import tests.executors.models_for_executors as models

from assay.errors import EvaluationError, UsageError
from assay.executors.abstract import Task
from assay.executors.evaluators import PythonEvaluator
from assay.executors.local import LocalExecutor
from assay.executors.outbox import read_outbox
from assay.records import Outcome

StartPool = Callable[..., LocalExecutor]


@pytest.fixture
def start_pool() -> Iterator[StartPool]:
    pools: list[LocalExecutor] = []

    def start(function: Callable[..., Any] | str, workers: int = 1, **settings: Any) -> LocalExecutor:
        pools.append(LocalExecutor(PythonEvaluator(function), workers=workers, **settings))
        return pools[-1]

    yield start
    for pool in pools:
        pool.shutdown(kill=True)


def task_of(
    number: int = 0, timeout_seconds: float | None = None, outbox: Path | None = None, **kwargs: Any
) -> Task:
    return Task("study", number, 1, kwargs, timeout_seconds, outbox)


def value(outcome: Outcome) -> float:
    assert outcome.status == "succeeded", outcome
    return outcome.measurements[0].value[0]


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def wait_for(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_200_tasks_on_two_workers(start_pool: StartPool) -> None:
    pool = start_pool(models.square, workers=2)
    futures = [pool.submit(task_of(number, x=float(number))) for number in range(200)]
    assert [value(future.result(30)) for future in futures] == [float(number) ** 2 for number in range(200)]


def test_tasks_run_at_the_same_time_and_submit_returns_at_once(start_pool: StartPool) -> None:
    pool = start_pool(models.process_id, workers=2)
    assert pool.width() == 2
    futures = [
        pool.submit(task_of(number, x=4.0)) for number in range(2)
    ]  # long enough for a second worker to begin on a busy machine
    assert not any(future.done() for future in futures)
    assert len({value(future.result(30)) for future in futures}) == 2


def test_workers_stay_for_many_tasks(start_pool: StartPool) -> None:
    pool = start_pool(models.process_id)
    assert len({value(pool.submit(task_of(x=0.0)).result(30)) for _ in range(5)}) == 1


def test_worker_is_replaced_after_its_number_of_tasks(start_pool: StartPool) -> None:
    pool = start_pool(models.process_id, max_tasks_per_worker=2)
    processes = [value(pool.submit(task_of(x=0.0)).result(30)) for _ in range(5)]
    assert processes[0] == processes[1] != processes[2] == processes[3] != processes[4]


@pytest.mark.parametrize(
    ("function", "x", "error"),
    [
        (models.segfault_when_negative, -1.0, "worker died: killed by signal 11 (SIGSEGV)"),
        (models.abort, 1.0, "worker died: killed by signal 6 (SIGABRT)"),
        (models.leave, 3.0, "worker died: exit status 3"),
        (models.leave, 0.0, "worker died: exit status 0"),
    ],
)
def test_worker_that_dies_by_itself_is_a_crash(
    start_pool: StartPool, function: Any, x: float, error: str
) -> None:
    outcome = start_pool(function).submit(task_of(x=x)).result(30)
    assert (outcome.status, outcome.error) == ("crash", error)
    assert outcome.seconds is not None


def test_crash_says_what_the_model_was_doing(start_pool: StartPool) -> None:
    outcome = start_pool(models.segfault_when_negative).submit(task_of(x=-1.0)).result(30)
    assert outcome.details is not None
    assert "in segfault_when_negative" in outcome.details


def test_task_that_cannot_be_sent_is_an_infrastructure_failure(start_pool: StartPool) -> None:
    pool = start_pool(models.square)
    assert pool.submit(task_of(x=lambda: 1.0)).result(30).status == "infrastructure_failure"
    assert value(pool.submit(task_of(x=2.0)).result(30)) == 4.0


def test_crash_costs_only_its_own_task(start_pool: StartPool) -> None:
    pool = start_pool(models.segfault_when_negative, workers=2)
    xs = [-1.0 if number % 5 == 0 else float(number) for number in range(20)]
    outcomes = [
        future.result(30) for future in [pool.submit(task_of(number, x=x)) for number, x in enumerate(xs)]
    ]
    assert [outcome.status for outcome in outcomes] == ["crash" if x < 0 else "succeeded" for x in xs]


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (models.fail, "ValueError: no convergence at x = 1.0"),
        (models.fail_unpicklable, "tests.executors.models_for_executors.UnpicklableError: cannot travel"),
        (
            models.fail_unprintable,
            "tests.executors.models_for_executors.UnprintableError: <exception str() failed>",
        ),
        (models.exit_politely, "SystemExit: no licence for x = 1"),
        (models.give_nan, "the evaluation returned nan, which is not a finite number"),
    ],
)
def test_failures_of_the_model_are_values(start_pool: StartPool, function: Any, error: str) -> None:
    outcome = start_pool(function).submit(task_of(x=1.0)).result(30)
    assert (outcome.status, outcome.error) == ("model_failure", error)


def test_result_of_the_wrong_type_is_a_model_failure(start_pool: StartPool) -> None:
    outcome = start_pool(models.give_text).submit(task_of(x=1.0)).result(30)
    assert outcome.status == "model_failure"
    assert outcome.error is not None
    assert outcome.error.endswith("got '1.5' of type str")


@pytest.mark.parametrize("function", [models.sleep, models.hang_in_c])
def test_time_out_kills_the_worker_and_not_its_pool(start_pool: StartPool, function: Any) -> None:
    pool = start_pool(function)
    began = time.monotonic()
    outcome = pool.submit(task_of(x=60.0, timeout_seconds=0.3)).result(30)
    assert (outcome.status, outcome.error) == ("model_failure", "timed out after 0.3 s")
    assert outcome.seconds is not None
    assert outcome.seconds >= 0.3
    assert time.monotonic() - began < 20
    if function is models.sleep:
        assert value(pool.submit(task_of(x=0.0, timeout_seconds=20.0)).result(30)) == 0.0


def test_time_out_kills_all_that_the_model_started(start_pool: StartPool, tmp_path: Path) -> None:
    file = tmp_path / "children"
    future = start_pool(models.hang_with_children).submit(task_of(x=1.0, file=str(file), timeout_seconds=2.0))
    assert future.result(30).error == "timed out after 2 s"
    children = [int(child) for child in file.read_text().split()]
    assert len(children) == 2
    wait_for(lambda: not any(is_running(child) for child in children))


def test_memory_limit_makes_a_leak_a_model_failure(start_pool: StartPool) -> None:
    pool = start_pool(models.leak, memory_limit_MB=300)
    outcome = pool.submit(task_of(x=1.0)).result(60)
    assert (outcome.status, outcome.error) == ("model_failure", "MemoryError")


def test_a_task_does_not_pay_for_the_leak_of_another(start_pool: StartPool) -> None:
    pool = start_pool(models.leak_megabytes, memory_limit_MB=400)
    processes = [value(pool.submit(task_of(x=150.0)).result(60)) for _ in range(4)]
    assert processes[0] == processes[1] != processes[2] == processes[3]


def test_worker_killed_from_outside_is_an_infrastructure_failure(start_pool: StartPool) -> None:
    pool = start_pool(models.process_id)
    victim = int(value(pool.submit(task_of(x=0.0)).result(30)))
    future = pool.submit(task_of(1, x=60.0))
    wait_for(future.running)
    time.sleep(0.2)
    os.kill(victim, signal.SIGKILL)
    outcome = future.result(30)
    assert (outcome.status, outcome.error) == (
        "infrastructure_failure",
        "worker lost: killed by signal 9 (SIGKILL)",
    )
    assert value(pool.submit(task_of(2, x=0.0)).result(30)) != victim


def test_worker_killed_while_idle_costs_nothing(start_pool: StartPool) -> None:
    pool = start_pool(models.process_id)
    processes = []
    for _ in range(4):
        processes.append(int(value(pool.submit(task_of(x=0.0)).result(30))))
        os.kill(processes[-1], signal.SIGKILL)
    assert len(set(processes)) == 4


def test_what_the_model_prints_does_not_disturb_the_protocol(start_pool: StartPool) -> None:
    pool = start_pool(models.chatter)
    assert [value(pool.submit(task_of(x=x)).result(30)) for x in (1.0, 2.0)] == [1.0, 2.0]


def test_model_that_reads_standard_input_gets_nothing(start_pool: StartPool) -> None:
    assert value(start_pool(models.read_standard_input).submit(task_of(x=1.0)).result(30)) == 0.0


def test_huge_result_arrives(start_pool: StartPool, tmp_path: Path) -> None:
    outcome = start_pool(models.give_many).submit(task_of(x=300_000.0, outbox=tmp_path)).result(60)
    assert outcome.measurements[0].value == tuple(float(i) for i in range(300_000))


def test_observation_arrives_whole_and_is_in_the_outbox_first(start_pool: StartPool, tmp_path: Path) -> None:
    pool = start_pool(models.give_observation)
    outcome = pool.submit(task_of(7, x=1.5, outbox=tmp_path / "box")).result(30)
    first, second = outcome.measurements
    assert (first.value, first.uncertainty, first.model_name) == ((1.5, 3.0), (0.1, 0.1), "loss")
    assert (second.value, second.derivative) == ((-1.5,), "x")
    assert read_outbox(tmp_path / "box") == [(7, 1, outcome)]


def test_workers_run_linear_algebra_on_one_thread(
    start_pool: StartPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert value(start_pool(models.threads_variable).submit(task_of(x=1.0)).result(30)) == 1.0


def test_function_by_path(start_pool: StartPool) -> None:
    assert (
        value(start_pool("tests.executors.models_for_executors:square").submit(task_of(x=3.0)).result(30))
        == 9.0
    )


def test_shutdown_waits_for_what_was_submitted(start_pool: StartPool) -> None:
    pool = start_pool(models.sleep)
    futures = [pool.submit(task_of(number, x=0.05)) for number in range(4)]
    pool.shutdown()
    pool.shutdown()
    assert [value(future.result(0)) for future in futures] == [0.05] * 4
    with pytest.raises(UsageError, match="shut down"):
        pool.submit(task_of(x=1.0))


def test_shutdown_that_kills_settles_every_future(start_pool: StartPool) -> None:
    pool = start_pool(models.process_id, workers=2)
    worker = int(value(pool.submit(task_of(x=0.0)).result(30)))
    futures = [pool.submit(task_of(number, x=60.0)) for number in range(6)]
    began = time.monotonic()
    pool.shutdown(kill=True)
    assert time.monotonic() - began < 20
    done, waiting = wait(futures, timeout=0)
    assert not waiting
    assert {future.result().status for future in done} == {"infrastructure_failure"}
    assert not is_running(worker)


def test_function_that_cannot_be_sent_is_refused(start_pool: StartPool) -> None:
    with pytest.raises(UsageError, match=r"cannot be sent to another process.*serial executor"):
        start_pool(lambda x: x)


def test_module_that_workers_cannot_import_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fleeting.py").write_text("def model(x):\n    return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    evaluator = PythonEvaluator("fleeting:model")
    (tmp_path / "fleeting.py").unlink()
    with pytest.raises(EvaluationError, match=r"a worker cannot load the evaluator.*fleeting"):
        LocalExecutor(evaluator, workers=1)


@pytest.mark.parametrize("settings", [{"workers": 0}, {"memory_limit_MB": -1.0}, {"max_tasks_per_worker": 0}])
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="must be positive"):
        LocalExecutor(PythonEvaluator(models.square), **settings)


SCRIPT = """
from assay.executors.abstract import Task
from assay.executors.evaluators import PythonEvaluator
from assay.executors.local import LocalExecutor

def model(x):
    return x + 1

{guard}
    pool = LocalExecutor(PythonEvaluator(model), workers=1)
    print(pool.submit(Task("study", 0, 1, {{"x": 1.0}})).result(30).measurements[0].value[0])
    pool.shutdown()
"""


def run_script(tmp_path: Path, guard: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "script.py").write_text(SCRIPT.format(guard=guard))
    command = [sys.executable, "script.py"]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)


def test_function_of_a_script(tmp_path: Path) -> None:
    ended = run_script(tmp_path, 'if __name__ == "__main__":')
    assert (ended.returncode, ended.stdout.strip()) == (0, "2.0"), ended.stderr


def test_script_without_the_guard_is_told_so(tmp_path: Path) -> None:
    ended = run_script(tmp_path, "if True:")
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert 'under `if __name__ == "__main__":`' in ended.stderr


def test_function_of_an_interactive_session_is_refused() -> None:
    script = SCRIPT.format(guard="if True:")
    ended = subprocess.run(
        [sys.executable, "-"], input=script, capture_output=True, text=True, timeout=60, check=False
    )
    assert "defined in a notebook or an interactive session" in ended.stderr.splitlines()[-1]


RUNNER = """
import sys
from pathlib import Path
from assay.executors.abstract import Task
from assay.executors.evaluators import PythonEvaluator
from assay.executors.local import LocalExecutor
import tests.executors.models_for_executors as models

pool = LocalExecutor(PythonEvaluator(models.process_id), workers=2)
outbox = Path(sys.argv[1])
first = pool.submit(Task("study", 0, 1, {"x": 0.0}, outbox=outbox)).result()
running = [pool.submit(Task("study", n, 1, {"x": x}, outbox=outbox)) for n, x in ((1, 0.1), (2, 600.0), (3, 600.0))]
running[0].result()
print(int(first.measurements[0].value[0]), int(running[0].result().measurements[0].value[0]), flush=True)
running[1].result()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_killed_runner_takes_its_workers_along_and_leaves_the_outbox(tmp_path: Path) -> None:
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([*filter(None, sys.path)])},
    )
    assert runner.stdout is not None
    line = runner.stdout.readline()
    workers = [int(word) for word in line.split()]
    assert len(workers) == 2
    assert all(is_running(worker) for worker in workers)
    runner.kill()
    runner.wait()
    runner.stdout.close()
    wait_for(lambda: not any(is_running(worker) for worker in workers))
    assert [entry[:2] for entry in read_outbox(tmp_path)] == [(0, 1), (1, 1)]


def test_workers_import_nothing_heavy() -> None:
    program = (
        "import sys, assay.executors.worker\n"
        "heavy = {'numpy', 'pandas', 'scipy', 'sqlalchemy', 'jax', 'pydantic', 'multiprocessing'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout.strip() == "[]"
