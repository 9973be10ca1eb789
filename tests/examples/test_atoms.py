"""The campaigns among the examples: their study files run, and their labels are what they say."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from examples.molecule import molecule
from examples.silicon import silicon
from examples.silicon_dft import silicon_dft
from typer.testing import CliRunner

import assay
from assay.atoms.campaign.reports import CampaignReport
from assay.atoms.labels import label_with
from assay.atoms.structures import label_of, read_structures, structures_of
from assay.cli.main import app

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("name", "evaluations"),
    [
        ("silicon", 5),
        ("silicon_dft", 7),
        ("molecule", 3),
    ],
)
def test_a_study_file_runs(name: str, evaluations: int, tmp_path: Path) -> None:
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("*.db*"))
    arguments = ["atoms", "run", str(folder / "STUDY.toml"), "--max-evaluations", str(evaluations)]
    output = CliRunner().invoke(app, arguments, catch_exceptions=False).output
    assert f"{evaluations} evaluations; max_iter" in output
    study = assay.open_study(folder / f"{name}.assay.db")
    assert [trial.status for trial in study.trials] == ["succeeded"] * evaluations
    assert len({str(trial.suggestion.values) for trial in study.trials}) == evaluations


def test_the_reference_is_stillinger_and_weber() -> None:
    # The cohesive energy of the crystal is 2 epsilon per atom, epsilon = 2.1683 eV: PRB 31, 5262 (1985).
    found = label_with(silicon.stillinger_weber(), silicon.crystal())
    assert found.energy_eV / 8 == pytest.approx(-2.0 * 2.1683, abs=2e-3)
    assert np.abs(found.forces).max() < 1e-9


def test_files_are_what_the_programs_make() -> None:
    starts = read_structures(EXAMPLES / "silicon/start.xyz")
    for atoms, again in zip(starts, silicon.starts(1), strict=True):
        assert np.abs(atoms.positions - again.positions).max() < 1e-12
    for folder, make in (("silicon", silicon.stillinger_weber), ("molecule", molecule.tight_binding)):
        for atoms in read_structures(EXAMPLES / folder / "test.xyz")[::5]:
            kept, new = label_of(atoms), label_with(make(), atoms)
            assert kept is not None
            assert np.abs(kept.forces - new.forces).max() < 1e-4
            assert kept.energy_eV == pytest.approx(new.energy_eV, abs=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(not silicon_dft.is_installed(), reason="Quantum ESPRESSO is not installed")
def test_the_cache_is_what_quantum_espresso_says() -> None:
    silicon_dft.check(1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_biased_dynamics_chooses_better_labels_than_plain_dynamics() -> None:
    test = structures_of(silicon.held_out_text(10))
    errors = {}
    for relative in (0.0, 2.0):
        for seed in (0, 1):
            study = silicon.campaign(seed, relative)
            study.run(silicon.label)
            rows = CampaignReport(study).errors(test)
            errors[relative, seed] = next(
                row.root_mean_square for row in rows if (row.group, row.kind) == ("3000 K", "forces")
            )
    for seed in (0, 1):
        assert errors[2.0, seed] < errors[0.0, seed] / 2.0
