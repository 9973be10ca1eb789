"""Importing us is cheap and changes nothing: what each face loads, read in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from assay.study.study import create_study

THIRD_PARTY = (
    "numpy",
    "scipy",
    "pandas",
    "sqlalchemy",
    "pydantic",
    "typer",
    "rich",
    "threadpoolctl",
    "jax",
    "matplotlib",
    "plotly",
)
HEAVY = ("jax", "pandas", "scipy", "matplotlib", "plotly")


def loaded_after(code: str, candidates: tuple[str, ...]) -> list[str]:
    """Which of the candidates a fresh process holds after running the code."""
    probe = (
        f"{code}\nimport json, sys\nprint()\nprint(json.dumps([n for n in {candidates} if n in sys.modules]))"
    )
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def loaded_by_command(arguments: list[str], folder: Path) -> list[str]:
    """Which heavy libraries a command of the command line loads."""
    code = (
        f"import os, sys; os.chdir({str(folder)!r}); sys.argv = ['assay', *{arguments}]\n"
        "from assay.cli.main import app\n"
        "try:\n    app()\nexcept SystemExit as end:\n    assert not end.code, end.code"
    )
    return loaded_after(code, HEAVY)


def test_the_probe_sees_what_is_loaded() -> None:
    assert loaded_after("import numpy", ("numpy", "jax")) == ["numpy"]


def test_import_loads_no_third_party_library() -> None:
    assert loaded_after("import assay; dir(assay)", THIRD_PARTY) == []


@pytest.mark.parametrize(
    "module",
    [
        "assay.records",
        "assay.errors",
        "assay.space.space",
        "assay.store.abstract",
        "assay.executors.abstract",
    ],
)
def test_record_side_loads_nothing_heavy(module: str) -> None:
    assert loaded_after(f"import {module}", (*HEAVY, "sqlalchemy")) == []


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"], ["doctor"]])
def test_help_loads_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    assert loaded_by_command(arguments, tmp_path) == []


def test_show_loads_nothing_heavy(tmp_path: Path) -> None:
    study = create_study(
        [{"name": "x", "domain": [0.0, 1.0]}], study_id="line", store=tmp_path / "line.assay.db"
    )
    study.configure(max_iter=3)
    study.run(lambda x: x)
    assert loaded_by_command(["show"], tmp_path) == []


def test_a_whole_study_loads_neither_jax_nor_plots() -> None:
    code = (
        "import assay\n"
        "study = assay.create_study([{'name': 'x', 'domain': [0.0, 1.0]}])\n"
        "study.configure(max_iter=8)\n"
        "study.run(lambda x: (x - 0.3) ** 2)\n"
        "assert study.best['objective'] < 0.1"
    )
    assert loaded_after(code, ("jax", "matplotlib", "plotly", "pandas", "sqlalchemy")) == []
