"""What goes wrong at the edges of a command is one sentence, never a traceback."""

import os
import pty
import re
import select
import signal
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay.cli.main import app
from assay.errors import TooManyFailuresError, UsageError
from assay.study.study import open_study

STUDY = """
schema_version = 1
[study]
id = "line"
[[space]]
name = "x"
domain = [-1.0, 1.0]
[driver]
type = "RandomSearch"
[evaluator]
python = "line_model:evaluate"
[stop]
max_evaluations = 3
max_failures_in_a_row = 2
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "line_model", raising=False)
    (tmp_path / "STUDY.toml").write_text(STUDY)
    (tmp_path / "line_model.py").write_text("def evaluate(x):\n    return x * x\n")
    yield tmp_path
    sys.modules.pop("line_model", None)


def invoke(*arguments):
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "STUDY.toml", "-o", "nowhere/table.csv"],
        ["export", "STUDY.toml", "-o", "nowhere/table.json"],
        ["plot", "convergence", "STUDY.toml", "-o", "nowhere/picture.png"],
        ["plot", "convergence", "STUDY.toml", "-o", "nowhere/picture.html"],
        ["plot", "convergence", "STUDY.toml", "-o", "picture.xyz"],
    ],
)
def test_an_output_that_cannot_be_written_is_refused_with_a_sentence(folder, arguments):  # noqa: ARG001
    invoke("run", "STUDY.toml")
    with pytest.raises(UsageError, match=r"^the output .*(cannot be written|must end in)") as refused:
        invoke(*arguments)
    assert "\n" not in str(refused.value)


def test_a_study_that_failed_from_the_first_can_be_looked_at_and_resumed(folder):
    (folder / "line_model.py").write_text("def evaluate(x):\n    raise ValueError('never works')\n")
    with pytest.raises(TooManyFailuresError, match="never works"):
        invoke("run", "STUDY.toml")
    assert "2 failed" in invoke("show")
    assert invoke("export").count("failed") == 2
    (folder / "line_model.py").write_text("def evaluate(x):\n    return x * x\n")
    sys.modules.pop("line_model", None)
    assert "3 evaluations, 2 failed" in invoke("resume")
    assert open_study(folder / "line.assay.db").state.succeeded == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there are no terminals of this kind")
def test_ctrl_c_twice_in_a_terminal_leaves_at_once_with_a_sentence(folder):
    (folder / "line_model.py").write_text(
        "import pathlib, time\ndef evaluate(x):\n    pathlib.Path('began').touch()\n    time.sleep(60)\n"
    )
    process, terminal = pty.fork()
    if process == 0:
        program = str(Path(sys.executable).with_name("assay"))
        os.execv(program, [program, "run", "STUDY.toml"])
    shown, deadline = b"", time.monotonic() + 60
    keys = 0
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
        if (Path("began").exists() and keys == 0) or (keys == 1 and b"again to leave" in shown):
            os.write(terminal, b"\x03")
            keys += 1
    else:
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 130
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\s+", " ", shown.decode())
    assert "waiting for 1 open evaluations" in " ".join(plain.split())
    assert "left at once; everything recorded is kept" in plain
