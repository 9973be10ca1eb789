"""Scores that ask the linear model or the descriptor itself, whatever the forces are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from assay.atoms.selection.information import active_set, extrapolation_grade, information_gain
from assay.atoms.selection.scores import ScaledFeatures, atomic_uncertainties
from assay.errors import UsageError

__all__ = ["AtomicEnergyUncertainty", "ExtrapolationGrade", "InformationGain"]

Array = np.ndarray

# How much of a scaled feature counts as seen.
UNSEEN = 1e-3


@final
@dataclass(frozen=True)
class InformationGain:
    """`information_gain` of all labels of a structure, by the `whitened_rows` of the calculator's potential.

    When to use it: to compare structures of different sizes; the gain is in nats.

    Arguments:
        by_atom: whether it is divided by the number of atoms, which is about what a label costs at least.
    """

    by_atom: bool = False

    def __call__(self, atoms: Atoms, calculator: Calculator) -> float:
        gain = information_gain(_potential(calculator).whitened_rows(atoms))
        return gain / len(atoms) if self.by_atom else gain


@final
@dataclass(frozen=True)
class AtomicEnergyUncertainty:
    """The largest standard deviation of an atom's part of the energy, in eV.

    When to use it: where an energy of a place matters, such as a defect in a large cell.
    """

    def __call__(self, atoms: Atoms, calculator: Calculator) -> float:
        potential = _potential(calculator)
        values = potential.descriptor.evaluate(atoms).atomic_values
        return float(atomic_uncertainties(np.asarray(values), potential.looked.inverse_root).max())


@final
@dataclass(frozen=True)
class ExtrapolationGrade:
    """`extrapolation_grade` of a structure, whatever the calculator.

    Arguments:
        features: (atoms) to (rows, n): those of the structure as one row, or those of its atoms.
        active_rows: (n, n), the rows of `active_set`.

    Raises:
        UsageError: for rows that are not square.
    """

    features: Callable[[Atoms], Array]
    active_rows: Array

    @staticmethod
    def beyond(features: Callable[[Atoms], Array], known: Sequence[Atoms]) -> ExtrapolationGrade:
        """The grade beyond the atoms of known structures, at least one, in features scaled by their root mean square.

        A direction that no known atom has is spanned by a row of `UNSEEN`: what goes there has a grade of up to 1 / UNSEEN.
        """
        scaled = ScaledFeatures.by(features, known)
        rows = np.concatenate([scaled(atoms) for atoms in known])
        spanning = np.concatenate([rows, UNSEEN * np.eye(rows.shape[1])])
        return ExtrapolationGrade(scaled, spanning[active_set(spanning)])

    def __post_init__(self) -> None:
        if self.active_rows.ndim != 2 or self.active_rows.shape[0] != self.active_rows.shape[1]:
            raise UsageError(f"an active set has as many rows as features, got {self.active_rows.shape}")

    def __call__(self, atoms: Atoms, calculator: Calculator) -> float:  # noqa: ARG002 (a score sees both)
        return extrapolation_grade(np.atleast_2d(self.features(atoms)), self.active_rows)


def _potential(calculator: Any) -> Any:
    if not hasattr(calculator, "potential"):
        raise UsageError(f"this score needs a calculator with a potential, got {type(calculator).__name__}")
    return calculator.potential
