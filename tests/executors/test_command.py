"""External commands, with real ones: small Python programs that behave and misbehave."""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.errors import UsageError
from assay.executors.abstract import Task
from assay.executors.command import CommandEvaluator
from assay.executors.local import LocalExecutor
from assay.records import Outcome

Evaluate = Callable[..., Outcome]
FROM_STDOUT = {"stdout": True, "regex": r"loss = (\S+)"}


def python(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", program, *arguments]


def task_of(number: int = 0, timeout_seconds: float | None = None, **kwargs: Any) -> Task:
    return Task("study", number, 1, kwargs, timeout_seconds)


@pytest.fixture
def evaluate(tmp_path: Path) -> Evaluate:
    def run(argv: list[str], result: Any = FROM_STDOUT, task: Task | None = None, **settings: Any) -> Outcome:
        return CommandEvaluator(argv, result, folder=tmp_path, **settings).evaluate(task or task_of(x=2.0))

    return run


def number_in(outcome: Outcome) -> float:
    assert outcome.status == "succeeded", outcome
    return outcome.measurements[0].value[0]


def folders(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "runs").iterdir())


def test_arguments_are_filled_in_exactly_and_no_shell_sees_them(evaluate: Evaluate) -> None:
    program = "import sys, json; print('loss =', float(sys.argv[1])); assert sys.argv[2:] == ['$HOME; 2.00e+00 `ls`']"
    outcome = evaluate(python(program, "{{x}}", "$HOME; {{y:.2e}} `ls`"), task=task_of(x=0.1 + 0.2, y=2))
    assert number_in(outcome) == 0.1 + 0.2
    assert outcome.seconds is not None
    assert 0 < outcome.seconds < 60


def test_templates_are_filled_in(evaluate: Evaluate, tmp_path: Path) -> None:
    (tmp_path / "in.template").write_bytes(
        "x = {{ x :8.3f}} µm\r\n{{ {0, 1}, {2, 3}}} {{n}} {{kind}}\n".encode()
    )
    program = (
        "import sys; print('loss = 1'); sys.stderr.write(open('deck/in.txt', newline='').read()); sys.exit(1)"
    )
    outcome = evaluate(
        python(program), templates=[("in.template", "deck/in.txt")], task=task_of(x=2.0, n=3, kind="oil")
    )
    assert (tmp_path / "runs" / "0-1" / "deck" / "in.txt").read_bytes() == (
        "x =    2.000 µm\r\n{{ {0, 1}, {2, 3}}} 3 oil\n".encode()
    )
    assert outcome.error == "the command ended with exit status 1: {{ {0, 1}, {2, 3}}} 3 oil"


def test_folder_is_removed_after_success_and_kept_on_request(evaluate: Evaluate, tmp_path: Path) -> None:
    evaluate(python("print('loss = 1')"))
    assert folders(tmp_path) == []
    evaluate(python("print('loss = 1')"), keep=True)
    evaluate(python("print('loss = 1')"), keep=True)
    assert folders(tmp_path) == ["0-1", "0-1.2"]
    assert (tmp_path / "runs" / "0-1" / "stdout.txt").read_text() == "loss = 1\n"


def test_folder_of_a_failure_is_kept_and_named(evaluate: Evaluate, tmp_path: Path) -> None:
    outcome = evaluate(python("import sys; print('half way'); sys.exit('no convergence')"))
    assert (outcome.status, outcome.error) == (
        "model_failure",
        "the command ended with exit status 1: no convergence",
    )
    assert outcome.details is not None
    assert str(tmp_path / "runs" / "0-1") in outcome.details
    assert (tmp_path / "runs" / "0-1" / "stdout.txt").read_text() == "half way\n"


def test_segmentation_fault_is_a_model_failure(evaluate: Evaluate) -> None:
    outcome = evaluate(python("import ctypes; ctypes.string_at(0)"))
    assert (outcome.status, outcome.error) == (
        "model_failure",
        "the command was killed by signal 11 (SIGSEGV)",
    )


