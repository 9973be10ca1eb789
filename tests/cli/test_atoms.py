"""`assay atoms`, as a user types it, on four atoms of copper."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.io import read
from typer.testing import CliRunner

from assay.atoms.campaign.beginning import begin_campaign
from assay.atoms.descriptors.body_ordered import BodyOrderedDescriptor
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
    assert lines[-3].endswith("meV/atom")
    return place


def test_who_has_structures_and_a_calculator_has_a_campaign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = bulk("Cu", cubic=True)
    (tmp_path / "start.xyz").write_text(structure_text(start))
    arguments = ("new", tmp_path / "start.xyz", "--calculator", "ase.calculators.emt:EMT", "--labels", 3)
    assert "next: assay atoms run" in invoke(*arguments)
    study = tmp_path / "STUDY.toml"
    small = "[driver.descriptor]\nradial_count = 2\nangular_count = 2\ncubic_count = 0\npair_count = 4\n\n[driver.dynamics]"
    study.write_text(
        study.read_text().replace("[driver.dynamics]", small).replace("steps = 1000 ", "steps = 20")
    )
    monkeypatch.delitem(sys.modules, "reference", raising=False)
    assert "3 evaluations; max_iter" in invoke("run", study)
    assert len(list((tmp_path / "labels").iterdir())) == 3
    with pytest.raises(UsageError, match=r"without STUDY.toml and reference.py"):
        invoke(*arguments)


def test_the_first_files_of_a_campaign_suit_its_structures(tmp_path: Path) -> None:
    water = molecule("H2O")
    (tmp_path / "water.xyz").write_text(structure_text(water))
    (tmp_path / "test.xyz").write_text(structure_text(water, label_with(EMT(), water)))
    begin_campaign(tmp_path / "water.xyz", "ase.calculators.emt:EMT", tmp_path / "test.xyz", 7)
    keys = tomllib.loads((tmp_path / "STUDY.toml").read_text())
    assert keys["driver"]["dynamics"]["wall"]["radius_A"] == pytest.approx(2.8)
    assert keys["driver"]["test"] == {"file": "test.xyz"}
    descriptor = BodyOrderedDescriptor(("H", "O"), **keys["driver"]["descriptor"])
    assert 200 < descriptor.size <= 600
    assert keys["stop"]["max_evaluations"] == 7
    other = tmp_path / "other"
    other.mkdir()
    (other / "start.xyz").write_text(structure_text(bulk("Cu")))
    with pytest.raises(UsageError, match=r"structure 0 .from 0.: a labelled structure needs"):
        begin_campaign(other / "start.xyz", "ase.calculators.emt:EMT", other / "start.xyz", 7)
    begin_campaign(other / "start.xyz", "ase.calculators.emt:EMT", None, 7)
    alone = tomllib.loads((other / "STUDY.toml").read_text())["driver"]
    assert alone["test_fraction"] == 0.1
    assert "descriptor" not in alone


def test_errors_and_calibration_are_printed(folder: Path) -> None:
    printed = invoke("evaluate", folder / "STUDY.toml")
    assert "eV/A" in printed
    assert "calibration" in printed
    found = json.loads(invoke("evaluate", folder / "STUDY.toml", folder / "test.xyz", "--json"))
    assert [row["kind"] for row in found["errors"]] == ["energy", "forces", "virial"]
    assert found["calibration"]["forces"]["count"] == 48


@pytest.mark.parametrize("kind", ["walks", "learning", "parity", "calibration", "dimers"])
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
