"""`assay discover`, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner, Result

from assay.cli.discovering import discover
from assay.errors import UsageError

app = typer.Typer()
app.command()(discover)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    length, gravity = generator.uniform(200.0, 2000.0, 30), generator.uniform(1.6, 25.0, 30)
    period = 2 * np.pi * np.sqrt(length * 1e-3 / gravity)
    place = tmp_path / "pendulum.csv"
    pd.DataFrame({"length": length, "gravity": gravity, "period": period}).to_csv(place, index=False)
    return place


UNITS = ["--units", "length=mm, gravity=m/s^2, period=s", "--engines", "deterministic"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments], catch_exceptions=False)


def test_the_table_the_law_and_its_constants_are_printed(table: Path) -> None:
    pytest.importorskip("pint")
    result = run(str(table), *UNITS)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == [
        *(
            "complexity",
            "loss",
            "score",
            "cross_validation",
            "extrapolation",
            "consistent",
            "recommended",
            "equation",
        )
    ]
    (law,) = [line for line in lines if line.startswith("recommended: ")]
    assert law.startswith("recommended: period = 6.28318530")
    assert lines[-1] == "in length [mm], gravity [mm/s^2], period [s]"
    assert "deterministic: " in result.stderr


def test_json_is_all_of_it(table: Path) -> None:
    result = run(str(table), "--json", "--quiet", "--response", "period", "--engines", "deterministic")
    data = json.loads(result.stdout)
    assert data["response"] == "period"
    assert [row["equation"] for row in data["laws"] if row["recommended"]] == [data["recommended"]]
    assert result.stderr == ""


def test_one_language_is_printed_alone(table: Path) -> None:
    result = run(str(table), "--as", "c", "--quiet", "--engines", "deterministic")
    assert result.stdout.startswith("#include <math.h>\n\ndouble law_period(double gravity, double length)")


def test_operators_and_features_are_taken(table: Path) -> None:
    options = [
        "--binary",
        "+ *",
        "--unary",
        "",
        "--own",
        "f(x, y) = x^0.5/y^0.5",
        "--features",
        "q=sqrt(gravity)",
    ]
    result = run(str(table), *options, "--as", "text", "--quiet", "--engines", "deterministic")
    assert result.stdout.split("*", 1)[1] == "sqrt(length)/sqrt(gravity)\n"


def test_a_picture_is_drawn(table: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    place = tmp_path / "law.png"
    assert run(str(table), "--plot", str(place), "--quiet", "--engines", "deterministic").exit_code == 0
    assert place.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--units", "length"], "--units must be like"),
        (["--plot", "law.html"], "must end in .png, .svg, .pdf"),
        (["--response", "speed"], "the response must be one of the columns"),
        (["--engines", "eureqa"], "an engine must be one of"),
    ],
)
def test_wrong_use_is_said_in_one_sentence(table: Path, options: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run(str(table), *options)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="data must be in a CSV file"):
        run(str(tmp_path / "none.csv"))