def test_command_killed_from_outside_is_an_infrastructure_failure(evaluate: Evaluate) -> None:
    outcome = evaluate(python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    assert (outcome.status, outcome.error) == (
        "infrastructure_failure",
        "the command was killed by signal 9 (SIGKILL)",
    )


def test_time_out_kills_the_command_with_its_children(evaluate: Evaluate, tmp_path: Path) -> None:
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    outcome = evaluate(python(program), task=task_of(x=1.0, timeout_seconds=1.0))
    assert (outcome.status, outcome.error) == ("model_failure", "timed out after 1 s")
    child = int((tmp_path / "runs" / "0-1" / "stdout.txt").read_text())
    assert ended_within(child, seconds=10.0)


def ended_within(process: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize(
    ("content", "result", "expected"),
    [
        ("energy: -1.5D-03 eV", {"regex": r"energy: (\S+)"}, (-0.0015,)),
        ("a = 1\nb = 2\nb = 3\n", {"regex": r"^b = (.*)$"}, (2.0,)),
        (json.dumps({"runs": [{"loss": 2}]}), {"json_path": "runs[0].loss"}, (2.0,)),
        (json.dumps([1, [2, 3.5]]), {"json_path": "[1]"}, (2.0, 3.5)),
        ("step, loss \n1, 5\n2, 4.5\n\n", {"csv_column": "loss"}, (4.5,)),
    ],
)
def test_results_are_read(
    evaluate: Evaluate, content: str, result: dict[str, str], expected: tuple[float]
) -> None:
    outcome = evaluate(python(f"open('out', 'w').write({content!r})"), {"file": "out", **result})
    assert [measurement.value for measurement in outcome.measurements] == [expected], outcome


def test_json_object_is_read_by_surrogate_name(evaluate: Evaluate) -> None:
    outcome = evaluate(
        python('print(\'{"r": {"loss": 1, "mass": [2, 3]}}\')'), {"stdout": True, "json_path": "r"}
    )
    assert [(entry.model_name, entry.value) for entry in outcome.measurements] == [
        ("loss", (1.0,)),
        ("mass", (2.0, 3.0)),
    ]


def count_files(folder: Path) -> float:
    return float(len(list(folder.iterdir())))


def fail_to_read(folder: Path) -> float:
    raise ZeroDivisionError(folder.name)


def test_result_by_a_python_function(evaluate: Evaluate) -> None:
    assert (
        number_in(evaluate(python("open('a', 'w')"), {"python": "tests.executors.test_command:count_files"}))
        == 3.0
    )
    outcome = evaluate(python(""), {"python": "tests.executors.test_command:fail_to_read"})
    assert (outcome.status, outcome.error) == ("model_failure", "ZeroDivisionError: 0-1")


@pytest.mark.parametrize(
    ("content", "result", "error"),
    [
        (None, {"regex": "(.*)"}, "the result file out cannot be read: No such file or directory"),
        ("gain = 1", {"regex": "loss = (.*)"}, "out has nothing that matches 'loss = (.*)'"),
        (
            "loss = ***",
            {"regex": "loss = (.*)"},
            "the match of 'loss = (.*)' in out must be a number, got '***'",
        ),
        ("loss = nan", {"regex": "loss = (.*)"}, "the evaluation returned nan, which is not a finite number"),
        ("{", {"json_path": "a"}, "out must hold a JSON document: Expecting property name"),
        ('{"a": [1]}', {"json_path": "a[1]"}, "out has no entry 1 on the path 'a[1]'"),
        ('{"a": null}', {"json_path": "a"}, "the evaluation must return a number"),
        ("x,y\n1,2\n", {"csv_column": "z"}, "out has no column 'z', but 'x', 'y'"),
        ("x,y\n", {"csv_column": "y"}, "out has no entry in the last row of column 'y'"),
        ("", {"csv_column": "y"}, "out has no column 'y', but none at all"),
    ],
)
def test_result_that_cannot_be_read_is_a_model_failure(
    evaluate: Evaluate, content: str | None, result: dict[str, str], error: str
) -> None:
    program = "" if content is None else f"open('out', 'w').write({content!r})"
    outcome = evaluate(python(program), {"file": "out", **result})
    assert outcome.status == "model_failure"
    assert outcome.error is not None
    assert outcome.error.startswith(error)


@pytest.mark.parametrize(
    "text", ["{{2x}}", "{{x:.6q}}", "{{}}", "{{x.real}}", "{{x!r}}", "{{x:99999d}}", "{{a b}}"]
)
def test_malformed_placeholder_is_refused_before_anything_runs(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="a placeholder in the command's entry"):
        CommandEvaluator(["true", text], FROM_STDOUT, folder=tmp_path)
    (tmp_path / "file").write_text(text)
    with pytest.raises(UsageError, match="a placeholder in the template file must be"):
        CommandEvaluator(["true"], FROM_STDOUT, [("file", "file")], folder=tmp_path)
    assert not (tmp_path / "runs").exists()


def test_unknown_name_is_refused_before_anything_runs(tmp_path: Path) -> None:
    evaluator = CommandEvaluator(["true", "{{x}}", "{{thickness}}"], FROM_STDOUT, folder=tmp_path)
    assert evaluator.names == {"x", "thickness"}
    evaluator.require_names(["x", "thickness", "y"])
    with pytest.raises(UsageError, match="must name one of 'x', 'y', got 'thickness'"):
        evaluator.require_names(["x", "y"])
    outcome = evaluator.evaluate(task_of(x=1.0))
    assert outcome.status == "model_failure"
    assert not (tmp_path / "runs").exists()


def test_format_that_does_not_suit_the_value_is_a_model_failure(evaluate: Evaluate) -> None:
    outcome = evaluate(python("", "{{x:d}}"))
    assert outcome.error is not None
    assert "the format 'd'" in outcome.error


@pytest.mark.parametrize(
    ("argv", "rule"),
    [
        ([], "a command must be a list"),
        ("solver {{x}}", "a command must be a list"),
        (["no-such-program-anywhere"], "must be an executable on the PATH"),
        (["./missing"], "must be a path that exists"),
    ],
)
def test_command_that_cannot_run_is_refused(tmp_path: Path, argv: Any, rule: str) -> None:
    with pytest.raises(UsageError, match=rule):
        CommandEvaluator(argv, FROM_STDOUT, folder=tmp_path)


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"regex": "(a)", "json_path": "a"},
        {"regex": "a"},
        {"regex": "(a"},
        {"regex": "(a)", "lines": "3"},
        {"json_path": "a..b"},
        {"json_path": "a[x]"},
        {"csv_column": " "},
        {"file": "../out", "regex": "(a)"},
        {"file": "/etc/passwd", "regex": "(a)"},
        {"file": "out", "stdout": True, "regex": "(a)"},
        {"python": "no_such_module_anywhere:read"},
        {"regex": 3},
    ],
)
def test_result_rule_that_makes_no_sense_is_refused(result: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        CommandEvaluator(["true"], result)
    assert "\n" not in str(caught.value)


def test_template_may_not_leave_the_attempts_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="the target of a template must be a path inside"):
        CommandEvaluator(["true"], FROM_STDOUT, [("file", "../file")], folder=tmp_path)
    with pytest.raises(UsageError, match="must be a readable text file"):
        CommandEvaluator(["true"], FROM_STDOUT, [("no-file", "file")], folder=tmp_path)


