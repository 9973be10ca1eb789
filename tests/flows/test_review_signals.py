"""A runner that is told to end takes its command with it, and the next one goes on at once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.study.study import open_study

SCRIPT = """
import signal
import sys
from pathlib import Path
from assay.executors.command import CommandEvaluator
from assay.study.study import create_study

for name in ("SIGTERM", "SIGHUP"):  # whoever started the tests may ignore them, as nohup does
    signal.signal(getattr(signal, name), signal.SIG_DFL)
study = create_study([{"name": "x", "domain": [0.0, 1.0]}], driver="RandomSearch", study_id="s", store=Path("s.db"))
study.configure(max_iter=1)
command = CommandEvaluator(["sh", "-c", "echo $$ > ../process; exec sleep 60"], result={"stdout": True, "regex": "(.*)"})
study.run(command, sys.argv[1])
"""


def is_alive(process_id):
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process_id}/stat")
    return not status.exists() or ") Z" not in status.read_text()


def wait_for(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize("executor", ["serial", "local"])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_runner_that_is_told_to_end_leaves_no_command_behind(tmp_path, name, executor):
    (tmp_path / "run.py").write_text(SCRIPT)
    runner = subprocess.Popen([sys.executable, "run.py", executor], cwd=tmp_path, stderr=subprocess.DEVNULL)
    process = tmp_path / "runs" / "process"
    assert wait_for(lambda: process.exists() and process.read_text().strip())
    command = int(process.read_text())
    assert is_alive(command)
    runner.send_signal(getattr(signal, name))
    try:
        runner.wait(30)
    finally:
        runner.kill()
    assert wait_for(lambda: not is_alive(command), 30.0)
    study = open_study(tmp_path / "s.db")
    study.run(lambda x: x, "serial")
    assert [(trial.status, trial.attempts) for trial in study.trials] == [("succeeded", 2)]
