"""Ethanol, labelled live by tight binding (GFN2-xTB of tblite): thirty labels, chosen by biased dynamics.

assay atoms run examples/molecule/STUDY.toml
python examples/molecule/molecule.py      write start.xyz and test.xyz anew
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ase.build import molecule
from tblite.ase import TBLite

from assay.atoms.dynamics.step import Dynamics, Forces, advance, begin
from assay.atoms.labels import ReferenceLabels, label_with
from assay.atoms.structures import structure_text

FOLDER = Path(__file__).parent
NAME = "CH3CH2OH"
TEMPERATURES_K = (300.0, 800.0)


def tight_binding() -> Any:
    """GFN2-xTB, converged so that forces are good to 1e-5 eV/A."""
    return TBLite(method="GFN2-xTB", accuracy=0.01, verbosity=0)


# What a study evaluates.
label = ReferenceLabels(tight_binding, "GFN2-xTB, tblite")


def write_files(count: int = 10, apart: int = 60) -> None:
    """Where trajectories begin, and labelled structures of trajectories by the reference itself, for errors."""
    (FOLDER / "start.xyz").write_text(structure_text(molecule(NAME)), encoding="utf-8")
    texts, forces = [], Forces(tight_binding())
    for temperature in TEMPERATURES_K:
        dynamics = Dynamics(timestep_fs=0.5, temperature_K=temperature, friction_per_fs=0.02)
        state = begin(molecule(NAME), forces, dynamics, seed=3)
        for step in range(1, 1 + apart * (count + 5)):
            state = advance(state, forces, dynamics)
            if step % apart == 0 and step > 5 * apart:
                atoms = state.structure.atoms()
                texts.append(
                    structure_text(
                        atoms, label_with(tight_binding(), atoms), config_type=f"{temperature:.0f} K"
                    )
                )
    (FOLDER / "test.xyz").write_text("".join(texts), encoding="utf-8")


if __name__ == "__main__":
    write_files()
