"""A user's script as the simulation: real scripts that behave and misbehave, in processes of their own."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from assay.errors import UsageError
from assay.executors.abstract import AbstractEvaluator, Task
from assay.executors.evaluators import PythonEvaluator
from assay.executors.local import LocalExecutor
from assay.executors.responses import NamedResponses
from assay.executors.script import ScriptEvaluator, describe_script
from assay.records import Outcome

HEAD = """
# ASSAY PARAMETERS START
from assay import create_parameters
parameters = create_parameters(["A", "B"], minimums=[0, 0], maximums=[1, 4])
# ASSAY PARAMETERS END
A, B = parameters["value"]["A"], parameters["value"]["B"]
"""
MEDEQ = """
import sys

#### MED PARAMETERS START
import medeq

parameters = medeq.create_parameters(
    ["A", "B"],
    minimums = [-5., -5.],
    maximums = [10., 10.],
)
#### MED PARAMETERS END

A = parameters["value"]["A"]
B = parameters["value"]["B"]
response = A * A + B
extra = {"med_id": med_id, "path": __file__}
"""

Make = Callable[..., ScriptEvaluator]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def evaluator(body: str, head: str = HEAD, **settings: Any) -> ScriptEvaluator:
        script = tmp_path / "model.py"
        script.write_text(head + body, encoding="utf-8")
        return ScriptEvaluator(script, working_directory=tmp_path / "runs", **settings)

    return evaluator


def task_of(number: int = 0, timeout_seconds: float | None = None, **kwargs: Any) -> Task:
    return Task("study", number, 1, kwargs or {"A": 0.5, "B": 2.0}, timeout_seconds)


def values(outcome: Outcome) -> dict[str | None, tuple[float, ...]]:
    assert outcome.status == "succeeded", outcome
    return {entry.model_name: entry.value for entry in outcome.measurements}


def test_a_script_that_imports_medeq_runs_unchanged_without_it(make: Make) -> None:
    assert importlib.util.find_spec("medeq") is None
    evaluator = make("", head=MEDEQ)
    assert evaluator.description.index == ("A", "B")
    assert evaluator.description.columns == {"value": [2.5, 2.5], "min": [-5, -5], "max": [10, 10]}
    outcome = evaluator.evaluate(task_of(7, A=-1.5, B=0.1 + 0.2))
    assert values(outcome) == {None: (2.25 + (0.1 + 0.2),)}
    assert outcome.extra == {"med_id": 7, "path": str(evaluator.script)}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("response = A * B", {None: (1.0,)}),
        ("response = [A, B]", {None: (0.5, 2.0)}),
        ("response = {'sum': A + B, 'product': A * B}", {"sum": (2.5,), "product": (1.0,)}),
        ("import numpy as np\nresponse = np.array([A, B])", {None: (0.5, 2.0)}),
        (
            "response = parameters.value.A + parameters.loc['B', 'value'] + parameters.at['A', 'max']",
            {None: (3.5,)},
        ),
        ("response = parameters['value'].sum() + len(parameters.query('value > 1'))", {None: (3.5,)}),
        ("import numpy as np\nresponse = float(np.sum(parameters['value']))", {None: (2.5,)}),
        ("def f(*, A, B): return A - B\nresponse = f(**dict(parameters['value'].items()))", {None: (-1.5,)}),
        ("import sys\nresponse = 1.0 if __name__ == '__main__' else 0.0\nsys.exit(0)", {None: (1.0,)}),
    ],
)
def test_what_a_script_may_set_and_how_it_may_read(make: Make, statement: str, expected: Any) -> None:
    assert values(make(statement).evaluate(task_of())) == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("response, response_uncertainty = A, 0.1", {None: (0.1,)}),
        ("response, response_uncertainty = [A, B], [0.1, B / 10]", {None: (0.1, 0.2)}),
        ("response, response_uncertainty = [A, B], 0.1", {None: (0.1, 0.1)}),
        ("response, response_uncertainty = {'a': A, 'b': B}, {'b': 0.3}", {"a": None, "b": (0.3,)}),
        ("response, response_uncertainty = {'a': A, 'b': B}, 0.3", {"a": (0.3,), "b": (0.3,)}),
        ("import numpy as np\nresponse, response_uncertainty = A, np.float64(0.5)", {None: (0.5,)}),
    ],
)
def test_a_script_says_how_uncertain_its_responses_are(make: Make, statement: str, expected: Any) -> None:
    outcome = make(statement).evaluate(task_of())
    assert outcome.status == "succeeded", outcome
    assert {entry.model_name: entry.uncertainty for entry in outcome.measurements} == expected


def test_the_names_of_responses_are_read_off_where_they_stand(make: Make) -> None:
    assert make("response = {'a': 1, 'b': 2}").description.responses == ("a", "b")
    assert make("response = dict(a=1)").description.responses is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("response = 1 / 0", "the script ended with exit status 1: ZeroDivisionError: division by zero"),
        ("response = 1\nraise ValueError('too large')", "exit status 1: ValueError: too large"),
        ("response = float('nan')", "the evaluation returned nan, which is not a finite number"),
        ("import sys\nresponse = 1\nsys.exit(3)", "the script ended with exit status 3"),
        ("import os\nos.abort()\nresponse = 1", "the script was killed by signal 6 (SIGABRT)"),
        ("if A > 1: response = 1", "the script ended without setting the variable 'response'"),
        ("response = 'much'", "must return a number"),
        ("response = {}", "got an empty dict"),
        ("response, response_uncertainty = A, -1", "must be 1 finite numbers that are not negative, got -1"),
        ("response, response_uncertainty = [A, B], [1, 2, 3]", "must be 2 finite numbers"),
        ("response, response_uncertainty = A, {'b': 1}", "(one without a name), got one of 'b'"),
    ],
)
def test_a_run_that_fails_is_a_failure_with_its_reason(make: Make, body: str, reason: str) -> None:
    outcome = make(body).evaluate(task_of())
    assert outcome.status == "model_failure"
    assert reason in str(outcome.error)
    assert "folder of the attempt" in str(outcome.details)


def test_the_line_of_an_error_is_the_script_s_own(make: Make) -> None:
    outcome = make("response = 1 / 0").evaluate(task_of())
    assert 'model.py", line 7' in str(outcome.details)


def test_extra_is_kept_and_never_mistaken_for_the_response(make: Make, tmp_path: Path) -> None:
    outcome = make("response = 1.5\nextra = {'field': [A, B], 'odd': object}").evaluate(task_of())
    assert values(outcome) == {None: (1.5,)}
    assert outcome.extra == {"field": [0.5, 2.0], "odd": "<class 'object'>"}
    stored = json.loads((tmp_path / "runs" / "0-1" / "response.json").read_text())
    assert stored["response"] == 1.5


def test_much_output_neither_blocks_nor_is_lost(make: Make, tmp_path: Path) -> None:
    body = "import sys\nfor _ in range(2): sys.stdout.write('x' * 200_000 + '\\n')\nresponse = A"
    outcome = make(body).evaluate(task_of(timeout_seconds=30.0))
    assert values(outcome) == {None: (0.5,)}
    lines = (tmp_path / "runs" / "0-1" / "stdout.txt").read_text().split()
    assert lines == ["x" * 200_000] * 2  # the second equal message is there too


def test_output_is_there_while_the_script_runs(make: Make, tmp_path: Path) -> None:
    body = "import pathlib, time\nprint('begun', flush=True)\nflag = pathlib.Path('go')\n"
    evaluator = make(f"{body}while not flag.exists(): time.sleep(0.02)\nresponse = A")
    folder = tmp_path / "runs" / "0-1"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(evaluator.evaluate, task_of(timeout_seconds=30.0))
        printed = folder / "stdout.txt"
        while not running.done() and not (printed.is_file() and printed.read_text()):
            time.sleep(0.02)
        assert not running.done()
        assert printed.read_text() == "begun\n"
        (folder / "go").touch()
        assert values(running.result()) == {None: (0.5,)}


def test_the_time_out_ends_a_run(make: Make) -> None:
    outcome = make("import time\ntime.sleep(60)\nresponse = 1").evaluate(task_of(timeout_seconds=0.5))
    assert (outcome.status, outcome.error) == ("model_failure", "timed out after 0.5 s")


def test_the_run_imports_nothing_heavy(make: Make) -> None:
    body = "import sys\nresponse = 1\nextra = [n for n in ('pandas', 'numpy', 'assay', 'pydantic') if n in sys.modules]"
    outcome = make(body).evaluate(task_of())
    assert outcome.extra == ["assay"]  # only what the script imports itself, which is next to nothing


def test_the_script_s_folder_is_searched_for_modules_and_ours_is_not(make: Make, tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("def double(x): return 2 * x\n")
    body = "import helper, importlib.util\nresponse = helper.double(A)\nextra = importlib.util.find_spec('slots') is None"
    outcome = make(body).evaluate(task_of())
    assert values(outcome) == {None: (1.0,)}
    assert outcome.extra is True


def test_the_block_may_add_columns_which_the_run_sees(make: Make) -> None:
    head = HEAD.replace("# ASSAY PARAMETERS END", 'parameters["unit"] = ["m", "s"]\n# ASSAY PARAMETERS END')
    evaluator = make("response = len(parameters['unit']['B']) * A", head=head)
    assert evaluator.description.columns["unit"] == ["m", "s"]
    assert values(evaluator.evaluate(task_of())) == {None: (0.5,)}


def test_labels_and_whole_numbers_keep_their_kind(make: Make) -> None:
    outcome = make("response = 1\nextra = [repr(A), repr(B)]").evaluate(task_of(A="gold", B=3))
    assert outcome.extra == ["'gold'", "3"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("response = 1", "it must have one line '# ASSAY PARAMETERS START', got 0"),
        (
            "# ASSAY PARAMETERS START\n# ASSAY PARAMETERS END\nresponse = 1",
            "must set the variable 'parameters'",
        ),
        (HEAD + "result = 1", "it must set the variable 'response' somewhere"),
        (HEAD + "response = (", "SyntaxError"),
        (
            "# ASSAY PARAMETERS START\nparameters = undefined\n# ASSAY PARAMETERS END\nresponse = 1",
            "NameError",
        ),
    ],
)
def test_a_script_that_cannot_be_used_is_refused_in_one_sentence(
    tmp_path: Path, text: str, reason: str
) -> None:
    script = tmp_path / "bad.py"
    script.write_text(text)
    with pytest.raises(UsageError, match=r"bad\.py cannot be used") as caught:
        describe_script(script)
    assert reason in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone.py cannot be used: .*No such file"):
        describe_script(tmp_path / "gone.py")


def test_an_interpreter_without_this_package_does(make: Make) -> None:
    bare = [sys.executable, "-S"]  # no site-packages: neither assay nor pandas
    assert subprocess.run([*bare, "-c", "import assay"], capture_output=True, check=False).returncode
    assert values(make("response = A + B", interpreter=bare).evaluate(task_of())) == {None: (2.5,)}


def test_a_script_runs_in_the_pool(make: Make) -> None:
    evaluator = NamedResponses(make("response = A * B"), ["area"])
    executor = LocalExecutor(evaluator, workers=2)
    try:
        futures = [executor.submit(task_of(number, A=float(number), B=2.0)) for number in range(4)]
        assert [values(future.result()) for future in futures] == [{"area": (2.0 * n,)} for n in range(4)]
    finally:
        executor.shutdown()


@pytest.mark.parametrize(
    ("returned", "names", "expected"),
    [
        (2.0, ["mass"], {"mass": (2.0,)}),
        ([1.0, 2.0], ["a", "b"], {"a": (1.0,), "b": (2.0,)}),
        ({"b": 2.0, "a": 1.0, "c": 3.0}, ["a", "b"], {"a": (1.0,), "b": (2.0,)}),
        ({"b": 2.0}, ["a", "b"], {"b": (2.0,)}),
        (2.0, None, {"response": (2.0,)}),
        ([1.0, 2.0], None, {"response_0": (1.0,), "response_1": (2.0,)}),
        ({"v": [1.0, 2.0]}, None, {"v_0": (1.0,), "v_1": (2.0,)}),
    ],
)
def test_what_is_returned_gets_its_name(returned: Any, names: Any, expected: Any) -> None:
    evaluator: AbstractEvaluator = NamedResponses(PythonEvaluator(lambda: returned), names)
    assert values(evaluator.evaluate(Task("study", 0, 1, {}))) == expected


def test_what_fits_no_name_is_a_failure_with_its_reason() -> None:
    outcome = NamedResponses(PythonEvaluator(lambda: [1.0, 2.0]), ["a"]).evaluate(Task("study", 0, 1, {}))
    assert outcome.error == "the evaluation must return 1 numbers, for a, got 2"
    outcome = NamedResponses(PythonEvaluator(lambda: {"c": 1.0}), ["a"]).evaluate(Task("study", 0, 1, {}))
    assert outcome.error == "the evaluation must return one of a, got c"