def test_program_beside_the_study_and_environment(evaluate: Evaluate, tmp_path: Path) -> None:
    script = tmp_path / "solver"
    script.write_text('#!/bin/sh\necho "loss = $LOSS"\n')
    script.chmod(0o755)
    assert number_in(evaluate(["./solver"], environment={"LOSS": "7"})) == 7.0


def test_program_that_cannot_be_started_is_an_infrastructure_failure(
    evaluate: Evaluate, tmp_path: Path
) -> None:
    script = tmp_path / "solver"
    script.write_bytes(b"\x7fELF nonsense")
    script.chmod(0o755)
    outcome = evaluate(["./solver"])
    assert outcome.status == "infrastructure_failure"


def test_survives_pickling(tmp_path: Path) -> None:
    evaluator = CommandEvaluator(python("print('loss = {{x}}')"), FROM_STDOUT, folder=tmp_path)
    assert number_in(pickle.loads(pickle.dumps(evaluator)).evaluate(task_of(x=2.5))) == 2.5


SOLVER = """
import ctypes, sys
x = float(open("input.txt").read().split("=")[1])
if int(x) % 5 == 0:
    ctypes.string_at(0)
print("iteration 1 done")
print(f"loss = {x * x!r}")
"""


def test_solver_that_crashes_on_every_fifth_call_in_the_pool(tmp_path: Path) -> None:
    (tmp_path / "solver.py").write_text(SOLVER)
    (tmp_path / "input.template").write_text("x = {{x:.17g}}\n")
    evaluator = CommandEvaluator(
        [sys.executable, "./solver.py"], FROM_STDOUT, [("input.template", "input.txt")], folder=tmp_path
    )
    pool = LocalExecutor(evaluator, workers=2)
    futures = [pool.submit(task_of(number, x=number + 0.5)) for number in range(20)]
    outcomes = [future.result(60) for future in futures]
    pool.shutdown()
    for number, outcome in enumerate(outcomes):
        if number % 5 == 0:
            assert (outcome.status, outcome.error) == (
                "model_failure",
                "the command was killed by signal 11 (SIGSEGV)",
            )
        else:
            assert number_in(outcome) == (number + 0.5) ** 2
    assert folders(tmp_path) == sorted(f"{number}-1" for number in range(0, 20, 5))


