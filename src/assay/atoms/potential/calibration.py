"""Whether the uncertainties of a potential are right, on structures that it was not fitted to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from assay.atoms.potential.design import label_rows, noise_growth
from assay.atoms.potential.labelled import LabelledStructure
from assay.atoms.potential.potential import LinearPotential
from assay.errors import UsageError

__all__ = ["Calibration", "Standardised", "left_out_errors", "left_out_factor", "standardised_errors"]

Array = np.ndarray

LEVELS = (0.5, 0.68, 0.9, 0.95, 0.99)
# Up to so many structures, prior and noises are fitted anew without each of them: they are what few labels do not tell.
REFITTED = 10


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
        inner_factor: by which they must be multiplied for 68 % of the errors to lie within one; it does not see the few largest.
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
    inner_factor: float
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
            float(np.quantile(np.abs(z), 0.68) / ndtri(0.84)),
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


def left_out_errors(
    potential: LinearPotential, structures: Sequence[LabelledStructure]
) -> tuple[Standardised, ...]:
    """The errors of each structure's labels by a potential of all the others, with the deviations that it would predict.

    In closed form: with A = H Σ Hᵀ of a structure's rows in units of their noise and e their residuals, the errors are
    (I - A)⁻¹ e and their covariance is (I - A)⁻¹. Prior, noises and energies of lone atoms stay those of all labels. Use it to
    calibrate where no label can be spared for a test. It knows nothing of structures unlike those that were fitted.

    Arguments:
        potential: of these structures, without looks.
        structures: those that it was fitted to; a label of another weight than one counts by its root.

    Source: R. D. Cook, Technometrics 19, 15 (1977).
    """
    noise, found = potential.noise, {kind: [] for kind in ("energy", "forces", "virial")}
    for labels in structures:
        size = float(len(labels.atoms))
        growths = (noise_growth(noise.energy_noise_of, size), 1.0, noise_growth(noise.virial_noise_of, size))
        units = (growths[0] / size, 1.0, growths[2] / size)
        kinds = label_rows(
            potential.descriptor,
            potential.beyond_reference(labels),
            noise.energy_noise_of,
            noise.virial_noise_of,
        )
        used = [
            (kind, rows, value, value * unit)
            for kind, rows, value, unit in zip(found, kinds, noise.values, units, strict=True)
            if value is not None and len(rows.target)
        ]
        if not used:
            continue
        design = np.concatenate([rows.design / value for _, rows, value, _ in used])
        target = np.concatenate([rows.target[:, 0] / value for _, rows, value, _ in used])
        whitened = design @ potential.looked.inverse_root
        spread = np.linalg.inv(np.eye(len(design)) - whitened @ whitened.T)
        error, deviation = spread @ (design @ potential.weights - target), np.sqrt(np.diag(spread))
        ends = np.cumsum([len(rows.target) for _, rows, _, _ in used])[:-1]
        columns = (np.split(column, ends) for column in (error, deviation, target))
        for (kind, _, _, unit), *parts in zip(used, *columns, strict=True):
            found[kind].append([unit * part for part in parts])
    return tuple(
        Standardised(kind, *(np.concatenate(column) for column in zip(*parts, strict=True)))
        for kind, parts in found.items()
        if parts
    )


def left_out_factor(
    potential: LinearPotential,
    structures: Sequence[LabelledStructure],
    fit: Callable[[Sequence[LabelledStructure]], LinearPotential],
) -> float:
    """The factor of all deviations that lets 68 % of the labels of structures that are left out, in turn, lie within one.

    Up to ten structures the potential is fitted anew without each, prior and noises too; beyond, `left_out_errors` are exact
    enough. 1 for fewer than three structures, which say nothing.

    Arguments:
        potential: of these structures, without looks.
        structures: those that it was fitted to.
        fit: from structures to their potential.
    """
    if len(structures) < 3:
        return 1.0
    if len(structures) > REFITTED:
        kinds = left_out_errors(potential, structures)
    else:
        kinds = tuple(
            kind
            for place, one in enumerate(structures)
            for kind in standardised_errors(fit([*structures[:place], *structures[place + 1 :]]), [one])
        )
    return Calibration.of(np.concatenate([kind.z for kind in kinds])).inner_factor
