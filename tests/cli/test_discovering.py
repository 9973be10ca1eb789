"""`assay discover`, as a user types it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner, Result

import assay
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
    assert re.fullmatch(r"  6\.28318530\d*  \+- \S+ \(95 %\)", lines[-4])
    assert lines[-2] == "in length [mm], gravity [mm/s^2], period [s]"
    # 2 pi / sqrt(1000), for a length in millimetres
    assert lines[-1] == "in the units of the table: period = 0.1986917653*sqrt(length)/sqrt(gravity)"
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


def test_columns_are_ignored_and_errors_have_a_column(tmp_path: Path) -> None:
    x = np.linspace(1.0, 3.0, 20)
    place = tmp_path / "data.csv"
    table = {"run no.": range(20), "x": x, "y": np.where(x > 2.0, 3.0, 2.0) * x, "fluid": ["water"] * 20}
    pd.DataFrame({**table, "error": np.where(x > 2.0, 1e6, 1.0)}).to_csv(place, index=False)
    plain = [
        "--response",
        "y",
        "--unary",
        "",
        "--binary",
        "*",
        "--engines",
        "deterministic",
        "--quiet",
        "--as",
        "text",
    ]
    weighed = run(str(place), *plain, "--ignore", "run no., fluid", "--standard-error", "error")
    assert weighed.stdout == "2*x\n"
    equal = run(str(place), *plain, "--ignore", "run no., fluid, error", "--standard-error", "0.1")
    assert equal.stdout != weighed.stdout
    with pytest.raises(UsageError, match="column 'fluid' must hold numbers, got 'water'; leave it out"):
        run(str(place), *plain)


def test_what_a_study_and_an_exploration_observed_is_a_table(tmp_path: Path) -> None:
    pytest.importorskip("pint")
    parameters = assay.create_parameters(
        ["mass", "speed"], [1.0, 1.0], [5.0, 9.0], unit={"mass": "kg", "speed": "m/s"}
    )
    folder = tmp_path / "moving.exploration"
    exploration = assay.Exploration(parameters, ["heat", "energy"], verbose=0, directory=folder)
    exploration.sample(12)
    exploration.evaluate(
        lambda mass, speed: [float("nan"), 0.0] if speed > 8.5 else [mass, 0.5 * mass * speed**2]
    )
    options = ["--engines", "deterministic", "--quiet", "--response", "energy"]
    lines = run(str(folder), *options, "--units", "energy=J").stdout.splitlines()
    assert "recommended: energy = 0.5*mass*speed^2" in lines
    (store,) = folder.glob("*.assay.db")
    assert run(str(store), *options, "--as", "text").stdout == "0.5*mass*speed^2\n"
    heat = [*options[:-1], "heat", "--ignore", "speed", "--as", "text"]
    assert run(str(store), *heat).stdout == "mass\n"


def test_the_scatter_of_repeated_rows_is_printed(tmp_path: Path) -> None:
    x = np.repeat(np.linspace(1.0, 3.0, 12), 2)
    place = tmp_path / "twice.csv"
    pd.DataFrame({"x": x, "y": 2.0 * x + np.tile([-0.05, 0.05], 12)}).to_csv(place, index=False)
    plain = ["--unary", "", "--binary", "*", "--engines", "deterministic", "--quiet"]
    constant, ranges, last = run(str(place), *plain).stdout.splitlines()[-3:]
    assert (constant, ranges) == ("  2  held", "fitted in x 1 to 3")
    assert last == "rows with equal inputs scatter by 0.0707, a standard deviation"


def test_the_law_is_printed_in_the_units_of_the_table_with_its_groups(tmp_path: Path) -> None:
    pytest.importorskip("pint")
    generator = np.random.default_rng(0)
    data = {name: generator.uniform(1.0, 3.0, 40) for name in ("rho", "v", "d", "mu")}
    data["drop"] = 1e-3 * 0.5 * data["rho"] * data["v"] ** 2
    place = tmp_path / "drop.csv"
    pd.DataFrame(data).to_csv(place, index=False)
    units = "rho=kg/m^3, v=m/s, d=m, mu=Pa*s, drop=kPa"
    lines = run(str(place), "--units", units, "--engines", "deterministic", "--quiet").stdout.splitlines()
    assert "recommended: drop = 0.5*rho*v^2" in lines
    assert lines[-2:] == ["in the units of the table: drop = 0.0005*rho*v^2", "groups: Reynolds rho*v*d/mu"]


def test_a_picture_is_drawn(table: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    place = tmp_path / "law.png"
    assert run(str(table), "--plot", str(place), "--quiet", "--engines", "deterministic").exit_code == 0
    assert place.read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def wave(tmp_path: Path) -> Path:
    """A law that takes a sine of a product, beside a column that is nothing but noise."""
    generator = np.random.default_rng(0)
    data = {name: generator.uniform(0.5, 3.0, 60) for name in ("time", "rate", "noise")}
    data["height"] = 2.0 * np.sin(data["rate"] * data["time"])
    place = tmp_path / "wave.csv"
    pd.DataFrame(data).to_csv(place, index=False)
    return place


PLAIN = ["--engines", "deterministic", "--quiet"]


@pytest.mark.parametrize(
    ("options", "is_permitted"),
    [
        (["--maxdepth", "4"], True),
        (["--maxdepth", "3"], False),
        (["--constraints", "sin=3"], True),
        (["--constraints", "sin=2"], False),
        (["--constraints", "sin=3, *=-1:2"], False),
        (["--nested-constraints", "sin(*)=1"], True),
        (["--nested-constraints", "sin(*)=0"], False),
        (["--maxsize", "6"], True),
        (["--maxsize", "5"], False),
    ],
)
def test_limits_decide_which_laws_may_be(wave: Path, options: list[str], is_permitted: bool) -> None:
    result = run(str(wave), *PLAIN, *options, "--json")
    equations = [law["equation"] for law in json.loads(result.stdout)["laws"]]
    assert ("2*sin(rate*time)" in equations) is is_permitted


def test_a_price_of_nodes_leaves_the_simplest_law(tmp_path: Path) -> None:
    x = np.linspace(1.0, 3.0, 30)
    noise = np.random.default_rng(0).normal(0.0, 0.01, 30)
    place = tmp_path / "bent.csv"
    pd.DataFrame({"x": x, "y": 3.0 * x + 0.05 * x**2 + noise}).to_csv(place, index=False)
    cheap, dear = (
        json.loads(run(str(place), *PLAIN, "--parsimony", price, "--json").stdout)["laws"]
        for price in ("0", "50")
    )
    assert [law["equation"] for law in dear] == [cheap[0]["equation"]]
    assert len(cheap) > 1


def test_columns_that_do_not_matter_are_left_out_and_laws_are_kept_in_a_file(
    wave: Path, tmp_path: Path
) -> None:
    found = tmp_path / "laws.csv"
    chosen = run(str(wave), *PLAIN, "--select-k-features", "2", "--equation-file", str(found), "--json")
    assert set(json.loads(chosen.stdout)["ranges"]) == {"rate", "time"}
    assert "2*sin(rate*time)" in pd.read_csv(found)["equation"].tolist()


def test_how_hard_to_look_reaches_the_search(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """These only change what chance finds, so it is looked at what the search is asked for."""
    asked: dict[str, object] = {}

    def seen(*_: object, **keywords: object) -> None:
        asked.update(keywords)
        raise UsageError("seen")

    monkeypatch.setattr("assay.discovery.discover.discover", seen)
    options = ["--denoise", "--niterations", "7", "--populations", "5", "--seeds", "3", "--seed", "11"]
    with pytest.raises(UsageError, match="seen"):
        run(str(table), *options)
    wanted = {"denoise": True, "niterations": 7, "populations": 5, "seeds": 3, "seed": 11}
    assert {name: asked[name] for name in wanted} == wanted


def test_constants_have_no_units_on_demand(tmp_path: Path) -> None:
    pytest.importorskip("pint")
    height = np.linspace(1.0, 5.0, 20)
    place = tmp_path / "fall.csv"
    pd.DataFrame({"height": height, "time": np.sqrt(2 * height / 9.81)}).to_csv(place, index=False)
    options = [str(place), *PLAIN, "--units", "height=m, time=s"]
    laws = json.loads(run(*options, "--json").stdout)["laws"]
    assert laws[0]["constants"][0]["unit"] == "s/m^0.5"
    with pytest.raises(UsageError, match=r"must follow from those of .* where constants have none"):
        run(*options, "--dimensionless-constants")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--constraints", "sin"], "--constraints must be like 'sin=5, \\^=-1:2', .*got 'sin'"),
        (["--constraints", "sin=1:2"], "constraints of 'sin' must be 1 whole number from -1 on"),
        (["--nested-constraints", "sin=0"], "--nested-constraints must be like 'sin.cos.=0, .*got 'sin=0'"),
        (["--nested-constraints", "sin(foo)=0"], "nested_constraints must name operators such as"),
        (["--equation-file", "nowhere/laws.csv"], "equation_file must be a file that can be written"),
        (["--units", "length"], "--units must be like"),
        (["--plot", "law.html"], "must end in .png, .svg, .pdf"),
        (["--ignore", "speed"], "--ignore must name columns of"),
        (["--standard-error", "speed"], "--standard-error must be a number or one of the columns"),
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
