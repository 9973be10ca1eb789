"""How wrong a potential is on labelled structures, for each kind of label and each group of structures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from assay.atoms.descriptors.abstract import Contraction
from assay.atoms.potential.labelled import LabelledStructure

__all__ = ["ALL", "ErrorRow", "error_table"]

Array = np.ndarray

_UNITS = {"energy": "eV/atom", "forces": "eV/A", "virial": "eV/atom"}
_UPPER = np.triu_indices(3)
ALL = "all"


@final
@dataclass(frozen=True)
class ErrorRow:
    """Errors of one kind of label in one group.

    Arguments:
        group: of structures, or "all".
        kind: "energy", "forces" or "virial"; of the virial the six independent components.
        unit: of the errors: "eV/atom" for energies and virials, "eV/A" for components of forces.
        count: of the labels.
        mean_absolute, root_mean_square, largest: errors.
    """

    group: str
    kind: str
    unit: str
    count: int
    mean_absolute: float
    root_mean_square: float
    largest: float


def error_table(
    predict: Callable[[Any], Contraction],
    structures: Sequence[LabelledStructure],
    group_key: str = "config_type",
) -> tuple[ErrorRow, ...]:
    """The errors of predictions: first of all structures, then of each group where there are several.

    Arguments:
        predict: from an ASE `Atoms` to energy, forces and virial, such as `LinearPotential.prediction`.
        structures: labelled.
        group_key: in `info` of a structure, the name of its group; without it the group is "".

    Example:
        >>> from ase.build import bulk
        >>> nothing = Contraction(np.array(0.0), np.zeros((1, 3)), np.zeros((3, 3)))
        >>> (row,) = error_table(lambda atoms: nothing, [LabelledStructure(bulk("Cu"), -3.5, None, None)])
        >>> row.kind, row.unit, row.root_mean_square
        ('energy', 'eV/atom', 3.5)
    """
    errors: dict[tuple[str, str], list[Array]] = {}
    for labels in structures:
        predicted, size = predict(labels.atoms), len(labels.atoms)
        group = str(labels.atoms.info.get(group_key, ""))
        for kind, label, value, unit in (
            ("energy", labels.energy_eV, predicted.energy, size),
            ("forces", labels.forces, predicted.forces, 1),
            ("virial", labels.virial, predicted.virial, size),
        ):
            if label is not None:
                error = np.asarray(value - label)
                error = (error[_UPPER] if kind == "virial" else error.ravel()) / unit
                for name in (ALL, group):
                    errors.setdefault((name, kind), []).append(error)
    groups = sorted({group for group, _ in errors if group != ALL})
    shown = [ALL, *groups] if len(groups) > 1 else [ALL]
    return tuple(
        _row(group, kind, np.concatenate(errors[group, kind]))
        for group in shown
        for kind in _UNITS
        if (group, kind) in errors
    )


def _row(group: str, kind: str, error: Array) -> ErrorRow:
    absolute = np.abs(error)
    return ErrorRow(
        group,
        kind,
        _UNITS[kind],
        len(error),
        float(absolute.mean()),
        math.sqrt(float((error**2).mean())),
        float(absolute.max()),
    )
