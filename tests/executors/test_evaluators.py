"""What a Python function may return, and what becomes of it."""

from __future__ import annotations

import pickle
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tests.executors.models_for_executors as models

from assay.errors import UsageError
from assay.executors.abstract import Task
from assay.executors.evaluators import PythonEvaluator, load_function
from assay.executors.results import outcome_of
from assay.executors.serial import SerialExecutor
from assay.records import Measurement, Observation


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (1.5, (1.5,)),
        (2, (2.0,)),
        (np.float32(0.5), (0.5,)),
        (np.array(3), (3.0,)),
        (np.arange(3), (0.0, 1.0, 2.0)),
        (np.array([0.1 + 0.2]), (0.1 + 0.2,)),
        ([1, np.float64(2.0)], (1.0, 2.0)),
        ((1.0, 2.0), (1.0, 2.0)),
        (pd.Series([1.0, 2.0]), (1.0, 2.0)),
        (Decimal("0.1"), (0.1,)),
        (Fraction(1, 2), (0.5,)),
    ],
)
def test_numbers_lists_and_arrays(returned: Any, expected: tuple[float, ...]) -> None:
    outcome = outcome_of(returned)
    assert outcome.measurements == (Measurement(expected),)
    assert all(type(number) is float for number in outcome.measurements[0].value)


def test_dict_by_surrogate_name() -> None:
    assert outcome_of({"loss": 1, "spectrum": np.array([1.0, 2.0])}).measurements == (
        Measurement((1.0,), model_name="loss"),
        Measurement((1.0, 2.0), model_name="spectrum"),
    )


def observation_with_nan() -> Observation:
    observation = Observation()
    observation.add(1.0)
    observation.add(float("inf"), derivative="x")
    return observation


@pytest.mark.parametrize(
    ("returned", "error"),
    [
        (float("nan"), "the evaluation returned nan, which is not a finite number"),
        ([1.0, float("-inf")], "the evaluation returned -inf in entry 1, which"),
        ({"loss": np.nan}, "the evaluation returned nan for 'loss', which"),
        (observation_with_nan(), "the evaluation returned inf as the derivative by 'x', which"),
        (Observation(), "the evaluation must return a number, .* got an empty Observation"),
        ({}, "got an empty dict"),
        ([], "at least one number, got an empty list"),
        (None, "got None of type NoneType"),
        ("1.5", "got '1.5' of type str"),
        (["15"], "of type list"),
        (True, "got True of type bool"),
        (1j, "of type complex"),
        (np.zeros((2, 2)), r"got an array of shape \(2, 2\)"),
        ([[1.0], [2.0]], "of type list"),
        ({"loss": None}, "the evaluation of 'loss' must return"),
        ({1: 2.0}, "must be the names of surrogates, got 1"),
        (10**400, "of type int"),
    ],
)
def test_what_is_of_no_use_is_a_model_failure(returned: Any, error: str) -> None:
    outcome = outcome_of(returned, 1.5)
    assert (outcome.status, outcome.seconds, outcome.measurements) == ("model_failure", 1.5, ())
    assert outcome.error is not None
    assert "\n" not in outcome.error
    assert re.search(error, outcome.error)


def evaluate(function: Any, **kwargs: Any) -> Any:
    return PythonEvaluator(function).evaluate(Task("study", 0, 1, kwargs))


def test_function_gets_the_parameters_by_name() -> None:
    outcome = evaluate(lambda x, kind: x if kind == "oil" else -x, kind="oil", x=2.0)
    assert outcome.measurements[0].value == (2.0,)
    assert outcome.seconds >= 0.0


def test_exception_is_a_model_failure_with_a_traceback_that_begins_in_the_model() -> None:
    outcome = evaluate(models.fail, x=1.0)
    assert (outcome.status, outcome.error) == ("model_failure", "ValueError: no convergence at x = 1.0")
    assert "models_for_executors.py" in outcome.details
    assert "evaluators.py" not in outcome.details


def test_wrong_parameters_are_a_model_failure() -> None:
    assert evaluate(models.square, y=1.0).error.startswith("TypeError: square() got an unexpected keyword")


def test_function_by_path_survives_pickling() -> None:
    evaluator = pickle.loads(pickle.dumps(PythonEvaluator("tests.executors.models_for_executors:square")))
    assert evaluator.function is models.square
    assert repr(evaluator) == "PythonEvaluator('tests.executors.models_for_executors:square')"


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("square", "must be given as 'module:function'"),
        ("models_for_executors:", "must be given as"),
        ("os; import sys:path", "must be given as"),
        ("tests.executors.models_for_executors:cube", "has no 'cube'"),
        ("no_such_module_anywhere:square", "cannot be imported: ModuleNotFoundError"),
        ("math:pi", "something that can be called, got a float"),
    ],
)
def test_path_that_leads_nowhere_is_refused(path: str, error: str) -> None:
    with pytest.raises(UsageError, match=re.escape(error) if "(" in error else error):
        load_function(path)


def test_something_that_cannot_be_called_is_refused() -> None:
    with pytest.raises(UsageError, match="got 3"):
        PythonEvaluator(3)  # pyright: ignore[reportArgumentType]


def test_serial_executor_is_done_at_once_and_lets_an_interrupt_through() -> None:
    def interrupted(**_: float) -> float:
        raise KeyboardInterrupt

    executor = SerialExecutor(PythonEvaluator(models.square))
    future = executor.submit(Task("study", 0, 1, {"x": 3.0}))
    assert future.done()
    assert future.result().measurements[0].value == (9.0,)
    assert executor.width() == 1
    executor.shutdown()
    executor.shutdown(kill=True)
    with pytest.raises(UsageError, match="shut down"):
        executor.submit(Task("study", 1, 1, {"x": 3.0}))
    with pytest.raises(KeyboardInterrupt):
        SerialExecutor(PythonEvaluator(interrupted)).submit(Task("study", 0, 1, {"x": 3.0}))