def test_pool_leaves_the_time_out_to_the_command(tmp_path: Path) -> None:
    evaluator = CommandEvaluator(python("import time; time.sleep(600)"), FROM_STDOUT, folder=tmp_path)
    pool = LocalExecutor(evaluator, workers=1)
    outcome = pool.submit(task_of(x=1.0, timeout_seconds=0.5)).result(30)
    pool.shutdown()
    assert outcome.error == "timed out after 0.5 s"
    assert outcome.details is not None
    assert "runs/0-1" in outcome.details


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a command to its worker")
def test_command_ends_with_its_worker(tmp_path: Path) -> None:
    program = (
        "import os, time; open('../pids', 'w').write(f'{os.getpid()} {os.getppid()}\\n'); time.sleep(600)"
    )
    pool = LocalExecutor(CommandEvaluator(python(program), FROM_STDOUT, folder=tmp_path), workers=1)
    future = pool.submit(task_of(x=1.0))
    pids = tmp_path / "runs" / "pids"
    end = time.monotonic() + 20
    while not (pids.exists() and pids.read_text().endswith("\n")):
        assert time.monotonic() < end
        time.sleep(0.01)
    command, worker = (int(word) for word in pids.read_text().split())
    os.kill(worker, signal.SIGKILL)
    assert future.result(30).status == "infrastructure_failure"
    assert ended_within(command, seconds=10.0)
    pool.shutdown()


def test_commands_run_in_threads_too(tmp_path: Path) -> None:
    evaluator = CommandEvaluator(python("print('loss = {{x}}')"), FROM_STDOUT, folder=tmp_path)
    found: dict[float, float] = {}
    threads = [
        threading.Thread(
            target=lambda x: found.update({x: number_in(evaluator.evaluate(task_of(x=x)))}), args=(x,)
        )
        for x in (1.0, 2.0)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {1.0: 1.0, 2.0: 2.0}
