"""Labels of silicon by density-functional theory: Quantum ESPRESSO where it is installed, else those of the cache.

    assay atoms run examples/silicon_dft/STUDY.toml      learn from the labels of the cache, the most telling ones first
    python examples/silicon_dft/silicon_dft.py check 3     label three of the pool anew, and compare
    python examples/silicon_dft/silicon_dft.py make        make the pool and label it anew: minutes

Debian and Ubuntu: apt install quantum-espresso quantum-espresso-data
"""

from __future__ import annotations

import argparse
import gzip
import logging
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.espresso import Espresso, EspressoProfile
from matscipy.calculators.manybody import Manybody
from matscipy.calculators.manybody.explicit_forms import StillingerWeber
from matscipy.calculators.manybody.explicit_forms.stillinger_weber import (
    Stillinger_Weber_PRB_31_5262_Si,
)

from assay.atoms.dynamics.step import Dynamics, Forces, advance, begin
from assay.atoms.labels import ReferenceLabels, label_with
from assay.atoms.structures import label_of, read_structures, structure_of, structure_text, structures_of

LOGGER = logging.getLogger(__name__)
FOLDER = Path(__file__).parent
LABELS = FOLDER / "labels.xyz"
# Names the settings: a label by others is another label.
SOURCE = "Quantum ESPRESSO, LDA (pz-vbc), 18 Ry, 2x2x2 k points, Gaussian smearing of 0.01 Ry"
PSEUDOPOTENTIAL = "Si.pz-vbc.UPF"
# Temperatures of the trajectories that the pool is taken from, in K, and structures of each.
POOL = {300.0: 6, 1000.0: 8, 2000.0: 8, 3000.0: 6}


def pseudopotential_folder() -> Path | None:
    """Where the distribution's pseudopotential is, unpacked; None where it is not installed."""
    listed = subprocess.run(
        ["dpkg", "-L", "quantum-espresso-data"], capture_output=True, text=True, check=False
    )
    for line in listed.stdout.splitlines():
        found = Path(line)
        if found.name == PSEUDOPOTENTIAL:
            return found.parent
        if found.name == f"{PSEUDOPOTENTIAL}.gz":
            folder = Path(tempfile.mkdtemp(prefix="pseudopotentials"))
            (folder / PSEUDOPOTENTIAL).write_bytes(gzip.decompress(found.read_bytes()))
            return folder
    return None


def is_installed() -> bool:
    """Whether this machine can label."""
    return shutil.which("pw.x") is not None and pseudopotential_folder() is not None


def calculator() -> Espresso:
    """Quantum ESPRESSO on one core, in a folder of its own."""
    profile = EspressoProfile(command="pw.x", pseudo_dir=str(pseudopotential_folder()))
    settings = {
        "control": {"tprnfor": True, "tstress": True},
        # Hot structures have no gap, so the occupations are smeared.
        "system": {"ecutwfc": 18.0, "occupations": "smearing", "smearing": "gauss", "degauss": 0.01},
        "electrons": {"conv_thr": 1e-9, "mixing_beta": 0.5},
    }
    return Espresso(
        profile=profile,
        directory=tempfile.mkdtemp(prefix="espresso"),
        input_data=settings,
        pseudopotentials={"Si": PSEUDOPOTENTIAL},
        kpts=(2, 2, 2),
    )


# What a study evaluates: by the cache, and by Quantum ESPRESSO what the cache lacks, where it is installed.
label = ReferenceLabels(
    calculator if is_installed() else None, SOURCE, LABELS if LABELS.is_file() else FOLDER / "fresh"
)


def pool() -> list[Atoms]:
    """Eight atoms of silicon from trajectories of a cheap potential (Stillinger-Weber), strained by up to 3 %."""
    found = []
    forces = Forces(Manybody(**StillingerWeber(Stillinger_Weber_PRB_31_5262_Si)))
    for seed, (temperature_K, count) in enumerate(POOL.items()):
        strain = np.random.default_rng(seed).uniform(-0.03, 0.03, (3, 3))
        atoms = bulk("Si", "diamond", a=5.40, cubic=True)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.5 * (strain + strain.T)), scale_atoms=True)
        dynamics = Dynamics(temperature_K=temperature_K, friction_per_fs=0.02, at_rest=True)
        state = begin(atoms, forces, dynamics, seed)
        for _ in range(count):
            for _ in range(60):
                state = advance(state, forces, dynamics)
            found.append(state.structure.atoms())
    return found


def make() -> None:
    """Label the pool, and write the cache."""
    reference, texts = calculator(), []
    for number, atoms in enumerate(pool()):
        labelled = label_with(reference, atoms, with_stress=True)
        texts.append(structure_text(atoms, labelled, REF_source=SOURCE))
        LOGGER.info(
            "%d: %.4f eV, largest force %.2f eV/A", number, labelled.energy_eV, labelled.largest_force
        )
    LABELS.write_text("".join(texts), encoding="utf-8")
    split(texts)


def split(texts: list[str]) -> None:
    """What STUDY.toml reads: of each temperature the first structure to begin with, the last two for errors, all others to
    choose from."""
    files: dict[str, list[str]] = {"start.xyz": [], "pool.xyz": [], "test.xyz": []}
    begin = 0
    for temperature, count in POOL.items():
        own = texts[begin : begin + count]
        unlabelled = [structure_text(structure_of(text)) for text in own]
        files["start.xyz"].append(unlabelled[0])
        files["pool.xyz"] += unlabelled[1:-2]
        files["test.xyz"] += [
            structure_text(
                structure_of(text), label_of(structures_of(text)[0]), config_type=f"{temperature:.0f} K"
            )
            for text in own[-2:]
        ]
        begin += count
    for name, parts in files.items():
        (FOLDER / name).write_text("".join(parts), encoding="utf-8")


def check(count: int) -> None:
    """Label some of the cache anew.

    Raises:
        SystemExit: when a label differs by more than 1e-4 eV or eV/A.
    """
    reference = calculator()
    for atoms in read_structures(LABELS)[:: max(1, sum(POOL.values()) // count)][:count]:
        old, new = label_of(atoms), label_with(reference, atoms, with_stress=True)
        assert old is not None
        energy, forces = abs(old.energy_eV - new.energy_eV), float(np.abs(old.forces - new.forces).max())
        LOGGER.info("energy differs by %.1e eV, forces by %.1e eV/A", energy, forces)
        if max(energy, forces) > 1e-4:
            raise SystemExit("the cache and this Quantum ESPRESSO differ")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", choices=("make", "check"), default="check")
    parser.add_argument("count", nargs="?", type=int, default=3)
    options = parser.parse_args()
    if not is_installed():
        raise SystemExit(
            "pw.x or its pseudopotential is not installed: apt install quantum-espresso quantum-espresso-data"
        )
    make() if options.what == "make" else check(options.count)
