"""The first files of a campaign, for someone who has structures and a calculator."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms

from assay.atoms.descriptors.body_ordered import BodyOrderedDescriptor
from assay.atoms.potential.labelled import LabelledStructure
from assay.atoms.structures import read_structures
from assay.errors import UsageError
from assay.executors.evaluators import load_function

__all__ = ["begin_campaign"]

# So many features are fitted in a second or so; sizes of the descriptor that are tried for it, the largest first.
LARGEST = 600
SMALLER = tuple(
    {"radial_count": radial, "angular_count": angular, "pair_count": pairs, "cubic_count": cubic}
    for radial, angular, pairs, cubic in (
        (5, 4, 16, 2),
        (4, 4, 14, 1),
        (4, 3, 12, 1),
        (3, 3, 10, 1),
        (3, 3, 10, 0),
        (2, 2, 8, 0),
    )
)

STUDY = """# A potential from few labels; every key: docs/atoms/campaign.md.
#
#     assay atoms run STUDY.toml
schema_version = 1

[study]
id = "{name}"
seed = 0

[[space]]
name = "structure"
type = "text"

[driver]
type = "HyperactiveLearning"
structures = {{ file = "{structures}" }}  # those with REF_energy and REF_forces are learnt from, the others labelled first
{test}

{descriptor}
[driver.dynamics]
steps = 1000            # at most, before a structure is taken
timestep_fs = 1.0
temperature_K = 500.0   # two numbers: a ramp, [300.0, 900.0]
friction_per_fs = 0.01
{cell}

[driver.bias]
relative = 0.25         # how strong the bias is beside the forces; 0: plain dynamics. Small cells bear 1 or 2

[driver.selection]
score = "relative force uncertainty"
covalent_fraction = 0.6 # structures whose atoms are nearer than so much of their covalent radii are passed over

[evaluator]
python = "reference:label"

[stop]
max_evaluations = {labels}
"""

REFERENCE = '''"""Labels by {calculator}; those that are paid for are kept in the folder `labels`."""

from pathlib import Path

from {module} import {imported}

from assay.atoms.labels import ReferenceLabels

label = ReferenceLabels({function}, "{calculator}", cache=Path(__file__).parent / "labels")
'''


def begin_campaign(structures: Path, calculator: str, test: Path | None, labels: int) -> list[Path]:
    """Write a study file and the module that labels, beside the structures.

    Arguments:
        structures: of extended XYZ, at least one.
        calculator: "module:function" that makes a calculator of ASE; modules must be on the path.
        test: labelled structures for errors, or None for a tenth of the campaign's own labels.
        labels: how many the campaign may pay for.

    Returns:
        The paths that were written.

    Raises:
        UsageError: when the structures cannot be read, the function cannot be imported, or a file is there already.
    """
    given, folder = read_structures(structures), structures.parent
    load_function(calculator)
    study, reference = folder / "STUDY.toml", folder / "reference.py"
    there = [place.name for place in (study, reference) if place.exists()]
    if there:
        raise UsageError(
            f"a campaign begins in a folder without {' and '.join(there)}, got {folder.resolve()}"
        )
    if test is None:
        tested = (
            "test_fraction = 0.1     # so much of the labels, by lot, is for errors and never learnt from"
        )
    else:
        LabelledStructure.all_of(read_structures(test), f"the test {test}")
        place = Path(os.path.relpath(test, folder)).as_posix()
        tested = f'test = {{ file = "{place}" }}  # for errors, never learnt from'
    module, name = calculator.split(":")
    text = STUDY.format(
        name=re.sub(r"[^A-Za-z0-9_.-]", "-", structures.stem).lstrip("-_.") or "campaign",
        structures=structures.name,
        test=tested,
        descriptor=_descriptor({symbol for atoms in given for symbol in atoms.get_chemical_symbols()}),
        cell=_cell(given),
        labels=labels,
    )
    study.write_text(text, encoding="utf-8")
    text = REFERENCE.format(calculator=calculator, module=module, imported=name.split(".")[0], function=name)
    reference.write_text(text, encoding="utf-8")
    return [study, reference]


def _descriptor(species: set[str]) -> str:
    """The table of a descriptor that leaves a fit fast; nothing where the one that comes by itself does."""
    elements = tuple(sorted(species))
    if BodyOrderedDescriptor(elements).size <= LARGEST:
        return ""
    sizes = [(counts, BodyOrderedDescriptor(elements, **counts).size) for counts in SMALLER]
    counts, size = next((one for one in sizes if one[1] <= LARGEST), sizes[-1])
    keys = "".join(f"{name} = {value}\n" for name, value in counts.items())
    return f"[driver.descriptor]     # {size} features; their number grows with the fourth power of that of the species\n{keys}"


def _cell(structures: Sequence[Atoms]) -> str:
    """The line of the dynamics that says what holds the atoms."""
    if all(atoms.pbc.all() for atoms in structures):
        return "# barostat = { time_fs = 500.0 }  # lets the cell move, at pressure_GPa = 0.0; label some strained cells first"
    if any(atoms.pbc.any() for atoms in structures):
        return "# what is periodic along some vectors only has no wall and no barostat"
    reach = max(float(np.ptp(atoms.positions, axis=0).max()) for atoms in structures)
    return f"wall = {{ radius_A = {0.5 * reach + 2.0:.1f} }}  # a sphere about the start, which holds a cluster together"
