"""Importing us is cheap and changes nothing: what each face loads, read in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

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
