"""What every executor and every evaluator must do."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from assay.executors.abstract import AbstractEvaluator, AbstractExecutor, Task
from assay.executors.evaluators import PythonEvaluator
from assay.executors.outbox import read_from_outbox

__all__ = ["EVALUATOR_CHECKS", "EXECUTOR_CHECKS"]

MakeExecutor = Callable[[AbstractEvaluator], AbstractExecutor]
MakeEvaluator = Callable[[Path], AbstractEvaluator]

MODELS = "assay.testing.models"
SECONDS = 60.0


def _task(number: int, x: float, outbox: Path | None = None) -> Task:
    return Task("study", number, 1, {"x": x}, outbox=outbox)


def check_results(make: MakeExecutor) -> None:
    """Each future holds the outcome of its own task, however many were submitted."""
    executor = make(PythonEvaluator(f"{MODELS}:square"))
    assert executor.width() >= 1
    futures = [executor.submit(_task(number, float(number))) for number in range(6)]
    outcomes = [future.result(SECONDS) for future in futures]
    assert [outcome.status for outcome in outcomes] == ["succeeded"] * 6
    assert [outcome.measurements[0].value for outcome in outcomes] == [(float(n * n),) for n in range(6)]
    assert all(outcome.seconds is not None and outcome.seconds >= 0 for outcome in outcomes)
    executor.shutdown()


def check_failures_are_values(make: MakeExecutor) -> None:
    """An exception of the model and a NaN are model failures, with a text; the executor goes on."""
    for model, text in (("breaks", "broke at 2.0"), ("gives_nan", "nan")):
        executor = make(PythonEvaluator(f"{MODELS}:{model}"))
        for number in range(2):
            outcome = executor.submit(_task(number, 2.0)).result(SECONDS)
            assert outcome.status == "model_failure"
            assert outcome.error is not None
            assert text in outcome.error
            assert "\n" not in outcome.error
            assert outcome.measurements == ()
        executor.shutdown()


def check_outcomes_are_durable(make: MakeExecutor) -> None:
    """With an outbox, the outcome lies there before the future holds it."""
    executor = make(PythonEvaluator(f"{MODELS}:square"))
    with TemporaryDirectory() as folder:
        outcome = executor.submit(_task(7, 3.0, Path(folder))).result(SECONDS)
        assert read_from_outbox(Path(folder), 7, 1) == outcome
    executor.shutdown()


def check_shutdown(make: MakeExecutor) -> None:
    """Shutting down waits for what runs, may be repeated, and with `kill` still settles every future."""
    executor = make(PythonEvaluator(f"{MODELS}:naps"))
    futures = [executor.submit(_task(number, 1.0)) for number in range(3)]
    executor.shutdown()
    executor.shutdown()
    assert [future.result(SECONDS).status for future in futures] == ["succeeded"] * 3
    executor = make(PythonEvaluator(f"{MODELS}:naps"))
    futures = [executor.submit(_task(number, 1.0)) for number in range(3)]
    executor.shutdown(kill=True)
    for future in futures:
        assert future.result(SECONDS).status in ("succeeded", "crash", "infrastructure_failure")
    executor.shutdown(kill=True)


def check_evaluation(make: MakeEvaluator, folder: Path) -> None:
    """The evaluator squares its parameter x, and a failure for negative x is a value with a text."""
    evaluator = make(folder)
    outcome = evaluator.evaluate(_task(0, 1.5))
    assert outcome.status == "succeeded", outcome.error
    assert math.isclose(outcome.measurements[0].value[0], 2.25, rel_tol=1e-12)
    failure = evaluator.evaluate(_task(1, -1.0))
    assert failure.status == "model_failure"
    assert failure.error
    assert "\n" not in failure.error


def check_it_can_be_sent(make: MakeEvaluator, folder: Path) -> None:
    """A pickled evaluator evaluates the same."""
    evaluator = make(folder)
    again = pickle.loads(pickle.dumps(evaluator))
    one, other = evaluator.evaluate(_task(0, 0.3)), again.evaluate(_task(1, 0.3))
    assert one.measurements == other.measurements


EXECUTOR_CHECKS = (
    check_results,
    check_failures_are_values,
    check_outcomes_are_durable,
    check_shutdown,
)
"""Each takes a factory from an evaluator to an executor."""

EVALUATOR_CHECKS = (check_evaluation, check_it_can_be_sent)
"""Each takes a factory of an evaluator that squares x and fails for negative x, given an empty folder."""
