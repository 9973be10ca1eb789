"""`assay atoms`, as a user types it, on four atoms of copper."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import read
from typer.testing import CliRunner

from assay.atoms.labels import label_with
from assay.atoms.structures import structure_text, write_structures
from assay.cli.main import app
from assay.errors import AssayError, UsageError

STUDY = """
schema_version = 1
[study]
id = "copper"
seed = 1
[[space]]
name = "structure"
type = "text"
[driver]
type = "HyperactiveLearning"
structures = { file = "start.xyz" }
test = { file = "test.xyz" }
descriptor = { radial_count = 2, angular_count = 2, cubic_count = 0, pair_count = 4, cubic_angular_count = 1 }
fit = { energy_noise_eV = 1e-3, force_noise_eV_per_A = 0.02, virial_noise_eV = 0.01 }
dynamics = { steps = 20, temperature_K = 800.0 }
bias = { burn_in = 3, history = 5 }
[evaluator]
python = "reference:label"
[stop]
max_evaluations = 3
"""
REFERENCE = """
from ase.calculators.emt import EMT
from assay.atoms.labels import ReferenceLabels
label = ReferenceLabels(EMT, "EMT")
"""


def invoke(*arguments: object) -> str:
    return CliRunner().invoke(app, ["atoms", *map(str, arguments)], catch_exceptions=False).output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("copper")
    (place / "STUDY.toml").write_text(STUDY)
    (place / "reference.py").write_text(REFERENCE)
    start = bulk("Cu", cubic=True)
    (place / "start.xyz").write_text(structure_text(start))
    test = [start.copy() for _ in range(4)]
    for seed, atoms in enumerate(test):
        atoms.rattle(0.1, seed=seed)
    write_structures(place / "test.xyz", test, [label_with(EMT(), atoms) for atoms in test])
    lines = invoke("run", place / "STUDY.toml").splitlines()
    assert any(line.startswith("3 evaluations; max_iter") for line in lines)
    assert lines[-3].split()[:3] == ["energy", "all", "4"]
    return place


def test_errors_and_calibration_are_printed(folder: Path) -> None:
    printed = invoke("evaluate", folder / "STUDY.toml")
    assert "eV/A" in printed
    assert "calibration" in printed
    found = json.loads(invoke("evaluate", folder / "STUDY.toml", folder / "test.xyz", "--json"))
    assert [row["kind"] for row in found["errors"]] == ["energy", "forces", "virial"]
    assert found["calibration"]["forces"]["count"] == 48


@pytest.mark.parametrize("kind", ["walks", "learning", "calibration", "dimers"])
def test_pictures_are_drawn(folder: Path, kind: str) -> None:
    place = folder / f"{kind}.png"
    assert invoke("plot", kind, folder / "STUDY.toml", "-o", place) == f"wrote {place}\n"
    assert place.read_bytes()[:4] == b"\x89PNG"


def test_labels_are_exported_and_read_by_ase(folder: Path) -> None:
    place = folder / "labels.xyz"
    invoke("export", folder / "STUDY.toml", "-o", place)
    assert invoke("export", folder / "STUDY.toml") == place.read_text()
    found: Any = read(place, index=":")
    assert len(found) == 3
    assert all("REF_energy" in atoms.info for atoms in found)


def test_structures_are_labelled_and_failures_said(tmp_path: Path) -> None:
    good, bad = bulk("Cu"), bulk("Si")
    (tmp_path / "in.xyz").write_text(structure_text(good) + structure_text(bad))
    result = CliRunner().invoke(
        app,
        ["atoms", "label", str(tmp_path / "in.xyz"), "--calculator", "ase.calculators.emt:EMT", "-o",
         str(tmp_path / "out.xyz"), "--cache", str(tmp_path / "cache")],
    )  # fmt: skip
    assert "structure 1 has no label: NotImplementedError" in result.output
    assert f"wrote 1 of 2 to {tmp_path / 'out.xyz'}" in result.output
    assert len(list((tmp_path / "cache").iterdir())) == 1


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (["plot", "walks", "STUDY.toml", "-o", "picture.txt"], UsageError, "a picture is written as"),
        (["evaluate", "nothing.toml"], AssayError, "nothing.toml"),
        (["evaluate", "STUDY.toml", "nothing.xyz"], UsageError, "cannot be read"),
        (["label", "start.xyz", "--calculator", "nothing:here", "-o", "x.xyz"], UsageError, "nothing"),
    ],
)
def test_wrong_use_is_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], error: type[AssayError], words: str
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(error, match=words):
        invoke(*arguments)


def test_show_prints_the_beginning_of_each_structure(folder: Path) -> None:
    result = CliRunner().invoke(app, ["show", str(folder / "STUDY.toml")], catch_exceptions=False)
    assert "Lattice=" in result.output
    assert len(result.output.splitlines()) < 12
