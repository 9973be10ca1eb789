"""The commands, as a user types them: on a study of a small function that fails in a corner."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from assay.cli.main import PlotKind, app
from assay.errors import StudyError, UsageError
from assay.study.study import open_study

STUDY = """
schema_version = 1
[study]
id = "valley"
seed = 3
[[space]]
name = "x"
domain = [-2.0, 2.0]
[[space]]
name = "y"
domain = [-2.0, 2.0]
[driver]
deterministic = true
[evaluator]
python = "valley:evaluate"
[stop]
max_evaluations = 12
"""
MODEL = """
import os, time

def evaluate(x, y):
    time.sleep(float(os.environ.get("VALLEY_SECONDS", "0")))
    if x > 1.0:  # where one of the points of the starting design lies
        raise ValueError("the solver diverged")
    return (x - 0.5) ** 2 + (y + 1) ** 2
"""
Invoke = Callable[..., str]


def make_study(folder: Path) -> Path:
    (folder / "valley.py").write_text(MODEL)
    (folder / "STUDY.toml").write_text(STUDY)
    return folder / "STUDY.toml"


def assay(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("assay")
    return subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a study that ran to its end, and what the run printed."""
    folder = tmp_path_factory.mktemp("valley")
    make_study(folder)
    result = assay("run", "STUDY.toml", folder=folder)
    assert result.returncode == 0, result.stderr
    return folder, result.stdout


@pytest.fixture
def invoke(ran: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Calls a command in the folder of the finished study and gives back what it printed."""
    monkeypatch.chdir(ran[0])

    def call(*arguments: str) -> str:
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return call


def test_run_prints_its_progress_and_the_best_point(ran: tuple[Path, str]) -> None:
    folder, printed = ran
    study = open_study(folder / "valley.assay.db")
    best = study.best
    assert best is not None
    assert f"best {best['objective']:.8g} at suggestion {best['number']}:" in printed
    assert f"  x = {best['values']['x']}" in printed
    assert "12/12" in printed


def test_resume_goes_on_from_the_store_alone(tmp_path: Path) -> None:
    make_study(tmp_path)
    assert assay("run", "STUDY.toml", "--max-evaluations", "4", folder=tmp_path).returncode == 0
    assert len(open_study(tmp_path / "valley.assay.db").trials) == 4
    result = assay("resume", "valley.assay.db", "--max-evaluations", "6", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert len(open_study(tmp_path / "valley.assay.db").trials) == 6
    assert sorted(path.name for path in tmp_path.glob("*.db")) == ["valley.assay.db"]


def test_resume_refuses_what_has_not_begun(tmp_path: Path) -> None:
    result = assay("resume", make_study(tmp_path), folder=tmp_path)
    assert result.returncode == 1
    assert "begin with: assay run" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.glob("*.db"))


def test_ctrl_c_stops_and_nothing_is_lost(tmp_path: Path) -> None:
    make_study(tmp_path)
    program = Path(sys.executable).with_name("assay")
    environment = {**os.environ, "VALLEY_SECONDS": "0.4", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [program, "run", "STUDY.toml"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    while "best" not in process.stdout.readline():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "stopped" in printed
    state = open_study(tmp_path / "valley.assay.db").state
    assert 0 < state.finished < 12
    assert not state.open


def test_show_lists_the_best_and_the_last(invoke: Invoke) -> None:
    printed = invoke("show", "STUDY.toml", "--last", "3")
    assert "12 evaluations" in printed
    assert [line.split()[0] for line in printed.splitlines()[-3:]] == ["9", "10", "11"]


def test_show_says_why_an_evaluation_failed(invoke: Invoke) -> None:
    assert "the solver diverged" in invoke("show", "--last", "12")


def test_export_agrees_with_the_study_in_every_format(invoke: Invoke, tmp_path: Path) -> None:
    table = open_study("valley.assay.db").to_dataframe()
    for ending, read in (("csv", pd.read_csv), ("json", pd.read_json), ("parquet", pd.read_parquet)):
        place = tmp_path / f"table.{ending}"
        invoke("export", "-o", str(place))
        found = read(place)
        assert list(found.columns) == list(table.columns)
        assert found["status"].tolist() == table["status"].tolist()
        assert list(found["value.loss"]) == pytest.approx(list(table["value.loss"]), rel=1e-15, nan_ok=True)


def test_export_to_the_terminal_keeps_every_bit(invoke: Invoke) -> None:
    rows = json.loads(invoke("export", "STUDY.toml", "--format", "json"))
    for row, trial in zip(rows, open_study("valley.assay.db").trials, strict=True):
        assert row["param.x"] == trial.suggestion.values["x"]
        assert (row["value.loss"] is None) == (trial.status == "failed")


def test_plot_writes_the_picture(invoke: Invoke, tmp_path: Path) -> None:
    for name in ("best.png", "best.html"):
        invoke("plot", "convergence", "valley.assay.db", "-o", str(tmp_path / name))
        assert (tmp_path / name).stat().st_size > 5_000


def test_a_store_with_several_studies_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study_file = make_study(tmp_path)
    assay("run", study_file, "--max-evaluations", "2", folder=tmp_path)
    study_file.write_text(STUDY.replace('"valley"', '"second"'))
    assay("run", study_file, "--max-evaluations", "3", "--store", "valley.assay.db", folder=tmp_path)
    monkeypatch.chdir(tmp_path)
    printed = CliRunner().invoke(app, ["show"]).output
    assert [line.split()[:2] for line in printed.splitlines()[1:]] == [["valley", "2"], ["second", "3"]]
    with pytest.raises(StudyError, match="not exactly one study"):
        CliRunner().invoke(app, ["export"], catch_exceptions=False)
    assert CliRunner().invoke(app, ["export", "--study", "second"]).output.count("succeeded") <= 3


def test_without_a_store_in_the_folder_one_must_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="it holds: none"):
        CliRunner().invoke(app, ["show"], catch_exceptions=False)


def test_wrong_use_is_one_sentence_and_exit_code_two(tmp_path: Path) -> None:
    study_file = make_study(tmp_path)
    study_file.write_text(STUDY.replace("seed = 3", "sead = 3"))
    result = assay("run", study_file, folder=tmp_path)
    assert result.returncode == 2
    assert "study.sead" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_doctor_reports_versions() -> None:
    printed = CliRunner().invoke(app, ["doctor"]).output
    for word in ("assay ", "Python ", "SQLite ", "processors ", "numpy "):
        assert word in printed


def test_plot_knows_the_pictures_of_a_model_and_its_help_says_what_they_are(
    invoke: Invoke, tmp_path: Path
) -> None:
    invoke("plot", "minima", "valley.assay.db", "-o", str(tmp_path / "minima.png"))
    invoke("plot", "slices", "valley.assay.db", "--of", "loss", "-o", str(tmp_path / "slices.svg"))
    assert (tmp_path / "minima.png").stat().st_size > 5_000
    assert (tmp_path / "slices.svg").stat().st_size > 5_000
    taught = invoke("plot", "--help")
    for kind in PlotKind:
        assert f"\n      {kind.value} " in taught
