"""`assay explore`, as a user meets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from assay.cli.main import app
from assay.errors import ConfigurationError, UsageError
from assay.study.study import open_study

SCRIPT = """
#### MED PARAMETERS START
import medeq
parameters = medeq.create_parameters(["A", "B"], minimums=[-5, -5], maximums=[10, 10])
#### MED PARAMETERS END
A, B = parameters["value"]["A"], parameters["value"]["B"]
if A > 6:
    raise ValueError("too large")
response = {"sum": A + B, "product": A * B}
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "model.py"
    path.write_text(SCRIPT)
    return path


def explore(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["explore", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_it_evaluates_says_what_it_saw_and_goes_on(script: Path) -> None:
    told = explore(script, "--samples", 6, "--sampler", "Sobol")
    assert "6/6" in told
    assert "6 evaluated, 1 failed, 0 in the queue" in told
    assert "the last failure: the script ended with exit status 1: ValueError: too large" in told
    folder = script.with_suffix(".exploration")
    first: Any = pd.read_csv(folder / "results.csv")
    assert first["sum"].notna().sum() == 5
    told = explore(script, "--samples", 8, "--sampler", "Sobol", "--parallel", 2)
    assert "evaluated  6 in 1 epochs" in told
    second: Any = pd.read_csv(folder / "results.csv")
    assert len(second) == 8
    pd.testing.assert_frame_equal(second[["A", "B", "sum"]].head(6), first[["A", "B", "sum"]])
    assert "8 evaluated" in explore(script, "--samples", 8)


def test_its_folder_is_a_target_that_shows_the_responses(script: Path) -> None:
    explore(script, "--samples", 2, "--sampler", "Grid")
    folder = script.with_suffix(".exploration")
    told = CliRunner().invoke(app, ["show", str(folder)], catch_exceptions=False).output
    assert "2 evaluations" in told
    assert "observed" in told
    results: Any = pd.read_csv(folder / "results.csv")
    for value in results["product"].dropna():
        assert f"product {value:.5g}" in told
    with pytest.raises(UsageError, match=r"since the folder .*runs does not hold exactly one"):
        CliRunner().invoke(app, ["show", str(folder / "runs")], catch_exceptions=False)


def test_a_batch_is_chosen_together(script: Path, tmp_path: Path) -> None:
    explore(
        script, "--samples", 4, "--batch", "--sampler", "LatinHypercube", "--directory", tmp_path / "here"
    )
    results: Any = pd.read_csv(tmp_path / "here" / "results.csv")
    assert sorted(((results["A"] + 5) / 15 * 4).astype(int)) == [0, 1, 2, 3]


def test_help_teaches(script: Path) -> None:
    told = CliRunner().invoke(app, ["explore", "--help"]).output
    assert "# ASSAY PARAMETERS START" in told
    assert "--parallel" in told
    assert script.exists()


def test_wrong_use_is_said_in_one_sentence(script: Path) -> None:
    with pytest.raises(UsageError, match=r"must end in \.html, got gp\.png"):
        explore(script, "--plot", "gp.png")
    script.write_text("response = 1\n")
    with pytest.raises(UsageError, match="it must have one line '# ASSAY PARAMETERS START', got 0"):
        explore(script)


def test_a_file_says_where_runs_are_started(script: Path) -> None:
    place = script.with_name("place.toml")
    place.write_text('type = "local"\nworkers = 2\n')
    assert "4 evaluated" in explore(script, "--samples", 4, "--sampler", "Sobol", "--executor", place)
    study = open_study(script.with_suffix(".exploration") / "exploration.assay.db")
    assert study.settings.num_parallel == 2
    place.write_text('type = "local"\nhosts = ["a"]\n')
    with pytest.raises(ConfigurationError, match='belongs to type = "dask" only'):
        explore(script, "--executor", place)
