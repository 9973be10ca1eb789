"""Eight atoms of silicon, labelled by the potential of Stillinger and Weber: fifteen labels, chosen by biased dynamics.

    python examples/silicon/silicon.py        run the campaign from scratch, print the errors, draw the walks
    assay atoms run examples/silicon/STUDY.toml

The same campaign from a study file; `STUDY.toml` beside this file reads `start.xyz` and `test.xyz`, which
`python examples/silicon/silicon.py files` writes.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from matscipy.calculators.manybody import Manybody
from matscipy.calculators.manybody.explicit_forms import StillingerWeber
from matscipy.calculators.manybody.explicit_forms.stillinger_weber import Stillinger_Weber_PRB_31_5262_Si

import assay
from assay.atoms.campaign.reports import CampaignReport
from assay.atoms.dynamics.step import Dynamics, Forces, advance, begin
from assay.atoms.labels import ReferenceLabels, label_with
from assay.atoms.structures import structure_text
from assay.plots.atoms import walks

LOGGER = logging.getLogger(__name__)
LATTICE_A = 5.431
STARTS = 3
TEST_TEMPERATURES_K = (1000.0, 3000.0)
# What labels would be worth to someone who computes them by density-functional theory, per atom where it is an energy.
FIT = {
    "energy_noise_eV": 0.005,
    "force_noise_eV_per_A": 0.1,
    "virial_noise_eV": 0.05,
    "smoothness_power": 1.0,
}
DYNAMICS = {"steps": 150, "timestep_fs": 1.0, "temperature_K": 800.0, "friction_per_fs": 0.01}
# How the bias is controlled: chosen on seeds from 100 on (0.5, 1, 2 and 3 times the forces).
BIAS = {"relative": 2.0, "burn_in": 5, "history": 10}
SELECTION = {
    "pick": "crossing",
    "threshold": 0.2,
    "regulariser_eV_per_A": 0.2,
    "maximum_force_eV_per_A": 30.0,
}


def stillinger_weber() -> Manybody:
    """The reference."""
    return Manybody(**StillingerWeber(Stillinger_Weber_PRB_31_5262_Si))


# What a study evaluates.
label = ReferenceLabels(stillinger_weber, "Stillinger-Weber 1985")


def crystal() -> Atoms:
    """The cubic cell of diamond."""
    return bulk("Si", "diamond", a=LATTICE_A, cubic=True)


def starts(seed: int) -> list[Atoms]:
    """The crystal, hardly shaken."""
    found = []
    for number in range(STARTS):
        atoms = crystal()
        atoms.rattle(0.02, seed=1000 * seed + number)
        found.append(atoms)
    return found


def frames(temperature_K: float, count: int, seed: int, apart: int = 40) -> list[Atoms]:
    """Structures of a trajectory of the reference itself, far enough apart to be different ones."""
    forces, dynamics = Forces(stillinger_weber()), Dynamics(temperature_K=temperature_K, friction_per_fs=0.02)
    state, found = begin(crystal(), forces, dynamics, seed), []
    for step in range(1, 1 + apart * (count + 5)):
        state = advance(state, forces, dynamics)
        if step % apart == 0 and step > 5 * apart:
            found.append(state.structure.atoms())
    return found


def labelled_text(structures: list[Atoms], group: str) -> str:
    """With labels by the reference, as extended XYZ."""
    return "".join(
        structure_text(atoms, label_with(stillinger_weber(), atoms), config_type=group)
        for atoms in structures
    )


def held_out_text(count: int = 25) -> str:
    """What errors are measured on: trajectories at 1000 K, where silicon is solid, and at 3000 K, where it is molten."""
    return "".join(
        labelled_text(frames(temperature, count, seed=7), f"{temperature:.0f} K")
        for temperature in TEST_TEMPERATURES_K
    )


def campaign(
    seed: int, relative: float = BIAS["relative"], test: str | None = None, labels: int = 15, **keys: Any
) -> assay.Study:
    """A study, not run yet.

    Arguments:
        seed: of the start and of the study.
        relative: the fraction of the forces that the bias adds; 0 for plain dynamics.
        test: labelled structures, as extended XYZ.
        labels: in all.
        keys: of the study's place.
    """
    study = assay.create_study(
        [{"name": "structure", "type": "text"}], driver="HyperactiveLearning", seed=seed, **keys
    )
    study.configure(
        structures="".join(map(structure_text, starts(seed))),
        test=test,
        fit=FIT,
        dynamics=DYNAMICS,
        bias={**BIAS, "relative": relative},
        selection=SELECTION,
        max_iter=labels,
    )
    return study


def rattled(seed: int, count: int = 12) -> list[Atoms]:
    """What a person would label who knows how far atoms should be shaken: by 0.05 to 0.3 A, and strained by 1 %."""
    chance, found = np.random.default_rng(seed), []
    for amount in np.linspace(0.05, 0.3, count):
        atoms = crystal()
        strain = 0.01 * chance.standard_normal((3, 3))
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.5 * (strain + strain.T)), scale_atoms=True)
        atoms.positions += amount * chance.standard_normal((len(atoms), 3))
        found.append(atoms)
    return found


def main(output: Path) -> None:
    """Run it, and say how wrong it is."""
    study = campaign(seed=1, test=held_out_text())
    study.run(label)
    report = CampaignReport(study)
    for row in report.errors():
        LOGGER.info("%-7s %-7s %8.4f %s", row.group, row.kind, row.root_mean_square, row.unit)
    output.mkdir(parents=True, exist_ok=True)
    walks(report.stories()).savefig(output / "walks.png")


def write_files(folder: Path) -> None:
    """What STUDY.toml reads."""
    (folder / "start.xyz").write_text("".join(map(structure_text, starts(1))), encoding="utf-8")
    (folder / "test.xyz").write_text(held_out_text(5), encoding="utf-8")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if sys.argv[1:] == ["files"]:
        write_files(Path(__file__).parent)
    else:
        main(Path(sys.argv[1] if sys.argv[1:] else "runs/silicon"))
