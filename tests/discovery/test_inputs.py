"""What may be given as data, and what is done to it before the search."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.discovery.data import columns_of
from assay.discovery.discover import discover
from assay.discovery.preparing import prepared
from assay.discovery.table import Table
from assay.errors import UsageError

Array = np.ndarray

FAST: dict[str, Any] = {"engines": ["deterministic"], "unary_operators": []}
X = np.linspace(1.0, 3.0, 12)
Z = 2.0 + np.cos(5.0 * X)


def forms_of_the_same(folder: Path) -> dict[str, Any]:
    table = pd.DataFrame({"x1": X, "x2": Z, "x3": 3.0 * X / Z})
    place = folder / "data.csv"
    table.to_csv(place, index=False)
    return {
        "frame": table,
        "mapping": {name: table[name].tolist() for name in table},
        "array": table.to_numpy(),
        "records": table.to_dict("records"),
        "structured": table.to_records(index=False),
        "path": place,
        "text": str(place),
    }


@pytest.mark.parametrize("form", ["frame", "mapping", "array", "records", "structured", "path", "text"])
def test_every_form_of_a_table_gives_the_same_law(form: str, tmp_path: Path) -> None:
    data = forms_of_the_same(tmp_path)[form]
    assert discover(data, "x3", **FAST).recommended.equation == "3*x1/x2"


@pytest.mark.parametrize("response", ["x3", 2, -1])
def test_the_response_has_a_name_or_a_number(response: str | int, tmp_path: Path) -> None:
    law = discover(forms_of_the_same(tmp_path)["array"], response, **FAST).recommended
    assert str(law) == "x3 = 3*x1/x2"


def test_the_response_can_be_values_beside_the_table() -> None:
    assert str(discover({"x": X, "z": Z}, X * Z, **FAST).recommended) == "response = x*z"


@pytest.mark.parametrize(
    ("data", "response", "message"),
    [
        ("missing.csv", "y", "data must be in a CSV file"),
        (np.ones(3), 0, "data must be a data frame"),
        (3.0, 0, "data must be a data frame"),
        ([{"a": 1.0}, {"b": 1.0}], "a", "every row must have the keys"),
        ({"x": X, "y": X}, 2, "the number of the response must be that of one of 2 columns, got 2"),
        ({"x": X, "y": X}, "z", "the response must be one of the columns"),
        ({"x": ["a"] * 12, "y": X}, "y", "column 'x' must hold numbers, got 'a'; leave it out"),
    ],
)
def test_other_data_is_refused(data: Any, response: str | int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        discover(data, response, **FAST)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "empty.csv"
    place.write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="data must be in a CSV file"):
        columns_of(place)


def noisy(rows: int, columns: int) -> Table:
    generator = np.random.default_rng(3)
    data = {f"c{index}": generator.uniform(0.0, 1.0, rows) for index in range(columns)}
    values = np.sin(4.0 * data["c1"]) + data["c3"] ** 2
    return Table.of({**data, "y": values + 0.2 * generator.standard_normal(rows)}, "y")


def test_a_denoised_response_is_nearer_to_the_truth() -> None:
    table = noisy(80, 4)
    truth = np.sin(4.0 * table.columns["c1"]) + table.columns["c3"] ** 2
    smooth = prepared(table, denoise=True, most_columns=None, seed=0)
    assert np.std(smooth.response - truth) < 0.6 * np.std(table.response - truth)
    assert smooth.columns == table.columns


def test_the_columns_that_matter_are_selected() -> None:
    chosen = prepared(noisy(80, 6), denoise=False, most_columns=2, seed=0)
    assert list(chosen.columns) == ["c1", "c3"]
    assert chosen.left_out == ("c0", "c2", "c4", "c5")


def test_units_of_columns_that_were_left_out_are_no_error() -> None:
    pytest.importorskip("pint")
    generator = np.random.default_rng(0)
    data = {name: generator.uniform(1.0, 2.0, 30) for name in ("x", "t", "u")}
    laws = discover(
        {**data, "v": data["x"] / data["t"]},
        "v",
        units={"x": "m", "t": "s", "u": "kg", "v": "m/s"},
        select_k_features=2,
        **FAST,
    )
    assert laws.recommended.equation == "x/t"
    assert "u" not in laws.units


def test_own_operators_and_features_are_found_by_linear_algebra() -> None:
    table = {"x": X, "z": Z, "y": 1.5 * np.sin(X * Z) + 0.25 * X}
    options: dict[str, Any] = {**FAST, "binary_operators": ["+", "*", "wave(a, b) = sin(a*b)"]}
    assert discover(table, "y", **options).recommended.equation == "0.25*x + 1.5*sin(x*z)"
    options = {**FAST, "unary_operators": ["sin"], "extra_features": {"phase": "sin(x*z)"}}
    assert discover(table, "y", **options).recommended.equation == "0.25*x + 1.5*sin(x*z)"


def test_a_function_that_no_engine_has_is_offered_as_a_feature() -> None:
    from scipy.special import erf

    table = {"x": X, "z": Z, "y": 2.0 * erf(X / 2 * 2) - 0.5 * Z}
    laws = discover(table, "y", engines=["deterministic"], unary_operators=["erf"])
    assert laws.recommended.equation == "-0.5*z + 2*erf(x)"


def test_the_table_is_in_a_file_while_the_search_goes_on(tmp_path: Path) -> None:
    place, lines = tmp_path / "found.csv", []
    laws = discover({"x": X, "z": Z, "y": X / Z}, "y", equation_file=place, progress=lines.append, **FAST)
    table = pd.read_csv(place)
    assert list(table) == [name for name in laws.table if name != "recommended"]
    assert table["equation"].tolist() == laws.table["equation"].tolist()
    assert any(line.startswith("deterministic: ") and "x/z" in line for line in lines)
    with pytest.raises(UsageError, match="equation_file must be a file that can be written"):
        discover({"x": X, "y": X}, "y", equation_file=tmp_path / "no" / "found.csv", **FAST)


def test_laws_are_plain_data() -> None:
    laws = discover({"x": X, "z": Z, "y": 2.5 * X / Z}, "y", **FAST)
    data = json.loads(json.dumps(laws.to_data(), allow_nan=False))
    assert data["recommended"] == "2.5*x/z"
    assert data["ranges"]["x"] == [1.0, 3.0]
    (row,) = [row for row in data["laws"] if row["recommended"]]
    assert row["constants"][0]["value"] == 2.5
