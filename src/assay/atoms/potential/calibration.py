"""Whether the uncertainties of a potential are right, on structures that it was not fitted to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.atoms.potential.labelled import LabelledStructure
from assay.atoms.potential.potential import LinearPotential
from assay.errors import UsageError

__all__ = ["Calibration", "Standardised", "standardised_errors"]

Array = np.ndarray

LEVELS = (0.5, 0.68, 0.9, 0.95, 0.99)


@final
@dataclass(frozen=True)
class Standardised:
    """Errors of one kind of label over their predicted deviations, z.

    Arguments:
        kind: "energy", "forces" or "virial".
        error: (labels,): predicted minus labelled; energies and virials per atom, in eV; forces in eV/A.
        deviation: (labels,): predicted, with the noise of the label, in the same unit.
        label: (labels,): what was labelled, in the same unit; energies beyond those of lone atoms.
    """

    kind: str
    error: Array
    deviation: Array
    label: Array

    @property
    def z(self) -> Array:
        """(labels,)."""
        return self.error / self.deviation


@final
@dataclass(frozen=True)
class Calibration:
    """What standardised errors say.

    Arguments:
        count: of the labels.
        factor: sqrt(mean z²): by which deviations must be multiplied to be right; it maximises the likelihood.
        coverage: for each central interval of probability p of a Gaussian, the fraction of labels inside it.
        mean, skewness, kurtosis: of z; 0, 0 and 3 for a Gaussian.

    Example:
        >>> z = np.random.default_rng(0).standard_normal(20_000)
        >>> found = Calibration.of(z)
        >>> round(found.factor, 1), round(found.coverage[0.95], 2)
        (1.0, 0.95)
    """

    count: int
    factor: float
    coverage: dict[float, float]
    mean: float
    skewness: float
    kurtosis: float

    @staticmethod
    def of(z: Array) -> Calibration:
        """From standardised errors: (labels,).

        Raises:
            UsageError: for fewer than two, or where one is not finite.
        """
        if len(z) < 2 or not np.isfinite(z).all():
            raise UsageError(f"a calibration needs at least 2 finite standardised errors, got {len(z)}")
        from scipy.special import ndtri

        apart = z - z.mean()
        spread = math.sqrt(float((apart**2).mean())) or 1.0
        inside = {level: float((np.abs(z) <= ndtri(0.5 + 0.5 * level)).mean()) for level in LEVELS}
        return Calibration(
            len(z),
            math.sqrt(float((z**2).mean())),
            inside,
            float(z.mean()),
            float((apart**3).mean()) / spread**3,
            float((apart**4).mean()) / spread**4,
        )


def standardised_errors(
    potential: LinearPotential, structures: Sequence[LabelledStructure]
) -> tuple[Standardised, ...]:
    """The errors of held-out labels with their exact predicted deviations: one entry for each kind that has labels.

    `potential.calibrated(Calibration.of(z).factor)` makes them right for one kind.

    Arguments:
        potential: without looks at these structures.
        structures: labelled, not fitted.
    """
    found: dict[str, tuple[list[Array], list[Array], list[Array]]] = {
        kind: ([], [], []) for kind in ("energy", "forces", "virial")
    }
    inverse_root, weights, noise = potential.looked.inverse_root, potential.weights, potential.noise
    for labels in structures:
        rows, size = potential.descriptor.rows(labels.atoms), float(len(labels.atoms))
        energy = None
        if labels.energy_eV is not None:
            energy = np.array([labels.energy_eV - potential.reference_energy_eV(labels.atoms)])
        upper = np.triu_indices(3)
        parts = (
            ("energy", rows.energy[None], energy, noise.energy_deviation_eV(size), size),
            ("forces", rows.forces.reshape(-1, len(weights)), labels.forces, noise.force_eV_per_A, 1.0),
            (
                "virial",
                rows.virial[upper],
                None if labels.virial is None else labels.virial[upper],
                noise.virial_deviation_eV(size),
                size,
            ),
        )
        for kind, design, label, deviation, unit in parts:
            if label is None or deviation is None:
                continue
            whitened = design @ inverse_root
            variance = np.einsum("ij,ij->i", whitened, whitened) + deviation**2
            found[kind][0].append((design @ weights - label.ravel()) / unit)
            found[kind][1].append(np.sqrt(variance) / unit)
            found[kind][2].append(label.ravel() / unit)
    return tuple(
        Standardised(kind, *map(np.concatenate, columns)) for kind, columns in found.items() if columns[0]
    )
