"""What a size of the body-ordered descriptor buys: errors of potentials of silicon on structures that they have not seen.

Each draw has 100 cells of Si8, strained by 3 % and rattled by 0.05 to 0.3 Å, labelled by Stillinger and Weber's
potential, and drawn anew where a force is above 30 eV/Å (a campaign would not take such a label): 15 or 60 to learn from,
the last 40 to test. Noise and prior are decided by the evidence of the labels alone. The results of each draw are kept, and
are not computed again.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
from ase.build import bulk
from matscipy.calculators.manybody import Manybody
from matscipy.calculators.manybody.explicit_forms import StillingerWeber
from matscipy.calculators.manybody.explicit_forms.stillinger_weber import Stillinger_Weber_PRB_31_5262_Si

from assay.atoms.descriptors.body_ordered import BodyOrderedDescriptor
from assay.atoms.potential.design import Design
from assay.atoms.potential.error_table import error_table
from assay.atoms.potential.fit import PotentialFit
from assay.atoms.potential.labelled import LabelledStructure
from benchmarks.reporting import markdown_table, write_report

__all__ = ["main"]

logger = logging.getLogger(__name__)

SEEDS = (0, 1, 2)
LABELS = (15, 60)
TESTED = 40
LARGEST_FORCE_EV_PER_A = 30.0
DESCRIPTORS = {
    "as it comes": {},
    "as it comes, cutoff 5": {"cutoff_A": 5.0},
    "more angles": {"radial_count": 5, "angular_count": 5, "pair_count": 11},
    "coupled": {"coupled_count": 2, "cubic_angular_count": 2},
    "larger": {"radial_count": 8, "angular_count": 5, "pair_count": 18},
}
KINDS = ("energy", "forces", "virial")


def main(options: argparse.Namespace) -> None:
    raw = options.output / "raw" / "atoms_accuracy"
    raw.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in DESCRIPTORS}
    for name in DESCRIPTORS:
        for seed in SEEDS:
            found[name].append(
                kept(raw / f"{name.replace(' ', '_').replace(',', '')}-{seed}.json", name, seed)
            )
    head = ["descriptor", "features"] + [f"{count} labels: {kind}" for count in LABELS for kind in KINDS]
    rows = [[name, str(draws[0]["features"]), *texts(draws)] for name, draws in found.items()]
    text = (
        f"Root mean square errors on {TESTED} structures each: the median of the draws {SEEDS} (least to largest); energies"
        " and virials in meV/atom, forces in meV/Å.\n\n" + markdown_table(head, rows)
    )
    write_report(
        options.output / "atoms_accuracy",
        "Sizes of the descriptor",
        text,
        {"descriptors": DESCRIPTORS, "seeds": SEEDS, "draws": found},
    )


def texts(draws: list[dict[str, Any]]) -> list[str]:
    found = []
    for count in LABELS:
        for kind in KINDS:
            errors = sorted(1000.0 * draw["errors"][str(count)][kind] for draw in draws)
            digits = 1 if kind == "energy" else 0
            found.append(f"{np.median(errors):.{digits}f} ({errors[0]:.{digits}f}–{errors[-1]:.{digits}f})")
    return found


def kept(path: Path, name: str, seed: int) -> dict[str, Any]:
    """The result of one draw, computed if it is not there."""
    if not path.exists():
        begin = time.process_time()
        result = errors_of(BodyOrderedDescriptor(("Si",), **DESCRIPTORS[name]), labelled(seed))
        result["cpu_s"] = time.process_time() - begin
        path.write_text(json.dumps(result, indent=1) + "\n")
        logger.info("%s, draw %d: %s", name, seed, result)
    return json.loads(path.read_text())


def errors_of(descriptor: BodyOrderedDescriptor, structures: list[LabelledStructure]) -> dict[str, Any]:
    errors = {}
    for count in LABELS:
        fitted = PotentialFit().fit(Design.none(descriptor).given(structures[:count]))
        table = error_table(fitted.potential.prediction, structures[-TESTED:])
        errors[str(count)] = {row.kind: row.root_mean_square for row in table}
    return {"features": descriptor.size, "errors": errors}


def labelled(seed: int) -> list[LabelledStructure]:
    generator = np.random.default_rng(seed)
    reference = Manybody(**StillingerWeber(Stillinger_Weber_PRB_31_5262_Si))
    structures = []
    while len(structures) < max(LABELS) + TESTED:
        atoms = bulk("Si", cubic=True)
        strain = generator.normal(0.0, 0.03, (3, 3))
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.5 * (strain + strain.T)), scale_atoms=True)
        atoms.positions += generator.uniform(0.05, 0.3) * generator.standard_normal(atoms.positions.shape)
        atoms.calc = reference
        if np.linalg.norm(atoms.get_forces(), axis=1).max() > LARGEST_FORCE_EV_PER_A:
            continue
        virial = -atoms.get_volume() * atoms.get_stress(voigt=False)
        structures.append(
            LabelledStructure(atoms.copy(), atoms.get_potential_energy(), atoms.get_forces(), virial)
        )
    return structures
